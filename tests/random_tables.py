"""Random tables that can be trained on, and random parameters that make small networks."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from hypothesis import strategies as st

WORDS = np.array(["north", "south", "east", "west", "", "né", "x y", "unknown"], object)


def with_missing(rng, values):
    missing = rng.random(len(values)) < rng.choice([0, 0, 0.2])
    return pd.Series(values).mask(missing) if missing.any() else pd.Series(values)


KINDS = {
    "numbers": lambda rng, n: with_missing(rng, rng.normal(size=n)),
    "few numbers": lambda rng, n: with_missing(rng, rng.choice([-1.5, 0.0, 0.25, 7.0], n)),
    "integers": lambda rng, n: pd.Series(rng.integers(0, 5, n)),
    "nullable integers": lambda rng, n: with_missing(rng, rng.integers(0, 9, n)).astype("Int64"),
    "huge numbers": lambda rng, n: pd.Series(rng.normal(size=n) * 10.0 ** rng.integers(300)),
    "tiny numbers": lambda rng, n: pd.Series(rng.normal(size=n) * 10.0 ** -rng.integers(300)),
    "long tails": lambda rng, n: pd.Series(np.sinh(9 * rng.normal(size=n))),
    "constant": lambda rng, n: pd.Series(np.full(n, 3.0)),
    "missing": lambda rng, n: pd.Series(np.full(n, np.nan)),
    "booleans": lambda rng, n: pd.Series(rng.random(n) < 0.4),
    "strings": lambda rng, n: with_missing(rng, rng.choice(WORDS, n)),
    "many strings": lambda rng, n: pd.Series([f"k{v}" for v in rng.integers(0, n, n)]),
    "categories": lambda rng, n: pd.Series(pd.Categorical(rng.choice(WORDS[:3], n))),
    "dates": lambda rng, n: with_missing(
        rng, pd.Timestamp("2024-02-27") + pd.to_timedelta(rng.integers(0, 10**6, n), "min")
    ),
}
NUMBERS = ["numbers", "few numbers", "huge numbers", "tiny numbers", "long tails"]
LABELS = (
    np.arange(4),
    np.array([-3, 0, 7, 2**40]),
    np.array([0.0, 1.0, 5.0, 6.0]),
    np.array(["", "B", "a", "é"]),
    np.array(["", "B", "a", "é"], object),
)
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}


class Table(NamedTuple):
    """A frame, the numbers of the classes, and a generator for what is done with them."""

    X: pd.DataFrame
    y: np.ndarray
    rng: np.random.Generator


@st.composite
def tables(draw, kinds=tuple(KINDS), min_columns=1):
    """Return a Table of rows that are drawn from fewer ones, so that some are equal."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = draw(st.lists(st.sampled_from(kinds), min_size=min_columns, max_size=4))
    n_rows, n_classes = draw(st.integers(8, 60)), draw(st.integers(2, 4))
    columns = [KINDS[name](rng, n_rows) for name in names]
    frame = pd.DataFrame({f"c{place}": column for place, column in enumerate(columns)})
    rows = rng.integers(0, n_rows, n_rows) if draw(st.booleans()) else np.arange(n_rows)
    y = rng.integers(0, n_classes, n_rows)
    y[:n_classes] = np.arange(n_classes)
    return Table(frame.iloc[rows].reset_index(drop=True), y, rng)


@st.composite
def parameters(draw):
    """Return valid parameters of a small network that is trained for two epochs."""
    solver = draw(st.sampled_from(["adamw", "adamw", "adam", "sgd", "gd", "lbfgs"]))
    choices = {
        "n_members": [1, 2, 3],
        "early_stopping": [True, True, False],
        "class_weight": [None, "balanced", {0: 0.1, 1: 3}],
        "scoring": [None, None, "accuracy"],
        "dtype": ["float32", "float64"],
        "activation": ["relu", "silu", "tanh"],
        "loss": ["log_loss"],
        "target_statistics": ["auto", 1, None],
        "max_grad_norm": [None, 1.0],
        "alpha": [0.0, 1.0],
    }
    if solver != "lbfgs":
        choices["dropout"] = choices["label_smoothing"] = ["auto", 0.2]
    drawn = {name: draw(st.sampled_from(values)) for name, values in choices.items()}
    return {**SMALL, "solver": solver, **drawn}
