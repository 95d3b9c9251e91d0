"""Errors about validation rows name the arguments that are at fault: X_val, y_val and weights."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris

from skdnn import DeepNetClassifier

X, y = load_iris(return_X_y=True)
FRAME = pd.DataFrame(X, columns=list("abcX"))
INFINITE = np.where(X[0, 0] == X, np.inf, X)
SEVERAL = 1 - np.eye(3, dtype=int)[y]
WEIGHTS = np.ones(150)
QUICK = {"max_iter": 2, "hidden_layer_sizes": (4,), "n_members": 2}

# The training rows and labels, the validation rows, labels and weights, and the error.
FAULTS = {
    "infinity in an array": (X, y, INFINITE, y, None, r"X_val contains infinity.*column"),
    "infinity in a frame": (
        *(FRAME, y, pd.DataFrame(INFINITE, columns=list("abcX")), y, None),
        r"X_val contains infinity.*'a'",
    ),
    "missing values": (
        *(csr_array(X), y, csr_array(np.where(X > 5, np.nan, X)), y, None),
        "X_val contains NaN",
    ),
    "one dimension": (X, y, X[:, 0], y, None, r"Reshape your data with X_val\.resh"),
    "ragged rows": (X, y, [[1, 2], [3]], [0, 1], None, "X_val has rows of different lengths"),
    "fewer columns": (X, y, X[:, :3], y, None, "X_val has 3 features"),
    "other columns": (
        FRAME,
        y,
        FRAME.rename(columns={"X": "y"}),
        y,
        None,
        r"names.*- X\n.*X_val\[",
    ),
    "repeated columns": (
        *(FRAME, y, FRAME.rename(columns={"a": "b"}), y, None),
        r"X_val.*(unique|several)|should match.*X_val\[",
    ),
    "words for numbers": (FRAME, y, FRAME.assign(X="v"), y, None, "Column 'X' of X_val held"),
    "cells that name an argument": (
        *(FRAME, y, FRAME.assign(X="a y of X"), y, None),
        "Column 'X' of X_val held .* 'a y of X'",
    ),
    "lists in cells": (FRAME, y, FRAME.assign(X=[[1]] * 150), y, None, "Column 'X' of X_val"),
    "lazy rows": (X, y, pl.DataFrame(X).lazy(), y, None, r"X_val is a LazyFrame.*X_val\.collect"),
    "lengths": (X, y, X, y[:-1], None, "X_val, y_val.*inconsistent numbers of samples"),
    "a column's name": (FRAME, y, FRAME, "target", None, r'y_val must have a label.*df\["target"'),
    "other labels": (X, y, X, y + 1, None, r"y_val contains the labels \[3\]"),
    "labels named y": (X, y, X, ["X", "y", "z"] * 50, None, r"y_val .*\['X', 'y', 'z'\]"),
    "missing labels": (X, y, X, np.where(y, y, np.nan), None, "y_val contains NaN"),
    "masked labels": (X, y, X, np.ma.masked_equal(y, 1), None, "y_val has masked values"),
    "real numbers": (X, y, X, y + 0.5, None, r"continuous. y_val holds.*qcut\(y_val"),
    "mixed labels": (X, y, X, [1, "b"] * 75, None, r"y_val holds .*y_val\.astype\(str\)"),
    "fewer labels": (X, SEVERAL, X, SEVERAL[:, 1:], None, "y_val must have 3 labels a row"),
    "renamed labels": (
        *(X, pd.DataFrame(SEVERAL, columns=list("Xyz"))),
        *(X, pd.DataFrame(SEVERAL, columns=list("Xzy")), None),
        r"y_val has the columns \['X', 'z', 'y'\].*y_val\[net",
    ),
    "weights' length": (X, y, X, y, WEIGHTS[:9], "sample_weight_val must be.*inconsistent"),
    "negative weights": (X, y, X, y, -WEIGHTS, "sample_weight_val"),
    "weights of zero": (X, y, X, y, 0 * WEIGHTS, "sample_weight_val"),
    "masked weights": (X, y, X, y, np.ma.masked_equal(y, 1), "sample_weight_val has masked"),
    "missing weights": (X, y, X, y, np.nan * WEIGHTS, "sample_weight_val contains NaN"),
    "no labels": (X, y, X, None, None, "X_val and y_val go together"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_validation_rows_is_told_from_one_of_training_rows(fault):
    rows, labels, *validation, message = FAULTS[fault]
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}") as caught:
        DeepNetClassifier(**QUICK).fit(rows, labels, None, *validation)
    unquoted = re.sub(r"'[^']*'|\n- .*", "", str(caught.value))
    assert not re.search(r"\b(X|y|sample_weight)\b", unquoted)


def test_a_fault_of_the_training_rows_is_told_as_theirs():
    for kwargs, message in (
        ({"X": INFINITE, "y": y}, "X contains infinity"),
        ({"X": X, "y": y + 0.5}, "y holds real numbers"),
        ({"X": X, "y": y, "sample_weight": -WEIGHTS}, "sample_weight"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            DeepNetClassifier(**QUICK).fit(**kwargs, X_val=X, y_val=y, sample_weight_val=WEIGHTS)
        assert "_val" not in str(caught.value)
