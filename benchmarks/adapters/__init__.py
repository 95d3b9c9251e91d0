"""The libraries that are compared: a file each, imported only when it is its turn.

A file has one or both of these; what they return has ``fit`` and ``predict_proba``:

- ``network(spec)``: trains the network of a :class:`Network`, for as many epochs as it says;
- ``default()``: what a user of the library starts from, for a frame of any columns.
"""

import importlib
from importlib.util import find_spec
from typing import NamedTuple


class Network(NamedTuple):
    """What to train: ReLU layers, cross-entropy, Adam at 0.001, all epochs to the end."""

    widths: tuple  # inputs, units of the hidden layers, classes
    batch_size: int
    n_epochs: int
    n_members: int = 1
    n_jobs: int | None = None


class Adapter(NamedTuple):
    """A library, or a way of using it."""

    label: str
    module: str
    needs: tuple = ()  # packages to import
    dtype: str = "float32"  # of the arrays that it gets
    environment: tuple = ()  # (name, value) pairs; it then runs in a process of its own

    def missing(self):
        """Return the packages that are not installed."""
        return [package for package in self.needs if find_spec(package) is None]

    def load(self):
        """Return the module with ``network`` and ``default``."""
        return importlib.import_module(f"benchmarks.adapters.{self.module}")


ADAPTERS = {
    "floor": Adapter("matrix products alone", "matrix_products"),
    "skdnn": Adapter("skdnn", "skdnn_network", ("numba",)),
    "skdnn_numpy": Adapter(
        "skdnn without numba", "skdnn_network", environment=(("SKDNN_NUMBA", "0"),)
    ),
    "mlp32": Adapter("MLPClassifier, float32", "scikit_learn_mlp"),
    "mlp64": Adapter("MLPClassifier, float64", "scikit_learn_mlp", dtype="float64"),
    "mlp": Adapter("MLPClassifier in a pipeline", "scikit_learn_mlp", ("pandas",)),
    "torch": Adapter("torch", "torch_loop", ("torch",)),
    "skorch": Adapter("skorch", "skorch_network", ("torch", "skorch")),
    "boosting": Adapter("HistGradientBoosting", "scikit_learn_boosting", ("pandas",)),
    "catboost": Adapter("CatBoost", "catboost_default", ("catboost", "pandas")),
}
