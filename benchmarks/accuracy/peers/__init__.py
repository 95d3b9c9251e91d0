"""The models that are compared, each as its library has it by default.

``make(seed)`` returns a classifier that takes a raw frame: numbers, pandas categories, gaps.
Libraries are imported when it is their turn.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

from benchmarks.accuracy.peers import boosters, networks, scikit_learn
from benchmarks.machine import version_of


class Peer(NamedTuple):
    """A model to compare; ``make`` is None if only stored results are compared."""

    label: str
    make: Callable | None
    package: str = "scikit-learn"  # that has the model, as it is installed

    def is_missing(self):
        """Tell whether the package is not installed."""
        is_there = self.package == "scikit-learn" or find_spec(self.package) is not None
        return self.make is None or not is_there


PEERS = {
    "skdnn": Peer("skdnn", networks.skdnn, "skdnn"),
    "catboost": Peer("CatBoost", boosters.catboost, "catboost"),
    "histgb": Peer("HistGradientBoosting", scikit_learn.hist_gradient_boosting),
    "lightgbm": Peer("LightGBM", boosters.lightgbm, "lightgbm"),
    "xgboost": Peer("XGBoost", boosters.xgboost, "xgboost"),
    "mlp": Peer("MLPClassifier", scikit_learn.mlp),
    "logreg": Peer("logistic regression", scikit_learn.logistic_regression),
    "realmlp": Peer("RealMLP-TD", networks.realmlp, "pytabkit"),
    "tabm": Peer("TabM-D", networks.tabm, "pytabkit"),
    "realmlp8": Peer("RealMLP-TD in 8 folds, on a GPU", None, "pytabkit"),
    "tabm1": Peer("TabM-D, on a GPU", None, "pytabkit"),
}
OURS = "skdnn"
# What everyone has at hand; the networks of pytabkit take minutes a fit, and are compared apart.
USUAL = ("skdnn", "catboost", "histgb", "lightgbm", "xgboost", "mlp", "logreg")
SLOW_NETWORKS = ("realmlp", "tabm")
STRONGEST = ("skdnn", "realmlp8", "tabm1", "catboost", "histgb", "lightgbm", "xgboost", "mlp")


def make(name, seed):
    """Return an unfitted classifier; importable by name, for another process."""
    return PEERS[name].make(seed)


def versions_of(name):
    """Return the versions of what a model runs on, by package."""
    packages = ("numpy", "scipy", "scikit-learn", "pandas", PEERS[name].package)
    return {package: version_of(package) for package in dict.fromkeys(packages)}
