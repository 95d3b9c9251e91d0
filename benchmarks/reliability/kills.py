"""Kill fits at random moments, and let them go on: ``python -m benchmarks.reliability.kills``.

Each fit runs in a process of its own and writes checkpoints. The process is killed (SIGKILL) after
a random time, and the same fit started again, until it comes to its end. It must then have the bits
of a fit that nobody killed. After each kill, every file that is there must be complete.
"""

import argparse
import multiprocessing
import pickle
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import make_classification

from benchmarks.reliability.same_bits import assert_same_fit, fitted_values
from skdnn import DeepNetClassifier
from skdnn.callbacks import Checkpoint
from skdnn.estimator.checkpoint_file import load, previous_of

# More epochs than most fits need, so that a fit takes about a second.
LBFGS = {"solver": "lbfgs", "tol": 0.0, "n_iter_no_change": 1000}
CASES = {
    "members": {"n_members": 4, "max_iter": 100},
    "one network": {"n_members": 1, "max_iter": 150},
    "members that stop": {"n_members": 4, "max_iter": 60, "n_iter_no_change": 3, "solver": "sgd"},
    "one network, lbfgs": {**LBFGS, "n_members": 1, "max_iter": 200},
    "members, lbfgs": {**LBFGS, "n_members": 3, "max_iter": 100, "n_jobs": 2},
    "sparse": {"n_members": 3, "max_iter": 60},
    "cv": {"cv": 4, "max_iter": 60, "store_oof": True},
}
COMMON = {"hidden_layer_sizes": (32,), "random_state": 0}
MOST_SECONDS = 120  # that a fit may take
LONGEST_WAIT = 0.02  # seconds from one file to the next


class Outcome(NamedTuple):
    """What came of the kills of one case.

    Attributes
    ----------
    n_kills, n_fits : int
    n_files : int
        Files that were read after kills.
    n_corrupt, n_different : int
        Files that were not complete, and fits without the bits of the unbroken one.
    n_with_file : int
        Kills after which there was a file to go on from.
    """

    n_kills: int = 0
    n_fits: int = 0
    n_files: int = 0
    n_corrupt: int = 0
    n_different: int = 0
    n_with_file: int = 0


def rows(case):
    """Return X and y."""
    X, y = make_classification(600, 20, n_informative=8, n_classes=3, random_state=0)
    return (sp.csr_array(np.where(np.abs(X) > 1, X, 0)) if case == "sparse" else X), y


def fit(case, path, every, started, result):
    """Fit, in a process of its own, and write all that was learnt to the file ``result``."""
    warnings.simplefilter("ignore")  # of convergence
    X, y = rows(case)
    net = DeepNetClassifier(**COMMON, **CASES[case])
    clone(net).set_params(max_iter=1).fit(X, y)  # loads compiled kernels
    if path is not None:
        net.set_callbacks(Checkpoint(path, every))
    started.set()
    begun = time.perf_counter()
    net.fit(X, y)
    seconds = time.perf_counter() - begun
    result.write_bytes(pickle.dumps((seconds, fitted_values(net, X))))


def start(context, case, path, every, result):
    """Start a fit in a process, and return it once it has the rows."""
    started = context.Event()
    process = context.Process(target=fit, args=(case, path, every, started, result), daemon=True)
    process.start()
    if not started.wait(MOST_SECONDS):
        raise RuntimeError(f"the process of {case!r} has not started.")
    return process


def finish(process, result):
    """Wait for the end of a process, and return what it has learnt."""
    process.join(MOST_SECONDS)
    if process.exitcode != 0:
        raise RuntimeError(f"a fit ended with the exit code {process.exitcode}.")
    return pickle.loads(result.read_bytes())


def complete_files(path):
    """Return how many of the files of a checkpoint are there, and how many are complete."""
    there = [each for each in (path, previous_of(path)) if each.exists()]
    n_complete = 0
    for each in there:
        try:
            load(each)
            n_complete += 1
        except ValueError as error:
            print(f"{each.name}: {error}", file=sys.stderr)
    return len(there), n_complete


def kill_case(context, case, n_kills, rng, folder):
    """Kill fits of a case until there have been so many kills; return the Outcome."""
    seconds, unbroken = finish(start(context, case, None, 0, folder / "plain"), folder / "plain")
    found = Counter()
    while found["n_kills"] < n_kills:
        path = folder / f"{case} {found['n_fits']}"
        result = folder / "result"
        result.unlink(missing_ok=True)
        while not result.exists():
            process = start(context, case, path, rng.uniform(0, LONGEST_WAIT), result)
            is_last = found["n_kills"] == n_kills
            process.join(MOST_SECONDS if is_last else rng.uniform(0, 1.2 * seconds))
            process.kill()
            process.join()
            if process.exitcode == -signal.SIGKILL:
                found["n_kills"] += 1
                n_there, n_complete = complete_files(path)
                found.update(n_files=n_there, n_corrupt=n_there - n_complete)
                found["n_with_file"] += n_complete > 0
            else:
                learnt = finish(process, result)[1]
                found.update(n_fits=1, n_different=differs(learnt, unbroken))
    return Outcome(**found)


def differs(learnt, unbroken):
    """Return whether two fits have not the same bits, and print where."""
    try:
        assert_same_fit(learnt, unbroken)
    except AssertionError as error:
        print(error, file=sys.stderr)
        return True
    return False


def main(arguments=None):
    """Kill fits of all cases, and print what came of it; return whether anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="kills in all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.reliability.same_bits", "skdnn"])
    rng, total = random.Random(options.seed), Counter()
    print(f"{'case':20}", *(f"{name:>12}" for name in Outcome._fields))
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(CASES):
            n_kills = (options.kills + number) // len(CASES)
            outcome = kill_case(context, case, n_kills, rng, Path(folder))
            print(f"{case:20}", *(f"{value:12}" for value in outcome), flush=True)
            total.update(outcome._asdict())
    print(f"{'all':20}", *(f"{total[name]:12}" for name in Outcome._fields))
    return bool(total["n_corrupt"] or total["n_different"])


if __name__ == "__main__":
    sys.exit(main())
