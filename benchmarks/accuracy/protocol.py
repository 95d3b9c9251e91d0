"""What every model is given, and what it is judged by.

A split is 75 % of the rows for training and 25 % for testing, stratified, without the rows of
classes that have fewer than eight. Of more rows than the caps allow a random part is taken, which
keeps up to four training rows of every class. The number of a split decides all that is random.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedShuffleSplit

FEWEST_ROWS_OF_A_CLASS = 8
KEPT_ROWS_OF_A_CLASS = 4
FIRST_SEED = 100  # of the shuffle of split 0
SMALLEST_PROBABILITY = 1e-7
N_BINS = 15


class Caps(NamedTuple):
    """How many rows a split has at most."""

    n_train: int = 5_000
    n_test: int = 20_000


class Parts(NamedTuple):
    """A split of a table: frames of features and series of labels."""

    X_train: object
    y_train: object
    X_test: object
    y_test: object

    def facts(self):
        """Return the numbers of training rows, of columns and of classes."""
        n_rows, n_columns = self.X_train.shape
        return {"n": n_rows, "p": n_columns, "k": int(self.y_train.nunique())}


def read_table(path):
    """Return the features and the labels, as texts, of a Parquet file with a column "target"."""
    import pandas as pd

    frame = pd.read_parquet(path)
    return frame, frame.pop("target").astype(str)


def find_tables(folder, names=()):
    """Return the Parquet files of a folder by name, all of them or those that are named.

    Raises
    ------
    FileNotFoundError
        If the folder does not have one of the names, or none at all.
    """
    paths = {path.stem: path for path in sorted(Path(folder).glob("*.parquet"))}
    unknown = sorted(set(names) - paths.keys())
    if unknown or not paths:
        raise FileNotFoundError(
            f"{folder} has the tables {sorted(paths)}, not {unknown or 'any'}. A table is a file "
            "NAME.parquet with its labels in the column 'target'."
        )
    return {name: paths[name] for name in names or paths}


def split(X, y, number, caps=Caps()):  # noqa: B008 - a tuple cannot be changed
    """Return the Parts of a split."""
    is_kept = y.map(y.value_counts()) >= FEWEST_ROWS_OF_A_CLASS
    X, y = X[is_kept], y[is_kept]
    shuffle = StratifiedShuffleSplit(1, test_size=0.25, random_state=FIRST_SEED + number)
    train, test = next(shuffle.split(X, y))
    rng = np.random.default_rng(number)
    if len(train) > caps.n_train:
        train = _cap_training(train, y.to_numpy()[train], caps.n_train, rng)
    if len(test) > caps.n_test:
        test = rng.choice(test, caps.n_test, replace=False)
    rows = (train, train, test, test)
    parts = (part.iloc[i] for part, i in zip((X, y, X, y), rows, strict=True))
    return Parts(*(part.reset_index(drop=True) for part in parts))


def _cap_training(train, labels, n_rows, rng):
    some_of_each = [
        rng.permutation(train[labels == label])[:KEPT_ROWS_OF_A_CLASS]
        for label in np.unique(labels)
    ]
    first = np.concatenate(some_of_each)
    others = rng.permutation(np.setdiff1d(train, first))
    train = np.r_[first, others[: n_rows - len(first)]]
    rng.shuffle(train)
    return train


def scores(proba, classes, y):
    """Return the scores of probabilities (n_rows, n_classes), given the true labels.

    Raises
    ------
    ValueError
        If a probability is not finite.
    """
    proba = np.asarray(proba, dtype=float)
    if not np.isfinite(proba).all():
        raise ValueError("predict_proba returned values that are not finite")
    columns = {label: i for i, label in enumerate(np.asarray(classes).astype(str))}
    truth = np.array([columns[label] for label in y])
    proba = np.clip(proba, SMALLEST_PROBABILITY, 1)
    proba /= proba.sum(axis=1, keepdims=True)
    found = {
        "logloss": float(-np.log(proba[np.arange(len(truth)), truth]).mean()),
        "acc": float((proba.argmax(axis=1) == truth).mean()),
        "auc": _area_under_curve(proba, truth),
    }
    if len(columns) == 2:
        found["ece"] = calibration_error(proba[:, 1], truth)
    return found


def _area_under_curve(proba, truth):
    """Return the mean over classes of each against the rest; of two classes they are equal."""
    if proba.shape[1] == 2:
        return float(roc_auc_score(truth, proba[:, 1]))
    present = [k for k in range(proba.shape[1]) if 0 < (truth == k).sum() < len(truth)]
    return float(np.mean([roc_auc_score(truth == k, proba[:, k]) for k in present]))


def calibration_error(proba, truth, n_bins=N_BINS):
    """Return the expected calibration error over bins of equally many rows.

    Parameters
    ----------
    proba, truth : ndarray of shape (n_rows,)
        The probability of class 1, and 1 where this is the class.
    n_bins : int
        The rows, sorted by probability, are cut into so many parts.

    Returns
    -------
    float
        The mean over rows of ``|share of class 1 - mean probability|`` of a row's bin.
    """
    order = np.argsort(proba, kind="stable")
    gaps = (truth[order] - proba[order]).astype(float)
    bins = np.array_split(gaps, min(n_bins, len(gaps)))
    return float(sum(abs(gap.sum()) for gap in bins) / len(gaps))
