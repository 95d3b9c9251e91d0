"""Latency and size of a served network: ``python -m benchmarks.serving``.

A network with defaults is fitted to a table of eight columns, numbers and categories, that is made
here. Times are the shortest of many calls on one thread, in milliseconds: ``predict_proba`` of a
dataframe; onnxruntime with the inputs of the model at hand; and with ``onnx_inputs`` making them.
"""

import pickle
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from benchmarks.onnx_parity import session_of
from skdnn import DeepNetClassifier
from skdnn.export import onnx_inputs, to_onnx

N_TRAIN, BATCHES = 5_000, (1, 100, 10_000)
SECONDS = 3.0  # of calls to take the shortest of


def main():
    """Fit, and print two tables."""
    X, y = people(N_TRAIN, np.random.default_rng(0))
    net = DeepNetClassifier(random_state=0, n_jobs=1).fit(X, y)
    model = to_onnx(net).SerializeToString()
    session = session_of(model)
    print(f"{net.predict_proba_members(X[:1]).shape[0]} members\n")
    row = "{:>8} {:>14} {:>12} {:>26}".format
    print(row("rows", "predict_proba", "onnxruntime", "onnx_inputs, onnxruntime"))
    for n_rows in BATCHES:
        rows, _ = people(n_rows, np.random.default_rng(1))
        inputs = onnx_inputs(net, rows)
        calls = (
            lambda rows=rows: net.predict_proba(rows),
            lambda inputs=inputs: session.run(None, inputs),
            lambda rows=rows: session.run(None, onnx_inputs(net, rows)),
        )
        print(row(n_rows, *(f"{1000 * shortest(call):.3g}" for call in calls)), flush=True)
    print()
    for name, n_bytes in sizes(net, model).items():
        print(f"{name:14} {n_bytes / 1e6:.2f} MB")


def people(n_rows, rng):
    """Return a table, and a label that depends on it."""
    X = pd.DataFrame({name: rng.normal(size=n_rows) for name in ("age", "income", "debt", "hours")})
    for name, n_categories in {"town": 40, "job": 12, "marriage": 4, "sex": 2}.items():
        codes = rng.integers(0, n_categories, n_rows)
        X[name] = pd.Series([f"{name} {code}" for code in codes], dtype=object)
    score = X["age"] * X["income"] + (X["job"] < "job 4") - X["debt"] + rng.logistic(size=n_rows)
    return X, np.where(score > 0, "yes", "no")


def shortest(call):
    """Return the seconds of the shortest of many calls."""
    call()
    times, end = [], perf_counter() + SECONDS
    while not times or perf_counter() < end:
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)


def sizes(net, model):
    """Return the bytes of each format."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.skdnn")
        net.save(path)
        return {
            "model file": path.stat().st_size,
            "pickle": len(pickle.dumps(net)),
            "ONNX": len(model),
        }


if __name__ == "__main__":
    main()
