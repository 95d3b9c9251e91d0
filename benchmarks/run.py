"""Run the benchmarks: ``python -m benchmarks.run``, in the project's folder.

The contenders of a case take turns in one process: a warm-up of each, then round after round,
each round beginning with another one, so that whatever slows the machine down for a while slows
all of them down. Only what needs another environment has a process of its own, which waits while
others are timed; and memory is measured in fresh processes.
"""

import os

# These choose other code inside OpenBLAS, which reads them when NumPy is imported; benchmarks
# measure the library as it is installed.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)
# Networks that are not to converge say so; so do those in the processes of a search.
os.environ["PYTHONWARNINGS"] = "ignore"

import argparse
import tempfile
import warnings
from pathlib import Path

from benchmarks import results
from benchmarks.adapters import ADAPTERS
from benchmarks.cases import CASES
from benchmarks.data import Sources
from benchmarks.machine import describe
from benchmarks.measure import Job, Runner

QUICK_PATH = Path(tempfile.gettempdir()) / "skdnn-quick-benchmarks.csv"


def main():
    """Measure the rows that are asked for, and write each case as soon as it is done."""
    warnings.simplefilter("ignore")
    options = read_options()
    n_tables = 1 if options.quick else options.tables_at_most
    sources = Sources(options.mnist, options.data, n_tables)
    path = options.out or (QUICK_PATH if options.quick else results.PATH)
    for case in CASES:
        if int(case.split()[0]) in options.rows:
            lines = measure_case(case, sources, options)
            facts = {"sizes": "quick" if options.quick else "full", **describe()}
            results.replace_case(path, case, [line | facts for line in lines])
    print(f"\nMeasurements: {path}\nNow the report: python -m benchmarks.report {path}")


def read_options():
    """Read the command line."""
    numbers = sorted({int(case.split()[0]) for case in CASES})
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", choices=numbers, default=numbers)
    parser.add_argument("--repetitions", type=int, help="instead of what each case has")
    parser.add_argument("--mnist", help="an .npz file with X_train and y_train")
    parser.add_argument("--data", help="a folder of .parquet files with a last column 'target'")
    parser.add_argument("--tables-at-most", type=int, default=Sources().n_tables)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try things out")
    parser.add_argument("--out", type=Path, help="the CSV file to write")
    return parser.parse_args()


def measure_case(case, sources, options):
    """Return the lines of a case."""
    jobs, lines = [], []
    for adapter in CASES[case].adapters:
        missing = " and ".join(ADAPTERS[adapter].missing())
        if missing:
            lines.append({"case": case, "adapter": adapter, "note": f"{missing} not installed"})
        else:
            variants = CASES[case].variants_in(sources)
            jobs += [Job(case, adapter, variant, sources, options.quick) for variant in variants]
    n_repetitions = 1 if options.quick else CASES[case].repetitions
    print(f"\n{case}: {CASES[case].heading()}", flush=True)
    runner = Runner()
    try:
        return lines + interleave(jobs, options.repetitions or n_repetitions, runner.run)
    finally:
        runner.close()


def interleave(jobs, n_repetitions, run):
    """Return the lines of all jobs, in the order in which they were measured.

    An adapter that fails is left out from then on, and its last line says why.
    """
    lines, failed = [], set()

    def attempt(job, repetition):
        if job.adapter in failed:
            return
        line = {"case": job.case, "adapter": job.adapter, "variant": job.variant}
        try:
            line |= {"repetition": repetition, **run(job)}
        except Exception as error:  # a peer that fails is a result, and no reason to stop
            failed.add(job.adapter)
            line["note"] = f"failed: {error!r}"[:200]
        if repetition or "note" in line:
            lines.append(line)
            outcome = line.get("note") or f"{line['seconds']:10.4f} s"
            print(f"  {ADAPTERS[job.adapter].label:30} {job.variant:22} {outcome}", flush=True)

    for adapter in dict.fromkeys(job.adapter for job in jobs):
        attempt(next(job for job in jobs if job.adapter == adapter), 0)  # warms up; not kept
    for repetition in range(n_repetitions):
        first = repetition % max(len(jobs), 1)
        for job in jobs[first:] + jobs[:first]:
            attempt(job, repetition + 1)
    return lines


if __name__ == "__main__":
    main()
