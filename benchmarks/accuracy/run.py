"""Fit models with their defaults: ``python -m benchmarks.accuracy.run --data FOLDER``.

One fit runs at a time, in a process of its own. What the file of results already has is not run
again, so a run that was stopped goes on where it was; after a change to skdnn, move the file away.
A fit that fails, or takes too long, is a result too.

With ``--timed``, times are measured side by side: on each table the models take turns, beginning
with another one each time, after a fit of a small table in the same process. Nothing else should
run on the machine then.
"""

import argparse
import os
import platform
import subprocess
from functools import partial
from pathlib import Path

import skdnn
from benchmarks.accuracy import results
from benchmarks.accuracy.fitting import Job, fit_and_score
from benchmarks.accuracy.peers import PEERS, make, versions_of
from benchmarks.accuracy.process import run_alone
from benchmarks.accuracy.protocol import Caps, find_tables
from benchmarks.machine import cpu

TIMED_MODELS, TIMED_SPLITS = ("skdnn", "catboost", "mlp"), (0,)
MODELS, SPLITS = ("skdnn",), (0, 1, 2)


def main():
    """Run the fits that are asked for; write each as soon as it is done."""
    options = read_options()
    models = [name for name in options.models if not tell_if_missing(name)]
    paths = find_tables(options.data, options.sets)
    facts = {name: about(name) for name in models}

    def start(data, name, number):
        job = Job(paths[data], number, partial(make, name), Caps(), options.timed)
        marks = {"timed": True} if options.timed else {}
        return run_alone(partial(fit_and_score, job), options.limit) | marks | facts[name]

    run(fits(paths, models, options.splits, options.timed), start, options.out, options.retry)
    print(f"\nResults: {options.out}\nNow the report: python -m benchmarks.accuracy.report")


def read_options():
    """Read the command line; what is left out depends on whether times are wanted."""
    parser = command_line("benchmarks.accuracy.run", __doc__)
    made_here = [name for name, peer in PEERS.items() if peer.make is not None]
    parser.add_argument("--models", nargs="+", choices=made_here)
    parser.add_argument("--timed", action="store_true", help="measure times side by side")
    options = parser.parse_args()
    options.models = options.models or (TIMED_MODELS if options.timed else MODELS)
    options.splits = options.splits or (TIMED_SPLITS if options.timed else SPLITS)
    options.out = options.out or results.FOLDER / (
        "timed.jsonl" if options.timed else "skdnn.jsonl"
    )
    return options


def command_line(program, description):
    """Return a parser of what every run of fits can be told."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", required=True, help="a folder of .parquet files, with 'target'")
    parser.add_argument("--out", type=Path, help="the JSONL file to write, or to go on with")
    parser.add_argument("--sets", nargs="+", default=(), help="names of tables")
    parser.add_argument("--splits", nargs="+", type=int)
    parser.add_argument("--limit", type=float, default=600, help="seconds that a fit may take")
    parser.add_argument("--retry", action="store_true", help="run again the fits that failed")
    return parser


def tell_if_missing(name):
    """Tell whether a model is not installed, also on the screen."""
    is_missing = PEERS[name].is_missing()
    if is_missing:
        print(f"{PEERS[name].label} is left out: {PEERS[name].package} is not installed.")
    return is_missing


def about(name):
    """Return what a result depends on beside the data: versions, and the machine."""
    versions = {"python": platform.python_version(), **versions_of(name)}
    if "skdnn" in versions:
        versions["skdnn"] = f"{skdnn.__version__} {revision()}".strip()
    return {"versions": versions, "machine": f"{cpu()}, {os.cpu_count()} cores"}


def revision():
    """Return the commit that this folder is at, if Git knows; "-edited" if the package was."""
    try:
        commit, edits = _git("rev-parse", "--short", "HEAD"), _git("status", "-s", "--", "skdnn")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{commit}-edited" if edits else commit


def _git(*arguments):
    root = Path(__file__).parents[2]
    command = ("git", *arguments)
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def fits(tables, models, splits, takes_turns):
    """Return (table, model, split) of all fits, in the order in which they run."""
    ordered = []
    for number in splits:
        for i, data in enumerate(tables):
            first = i % len(models) if takes_turns and models else 0
            ordered += [(data, name, number) for name in (*models[first:], *models[:first])]
    return ordered


def run(ordered, start, out, retries_failures=False):
    """Run the fits that the file does not have, and append a row for each.

    Parameters
    ----------
    ordered : list of tuple
        Of :func:`fits`.
    start : callable
        Takes one of them as arguments; returns its row, without them.
    out : Path
        The file.
    retries_failures : bool
        Whether a failed fit counts as not run.
    """
    done = {
        (row["data"], row["model"], row["rep"]): row
        for row in results.read([out])
        if not (retries_failures and "error" in row)
    }
    left = [fit for fit in ordered if fit not in done]
    print(f"{len(ordered) - len(left)} of {len(ordered)} fits are in {out} already.", flush=True)
    versions = sorted({row.get("versions", {}).get("skdnn", "") for row in done.values()} - {""})
    if versions:
        print(f"It has fits of skdnn {' and '.join(versions)}.", flush=True)
    for fit in left:
        row = dict(zip(("data", "model", "rep"), fit, strict=True)) | start(*fit)
        results.append(out, row)
        outcome = row.get("error") or f"log-loss {row['logloss']:.4f} after {row['t_fit']:.1f} s"
        print(f"  {row['data']:24} {row['model']:10} split {row['rep']}: {outcome}", flush=True)


if __name__ == "__main__":
    main()
