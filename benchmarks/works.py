"""What is timed: each function prepares a piece of work and returns it as an Action.

All take ``(adapter, sources)`` and, by name, the sizes that the case or its variant gives.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from sklearn.model_selection import GridSearchCV

from benchmarks.adapters import Network
from benchmarks.data import N_DIGITS, N_PIXELS, columns, mixed_frame, pictures, table

PICTURE_WIDTHS = (N_PIXELS, 256, 128, N_DIGITS)
GRID = {
    "hidden_layer_sizes": [(50,), (100,), (50, 50)],
    "alpha": [0.0, 1e-4, 1e-3, 1e-2],
    "learning_rate_init": [1e-3, 1e-2],
}


class Action(NamedTuple):
    """A call to be timed."""

    call: Callable
    n_units: int = 1  # epochs, rows or calls that the time is for
    array_bytes: int = 0  # of the data, or of the result, that memory is compared with


def fit_pictures(adapter, sources, *, n_rows, batch_size, n_epochs, shows_progress=False):
    """Train the network of the digits, perhaps with scikit-learn's progress bar."""
    X, y = pictures(n_rows, sources.mnist)
    X = X.astype(adapter.dtype, copy=False)
    net = adapter.load().network(Network(PICTURE_WIDTHS, batch_size, n_epochs))
    if shows_progress:
        from sklearn.callback import ProgressBar

        net.set_callbacks(ProgressBar())
    return Action(partial(net.fit, X, y), n_epochs)


def fit_columns(
    adapter, sources, *, widths, n_rows, batch_size, n_epochs, n_members=1, n_jobs=None, per="fit"
):
    """Train a network on columns of numbers."""
    X, y = columns(n_rows, widths[0], widths[-1])
    X = X.astype(adapter.dtype, copy=False)
    net = adapter.load().network(Network(widths, batch_size, n_epochs, n_members, n_jobs))
    n_units = {"fit": 1, "epoch": n_epochs, "row": n_rows}[per]
    return Action(partial(net.fit, X, y), n_units, X.nbytes)


def search(adapter, sources, *, n_rows, n_epochs, n_jobs, grid=GRID):
    """Search a grid by cross-validation."""
    X, y = columns(n_rows, 20, 3)
    net = adapter.load().network(Network((20, 100, 3), 200, n_epochs))
    grid_search = GridSearchCV(net, grid, cv=5, n_jobs=n_jobs, refit=False)
    return Action(partial(grid_search.fit, X.astype(adapter.dtype, copy=False), y))


def predict_pictures(adapter, sources, *, n_rows):
    """Predict with the network of the digits, hardly trained."""
    X, y = pictures(n_rows, sources.mnist)
    net = adapter.load().network(Network(PICTURE_WIDTHS, 256, 1))
    net.fit(X[:1000], y[:1000])
    result_bytes = net.predict_proba(X[:1]).nbytes * n_rows
    return Action(partial(net.predict_proba, X), array_bytes=result_bytes)


def predict_one_array_row(adapter, sources, *, n_calls):
    """Predict one row of numbers at a time."""
    X, y = columns(1000, 20, 3)
    net = adapter.load().network(Network((20, 100, 3), 200, 3))
    return _predict_again_and_again(net.fit(X, y), X[:1], n_calls)


def predict_one_frame_row(adapter, sources, *, n_calls):
    """Predict one row of a mixed frame at a time, with the library's default classifier."""
    X, y = mixed_frame(2000)
    return _predict_again_and_again(adapter.load().default().fit(X, y), X.iloc[:1], n_calls)


def _predict_again_and_again(model, X, n_calls):
    def predict():
        for _ in range(n_calls):
            model.predict_proba(X)

    return Action(predict, n_calls)


def fit_table(adapter, sources, *, name):
    """Train the library's default classifier on a public table."""
    X, y = table(name, sources)
    return Action(partial(adapter.load().default().fit, X, y))
