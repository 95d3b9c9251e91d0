"""What ruins the training of other networks: here it ends finite, with one warning, or in an error.

Ends are those of each solver, or of all. ``plain``: a finite model without a warning. ``warns``: a
finite model with one ConvergenceWarning, which says what happened. ``error``: nothing finite was
ever reached, and the error says what to do.
"""

import re
import warnings

import numpy as np
import pytest
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from skdnn import DeepNetClassifier
from skdnn.core.activations import ACTIVATIONS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
y = (X[:, 0] + 0.5 * RNG.normal(size=200) > 0).astype(int)
SORTED = np.argsort(y)
PRIOR = log_loss(y, np.full(200, y.mean()))

# tol=0: an end at max_iter is no matter for a warning.
QUICK = {
    "hidden_layer_sizes": (16,),
    "n_members": 2,
    "max_iter": 15,
    "tol": 0,
    "random_state": 0,
}
RAW = {"encoder": "passthrough"}
WHAT_HAPPENED = "training diverged|far above that of class frequencies|L-BFGS found no step"
WHAT_TO_DO = "Scale (X|it)"


def exponential(logits, targets):
    signs = 2 * targets - 1
    with np.errstate(over="ignore"):
        values = np.exp(-signs * logits)
    return values.sum(axis=1), -signs * values


def infinite_far_out(logits, targets):
    values = np.logaddexp(0, logits) - targets * logits
    return np.where(np.abs(logits) > 10, np.inf, values).sum(axis=1), expit(logits) - targets


def undefined_far_out(logits, targets):
    values = (np.logaddexp(0, logits) - targets * logits).sum(axis=1)
    return values, np.where(np.abs(logits) > 5, np.nan, expit(logits) - targets)


EACH = ("adamw", "adam", "sgd", "gd", "lbfgs")
TABLE = {  # parameters, rows, arguments of fit, and the end for each solver
    "rate of 1e3": ({"learning_rate_init": 1e3}, X, {}, "warns warns warns warns plain"),
    "rate of 1e30": ({"learning_rate_init": 1e30}, X, {}, "warns warns warns warns plain"),
    "rate of 1e300": ({"learning_rate_init": 1e300}, X, {}, "warns warns warns warns plain"),
    "epsilon of 1e300": ({"epsilon": 1e300}, X, {}, "plain"),
    "penalty of 1e6": ({"alpha": 1e6}, X, {}, "plain plain warns warns plain"),
    "penalty of 1e300": ({"alpha": 1e300}, X, {}, "error warns warns warns warns"),
    "decay of 1e6": ({"weight_decay": 1e6}, X, {}, "warns warns warns warns plain"),
    "weights times 1e6": ({"init_scale": 1e6}, X, {}, "warns"),
    "weights times 1e30": ({"init_scale": 1e30}, X, {}, "error error error error warns"),
    "weights times 1e300": ({"init_scale": 1e300}, X, {}, "error"),
    "columns of 1e300": ({}, X * 1e300, {}, "plain"),
    "raw columns of 1e6": ({**RAW, "init_scale": 100}, X * 1e6, {}, "warns"),
    "raw columns of 1e30": (RAW, X * 1e30, {}, "warns"),
    "raw columns of 1e300": ({**RAW, "dtype": "float64"}, X * 1e300, {}, "error"),
    "float16": ({}, X.astype(np.float16), {}, "plain"),
    "float16, raw": (RAW, X.astype(np.float16), {}, "plain"),
    "equal columns": ({}, np.ones((200, 3)), {}, "plain"),
    "smoothing near 1": ({"label_smoothing": 1 - 1e-6}, X, {}, "plain"),
    "no smoothing": ({"label_smoothing": 0.0}, X, {}, "plain"),
    "one class in a batch": (
        {"shuffle": False, "batch_size": 5},
        X[SORTED],
        {"y": y[SORTED]},
        "plain",
    ),
    "class weights of 1e308": ({"class_weight": {0: 1e308, 1: 1e308}}, X, {}, "plain"),
    "loss that overflows": (
        {"loss": exponential, "learning_rate_init": 1e3},
        X,
        {},
        "warns warns warns warns plain",
    ),
    "infinite loss": ({"loss": infinite_far_out, "init_scale": 1e3}, X, {}, "error"),
    "undefined gradient": (
        {"loss": undefined_far_out, "learning_rate_init": 10.0},
        X,
        {},
        "warns warns warns warns plain",
    ),
}


def fit(params, rows, given):
    """Return the network and its warnings, other than of too few rows to hold out."""
    given = {"y": y, **given}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net = DeepNetClassifier(**{**QUICK, **params}).fit(rows, **given)
    return net, [item for item in caught if "too few distinct rows" not in str(item.message)]


def check_end(end, params, rows, given):
    if end == "error":
        with pytest.raises(ValueError, match=WHAT_TO_DO):
            fit(params, rows, given)
        return
    net, caught = fit(params, rows, given)
    assert len(caught) == (end == "warns"), [str(item.message) for item in caught]
    for item in caught:
        assert item.category is ConvergenceWarning
        assert re.search(WHAT_HAPPENED, str(item.message))
    probabilities = net.predict_proba(rows)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    for values in (net.decision_function(rows), net.predict_log_proba(rows), *net.coefs_):
        assert np.isfinite(values).all()
    assert log_loss(given.get("y", y), probabilities) < PRIOR + 0.1


@pytest.mark.parametrize("solver", EACH)
@pytest.mark.parametrize("case", TABLE)
def test_training_ends_finite_or_says_why_not(case, solver):
    params, rows, given, ends = TABLE[case]
    ends = (
        dict.fromkeys(EACH, ends) if " " not in ends else dict(zip(EACH, ends.split(), strict=True))
    )
    check_end(ends[solver], {"solver": solver, **params}, rows, given)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_survives_a_huge_rate_and_huge_weights(activation):
    for params in ({"learning_rate_init": 1e3}, {"init_scale": 1e12}):
        check_end("warns", {"activation": activation, **params}, X, {})


@pytest.mark.parametrize("solver", EACH)
def test_weights_of_any_size_train_a_finite_model(solver):
    weights = 10.0 ** RNG.permutation(np.linspace(-300, 300, 200))
    net, caught = fit({"solver": solver}, X, {"sample_weight": weights})
    assert caught == []
    assert np.isfinite(net.predict_log_proba(X)).all()


@pytest.mark.parametrize("solver", EACH)
def test_without_validation_rows_a_loss_far_above_the_class_frequencies_is_a_warning_too(solver):
    params = {"solver": solver, "early_stopping": False, "init_scale": 1e6}
    net, (warning,) = fit(params, X, {})
    assert "far above that of class frequencies" in str(warning.message)
    assert np.isfinite(net.predict_proba(X)).all()
    assert f"a loss of {np.nanmax(net.member_loss_curves_[:, -1]):.3g}" in str(warning.message)


def test_a_penalty_is_no_loss_far_above_the_class_frequencies():
    params = {"early_stopping": False, "alpha": 1e4, "learning_rate_init": 1e-6}
    net, caught = fit(params, X, {})
    assert caught == []
    assert net.loss_ > 100


def test_one_warning_is_enough():
    params = {"solver": "sgd", "learning_rate_init": 1e30, "tol": 1e-4}
    _, (warning,) = fit(params, X, {})
    assert "training diverged" in str(warning.message)
