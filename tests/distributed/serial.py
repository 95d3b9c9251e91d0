"""A classifier for lists of partitions in memory, on an executor in this process: the oracle."""

from itertools import pairwise

import numpy as np
import pandas as pd

from skdnn.distributed import DaskDeepNetClassifier

SMALL = {"hidden_layer_sizes": (16,), "n_members": 2, "max_iter": 4, "random_state": 0}


class SerialExecutor:
    """Runs all calls one after the other, in this process; references are the values."""

    n_slots = 1

    def map(self, function, *columns):
        """Return the results of all calls."""
        return [function(*arguments) for arguments in zip(*columns, strict=True)]

    def share(self, value):
        """Return the value."""
        return value

    def gather(self, references):
        """Return the values."""
        return list(references)


class SerialClassifier(DaskDeepNetClassifier):
    executor_type = SerialExecutor

    def _executor(self):
        return self.executor_type()

    def _columns(self, X, y, sample_weight):
        return X, y, [None] * len(X) if sample_weight is None else sample_weight


def rows(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n_rows, 4)), columns=list("abcd"))
    X["e"] = rng.choice(["u", "v", "w"], n_rows)
    y = np.where(X["a"] * X["b"] + (X["e"] == "u") + 0.3 * rng.normal(size=n_rows) > 0, "yes", "no")
    return X, pd.Series(y, name="label")


def cut(table, *sizes):
    """Cut rows into partitions; the last has the rest."""
    edges = [0, *np.cumsum(sizes).tolist(), len(table)]
    return [table[low:high] for low, high in pairwise(edges)]


def assert_same_bits(net, other):
    for arrays in zip(net.coefs_ + net.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_array_equal(*arrays)
    assert net.temperature_ == other.temperature_
    np.testing.assert_array_equal(net.member_weights_, other.member_weights_)
    assert net.loss_curve_ == other.loss_curve_
    assert net.validation_loss_curve_ == other.validation_loss_curve_
