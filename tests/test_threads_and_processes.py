"""Threads and processes: the same bits in all of them, and nothing is left behind."""

import gc
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skdnn import DeepNetClassifier

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(300, 4)), columns=list("abcd")).assign(
    e=RNG.choice(["u", "v"], 300)
)
y = (X["a"] > 0).to_numpy().astype(int)
QUICK = {"hidden_layer_sizes": (16,), "n_members": 4, "max_iter": 4, "random_state": 0}
OPEN_FILES = Path("/proc/self/fd")


def slow_to_start(*names):
    """Return parameters, of which those that start Python anew are marked slow."""
    anew = "loky", "spawn", "forkserver"
    return [pytest.param(name, marks=pytest.mark.slow) if name in anew else name for name in names]


def fit_and_predict(_=None):
    return DeepNetClassifier(**QUICK).fit(X, y).predict_proba(X)


def test_32_threads_predict_with_a_model_while_others_fit_its_clones():
    net = DeepNetClassifier(**QUICK).fit(X, y)
    expected, together = net.predict_proba(X), threading.Barrier(34)
    one_by_one = np.vstack([net.predict_proba(X[row : row + 1]) for row in range(3)])

    def predict(_):
        together.wait()
        for _ in range(5):
            np.testing.assert_array_equal(net.predict_proba(X), expected)
            np.testing.assert_array_equal(net.predict_proba(X[:1]), one_by_one[:1])

    def fit(_):
        together.wait()
        np.testing.assert_array_equal(clone(net).fit(X, y).predict_proba(X), expected)
        other = clone(net).set_params(random_state=1).fit(X, y)
        assert (other.predict_proba(X) != expected).any()

    with ThreadPoolExecutor(34) as pool:
        for future in [pool.submit(fit if k < 2 else predict, k) for k in range(34)]:
            future.result()


# Python 3.12 and later warn of any fork of a process with threads.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("backend", slow_to_start("threading", "multiprocessing", "loky"))
def test_every_backend_of_joblib_gives_the_same_bits(backend):
    parallel = joblib.Parallel(n_jobs=2, backend=backend)
    found = parallel(joblib.delayed(fit_and_predict)() for _ in range(3))
    for proba in found:
        np.testing.assert_array_equal(proba, fit_and_predict())


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", slow_to_start(*multiprocessing.get_all_start_methods()))
def test_processes_started_in_any_way_give_the_same_bits(method):
    here = fit_and_predict()  # before a fork, threads have been in use
    with multiprocessing.get_context(method).Pool(1) as pool:
        (there,) = pool.map(fit_and_predict, [None])
    np.testing.assert_array_equal(there, here)


def left_behind():
    """Return the numbers of threads and open files, and the names of temporary files."""
    gc.collect()
    n_files = len(os.listdir(OPEN_FILES)) if OPEN_FILES.exists() else 0
    return threading.active_count(), n_files, sorted(os.listdir(tempfile.gettempdir()))


def fit_in_many_ways(n_fits, n_jobs=2):
    for seed in range(n_fits):
        net = DeepNetClassifier(**{**QUICK, "max_iter": 1, "random_state": seed}, n_jobs=n_jobs)
        net.set_params(n_members=1 + seed % 3, early_stopping=seed % 4 > 0)
        net.fit(X, y).predict(X)
        if seed % 5 == 0:
            net.partial_fit(X, y)


def test_fits_leave_no_thread_file_or_folder(tmp_path, monkeypatch):
    fit_in_many_ways(3)  # what is kept after the first call
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = left_behind()
    fit_in_many_ways(20)
    assert left_behind() == before
    assert before[2] == []


GROWTH = """
import sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_threads_and_processes import fit_in_many_ways, left_behind

def resident():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines()
               if line.startswith("VmRSS:")]
    return int(line.split()[1])

fit_in_many_ways(60)
before, kilobytes = left_behind(), resident()
fit_in_many_ways(500)
assert left_behind() == before, (before, left_behind())
print(resident() - kilobytes)
"""


@pytest.mark.slow
@pytest.mark.skipif(not OPEN_FILES.exists(), reason="memory is read from /proc")
def test_500_fits_take_less_than_5_megabytes_and_leave_nothing(tmp_path):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GROWTH, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout.split()[-1]) < 5000, run.stdout
