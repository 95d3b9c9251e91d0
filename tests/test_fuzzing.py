"""Junk in every argument: an answer of finite numbers, or one of the documented errors."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from every_type import POOL, WORDS
from hypothesis import given
from hypothesis import strategies as st
from random_tables import KINDS, SMALL, tables

from skdnn import DeepNetClassifier, TableEncoder
from skdnn.estimator.parameters import CONSTRAINTS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
# InvalidParameterError and NotFittedError are ValueErrors. A string as X is the path of a file.
DOCUMENTED = (ValueError, TypeError, FileNotFoundError)
QUICK = {**SMALL, "max_iter": 1, "n_members": 1}

numbers = st.one_of(
    st.floats(), st.integers(-5, 5), st.integers(), st.floats(width=16), st.booleans()
)
cells = st.one_of(
    numbers,
    st.text(max_size=5),
    st.sampled_from(WORDS),
    st.sampled_from(POOL),
    st.binary(max_size=3),
)


@st.composite
def columns(draw, n_rows):
    """Return the cells of a column: of few values, of any values, or of a usual kind."""
    how = draw(st.integers(0, 2))
    if how == 0:
        few = draw(st.lists(cells, min_size=1, max_size=3))
        return [
            few[place]
            for place in draw(
                st.lists(st.integers(0, len(few) - 1), min_size=n_rows, max_size=n_rows)
            )
        ]
    if how == 1:
        return draw(st.lists(cells, min_size=n_rows, max_size=n_rows))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return KINDS[draw(st.sampled_from(sorted(KINDS)))](rng, n_rows).tolist()


def as_objects(rows):
    array = np.empty((len(rows), len(rows[0]) if rows else 0), object)
    for place, row in enumerate(rows):
        for column, cell in enumerate(row):
            array[place, column] = cell
    return array


def as_numbers(rows):
    def number(cell):
        is_number = isinstance(cell, float) or (isinstance(cell, int) and abs(cell) < 2**70)
        return float(cell) if is_number else 0.5

    return [[number(cell) for cell in row] for row in rows]


CONTAINERS = {
    "list": lambda rows: rows,
    "tuple": lambda rows: tuple(map(tuple, rows)),
    "objects": as_objects,
    "frame": lambda rows: pd.DataFrame(as_objects(rows)),
    "named frame": lambda rows: pd.DataFrame(as_objects(rows)).add_prefix("c"),
    "inferred frame": lambda rows: pd.DataFrame(as_objects(rows)).add_prefix("c").infer_objects(),
    "dicts": lambda rows: [{f"c{place}": cell for place, cell in enumerate(row)} for row in rows],
    "floats": lambda rows: np.array(as_numbers(rows), float),
    "float16": lambda rows: np.array(as_numbers(rows), float).astype(np.float16),
    "sparse": lambda rows: sp.csr_array(np.array(as_numbers(rows), float)),
    "ragged": lambda rows: [row[: 1 + place % 2] for place, row in enumerate(rows)],
    "flat": lambda rows: [row[0] for row in rows],
    "deep": lambda rows: [[[cell] for cell in row] for row in rows],
    "few": lambda rows: rows[:-1],
    "none": lambda rows: None,
    "text": lambda rows: "rows",
    "generator": lambda rows: (row for row in rows),
    "scalar": lambda rows: 3,
}


@st.composite
def junk_rows(draw):
    """Return rows of cells, and labels for them."""
    n_rows, n_columns = draw(st.integers(2, 14)), draw(st.integers(1, 3))
    by_column = [draw(columns(n_rows)) for _ in range(n_columns)]
    return [list(row) for row in zip(*by_column, strict=True)]


def usual_labels(rows):
    return np.arange(len(rows)) % 2


def quietly(function, *args, **kwargs):
    """Return what a function returns, or None after a documented error."""
    try:
        return function(*args, **kwargs)
    except DOCUMENTED:
        return None


def predicts_or_refuses(net, *tables):
    """Return whether the probabilities of all tables that are not refused are finite, of sum 1."""
    found = [quietly(net.predict_proba, table) for table in tables]
    found = [proba for proba in found if proba is not None]
    are_exclusive = net.classes_.ndim == 1 and net.out_activation_ == "softmax"
    return all(np.isfinite(proba).all() for proba in found) and (
        not are_exclusive or all(np.allclose(proba.sum(axis=1), 1) for proba in found)
    )


def test_usual_rows_are_not_refused():
    rows = [[float(place), str(place % 3), None] for place in range(20)]
    for kind in ("list", "tuple", "objects", "frame", "named frame", "dicts", "floats", "sparse"):
        X = CONTAINERS[kind](rows)
        net = DeepNetClassifier(**QUICK).fit(X, usual_labels(rows))
        assert np.isfinite(net.predict_proba(X)).all(), kind


@given(
    junk_rows(),
    junk_rows(),
    st.sampled_from(sorted(CONTAINERS)),
    st.sampled_from(sorted(CONTAINERS)),
)
def test_junk_rows_are_refused_or_predicted(rows, others, kind, other_kind):
    make, make_other = CONTAINERS[kind], CONTAINERS[other_kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy and pandas, as the containers are made
        X, same, other = (
            quietly(f, r) for f, r in ((make, rows), (make, rows), (make_other, others))
        )
    net = quietly(DeepNetClassifier(**QUICK).fit, X, usual_labels(rows))
    assert net is None or predicts_or_refuses(net, same, other)


@given(junk_rows(), junk_rows(), st.sampled_from(sorted(CONTAINERS)), st.data())
def test_the_encoder_refuses_junk_or_returns_finite_numbers(rows, others, kind, data):
    params = {
        name: data.draw(st.sampled_from(values))
        for name, values in {
            "max_categories": [64, 1, 2],
            "min_frequency": ["auto", 0.3],
            "n_bins": ["auto", 0, 2],
            "parse_strings": [True, False],
            "drop_identifiers": ["auto", True, False],
            "drop_constants": [True, False],
        }.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X, same, other = (quietly(CONTAINERS[kind], r) for r in (rows, rows, others))
    encoder = quietly(TableEncoder(**params).fit, X, usual_labels(rows))
    for table in (same, other) if encoder is not None else ():
        encoded = quietly(encoder.transform, table)
        if encoded is not None:
            encoded = encoded.toarray() if sp.issparse(encoded) else encoded
            assert np.isfinite(encoded).all()
            assert encoded.shape == (
                len(table) if not sp.issparse(table) else table.shape[0],
                len(encoder.get_feature_names_out()),
            )


LABELS = st.one_of(
    st.lists(cells, max_size=20),
    st.lists(st.sampled_from([0, 1]), min_size=20, max_size=20),
    st.lists(st.sampled_from(POOL), min_size=20, max_size=20),
    st.lists(st.sampled_from(["a", "b", 1, None, np.nan]), min_size=20, max_size=20),
    st.lists(
        st.lists(st.sampled_from([0, 1, 2]), min_size=2, max_size=2), min_size=20, max_size=20
    ),
    st.sampled_from(
        [
            None,
            "y",
            3,
            np.zeros((20, 0)),
            np.zeros((20, 2, 2)),
            sp.csr_array(np.eye(20)),
            {},
            {"a": 1},
        ]
    ),
)
WEIGHTS = st.one_of(
    st.none(),
    st.lists(st.floats(0, allow_infinity=False, allow_nan=False), min_size=20, max_size=20),
    st.lists(cells, min_size=20, max_size=20),
    st.sampled_from([1.0, "w", [], np.ones((20, 2)), np.full(20, np.inf), np.zeros(20)]),
)


@given(
    st.sampled_from(["y", "sample_weight", "groups", "y_val", "sample_weight_val", "X_val"]),
    LABELS,
    WEIGHTS,
)
def test_junk_labels_and_weights_are_refused_or_trained_on(which, labels, weights):
    rows = np.random.default_rng(0).normal(size=(20, 2))
    passed = {"y": usual_labels(rows)}
    if which.endswith("val"):
        passed |= {"X_val": rows, "y_val": usual_labels(rows)}
    passed[which] = weights if "weight" in which else labels
    net = quietly(DeepNetClassifier(**QUICK).fit, rows, **passed)
    if net is not None:
        assert predicts_or_refuses(net, rows)
        score = quietly(net.score, rows, labels)
        assert score is None or 0 <= score <= 1


ODD = [
    None, True, False, 0, 1, 2, -1, 0.0, 0.5, 1.0, 3.0, 1e-300, 1e300, -0.5, np.nan, np.inf, 1j,
    "auto", "", "relu", "balanced", "adamw", "lbfgs", "accuracy", "roc_auc", "log_loss", "float64",
    "input", "passthrough", b"auto", [], (), [3], [3, 2], [0], [-1], [2.5], ["tanh"], [None], {},
    {0: 1}, {0: 1e308, 1: 1e-308}, {0: np.nan}, set(), object(), len, print, iter([1]), -np.inf,
    np.float32(0.5), np.int8(3), np.bool_(1), np.array(2), np.array([4, 4]), np.ones((2, 2)),
    [np.ones((2, 3)), np.ones((3, 1))], [([0, 1, 2], [3, 4]), ([3, 4], [0, 1])],
    TableEncoder(), TableEncoder, np.random.RandomState(0), ["relu", "relu"],
]  # fmt: skip


# Numbers of networks, layers, epochs and threads: more would take long, which is no fault.
SIZES = {"max_iter", "n_members", "batch_size", "max_fun", "n_iter_no_change", "n_jobs", "cv"}
EDGES = [0, 1e-300, 1e-16, 0.5, 1 - 1e-16, 1, 1.0, 2, 1e16, 1e300, np.inf, None]


def edge_values(name):
    """Return values near those that a parameter may take."""
    options = [option for each in CONSTRAINTS[name] for option in getattr(each, "options", ())]
    if name in ("hidden_layer_sizes", "activation", "random_state", "verbose"):
        return [*options, 3, (), (2, 3)]
    return [*options, *([1, 2, 3, -1, None] if name in SIZES else EDGES), True, False]


@st.composite
def odd_parameters(draw):
    names = draw(st.lists(st.sampled_from(sorted(CONSTRAINTS)), min_size=1, max_size=4))
    is_wild = draw(st.sampled_from([False, False, True]))
    values = {name: st.sampled_from(edge_values(name)) for name in names}
    if is_wild:
        values[names[0]] = st.sampled_from(ODD)
    return {name: draw(value) for name, value in values.items()}


@given(odd_parameters(), tables(["numbers", "strings"]))
def test_odd_parameters_are_refused_or_trained_with(odd, table):
    net = quietly(DeepNetClassifier(**{**QUICK, **odd}).fit, table.X, table.y)
    if net is not None:
        assert predicts_or_refuses(net, table.X)
        assert net.summary().n_parameters > 0
        assert repr(net).startswith("DeepNetClassifier(")
