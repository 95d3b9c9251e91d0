"""Fits on a local Dask cluster and in one process: ``python -m benchmarks.dask_fit``.

Each line is a fit: test log-loss, seconds, and what travelled in a round. The results are added to
``benchmarks/results/dask_fit.csv``, which ``python -m benchmarks.scaling`` compares with its model.
"""

import argparse
import csv
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdnn import DeepNetClassifier
from skdnn.distributed import DaskDeepNetClassifier
from skdnn.distributed.executors import DaskExecutor

RESULTS = Path(__file__).parent / "results" / "dask_fit.csv"
COLUMNS = (
    "data",
    "n_workers",
    "n_cores",
    "log_loss",
    "seconds",
    "reading_seconds",
    "n_rows",
    "n_partitions",
    "n_rounds",
    "n_parameters",
    "bytes_a_round",
)
N_COLUMNS, N_TEST = 20, 100_000


def credit(_):
    """Return the rows of "Give me some credit", from the folder that SKDNN_DATA names."""
    table = pd.read_parquet(Path(os.environ["SKDNN_DATA"], "give_me_some_credit.parquet"))
    train, test = train_test_split(table, test_size=0.3, random_state=0, stratify=table["target"])
    return train.reset_index(drop=True), test.reset_index(drop=True)


def synthetic_rows(n_rows, seed):
    """Return rows whose class depends on products, steps and waves of some columns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, N_COLUMNS)).astype(np.float32)
    logits = 1.5 * np.sin(2 * X[:, 0]) * X[:, 1] + X[:, 2] * X[:, 3] + np.abs(X[:, 4])
    logits += 0.7 * X[:, 5] + (X[:, 6] > 0.3) * X[:, 7] - 0.8
    table = pd.DataFrame(X, columns=[f"x{k}" for k in range(N_COLUMNS)])
    return table.assign(target=(rng.random(n_rows) < 1 / (1 + np.exp(-1.5 * logits))).astype(int))


def synthetic(n_rows):
    """Return training and test rows."""
    return synthetic_rows(n_rows, 0), synthetic_rows(N_TEST, 1)


DATA = {"credit": credit, "synthetic": synthetic}


class MeasuringExecutor(DaskExecutor):
    """Counts rounds, bytes from and to the client, and seconds until the first round."""

    def __init__(self, client):
        super().__init__(client)
        self.n_rounds = self.n_bytes = 0
        self.begun, self.reading_seconds = time.perf_counter(), None

    def share(self, value):
        """Share a value; the start of a round is one."""
        params = getattr(value, "params", None)
        if params is not None:
            if self.reading_seconds is None:
                self.reading_seconds = time.perf_counter() - self.begun
                self.n_received = received(self.client)
            self.n_rounds += 1
            self.n_bytes += params.nbytes + sum(array.nbytes for array in value.memory)
        return super().share(value)

    def gather(self, references):
        """Return the values."""
        values = super().gather(references)
        self.n_bytes += sum(getattr(getattr(each, "arrays", None), "nbytes", 0) for each in values)
        return values

    def bytes_a_round(self):
        """Return the bytes that travelled in a round, to workers and to the client."""
        return (self.n_bytes + received(self.client) - self.n_received) / self.n_rounds


def received(client):
    """Return the bytes that workers have received from other workers."""

    def of_worker(dask_worker):
        return sum(transfer["total"] for transfer in dask_worker.transfer_incoming_log)

    return sum(client.run(of_worker).values())


class MeasuredClassifier(DaskDeepNetClassifier):
    """Keeps its executor."""

    def _executor(self):
        MeasuredClassifier.last = MeasuringExecutor(self.client)
        return MeasuredClassifier.last


def fit_in_one_process(train, test):
    """Return the columns of the result of a fit in this process."""
    begun = time.perf_counter()
    net = DeepNetClassifier(random_state=0).fit(train.drop(columns="target"), train["target"])
    seconds = time.perf_counter() - begun
    return {"log_loss": loss_of(net, test), "seconds": seconds, "n_rows": len(train)}


def loss_of(net, test):
    """Return the log-loss on test rows."""
    return log_loss(test["target"], net.predict_proba(test.drop(columns="target")))


def fit_on_workers(train, test, n_workers, n_partitions):
    """Return the columns of the result of a fit on worker processes with a thread each."""
    import dask.dataframe as dd
    from distributed import Client, LocalCluster, wait

    shape = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**shape, memory_limit=0) as cluster, Client(cluster) as client:
        frame = dd.from_pandas(train, npartitions=n_partitions).persist()
        wait(frame)
        client.run(warm_up)
        begun = time.perf_counter()
        net = MeasuredClassifier(client=client, random_state=0)
        net.fit(frame.drop(columns="target"), frame["target"])
        seconds, executor = time.perf_counter() - begun, MeasuredClassifier.last
        local = net.to_local()
        return {
            "log_loss": loss_of(local, test),
            "seconds": seconds,
            "reading_seconds": executor.reading_seconds,
            "n_rows": len(train),
            "n_partitions": n_partitions,
            "n_rounds": executor.n_rounds,
            "n_parameters": sum(array.size for array in [*local.coefs_, *local.intercepts_]),
            "bytes_a_round": executor.bytes_a_round(),
        }


def warm_up():
    """Load compiled kernels."""
    rng = np.random.default_rng(0)
    DeepNetClassifier(n_members=1, max_iter=2).fit(rng.normal(size=(200, 3)), np.arange(200) % 2)


def keep(result):
    """Add a line to the results."""
    is_new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in result.items()})


def main(arguments=None):
    """Fit, print and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", choices=DATA, nargs="+", default=list(DATA))
    parser.add_argument("--rows", type=int, default=5_000_000, help="of the synthetic data")
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2, 4])
    parser.add_argument("--partitions", type=int, default=8)
    options = parser.parse_args(arguments)
    for data in options.data:
        train, test = DATA[data](options.rows)
        for n_workers in options.workers:
            if n_workers == 0:
                result = fit_in_one_process(train, test)
            else:
                result = fit_on_workers(train, test, n_workers, options.partitions)
            result |= {"data": data, "n_workers": n_workers, "n_cores": os.cpu_count()}
            print(result, flush=True)
            keep(result)


if __name__ == "__main__":
    main()
