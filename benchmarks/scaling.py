"""The cost model of distributed fits, checked and extrapolated: ``python -m benchmarks.scaling``.

``--measure`` times its constants on this machine, and fits of small tables on 1, 2 and 4 worker
processes. The report writes the tables of ``docs/scaling.md``: the model's times beside those that
were measured, and fits on larger clusters, which are simulated and not measured.
"""

import argparse
import csv
import heapq
import json
import math
import os
import re
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.dask_fit import RESULTS, fit_on_workers, synthetic
from benchmarks.report import paragraph
from skdnn.distributed.executors import FAN_IN
from skdnn.distributed.rounds import plan_rounds

FOLDER = Path(__file__).parent
CONSTANTS, PAGE = FOLDER / "results" / "scaling.json", FOLDER.parent / "docs" / "scaling.md"
MEMORY = 3  # arrays that travel: parameters and two moments
CHECKED_ROWS, CHECKED_PARTITIONS, CHECKED_EPOCHS = 120_000, 8, 15
SPREAD = 0.1  # standard deviation of the logarithm of a task's time
MISSING = "Not measured yet: `python -m benchmarks.{}`."


class Machine(NamedTuple):
    """Constants of a cluster.

    Attributes
    ----------
    n_workers : int
    n_cores : int
        Cores that they share.
    row_seconds : float
        For a row of a member of the usual network, forward and backward.
    read_seconds : float
        For a row, to compute statistics and to encode it.
    bandwidth : float
        Bytes a second between two workers.
    task_seconds : float
        Time of the scheduler for a task.
    """

    n_workers: int
    n_cores: int
    row_seconds: float
    read_seconds: float
    bandwidth: float
    task_seconds: float


class Job(NamedTuple):
    """What is trained.

    Attributes
    ----------
    n_rows, n_partitions, n_epochs, n_members : int
    n_parameters : int
        Of all members.
    batch_size, partitions_per_round, steps_per_round : int
    """

    n_rows: int
    n_partitions: int
    n_epochs: int
    n_members: int
    n_parameters: int
    batch_size: int
    partitions_per_round: int
    steps_per_round: int

    def rounds(self):
        """Return the Rounds, of partitions of one size."""
        n_rows = np.full(self.n_partitions, self.n_rows // self.n_partitions)
        shape = self.partitions_per_round, self.batch_size, self.steps_per_round
        return plan_rounds(n_rows, *shape, self.n_epochs, 0)

    @property
    def message(self):
        """Bytes of the state of all members."""
        return 4 * MEMORY * self.n_parameters


def bytes_a_round(job, n_workers):
    """Return the bytes that travel in a round: the start to workers, differences back."""
    n_trained = min(job.partitions_per_round, job.n_partitions)
    start = min(n_workers, n_trained)
    merged = n_trained * (1 - 1 / n_workers)  # the others are where they are merged
    return job.message * (start + merged + 1)


def simulate_round(job, machine, rng):
    """Return the seconds of a round: tasks go to the first worker that is free."""
    n_trained = min(job.partitions_per_round, job.n_partitions)
    n_spans = min(job.n_members, max(1, machine.n_workers // n_trained))
    rows = job.n_rows / job.n_partitions / job.rounds().n_pieces
    slowdown = max(1.0, machine.n_workers / machine.n_cores)
    work = rows * job.n_members / n_spans * machine.row_seconds * slowdown
    n_hops = 1 + math.ceil(math.log2(machine.n_workers + 1))  # holders of the start double
    begin = n_hops * job.message / machine.bandwidth
    free = [begin] * machine.n_workers
    for task in range(n_trained * n_spans):
        ready = max(heapq.heappop(free), begin + task * machine.task_seconds)
        heapq.heappush(free, ready + work * np.exp(SPREAD * rng.normal()))
    n_levels = max(1, math.ceil(math.log(n_trained, FAN_IN))) if n_trained > 1 else 0
    per_level = min(FAN_IN, n_trained) * job.message / n_spans / machine.bandwidth
    return (
        max(free) + n_levels * (per_level + machine.task_seconds) + job.message / machine.bandwidth
    )


def simulate(job, machine, seed=0, n_simulated=20):
    """Return the seconds of reading and of all rounds, from some of them."""
    rng = np.random.default_rng(seed)
    n_parallel = min(machine.n_workers, machine.n_cores, job.n_partitions)
    reading = job.n_rows * machine.read_seconds / n_parallel
    rounds = [simulate_round(job, machine, rng) for _ in range(n_simulated)]
    return reading, float(np.mean(rounds)) * job.rounds().n_rounds


def measure():
    """Time the constants and fits on 1, 2 and 4 workers; write them to a file."""
    train, test = synthetic(CHECKED_ROWS)
    fits = {n: fit_on_workers(train, test, n, CHECKED_PARTITIONS) for n in (1, 2, 4)}
    constants = {"n_cores": os.cpu_count(), **_cluster_constants()}
    CONSTANTS.write_text(json.dumps({"constants": constants, "fits": fits}, indent=1) + "\n")


def _cluster_constants():
    """Return the bandwidth between workers and the time of a task, of two local processes."""
    from distributed import Client, LocalCluster, wait

    shape = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**shape) as cluster, Client(cluster) as client:
        one, other = client.scheduler_info(n_workers=-1)["workers"]
        array = client.submit(np.ones, 2**23, workers=[one])
        wait(array)
        begun = time.perf_counter()
        client.submit(len, array, workers=[other]).result()
        bandwidth = 2**26 / (time.perf_counter() - begun)
        begun = time.perf_counter()
        client.gather(client.map(abs, range(1000), pure=False))
        task_seconds = (time.perf_counter() - begun) / 1000
    return {"bandwidth": bandwidth, "task_seconds": task_seconds}


def checked_job(fit):
    """Return the Job of a measured fit."""
    size = {"n_rows": fit["n_rows"], "n_partitions": fit["n_partitions"]}
    return Job(**size, n_epochs=CHECKED_EPOCHS, n_members=2, n_parameters=fit["n_parameters"],
               batch_size=64, partitions_per_round=8, steps_per_round=128)  # fmt: skip


def machine_of(measured, n_workers):
    """Return the Machine, with the constants from the fit on one worker."""
    fit, constants = measured["fits"]["1"], measured["constants"]
    job, seconds = checked_job(fit), fit["seconds"] - fit["reading_seconds"]
    overhead = fit["n_rounds"] * (3 * job.message / constants["bandwidth"])
    row_seconds = (seconds - overhead) / (fit["n_rows"] * job.n_epochs * job.n_members)
    read_seconds = fit["reading_seconds"] / fit["n_rows"]
    return Machine(
        n_workers=n_workers, row_seconds=row_seconds, read_seconds=read_seconds, **constants
    )


def table(header, rows):
    """Return a table in Markdown."""
    lines = [header, ["---:"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def check_table(measured):
    """Return the measured fits beside what the model says of them, and what was measured."""
    rows, constants = [], measured["constants"]
    for n_workers, fit in measured["fits"].items():
        job, machine = checked_job(fit), machine_of(measured, int(n_workers))
        reading, training = simulate(job, machine)
        trained = fit["seconds"] - fit["reading_seconds"]
        predicted = bytes_a_round(job, int(n_workers)) / 1e6
        rows.append([
            n_workers, f"{fit['reading_seconds']:.1f}", f"{reading:.1f}", f"{trained:.1f}",
            f"{training:.1f}", f"{fit['bytes_a_round'] / 1e6:.1f}", f"{predicted:.1f}",
        ])  # fmt: skip
    header = ["workers", "reading, s", "model", "training, s", "model", "MB a round", "model"]
    text = (
        f"Fits of {CHECKED_ROWS:,} generated rows in {CHECKED_PARTITIONS} partitions, for "
        f"{CHECKED_EPOCHS} epochs, on worker processes that share {constants['n_cores']} cores "
        "with the scheduler and the client. The measured bandwidth between two workers is "
        f"{constants['bandwidth'] / 1e6:.0f} MB/s, and the scheduler takes "
        f"{1000 * constants['task_seconds']:.1f} ms for a task."
    )
    return f"{paragraph(text)}\n{table(header, rows)}"


# Rows, partitions and workers of fits that are simulated, each worker with a core of its own.
CLUSTERS = ((10**8, 512, 1), (10**8, 512, 8), (10**8, 512, 64), (10**10, 16_384, 64))
NETWORK = 1.25e9  # bytes a second: 10 Gbit/s


def cluster_table(measured):
    """Return simulated fits on larger clusters."""
    rows = []
    n_parameters = measured["fits"]["1"]["n_parameters"]
    for n_rows, n_partitions, n_workers in CLUSTERS:
        shape = {"n_epochs": 3, "n_members": 2, "n_parameters": n_parameters, "batch_size": 64}
        together = max(8, n_workers)
        job = Job(n_rows, n_partitions, **shape, partitions_per_round=together, steps_per_round=128)
        machine = machine_of(measured, n_workers)._replace(n_cores=n_workers, bandwidth=NETWORK)
        reading, training = simulate(job, machine)
        ideal = n_rows * 6 * machine.row_seconds / n_workers
        travelled = bytes_a_round(job, n_workers)
        rows.append([
            f"{n_rows:,}", n_workers, f"{job.rounds().n_rounds:,}", f"{travelled / 1e6:,.0f}",
            f"{reading / 3600:.2f}", f"{training / 3600:.2f}", f"{ideal / training:.0%}",
        ])  # fmt: skip
    header = ["rows", "workers", "rounds", "MB a round", "reading, h", "training, h", "efficiency"]
    return table(header, rows)


def quality_table():
    """Return the measured fits of ``benchmarks.dask_fit``: log-loss beside that of one process."""
    with RESULTS.open(newline="") as file:
        fits = list(csv.DictReader(file))
    single = {fit["data"]: fit for fit in fits if fit["n_workers"] == "0"}
    rows = []
    for fit in fits:
        ratio = float(fit["log_loss"]) / float(single[fit["data"]]["log_loss"]) - 1
        n_workers = "one process" if fit["n_workers"] == "0" else fit["n_workers"]
        travelled = f"{float(fit['bytes_a_round']) / 1e6:.1f}" if fit["bytes_a_round"] else ""
        name = f"{fit['data']}, {int(fit['n_rows']):,} rows"
        loss = f"{float(fit['log_loss']):.4f}"
        rows.append([name, n_workers, loss, f"{ratio:+.2%}", fit["n_rounds"], travelled])
    header = ["data", "workers", "log-loss", "difference", "rounds", "MB a round"]
    return table(header, rows)


def report():
    """Write the tables between the markers of the page, as far as there are measurements."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = dict.fromkeys(("check", "clusters"), MISSING.format("scaling --measure"))
    blocks["quality"] = quality_table() if RESULTS.exists() else MISSING.format("dask_fit")
    if CONSTANTS.exists():
        measured = json.loads(CONSTANTS.read_text())
        blocks |= {"check": check_table(measured), "clusters": cluster_table(measured)}
    for name, block in blocks.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, rf"\g<1>{block}\n\g<2>", text, flags=re.DOTALL)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--measure", action="store_true")
    if parser.parse_args().measure:
        measure()
    report()
