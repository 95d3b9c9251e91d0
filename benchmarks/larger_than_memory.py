"""Fit to Parquet files four times as large as the memory that the system allows.

``python -m benchmarks.larger_than_memory --gigabytes 4`` writes files of 4 GB to a temporary folder
and fits to them in a process that may have 1 GB more of private memory than after its imports
(RLIMIT_DATA). Another process fits in memory to 1/16 of the rows, for 16 times as many epochs, so
that both see equally many. Printed are the log-loss on the same test rows, the memory, and the rows
per second: those of all epochs, and the time includes that for reading the files.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N_NUMBERS, N_TEST, GROUP_ROWS = 16, 200_000, 2**18
PARTS = 16
SHOPS = np.array([f"shop {number}" for number in range(200)])


def make_rows(n_rows, rng):
    """Return a dataframe with the target in the column "bought"."""
    import pandas as pd

    X = rng.normal(size=(n_rows, N_NUMBERS))
    day, shop = rng.integers(0, 365, n_rows), rng.integers(0, len(SHOPS), n_rows)
    score = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + 0.5 * X[:, 3] * (X[:, 4] > 0)
    score += (
        0.5 * np.abs(X[:, 5]) + np.cos(day / 58) + (shop % 7 - 3) / 4 + 0.3 * X[:, 6:9].sum(axis=1)
    )
    frame = pd.DataFrame(X, columns=[f"x{number}" for number in range(N_NUMBERS)])
    frame["x9"] = frame["x9"].where(rng.random(n_rows) < 0.9)
    frame["day"], frame["shop"] = day, SHOPS[shop]
    frame["bought"] = rng.random(n_rows) < 1 / (1 + np.exp(-score))
    return frame


def write_files(folder, n_bytes):
    """Write training files of about so many bytes, and test rows; return the number of rows."""
    rng, n_rows, number = np.random.default_rng(0), 0, 0
    make_rows(N_TEST, rng).to_parquet(folder / "test.parquet")
    train = folder / "train"
    train.mkdir()
    while (left := n_bytes - sum(file.stat().st_size for file in train.iterdir())) > 0:
        frame = make_rows(min(10**6, max(left // 140, 10**4)), rng)
        frame.to_parquet(train / f"{number:03}.parquet", row_group_size=GROUP_ROWS)
        n_rows, number = n_rows + len(frame), number + 1
    return n_rows


def memory(name):
    """Return a line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def fit(folder, limit, n_rows, n_epochs):
    """Fit to all rows within a limit of memory or, without, to some of them; return the results."""
    import resource

    import pandas as pd
    import pyarrow.parquet as pq
    from sklearn.metrics import log_loss

    from skdnn import DeepNetClassifier

    # The first fit of a process loads compiled kernels.
    DeepNetClassifier(n_members=2, max_iter=1).fit(np.eye(20), [0, 1] * 10)
    train, before = folder / "train", memory("VmRSS")
    if limit:
        most = memory("VmData") + limit
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        passed = train, "bought"
    start = time.perf_counter()
    if not limit:
        files, frames, wanted = sorted(train.iterdir()), [], n_rows // PARTS
        for file in files:
            frames.append(pq.ParquetFile(file).read_row_group(0).to_pandas()[:wanted])
            wanted -= len(frames[-1])
        frame = pd.concat(frames, ignore_index=True)
        passed, n_epochs = (frame.drop(columns="bought"), frame["bought"]), n_epochs * PARTS
    net = DeepNetClassifier(max_iter=n_epochs, random_state=0).fit(*passed)
    seconds, seen = time.perf_counter() - start, n_epochs * (n_rows if limit else len(frame))
    start = time.perf_counter()
    test = pd.read_parquet(folder / "test.parquet", columns=["bought"])["bought"]
    proba = net.predict_proba(folder / "test.parquet")
    return {
        "log-loss": log_loss(test, proba),
        "rows seen": seen,
        "rows per second": seen / seconds,
        "seconds": seconds,
        "rows predicted per second": N_TEST / (time.perf_counter() - start),
        "members": len(net.member_weights_),
        "MB after imports": before / 1e6,
        "MB at the peak beyond that": (memory("VmHWM") - before) / 1e6,
    }


def in_process(*arguments):
    """Return the results of :func:`fit` in another process."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.larger_than_memory",
        "--child",
        *map(str, arguments),
    ]
    # Arrow's default memory pool reserves a gibibyte at its start, which counts as private memory.
    environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    """Write the files, fit in both ways and print the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--child", nargs=4, metavar=("FOLDER", "LIMIT", "ROWS", "EPOCHS"))
    given = parser.parse_args()
    if given.child:
        folder, *numbers = given.child
        print(json.dumps(fit(Path(folder), *map(int, numbers))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder, n_bytes = Path(name), int(given.gigabytes * 1e9)
        n_rows = write_files(folder, n_bytes)
        print(f"{n_rows:,} rows, {n_bytes / 1e9:g} GB; limit {n_bytes / 4e9:g} GB", flush=True)
        for title, limit in (("files", n_bytes // 4), ("memory", 0)):
            results = in_process(folder, limit, n_rows, given.epochs)
            print(title, json.dumps(results, indent=1), flush=True)


if __name__ == "__main__":
    main()
