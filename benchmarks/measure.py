"""One measurement: here, or in a process of its own."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from time import perf_counter, sleep
from typing import NamedTuple

from joblib.externals.loky import get_reusable_executor

from benchmarks.adapters import ADAPTERS
from benchmarks.cases import CASES
from benchmarks.data import Sources
from benchmarks.memory import forget_peak, peak_bytes

# Threads of OpenBLAS and OpenMP wait for more work in a busy loop, for some 30 ms, before they
# sleep: without a pause, those of one contender would slow down the next.
PAUSE = 0.1  # seconds


class Job(NamedTuple):
    """Who does what; names only, so that another process can be told."""

    case: str
    adapter: str
    variant: str
    sources: Sources
    is_quick: bool = False


@cache
def prepare(job):
    """Return what is to be timed, with its data; made once in each process."""
    case = CASES[job.case]
    sizes = case.sizes | case.variants_in(job.sources)[job.variant]
    if job.is_quick:
        sizes |= case.quick
    return case.work(ADAPTERS[job.adapter], job.sources, **sizes)


def measure(job):
    """Return seconds, and how many units of work they are for."""
    action = prepare(job)
    sleep(PAUSE)
    start = perf_counter()
    action.call()
    return {"seconds": perf_counter() - start, "n_units": action.n_units}


def measure_memory(job):
    """Return the same, the process's memory before and its peak."""
    action = prepare(job)
    forget_peak()
    memory = {"array_bytes": action.array_bytes, "start_bytes": peak_bytes()}
    return {**measure(job), **memory, "peak_bytes": peak_bytes()}


class Runner:
    """Measures jobs, those that need another environment in a process that waits meanwhile."""

    def __init__(self):
        self._processes = {}

    def run(self, job):
        """Return the measurement of a job."""
        environment = ADAPTERS[job.adapter].environment
        if CASES[job.case].of_memory:
            with fresh_process(environment) as process:
                return process.submit(measure_memory, job).result()
        if not environment:
            return measure(job)
        if environment not in self._processes:
            self._processes[environment] = fresh_process(environment)
        return self._processes[environment].submit(measure, job).result()

    def close(self):
        """End the processes and forget the data."""
        for process in self._processes.values():
            process.submit(_end_workers).result()
            process.shutdown()
        self._processes.clear()
        _end_workers()
        prepare.cache_clear()


def fresh_process(environment):
    """Return an executor of one new process with these (name, value) pairs in its environment."""
    return ProcessPoolExecutor(
        max_workers=1,
        mp_context=get_context("spawn"),
        initializer=_set_environment,
        initargs=(environment,),
    )


def _end_workers():
    """End joblib's workers, which would otherwise keep their parent waiting for minutes."""
    get_reusable_executor().shutdown()


def _set_environment(pairs):
    os.environ.update(pairs)
