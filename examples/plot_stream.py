"""
Learning from a stream of CSV chunks
====================================

A file that does not fit into memory, or data that keep coming, can be learned from in chunks:
``partial_fit`` trains on the rows it is given and forgets them. On a stream it has another merit: a
model that goes on learning follows a world that changes.
"""

# %%
# Does the price of electricity in New South Wales go up or down? 27,312 half-hours of the years
# 1997 and 1998, in order of time, where ``SKDNN_DATA`` has them. (In the rows before, three columns
# are still constant.) They are written to a CSV file first.
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from example_data import load_table

from skdnn import DeepNetClassifier

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")

X, y = load_table("electricity")
X, y = (part[18_000:].reset_index(drop=True) for part in (X, y))
folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "prices.csv")
X.assign(is_up=y)[: 3000 if QUICK else None].to_csv(path, index=False)

# %%
# Test, then train
# ----------------
# Each chunk is a test first, since nothing has been trained on it yet, and then used for training,
# in five epochs. Another network is fitted to the first 4,000 rows and left alone.
n_first = 1000 if QUICK else 4000
frozen = DeepNetClassifier(max_iter=3 if QUICK else "auto", random_state=0)
frozen.fit(X[:n_first], y[:n_first])

stream = DeepNetClassifier(n_members=4, random_state=0)
half_hours, scores = [], []
with pd.read_csv(path, chunksize=1000) as chunks:
    for chunk in chunks:
        labels = chunk.pop("is_up")
        if chunk.index[0] >= n_first:
            half_hours.append(chunk.index[0])
            accuracies = [model.score(chunk, labels) for model in (stream, frozen)]
            scores.append([*accuracies, 1 - labels.mean()])
        for _ in range(5):
            stream.partial_fit(chunk, labels, classes=[0, 1])
folder.cleanup()

names = ["keeps learning", f"fitted to the first {n_first:,} rows", "always says down"]
scores = np.array(scores)
for name, mean in zip(names, scores.mean(axis=0), strict=True):
    print(f"{name:32} mean accuracy {mean:.3f}")

# %%
# The network that goes on learning is ahead most of the time, and most at the end. Thin lines are
# chunks of 1,000 rows, thick ones running means of five chunks.
figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
for name, color, column in zip(names, ("C0", "C1", "C2"), scores.T, strict=True):
    smooth = pd.Series(column).rolling(5, center=True, min_periods=1).mean()
    axes.plot(half_hours, column, color=color, linewidth=0.7, alpha=0.6)
    axes.plot(half_hours, smooth, color=color, linewidth=2.5, label=name)
axes.set(xlabel="rows seen so far", ylabel="accuracy on the next 1,000 rows")
axes.xaxis.set_major_formatter("{x:,.0f}")
axes.set_title("Test on each chunk of the file, then train on it")
axes.legend(loc="lower right", ncols=3)
plt.show()
