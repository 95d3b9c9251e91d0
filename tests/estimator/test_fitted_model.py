"""What fit learns is computed first and assigned once: no call leaves half of it."""

import ast
import copy
import importlib.util
import pickle
import re
import threading

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from test_architecture import SOURCES, tree_of

from skdnn import DeepNetClassifier
from skdnn.estimator.fitted_model import fitted_model

N_ROWS = 300
QUICK = {"hidden_layer_sizes": (8,), "n_members": 2, "max_iter": 3, "n_jobs": 1, "random_state": 0}


def table(seed=0, n_rows=N_ROWS):
    """Return a frame with a column of more than 30 categories, and labels that depend on it."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 60, n_rows)
    frame = pd.DataFrame(
        {
            "shop": pd.Series([f"shop {code}" for code in codes], dtype=object),
            "color": pd.Series(rng.choice(["red", "blue"], n_rows), dtype=object),
            "size": rng.normal(size=n_rows),
        }
    )
    effect = np.random.default_rng(seed + 7).normal(size=60)
    return frame, (effect[codes] + frame["size"].to_numpy() > 0).astype(int)


X, y = table()
OTHER_X, OTHER_Y = table(1)


def fitted(**params):
    return DeepNetClassifier(**{**QUICK, **params}).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_nothing_of_an_earlier_fit_is_left():
    again = fitted().set_params(early_stopping=False).fit(X[["size"]].to_numpy(), y)
    fresh = DeepNetClassifier(**QUICK, early_stopping=False).fit(X[["size"]].to_numpy(), y)
    assert vars(again).keys() == vars(fresh).keys()
    assert vars(fitted()).keys() - vars(fresh).keys() >= {"feature_names_in_"}


class LateLoss:
    """A custom loss that raises after so many calls."""

    def __init__(self, calls, error=RuntimeError):
        self.calls, self.error = calls, error

    def __call__(self, logits, targets):
        self.calls -= 1
        if self.calls < 0:
            raise self.error("no more")
        return np.logaddexp(0, logits) - targets * logits, 1 / (1 + np.exp(-logits)) - targets


class BrokenEncoder(TransformerMixin, BaseEstimator):
    """An encoder that cannot be fitted, or not be applied."""

    def __init__(self, when="fit"):
        self.when = when

    def fit(self, X, y=None):
        if self.when == "fit":
            raise RuntimeError("no encoder")
        return self

    def transform(self, X):
        raise RuntimeError("no encoder")


def broken_scorer(estimator, X, y, sample_weight=None):
    raise RuntimeError("no score")


class BrokenCallback:
    """A callback that raises after an epoch."""

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        raise RuntimeError("full disk")


def nan_labels():
    labels = OTHER_Y.astype(float)
    labels[5] = np.nan
    return labels


def uneven(values, place, value):
    values = np.asarray(values, float).copy()
    values[place] = value
    return values


# What is passed, parameters that are set before, and the error.
OF_FIT = {
    "other classes": ((OTHER_X, OTHER_Y + 5), {}, ValueError),
    "one class": ((OTHER_X, np.zeros(N_ROWS, int)), {}, ValueError),
    "several labels": ((OTHER_X, 1 - np.eye(3, dtype=int)[OTHER_Y]), {}, ValueError),
    "other columns": ((OTHER_X[["shop", "size"]], OTHER_Y), {}, ValueError),
    "renamed columns": ((OTHER_X.rename(columns={"size": "width"}), OTHER_Y), {}, ValueError),
    "infinity": ((OTHER_X.assign(size=np.inf), OTHER_Y), {}, ValueError),
    "lists in cells": ((OTHER_X.assign(color=[[1]] * N_ROWS), OTHER_Y), {}, TypeError),
    "missing labels": ((OTHER_X, nan_labels()), {}, ValueError),
    "too few labels": ((OTHER_X, OTHER_Y[:-1]), {}, ValueError),
    "negative weights": ((OTHER_X, OTHER_Y, uneven(OTHER_Y, 0, -1)), {}, ValueError),
    "weights of zero": ((OTHER_X, OTHER_Y, np.zeros(N_ROWS)), {}, ValueError),
    "one row": ((OTHER_X[:1], OTHER_Y[:1]), {}, ValueError),
    "X_val without labels": ((OTHER_X, OTHER_Y, None, OTHER_X), {}, ValueError),
    "X_val of other columns": ((OTHER_X, OTHER_Y, None, OTHER_X[["shop"]], y), {}, ValueError),
    "y_val of other classes": ((OTHER_X, OTHER_Y, None, OTHER_X, OTHER_Y + 9), {}, ValueError),
    "missing groups": ((OTHER_X, OTHER_Y, *[None] * 4, nan_labels()), {}, ValueError),
    "short groups": ((OTHER_X, OTHER_Y, *[None] * 4, OTHER_Y[:9]), {}, ValueError),
    "too many folds": ((OTHER_X[:20], OTHER_Y[:20]), {"cv": 50}, ValueError),
    "other layers": ((OTHER_X, OTHER_Y), {"coefs_init": [np.eye(3)]}, ValueError),
    "unknown activation": ((OTHER_X, OTHER_Y), {"activation": ("relu", "cube")}, ValueError),
    "random line search": ((OTHER_X, OTHER_Y), {"solver": "lbfgs", "dropout": 0.5}, ValueError),
    "unknown class weight": ((OTHER_X, OTHER_Y), {"class_weight": {7: 2.0}}, ValueError),
    "wrong type": ((OTHER_X, OTHER_Y), {"alpha": "much"}, ValueError),
    "late error": ((OTHER_X, OTHER_Y), {"loss": "late"}, RuntimeError),
    "interrupt": ((OTHER_X, OTHER_Y), {"loss": "interrupted"}, KeyboardInterrupt),
    "scorer that raises": ((OTHER_X, OTHER_Y), {"scoring": broken_scorer}, RuntimeError),
    "divergence": ((OTHER_X, OTHER_Y), {"init_scale": 1e300}, ValueError),
}
ANEW = {
    "encoder that cannot be fitted": (
        (OTHER_X, OTHER_Y),
        {"encoder": BrokenEncoder()},
        RuntimeError,
    ),
    "encoder that fails": ((OTHER_X, OTHER_Y), {"encoder": BrokenEncoder("later")}, RuntimeError),
}
# A plain fit may have other classes and columns, and another number of layers.
NO_ERROR_ANEW = ("other classes", "several labels", "other columns", "renamed columns")
OF_PARTIAL_FIT = (
    *("other classes", "several labels", "other columns", "infinity", "missing labels"),
    *("too few labels", "negative weights", "weights of zero", "unknown activation"),
    *("unknown class weight", "late error", "interrupt"),
)


def cases():
    for name, case in OF_FIT.items():
        if name not in ("other layers", "divergence"):  # these are about starting weights
            yield pytest.param("warm", *case, id=f"warm start, {name}")
        if name not in NO_ERROR_ANEW:
            yield pytest.param("fit", *case, id=f"fit, {name}")
    for name, case in ANEW.items():
        yield pytest.param("fit", *case, id=f"fit, {name}")
        yield pytest.param("refit", *case, id=f"refit_encoder, {name}")
    for name in OF_PARTIAL_FIT:
        yield pytest.param("part", *OF_FIT[name], id=f"partial_fit, {name}")
        yield pytest.param("refit", *OF_FIT[name], id=f"refit_encoder, {name}")


def call(net, how, args):
    if how == "part":
        return net.partial_fit(*args)
    return net.partial_fit(*args, refit_encoder=True) if how == "refit" else net.fit(*args)


def snapshot(net):
    learnt = pickle.dumps((net.encoder_, fitted_model(net)._replace(passes=None)))
    return dict(vars(net)), learnt, net.predict_proba(OTHER_X)


def assert_unchanged(net, before):
    attributes, learnt, proba = before
    assert vars(net).keys() == attributes.keys()
    assert [name for name, value in vars(net).items() if value is not attributes[name]] == []
    assert pickle.dumps((net.encoder_, fitted_model(net)._replace(passes=None))) == learnt
    np.testing.assert_array_equal(net.predict_proba(OTHER_X), proba)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("how", "args", "params", "error"), list(cases()))
def test_a_call_that_fails_leaves_everything_as_it_was(how, args, params, error):
    # Checking a custom loss takes 5 calls, an epoch of fit 4, one of partial_fit 5.
    losses = {
        "late": LateLoss(15 if how in ("fit", "warm") else 9),
        "interrupted": LateLoss(6, KeyboardInterrupt),
    }
    params = {**params, "loss": losses.get(params.get("loss"), "log_loss")}
    net = fitted(warm_start=how == "warm").set_params(**params)
    before = snapshot(net)
    with pytest.raises(error):
        call(net, how, args)
    assert_unchanged(net, before)


@pytest.mark.skipif(importlib.util.find_spec("sklearn.callback") is None, reason="since 1.9")
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_callback_that_fails_leaves_everything_as_it_was(warm_start):
    net = fitted(warm_start=warm_start).set_callbacks(BrokenCallback())
    before = snapshot(net)
    with pytest.raises(RuntimeError, match="full disk"):
        net.fit(OTHER_X, OTHER_Y)
    assert_unchanged(net, before)


@pytest.mark.parametrize("how", ["warm", "part", "refit"])
def test_training_that_goes_on_leaves_the_encoder_that_there_was_unchanged(how):
    net = fitted(warm_start=how == "warm")
    encoder, shown = net.encoder_, pickle.dumps(net.encoder_)
    call(net, how, (OTHER_X, OTHER_Y))
    assert pickle.dumps(encoder) == shown


def test_a_first_fit_that_fails_leaves_an_unfitted_estimator():
    net = DeepNetClassifier(**QUICK)
    before = dict(vars(net))
    with pytest.raises(ValueError, match="class"):
        net.fit(X, np.zeros(N_ROWS))
    assert vars(net) == before


def test_weights_are_given_to_a_first_fit_by_coefs_init():
    net = DeepNetClassifier(**QUICK)
    for name, init in (("coefs_", "coefs_init"), ("intercepts_", "intercepts_init")):
        with pytest.raises(AttributeError, match=init):
            setattr(net, name, [])


@pytest.mark.parametrize("how", ["fit", "warm", "refit"])
def test_a_prediction_during_a_refit_is_of_the_old_or_the_new_model(how):
    tables = (X, y), (OTHER_X, OTHER_Y)
    net, seen, models, is_done = fitted(warm_start=how == "warm"), [], [], threading.Event()
    models.append(copy.deepcopy(net))

    def predict():
        while not is_done.is_set():
            seen.append((net.predict_proba(X), net.predict(X)))

    readers = [threading.Thread(target=predict) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(8):
        call(net, how, tables[(number + 1) % 2])
        models.append(copy.deepcopy(net))
    is_done.set()
    for reader in readers:
        reader.join()
    probabilities = {model.predict_proba(X).tobytes() for model in models}
    labels = {model.predict(X).tobytes() for model in models}
    assert len(seen) > 8
    assert {proba.tobytes() for proba, _ in seen} <= probabilities
    assert {predicted.tobytes() for _, predicted in seen} <= labels


def test_a_refit_with_other_classes_is_never_seen_by_halves():
    few = {**QUICK, "max_iter": 1}
    net, errors, is_done = DeepNetClassifier(**few).fit(X, y), [], threading.Event()

    def predict():
        while not is_done.is_set():
            found = {net.predict_proba(X).shape[1]: 0, len(set(net.predict(X)) | {0}): 0}
            errors.extend(width for width in found if width > 4)

    reader = threading.Thread(target=predict)
    reader.start()
    for number in range(6):
        net.fit(X, np.arange(N_ROWS) % (2 + 2 * (number % 2)))
    is_done.set()
    reader.join()
    assert errors == []


OF_TUPLES = {"_replace", "_asdict", "_fields", "_make"}  # public methods of NamedTuples
CHANGES = re.compile(r"setattr|delattr|vars\(.*\)\.(update|pop|setdefault|clear)|.*__dict__.*")
ALLOWED = {
    # An encoder makes copies of itself.
    "skdnn.tabular.encoder": {"encoder._columns", "other._keep", "other.ignored_columns_"},
    # What a classifier has learnt is read through this module alone.
    "skdnn.estimator.fitted_model": {"estimator._fitted"},
    # A classifier itself: it keeps what a copy has learnt, or a file has, and hands it to another.
    "skdnn.estimator.model_files": {"net._keep"},
    "skdnn.distributed.dask_classifier": {"fresh._train", "net._keep"},
    # Takes the place of the steps of an ensemble, and counts them.
    "skdnn.distributed.epochs": {"ensemble.n_steps"},
    # A new classifier gets the columns of fit, with which it compares those of a partition.
    "skdnn.distributed.partitions": {"vars(checker).update"},
    # Encoders that are made again from a file get what they had learnt.
    "skdnn.estimator.plain_values": {
        *("vars(encoder).update", "vars(transformer).update", "encoder.ignored_columns_"),
    },
    "skdnn.estimator.array_files": {"archive.comment"},  # of the standard library
}


def private_reads(tree):
    """Yield private attributes of anything but the object whose class it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match(r"_(?!_)", node.attr):
            is_own = ast.unparse(node.value) in ("self", "cls", "super()", "np")
            if not is_own and node.attr not in OF_TUPLES:
                yield ast.unparse(node)


def assignments(tree):
    """Yield assignments of attributes of anything but the object whose class it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            if ast.unparse(node.value).split(".")[0] not in ("self", "tags"):
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and CHANGES.fullmatch(ast.unparse(node.func)):
            yield ast.unparse(node.func)


def test_only_the_classifier_knows_its_private_attributes_and_assigns_its_attributes():
    for module in SOURCES:
        if module in {
            "skdnn.estimator.classifier",
            "skdnn.estimator.fitted_attributes",
            "skdnn.tabular._compat",
        } or module.startswith("skdnn.core"):
            continue
        found = {*private_reads(tree_of(module)), *assignments(tree_of(module))}
        assert found <= ALLOWED.get(module, set()), module
