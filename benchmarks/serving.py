"""Latency and size of a served network: ``python -m benchmarks.serving``.

A network with defaults is fitted to a table of eight columns, numbers and categories, that is made
here. Timed are, on one thread: ``predict_proba``; onnxruntime with ``onnx_inputs`` making the
inputs of the model; and onnxruntime with these at hand. It is processor time, which hardly depends
on what else the machine does. The measurements go to a file, and from there to
docs/guide/serving.md, between two marks; ``--report`` only writes the page.
"""

import argparse
import json
import pickle
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.accuracy.report import show
from benchmarks.machine import describe, version_of
from benchmarks.onnx_parity import session_of
from benchmarks.report import duration, table
from skdnn import DeepNetClassifier
from skdnn.export import onnx_inputs, to_onnx

N_TRAIN, BATCHES = 5_000, (1, 100, 10_000)
SECONDS, BLOCK = 3.0, 0.05  # of calls to take the shortest of, and of those that are timed together
RESULTS = Path(__file__).parent / "results" / "serving.json"
PAGE = Path(__file__).parents[1] / "docs" / "guide" / "serving.md"
MARKS = ("<!-- written by benchmarks.serving -->\n", "<!-- end -->")
# How the ways to the probabilities, as the file of results names them, are called on the page.
HEADERS = {
    "predict_proba": "`predict_proba`",
    "onnx_inputs, onnxruntime": "ONNX, inputs made by `onnx_inputs`",
    "onnxruntime": "ONNX, inputs at hand",
}


def main():
    """Measure, unless only the page is wanted; write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--report", action="store_true", help="write the page, measure nothing")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    if not options.report:
        options.results.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
    measured = json.loads(options.results.read_text(encoding="utf-8"))
    text = options.page.read_text(encoding="utf-8")
    options.page.write_text(show(text, section(measured), MARKS), encoding="utf-8")
    print(section(measured))


def measure(n_train=N_TRAIN, batches=BATCHES, seconds=SECONDS):
    """Fit a network; return the seconds of predictions and its size, with facts of the machine."""
    X, y = people(n_train, np.random.default_rng(0))
    net = DeepNetClassifier(random_state=0, n_jobs=1).fit(X, y)
    model = to_onnx(net).SerializeToString()
    inputs = {f"{n:,} as a DataFrame": people(n, np.random.default_rng(1))[0] for n in batches}
    (first,) = people(1, np.random.default_rng(1))[0].to_dict("records")
    inputs = {"1 as a dict": first, **inputs}
    session = session_of(model)
    return {
        "n_train": n_train,
        "n_members": len(net.predict_proba_members(X[:1])),
        "seconds": {name: times(net, session, X, seconds) for name, X in inputs.items()},
        "n_bytes": sizes(net, model),
        "machine": describe() | {"onnxruntime": version_of("onnxruntime")},
    }


def people(n_rows, rng):
    """Return a table, and a label that depends on it."""
    X = pd.DataFrame({name: rng.normal(size=n_rows) for name in ("age", "income", "debt", "hours")})
    for name, n_categories in {"town": 40, "job": 12, "marriage": 4, "sex": 2}.items():
        codes = rng.integers(0, n_categories, n_rows)
        X[name] = pd.Series([f"{name} {code}" for code in codes], dtype=object)
    score = X["age"] * X["income"] + (X["job"] < "job 4") - X["debt"] + rng.logistic(size=n_rows)
    return X, np.where(score > 0, "yes", "no")


def times(net, session, X, seconds):
    """Return the seconds that rows take on each way to their probabilities."""
    inputs = onnx_inputs(net, X)
    calls = {
        "predict_proba": lambda: net.predict_proba(X),
        "onnx_inputs, onnxruntime": lambda: session.run(None, onnx_inputs(net, X)),
        "onnxruntime": lambda: session.run(None, inputs),
    }
    with threadpool_limits(1):
        return {name: shortest(call, seconds) for name, call in calls.items()}


def shortest(call, seconds):
    """Return the processor time of a call: the mean over a block, the shortest of many blocks."""
    call()
    means, end = [], process_time() + seconds
    while not means or process_time() < end:
        n_calls, start = 0, process_time()
        while not n_calls or process_time() - start < BLOCK:
            call()
            n_calls += 1
        means.append((process_time() - start) / n_calls)
    return min(means)


def sizes(net, model):
    """Return the bytes of each format."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.skdnn")
        net.save(path)
        return {
            "model file": path.stat().st_size,
            "pickle": len(pickle.dumps(net)),
            "ONNX model": len(model),
        }


def section(measured):
    """Return the measurements as Markdown."""
    machine, seconds = measured["machine"], measured["seconds"]
    header = ("rows", *map(HEADERS.get, next(iter(seconds.values()))))
    rows = [(name, *map(duration, taken.values())) for name, taken in seconds.items()]
    files = [(name, f"{n_bytes / 1e6:.2f} MB") for name, n_bytes in measured["n_bytes"].items()]
    versions = ", ".join(f"{name} {machine[name]}" for name in ("skdnn", "numpy", "onnxruntime"))
    return (
        f"A network with the defaults, trained on {measured['n_train']:,} rows of eight columns "
        f"({measured['n_members']} members).\n"
        f"Processor time of a call on one thread of {machine['cpu']}, the shortest of many;\n"
        f"{versions}, Python {machine['python']}.\n\n"
        f"{table(header, rows)}\n{table(('file', 'size'), files)}"
    )


if __name__ == "__main__":
    main()
