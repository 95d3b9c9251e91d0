from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csr_array
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from skdnn import DeepNetClassifier

X, y = load_iris(return_X_y=True)
FRAME = pd.DataFrame(X, columns=list("abcd"))
INFINITE = np.where(X[3, 2] == X, np.inf, X)
GAPPY = np.where(np.arange(4) == 1, np.where(X > 3, X, np.nan), X)
QUICK = {"max_iter": 2, "hidden_layer_sizes": (4,), "n_members": 2, "random_state": 0}

BAD_FITS = {
    "no rows": (X[:0], y[:0], {}, "0 sample"),
    "no columns": (X[:, :0], y, {}, "0 feature"),
    "one class": (X[:50], y[:50], {}, r"1 class \(0\)"),
    "one row": (X[:1], y[:1], {}, "1 class"),
    "infinite": (INFINITE, y, {}, "infinity"),
    "infinite in a frame": (pd.DataFrame(INFINITE).add_prefix("c"), y, {}, "infinity.*c2"),
    "infinite in sparse rows": (csr_array(INFINITE), y, {}, r"infinity .*column\(s\) \[.*2"),
    "missing values in sparse rows": (csr_array(GAPPY), y, {}, r"NaN in column\(s\) \[1\].* dense"),
    "missing values in y": (X, np.where(y == 0, np.nan, y), {}, "NaN"),
    "None in y": (X, np.where(y == 0, None, y), {}, "NaN or None in 50 of 150"),
    "NA in y": (X, pd.Series(y, dtype="Int64").mask(y == 0), {}, "NaN or None"),
    "y is None": (X, None, {}, "y"),
    "continuous y": (X, y + 0.5, {}, "Unknown label type"),
    "lengths differ": (X, y[:-1], {}, r"inconsistent numbers of samples"),
    "weights differ in length": (X, y, {"sample_weight": [1.0]}, "inconsistent numbers of samples"),
    "negative weights": (X, y, {"sample_weight": -np.ones(150)}, "[Nn]egative"),
    "weights beyond float64": (
        X,
        y,
        {"sample_weight": [10**400] * 150},
        "weight.*too large",
    ),
    "groups of several values": (
        X,
        y,
        {"groups": [[1], [1, 2]] * 75},
        "groups must have one value",
    ),
    "zero weights": (X, y, {"sample_weight": np.zeros(150)}, "zero"),
    "missing values in weights": (X, y, {"sample_weight": np.full(150, np.nan)}, "NaN"),
    "one-dimensional X": (X[:, 0], y, {}, "Reshape your data"),
    "ragged lists": ([[1, 2], [3]] * 5, [0, 1] * 5, {}, "inhomogeneous|different lengths"),
    "complex": (X + 1j, y, {}, "Complex data not supported"),
    "cells that are lists": (
        pd.DataFrame({"a": [[1, 2]] * 150, "b": X[:, 0]}),
        y,
        {},
        "'a'.*list",
    ),
    "columns of one name": (
        pd.DataFrame(X, columns=list("aabc")),
        y,
        {},
        "several columns named",
    ),
    "other columns to validate on": (
        FRAME,
        y,
        {"X_val": FRAME[["b", "a", "c", "d"]], "y_val": y},
        "feature names",
    ),
    "other labels to validate on": (X, y, {"X_val": X, "y_val": y + 1}, r"labels \[3\]"),
    "fewer labels a row to validate on": (
        X,
        1 - np.eye(3, dtype=int)[y],
        {"X_val": X, "y_val": np.eye(2, dtype=int)[y % 2]},
        "3 labels a row, as in fit, but has 2",
    ),
    "a frame without columns": (FRAME[[]], y, {}, "0 feature"),
    "missing values in groups": (
        X,
        y,
        {"groups": np.where(y == 1, None, "a")},
        "groups .*NaN or None in 50",
    ),
    "several groups a row": (X, y, {"groups": X}, r"groups must have one value a row.*\(150, 4\)"),
}


@pytest.mark.parametrize("kind", [np.asarray, csr_array, coo_array, list, pd.DataFrame])
def test_missing_values_that_nothing_encodes_are_refused_with_their_columns_and_advice(kind):
    net = DeepNetClassifier(**QUICK, encoder="passthrough")
    with pytest.raises(ValueError, match=r"X contains NaN in column\(s\) \[1\].*SimpleImputer"):
        net.fit(kind(GAPPY), y)
    with pytest.raises(ValueError, match=r"X contains NaN in column\(s\) \[1\]"):
        net.fit(X, y).predict(kind(GAPPY))


@pytest.mark.parametrize("case", BAD_FITS)
def test_bad_input_to_fit_names_its_cause_and_leaves_nothing_half_fitted(case):
    rows, labels, kwargs, message = BAD_FITS[case]
    net = DeepNetClassifier(**QUICK)
    before = dict(vars(net))
    with pytest.raises((ValueError, TypeError), match=message):
        net.fit(rows, labels, **kwargs)
    assert vars(net) == before
    with pytest.raises(NotFittedError):
        net.predict(X)


@pytest.mark.parametrize("case", BAD_FITS)
def test_a_failed_fit_leaves_a_fitted_estimator_as_it_was(case):
    rows, labels, kwargs, message = BAD_FITS[case]
    net = DeepNetClassifier(**QUICK).fit(X, y)
    expected = net.predict_proba(X)
    with pytest.raises((ValueError, TypeError), match=message):
        net.fit(rows, labels, **kwargs)
    np.testing.assert_array_equal(net.predict_proba(X), expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("solver", "adamm"),
        ("activation", "reluu"),
        ("activation", ["relu", "tanh"]),
        ("hidden_layer_sizes", (0,)),
        ("hidden_layer_sizes", (2.5,)),
        ("hidden_layer_sizes", "big"),
        ("alpha", -1),
        ("batch_size", 0),
        ("learning_rate", "fast"),
        ("learning_rate_init", 0),
        ("max_iter", 0),
        ("momentum", 2),
        ("dropout", 1.0),
        ("weight_decay", -0.1),
        ("label_smoothing", 1),
        ("max_grad_norm", 0),
        ("validation_fraction", 1.0),
        ("n_members", 0),
        ("init", "xavier"),
        ("init_scale", -1),
        ("encoder", "onehot"),
        ("dtype", "float16"),
        ("class_weight", "heavy"),
        ("cv", "five"),
        ("tol", -1e-4),
        ("n_jobs", 1.5),
    ],
)
def test_a_bad_parameter_is_named_with_its_value_and_what_is_allowed(name, value):
    net = DeepNetClassifier(**{**QUICK, name: value})
    with pytest.raises(ValueError, match=name) as caught:
        net.fit(X, y)
    assert repr(value) in str(caught.value)
    assert not hasattr(net, "classes_")


@pytest.mark.parametrize("name", ["dropout", "input_dropout"])
def test_dropout_and_lbfgs_contradict_each_other(name):
    with pytest.raises(ValueError, match=rf"solver='lbfgs'.*{name}=0\.5"):
        DeepNetClassifier(solver="lbfgs", **{name: 0.5}).fit(X, y)


def test_sparse_rows_have_no_input_dropout():
    with pytest.raises(ValueError, match=r"input_dropout=0\.5 needs dense rows"):
        DeepNetClassifier(**QUICK, input_dropout=0.5).fit(csr_array(X), y)


@pytest.mark.parametrize("shape", [(3, 4), (4, 5)])
def test_starting_weights_of_a_wrong_shape_are_refused(shape):
    net = DeepNetClassifier(
        **QUICK, encoder="passthrough", coefs_init=[np.zeros(shape), np.zeros((4, 3))]
    )
    with pytest.raises(ValueError, match=r"coefs_init\[0\] must have the shape \(4, 4\)"):
        net.fit(X, y)


def test_starting_weights_of_a_wrong_number_are_refused():
    with pytest.raises(ValueError, match="intercepts_init must have 2 arrays"):
        DeepNetClassifier(**QUICK, intercepts_init=[np.zeros(4)]).fit(X, y)


def test_a_wrong_column_set_is_refused_when_predicting():
    net = DeepNetClassifier(**QUICK).fit(FRAME, y)
    for wrong in (FRAME[["b", "a", "c", "d"]], FRAME[["a", "b"]], FRAME.rename(columns={"a": "z"})):
        with pytest.raises(ValueError, match="feature names should match"):
            net.predict(wrong)
    with pytest.raises(ValueError, match="expecting 4 features"):
        DeepNetClassifier(**QUICK).fit(X, y).predict(X[:, :3])


def test_missing_values_are_refused_by_the_encoder_that_passes_numbers_through():
    gap = X.copy()
    gap[0, 0] = np.nan
    net = DeepNetClassifier(**QUICK, encoder="passthrough")
    with pytest.raises(ValueError, match="NaN"):
        net.fit(gap, y)


def test_outputs_that_overflow_are_an_error_and_never_nan():
    net = DeepNetClassifier(**QUICK, encoder="passthrough", dtype="float64").fit(X, y)
    signs = np.array(list(product([1, -1], repeat=4)))  # some row drives each unit far above zero
    with pytest.raises(ValueError, match="outputs overflow"):
        net.predict_proba(1.7e308 * signs)
