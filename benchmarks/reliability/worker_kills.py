"""Kill workers of a cluster during fits: ``python -m benchmarks.reliability.worker_kills``.

In each run, a worker of a local Dask cluster is killed (SIGKILL) at a random moment of a fit. Each
fit must end with the bits of a fit of which no worker was killed.
"""

import argparse
import os
import random
import signal
import sys
import threading
import time
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pandas as pd

from skdnn.distributed import DaskDeepNetClassifier, read_partitions

NET = {"hidden_layer_sizes": (64, 32), "max_iter": 8, "n_members": 2, "random_state": 0}
N_ROWS, N_PARTITIONS = 24_000, 6


def rows():
    """Return X and y as collections of Dask."""
    import dask.dataframe as dd

    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(N_ROWS, 8)), columns=[f"x{k}" for k in range(8)])
    table["shop"] = rng.choice([f"shop {k}" for k in range(12)], N_ROWS)
    signal_ = table["x0"] * table["x1"] + (table["shop"] < "shop 4")
    table["bought"] = (signal_ + rng.normal(size=N_ROWS) > 0.5).astype(int)
    frame = dd.from_pandas(table, npartitions=N_PARTITIONS)
    return frame.drop(columns="bought"), frame["bought"]


def learnt(net):
    """Return all that a fit has learnt, as arrays."""
    curves = np.array([net.loss_curve_, net.validation_loss_curve_])
    return [*net.coefs_, *net.intercepts_, net.member_weights_, net.temperature_, curves]


def kill_later(pid, seconds):
    """Kill a process after some seconds, in a thread; return the thread."""

    def kill():
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


@contextmanager
def cluster():
    """Yield the client of a new cluster of two processes."""
    from distributed import Client, LocalCluster

    shape = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**shape) as workers, Client(workers) as client:
        yield client


def timed_fit(client):
    """Return what a fit has learnt, and the seconds that it took."""
    begun = time.perf_counter()
    with patch.object(read_partitions, "IN_MEMORY_ROWS", 0):  # so few rows would not go to workers
        net = DaskDeepNetClassifier(client=client, **NET).fit(*rows())
    return learnt(net), time.perf_counter() - begun


def fit_while_killing(rng, seconds):
    """Fit while a worker is killed at a random moment.

    Returns
    -------
    list of ndarray
        What was learnt.
    bool
        Whether the worker was killed before the fit had ended.
    """
    with cluster() as client:
        timed_fit(client)  # loads compiled kernels
        pid, wait = rng.choice(sorted(client.run(os.getpid).values())), rng.uniform(0, seconds)
        killer = kill_later(pid, wait)
        found, taken = timed_fit(client)
        killer.join()
    return found, wait < taken


def main(arguments=None):
    """Kill a worker in each run, and print what came of it; return whether a fit differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng, n_fits, n_same, n_killed = random.Random(options.seed), 0, 0, 0
    with cluster() as client:
        timed_fit(client)
        unbroken, seconds = timed_fit(client)
    while n_killed < options.kills:  # a fit may end before
        found, was_killed = fit_while_killing(rng, seconds)
        n_fits += 1
        n_same += all(map(np.array_equal, found, unbroken))
        n_killed += was_killed
    print(f"{n_killed} workers killed in {n_fits} fits; {n_same} with the same bits")
    return n_same < n_fits


if __name__ == "__main__":
    sys.exit(main())
