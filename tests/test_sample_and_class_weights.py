import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, TimeSeriesSplit, cross_val_score
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.class_weight import compute_class_weight

from skdnn import DeepNetClassifier

X, y = load_iris(return_X_y=True)
QUICK = {"max_iter": 4, "hidden_layer_sizes": (8,), "n_members": 2, "random_state": 0}


@given(seed=st.integers(0, 2**32 - 1), shuffle=st.booleans())
def test_integer_weights_equal_repeated_rows_bit_for_bit(seed, shuffle):
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, len(X))
    repeated = np.repeat(np.arange(len(X)), weights)
    if shuffle:
        rng.shuffle(repeated)
    weighted = DeepNetClassifier(**QUICK).fit(X, y, sample_weight=weights)
    plain = DeepNetClassifier(**QUICK).fit(X[repeated], y[repeated])
    np.testing.assert_array_equal(weighted.predict_proba(X), plain.predict_proba(X))


def test_the_order_of_the_rows_does_not_matter_for_a_frame_either():
    frame = pd.DataFrame(X, columns=list("abcd")).assign(e=np.where(X[:, 0] > 6, "big", "small"))
    order = np.random.default_rng(1).permutation(len(X))
    first = DeepNetClassifier(**QUICK).fit(frame, y)
    second = DeepNetClassifier(**QUICK).fit(frame.iloc[order], y[order])
    np.testing.assert_array_equal(first.predict_proba(frame), second.predict_proba(frame))


def test_weights_of_zero_for_all_rows_are_an_error():
    with pytest.raises(ValueError, match="zero"):  # in scikit-learn's words or ours
        DeepNetClassifier(**QUICK).fit(X, y, sample_weight=np.zeros(len(y)))


def test_the_scale_of_the_weights_does_not_matter():
    weights = np.random.default_rng(2).uniform(0.5, 2, len(X))
    first = DeepNetClassifier(**QUICK, alpha=1.0).fit(X, y, sample_weight=weights)
    second = DeepNetClassifier(**QUICK, alpha=1.0).fit(X, y, sample_weight=1000 * weights)
    np.testing.assert_allclose(first.predict_proba(X), second.predict_proba(X), atol=1e-4)


def test_weighted_logistic_regression_agrees_with_scikit_learn():
    rows, labels = make_classification(300, 5, random_state=0)
    weights = np.random.default_rng(3).uniform(0.1, 3, len(rows))
    net = DeepNetClassifier(
        (),
        solver="lbfgs",
        alpha=2.0,
        n_members=1,
        early_stopping=False,
        tol=1e-10,
        encoder="passthrough",
        dtype="float64",
        max_iter=1000,
        random_state=0,
    ).fit(rows, labels, sample_weight=weights)
    # Ours is the mean of weights rescaled to mean 1 plus alpha / 2n; scikit-learn's is the sum.
    peer = LogisticRegression(C=1 / 2.0, tol=1e-10, max_iter=1000)
    peer.fit(rows, labels, sample_weight=weights / weights.mean())
    np.testing.assert_allclose(net.coefs_[0].ravel(), peer.coef_.ravel(), rtol=1e-3)
    np.testing.assert_allclose(net.intercepts_[0], peer.intercept_, rtol=1e-3)


def test_class_weight_equals_the_same_sample_weight():
    factors = {0: 1.0, 1: 2.5, 2: 0.5}
    by_class = DeepNetClassifier(**QUICK, class_weight=factors).fit(X, y)
    by_row = DeepNetClassifier(**QUICK).fit(X, y, sample_weight=[factors[label] for label in y])
    # The encoder learns from sample weights only, so compare on an encoder without statistics.
    assert by_class.classes_.tolist() == by_row.classes_.tolist()
    by_class = DeepNetClassifier(**QUICK, class_weight=factors, encoder="passthrough").fit(X, y)
    by_row = DeepNetClassifier(**QUICK, encoder="passthrough").fit(
        X, y, sample_weight=[factors[label] for label in y]
    )
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))


def test_balanced_classes_raise_the_recall_of_the_rare_one():
    rows, labels = make_classification(3000, 5, weights=[0.9], class_sep=0.5, random_state=0)
    train, test = slice(0, 1000), slice(1000, None)
    recalls = [
        DeepNetClassifier(random_state=0, max_iter=10, class_weight=class_weight)
        .fit(rows[train], labels[train])
        .predict(rows[test])[labels[test] == 1]
        .mean()
        for class_weight in (None, "balanced")
    ]
    assert recalls[1] > recalls[0] + 0.05


@pytest.mark.parametrize("factor", [1e308, 1e-308])
def test_the_scale_of_class_weights_does_not_matter(factor):
    plain = DeepNetClassifier(**QUICK, class_weight={0: 1.0, 1: 1.5, 2: 1.25}).fit(X, y)
    huge = {0: factor, 1: 1.5 * factor, 2: 1.25 * factor}
    scaled = DeepNetClassifier(**QUICK, class_weight=huge).fit(X, y)
    np.testing.assert_allclose(scaled.predict_proba(X), plain.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1e300, 1: 1e-300, 2: 1.0}], ids=str)
def test_weights_of_any_size_leave_no_row_without_weight(class_weight):
    weights = 10.0 ** np.random.default_rng(0).permutation(np.linspace(-300, 300, len(X)))
    net = DeepNetClassifier(**QUICK, class_weight=class_weight, store_oof=True)
    net.fit(X, y, sample_weight=weights)
    assert np.isfinite(net.predict_proba(X)).all()
    assert np.isfinite(net.member_validation_loss_curves_).all()
    assert np.isfinite(net.oof_proba_).all()


def test_validation_rows_of_classes_without_training_weight_alone_are_refused():
    net = DeepNetClassifier(**QUICK, class_weight="balanced")
    with pytest.raises(ValueError, match=r"'balanced' gives every row weight 0.* y_val has only"):
        net.fit(X, y, sample_weight=y, X_val=X[y == 0], y_val=y[y == 0])


def test_class_weight_of_an_unknown_class_is_refused():
    with pytest.raises(ValueError, match=r"class_weight names \['x'\].*none for \[0, 1, 2\]"):
        DeepNetClassifier(**QUICK, class_weight={"x": 2}).fit(X, y)


def takes(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("labels", [y, y == 0, np.array(["a", "b", "c"])[y]], ids=str)
@pytest.mark.parametrize("kept", [slice(None), slice(100)], ids=["all", "two classes"])
def test_class_weight_may_name_the_classes_that_scikit_learn_lets_it(labels, kept):
    known, labels = np.unique(labels).tolist(), labels[kept]
    classes, found = np.unique(labels), []
    for names in ([], known[:1], known[1:], known, [*known, 9], [9], [known[0], 9], ["x", *known]):
        weights = dict.fromkeys(names, 2.0)
        net = DeepNetClassifier(**{**QUICK, "max_iter": 1}, class_weight=weights)
        found.append(takes(net.fit, X[kept], labels))
        theirs = takes(compute_class_weight, weights, classes=classes, y=labels)
        assert found[-1] == theirs, names
    assert set(found) == {True, False}


def test_class_weight_of_all_classes_serves_folds_that_lack_some():
    net = DeepNetClassifier(**QUICK, class_weight={0: 1.0, 1: 2.0, 2: 3.0})
    order = np.append(np.random.default_rng(0).permutation(100), np.arange(100, 150))
    folds = TimeSeriesSplit(2)  # both are trained on the classes 0 and 1 only
    scores = cross_val_score(net, X[order], y[order], cv=folds, error_score="raise")
    assert scores[0] > scores[1] == 0
    few = DeepNetClassifier(**QUICK, class_weight={0: 1.0, 1: 2.0}).fit(X[:100], y[:100])
    more = net.fit(X[:100], y[:100])
    np.testing.assert_array_equal(more.predict_proba(X), few.predict_proba(X))


WEIGHTLESS = [
    {},
    {"n_members": 1},
    {"early_stopping": False},
    {"solver": "lbfgs"},
    {"solver": "gd"},
    {"class_weight": "balanced"},
    {"class_weight": {0: 1.0, 1: 2.0, 2: 3.0}},
    {"scoring": "accuracy"},
    {"cv": StratifiedKFold(3)},
    {"target_statistics": 1},
]


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.parametrize("params", WEIGHTLESS, ids=str)
@pytest.mark.parametrize("gone", [[1], [2], [0, 2]], ids=str)
def test_a_class_without_weight_is_known_and_improbable(params, gone):
    net = DeepNetClassifier(**{**QUICK, "max_iter": 40, **params}, store_oof=True)
    net.fit(X, y, sample_weight=np.where(np.isin(y, gone), 0, 1 + y))
    assert net.classes_.tolist() == [0, 1, 2]
    assert net.predict_proba(X)[:, gone].max() < 0.02
    assert not np.isin(net.predict(X), gone).any()
    if net.early_stopping and net.n_members > 1:
        held_out = ~np.isin(y, gone)
        assert net.oof_proba_.shape == (150, 3)
        assert net.oof_proba_[held_out][:, gone].max() < 0.05


def test_one_class_of_two_may_be_without_weight():
    net = DeepNetClassifier(**{**QUICK, "max_iter": 40}).fit(X, y > 0, sample_weight=y)
    assert net.classes_.tolist() == [False, True]
    assert net.predict(X).all()
    assert net.predict_proba(X)[y > 0, 0].max() < 0.02


def test_rows_without_weight_count_for_nothing_but_the_classes():
    weights = np.where(np.arange(150) % 3, 1.0 + y, 0)
    kept = weights > 0
    weighted = DeepNetClassifier(**QUICK).fit(X, y, sample_weight=weights)
    plain = DeepNetClassifier(**QUICK).fit(X[kept], y[kept], sample_weight=weights[kept])
    np.testing.assert_array_equal(weighted.predict_proba(X), plain.predict_proba(X))
    part = DeepNetClassifier(**QUICK).partial_fit(X, y, weights * (y > 0), classes=[0, 1, 2])
    assert part.partial_fit(X, y, weights).classes_.tolist() == [0, 1, 2]
    warm = DeepNetClassifier(**QUICK, warm_start=True).fit(X, y)
    assert warm.fit(X, y, sample_weight=y).classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("make", [VotingClassifier, StackingClassifier])
def test_a_class_without_weight_does_not_stop_ensembles(make):
    tree = DecisionTreeClassifier(random_state=0)
    models = [("net", DeepNetClassifier(**QUICK)), ("tree", tree)]
    params = {"voting": "soft"} if make is VotingClassifier else {"final_estimator": tree, "cv": 3}
    model = make(models, **params).fit(X, y, sample_weight=y)
    assert model.predict_proba(X).shape == (150, 3)
    assert (model.predict(X) > 0).all()


def test_class_weight_for_multilabel_is_refused():
    with pytest.raises(ValueError, match="class_weight is not defined for multilabel"):
        DeepNetClassifier(**QUICK, class_weight="balanced").fit(X, 1 - np.eye(3, dtype=int)[y])
