"""One fit: a model on a split of a table, timed and scored."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

from benchmarks.accuracy.protocol import Caps, read_table, scores, split
from benchmarks.data import mixed_frame

N_ROWS_TO_WARM_UP = 200


class Job(NamedTuple):
    """What to fit; another process can be told of it."""

    path: Path  # of the table
    number: int  # of the split, and the seed of the model
    make: Callable  # of a model, given a seed
    caps: Caps = Caps()
    warms_up: bool = False  # with a small table, so that code is loaded before time is taken


def fit_and_score(job):
    """Yield facts of the table, then those of the fit, then the scores."""
    parts = split(*read_table(job.path), job.number, job.caps)
    yield parts.facts()
    if job.warms_up:
        _warm_up(job.make(0), min(parts.y_train.nunique(), 3))
    model = job.make(job.number)
    wall, cpu = perf_counter(), process_time()
    model.fit(parts.X_train, parts.y_train)
    yield {"t_fit": perf_counter() - wall, "cpu_fit": process_time() - cpu}
    wall = perf_counter()
    proba = model.predict_proba(parts.X_test)
    yield {"t_pred": perf_counter() - wall}
    yield scores(proba, model.classes_, parts.y_test)
    if hasattr(model, "oof_score_"):
        yield {"oof": float(model.oof_score_)}


def _warm_up(model, n_classes):
    X, _ = mixed_frame(N_ROWS_TO_WARM_UP)
    y = (X["x0"].rank() * n_classes // (len(X) + 1)).astype(int).astype(str)
    model.fit(X, y).predict_proba(X)
