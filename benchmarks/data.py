"""What the cases are run on: made here, or read from files that the user names."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder

N_PIXELS, N_DIGITS = 784, 10
MOST_ROWS = 5_000  # of a public table
FEWEST_ROWS_OF_A_CLASS = 8
BUNDLED = {
    "iris": load_iris,
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
    "wine": load_wine,
}


class Sources(NamedTuple):
    """Where data come from."""

    mnist: str | None = None  # an .npz with X_train and y_train; None makes pictures of noise
    tables: str | None = None  # a folder of .parquet files; None takes what scikit-learn bundles
    n_tables: int = 12


def pictures(n_rows, path=None):
    """Return MNIST, or noise of its shape, in which no number is zero."""
    if path is None:
        return columns(n_rows, N_PIXELS, N_DIGITS, np.random.Generator.random)
    with np.load(path) as file:
        X, y = file["X_train"], file["y_train"]
    rows = np.arange(n_rows) % len(X)
    return X[rows].astype(np.float32) / 255, y[rows].astype(np.int64)


def columns(n_rows, n_columns, n_classes, draw=np.random.Generator.standard_normal):
    """Return float32 rows, and as classes the largest of a few linear functions."""
    rng = np.random.default_rng(0)
    X = draw(rng, (n_rows, n_columns), dtype=np.float32)
    weights = rng.standard_normal((n_columns, n_classes), dtype=np.float32)
    scores = X @ weights
    scores -= scores.mean(axis=0)  # or pixels, which have no negative values, favor a class
    return X, scores.argmax(axis=1)


def mixed_frame(n_rows, n_numbers=10, n_categories=5):
    """Return a frame with columns of numbers and of categories, and two classes."""
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        rng.standard_normal((n_rows, n_numbers)), columns=[f"x{i}" for i in range(n_numbers)]
    )
    codes = rng.integers(0, 8, (n_rows, n_categories))
    for i in range(n_categories):
        frame[f"c{i}"] = pd.Categorical.from_codes(codes[:, i], list("abcdefgh"))
    return frame, (frame["x0"] + (codes[:, 0] < 4) > 0.5).astype(int).to_numpy()


def table_names(sources):
    """Return the names of the public tables, evenly spread over the alphabet if not all."""
    names = sorted(BUNDLED)
    if sources.tables is not None:
        names = sorted(path.stem for path in Path(sources.tables).glob("*.parquet"))
    n_chosen = min(sources.n_tables, len(names))
    return [names[i * len(names) // n_chosen] for i in range(n_chosen)]


def table(name, sources):
    """Return at most 5,000 training rows of a public table, and its classes as numbers."""
    if sources.tables is None:
        X, y = BUNDLED[name](return_X_y=True, as_frame=True)
    else:
        import pandas as pd

        X = pd.read_parquet(Path(sources.tables) / f"{name}.parquet")
        y = X.pop("target").astype(str)
    kept = y.map(y.value_counts()) >= FEWEST_ROWS_OF_A_CLASS
    X, y = X[kept], LabelEncoder().fit_transform(y[kept])
    n_train = min(MOST_ROWS, len(y) * 3 // 4)
    X, _, y, _ = train_test_split(X, y, train_size=n_train, stratify=y, random_state=0)
    return X.reset_index(drop=True), y
