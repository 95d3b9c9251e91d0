"""
Saving a network and serving it
===============================

A model is fitted once and asked often, by another process: it is saved to a file, loaded where
requests come in, and asked for one row at a time or for many. How long does an answer take?
"""

# %%
# Fit and save
# ------------
# A model file is plain data: loading it runs no code, unlike a pickle.
import importlib.util
import json
import os
import tempfile
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

import skdnn
from skdnn.export import onnx_inputs, to_onnx

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")

rng = np.random.default_rng(0)
n_rows = 500 if QUICK else 20_000
X = pd.DataFrame(
    {
        "age": rng.integers(18, 80, n_rows),
        "income": rng.lognormal(10, 0.5, n_rows).round(),
        "debt": rng.gamma(2, 5000, n_rows).round(),
        "town": rng.choice([f"town {number}" for number in range(40)], n_rows),
        "job": rng.choice(["clerk", "cook", "farmer", "nurse", "teacher"], n_rows),
    }
)
score = 2 * X["debt"] / X["income"] + (X["job"] == "farmer") - X["age"] / 40
y = np.where(score + rng.logistic(size=n_rows) / 2 > 0, "late", "on time")
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=0.2, random_state=0)

net = skdnn.DeepNetClassifier(n_members=8, max_iter=3 if QUICK else "auto", random_state=0)
net.fit(X_train, y_train)
folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "credit.skdnn")
net.save(path)
print(f"Accuracy {net.score(X_test, y_test):.3f}; model file {path.stat().st_size / 1e6:.1f} MB")

# %%
# Load and answer
# ---------------
# ``predict_proba`` takes a record, as JSON has it; a missing value is null, and a town that was not
# in training counts as unknown. What is around this function in a web application is shown in the
# user guide.
served = skdnn.load(path)
folder.cleanup()


def answer(request):
    """Return the JSON answer to a JSON request."""
    proba = served.predict_proba(json.loads(request))[0]
    return json.dumps(dict(zip(served.classes_, proba.round(4), strict=True)))


print(answer('{"age": 31, "income": 24000, "debt": 9000, "town": "Ulm", "job": "cook"}'))
print(answer('{"age": null, "income": 24000, "debt": 30000, "town": "town 7", "job": "farmer"}'))

# %%
# How long it takes
# -----------------
# The shortest of repeated calls, on one thread. Most of the time for one row is spent on checking
# and converting it, so many rows at once are far cheaper. ONNX Runtime, which needs neither Python
# nor skdnn where the model is served, is measured too if it is installed.
calls = {"predict_proba of a DataFrame": served.set_params(n_jobs=1).predict_proba}
if importlib.util.find_spec("onnx") and importlib.util.find_spec("onnxruntime"):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(to_onnx(served).SerializeToString(), options)
    calls["ONNX Runtime"] = lambda rows: session.run(None, onnx_inputs(served, rows))


def seconds(call, rows):
    """Return the shortest time of several calls."""
    times = []
    for _ in range(3 if QUICK else 15):
        start = perf_counter()
        call(rows)
        times.append(perf_counter() - start)
    return min(times)


batches = [1, 10, 100] if QUICK else [1, 10, 100, 1000, 10_000]
milliseconds = {
    name: [1000 * seconds(call, X_test[:n_rows]) for n_rows in batches]
    for name, call in calls.items()
}
for name, values in milliseconds.items():
    shown = ", ".join(f"{n}: {value:.2g} ms" for n, value in zip(batches, values, strict=True))
    print(f"{name}, time by number of rows: {shown}")

# %%
# A point's distance to the line above it is what it costs to ask row by row.
figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
for (name, values), color, marker in zip(milliseconds.items(), ("C0", "C1"), "os", strict=False):
    axes.loglog(batches, values, marker=marker, color=color, label=name)
one_by_one = milliseconds["predict_proba of a DataFrame"][0]
asked = np.array(batches[:-1])
axes.loglog(
    asked, one_by_one * asked, color="C2", linestyle="--", label="predict_proba, row by row"
)
axes.set(
    xlabel="rows of a request", ylabel="milliseconds", title="Time of an answer, on one thread"
)
axes.xaxis.set_major_formatter("{x:,.0f}")
axes.yaxis.set_major_formatter("{x:g}")
axes.legend()
plt.show()
