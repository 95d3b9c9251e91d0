import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.metrics import (
    balanced_accuracy_score,
    f1_score,
    fbeta_score,
    log_loss,
    make_scorer,
    roc_auc_score,
)
from sklearn.model_selection import train_test_split

from skdnn import DeepNetClassifier
from skdnn.estimator.scoring import held_out_logits

# Training is short: some members are still improving at the end.
pytestmark = pytest.mark.filterwarnings("ignore:Maximum iterations")

X, y = load_breast_cancer(return_X_y=True)
TRAIN, VALID, y_train, y_valid = train_test_split(X, y, random_state=0, test_size=0.3)
QUICK = {
    "hidden_layer_sizes": (8,),
    "max_iter": 12,
    "solver": "adam",
    "learning_rate_init": 0.01,
    "batch_size": 64,
    "random_state": 0,
    "learning_rate": "constant",
    "label_smoothing": 0,
}


def test_the_score_of_the_best_epoch_is_that_of_the_network():
    net = DeepNetClassifier(**QUICK, n_members=1, scoring="roc_auc", tol=0)
    net.fit(TRAIN, y_train, X_val=VALID, y_val=y_valid)
    assert len(net.validation_scores_) == net.n_iter_ == 12
    assert net.best_validation_score_ == max(net.validation_scores_)
    assert net.best_iter_ == np.argmax(net.validation_scores_) + 1
    found = roc_auc_score(y_valid, net.predict_proba(VALID)[:, 1])
    assert found == pytest.approx(net.best_validation_score_, abs=1e-6)


def test_the_epoch_of_the_best_score_need_not_be_that_of_the_best_loss():
    fast = {**QUICK, "learning_rate_init": 0.05, "max_iter": 30, "tol": 0, "n_iter_no_change": 30}
    by_loss = DeepNetClassifier(**fast, n_members=1).fit(TRAIN, y_train, None, VALID, y_valid)
    scored = DeepNetClassifier(**fast, n_members=1, scoring="accuracy")
    scored.fit(TRAIN, y_train, None, VALID, y_valid)
    assert scored.validation_scores_ == pytest.approx(by_loss.validation_scores_, abs=1e-6)
    assert scored.best_iter_ == np.argmax(scored.validation_scores_) + 1
    assert by_loss.best_iter_ == np.argmin(by_loss.validation_loss_curve_) + 1
    assert scored.best_iter_ != by_loss.best_iter_


def test_patience_watches_the_score():
    net = DeepNetClassifier(**{**QUICK, "max_iter": 200}, n_members=1, n_iter_no_change=3)
    net.set_params(scoring=make_scorer(lambda truth, guess: 0.5)).fit(X, y)
    assert net.n_iter_ == 5  # the first epoch is the best; patience is over after 3 more and one


def test_members_are_scored_on_the_rows_that_each_holds_out():
    net = DeepNetClassifier(**QUICK, n_members=3, scoring="balanced_accuracy").fit(X, y)
    scores = net.member_validation_scores_
    assert scores.shape == (3, net.n_iter_)
    np.testing.assert_allclose(net.validation_scores_, np.nanmean(scores, axis=0))
    # 569 rows: a member's own fold counts as its rows, the mean of all members as 500.
    n_rows = np.array([[190], [190], [189]])
    watched = (n_rows * scores + 500 * scores.mean(axis=0)) / (n_rows + 500)
    best = watched[np.arange(3), net.best_iter_ - 1]
    np.testing.assert_allclose(best, watched.max(axis=1), rtol=1e-12)


def test_the_scorer_sees_rows_and_labels_as_they_came():
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(30)])
    labels = np.where(y, "good", "bad")
    seen = []

    def cost(estimator, rows, truth):
        seen.append((rows, truth))
        guess = estimator.predict(rows)
        proba = estimator.predict_proba(rows)
        assert (estimator.classes_[proba.argmax(axis=1)] == guess).all()
        return -np.average(guess != truth, weights=rows["c0"])

    net = DeepNetClassifier(**QUICK, n_members=2, n_jobs=1, scoring=cost).fit(frame, labels)
    rows, truth = seen[0]
    assert set(truth) == {"good", "bad"}
    assert (labels[rows.index] == truth).all()
    assert len(rows) + len(seen[1][0]) == len(frame)
    assert max(net.validation_scores_) <= 0


def test_a_scorer_that_is_not_for_so_many_classes_is_named():
    iris = load_iris(return_X_y=True)
    net = DeepNetClassifier(**QUICK, n_members=2, scoring="roc_auc")
    with pytest.raises(ValueError, match=r"scoring='roc_auc' cannot score .* of 3 classes"):
        net.fit(*iris)
    assert net.set_params(scoring="roc_auc_ovr").fit(*iris).best_validation_score_ > 0.5


def test_repeating_rows_and_weighing_them_give_the_same_scores():
    times = np.random.default_rng(0).integers(1, 4, len(y))
    net = DeepNetClassifier(**QUICK, n_members=2, scoring="neg_log_loss")
    weighted = net.fit(X, y, sample_weight=times).validation_scores_
    repeated = net.fit(np.repeat(X, times, axis=0), np.repeat(y, times)).validation_scores_
    np.testing.assert_allclose(weighted, repeated, rtol=1e-9)


@pytest.mark.parametrize("solver", ["lbfgs", "gd"])
def test_full_batch_solvers_are_scored_too(solver):
    net = DeepNetClassifier(
        (8,), solver=solver, max_iter=20, n_members=2, scoring="f1", random_state=0
    ).fit(X, y)
    assert net.best_validation_score_ > 0.5
    assert net.best_iter_.tolist() == [
        np.nanargmax(row) + 1 for row in net.member_validation_scores_
    ]


def test_several_classes_and_several_labels_are_scored():
    flowers = load_iris(return_X_y=True)
    net = DeepNetClassifier(**QUICK, n_members=2, scoring="roc_auc_ovr").fit(*flowers)
    assert 0.5 < net.best_validation_score_ <= 1
    many = make_multilabel_classification(300, random_state=0)
    by_row = make_scorer(f1_score, average="samples", zero_division=0)
    net = DeepNetClassifier(**QUICK, n_members=2, scoring=by_row).fit(*many)
    assert 0 < net.best_validation_score_ <= 1


def test_scores_are_the_scorers_own():
    def of(scoring):
        net = DeepNetClassifier(**QUICK, n_members=1, scoring=scoring)
        return net.fit(TRAIN, y_train, X_val=VALID, y_val=y_valid)

    half = make_scorer(fbeta_score, beta=0.5)
    for scoring, score in [
        (half, lambda net: fbeta_score(y_valid, net.predict(VALID), beta=0.5)),
        ("balanced_accuracy", lambda n: balanced_accuracy_score(y_valid, n.predict(VALID))),
    ]:
        net = of(scoring)
        assert score(net) == pytest.approx(net.best_validation_score_)
    net = of("neg_log_loss")
    net.temperature_ = 1.0
    assert -log_loss(y_valid, net.predict_proba(VALID)) == pytest.approx(
        net.best_validation_score_, rel=1e-4
    )


def test_a_score_that_is_no_number_is_an_error():
    net = DeepNetClassifier(**QUICK, n_members=1, scoring=lambda *_: np.nan)
    with pytest.raises(ValueError, match="must return a finite number, got nan"):
        net.fit(X, y)
    with pytest.raises(ValueError, match="'scoring' parameter"):
        DeepNetClassifier(scoring="speed").fit(X, y)


def test_a_scorer_without_weights_is_refused_where_there_are_weights():
    def cost(estimator, rows, truth):
        return 0.5

    weights = np.arange(len(y)) % 3 + 1
    with pytest.raises(TypeError, match="must take sample_weight"):
        DeepNetClassifier(**QUICK, n_members=2, scoring=cost).fit(X, y, sample_weight=weights)


def test_an_error_of_the_scorer_itself_is_passed_on():
    def broken(estimator, rows, truth):
        raise TypeError("of the scorer itself")

    with pytest.raises(TypeError, match=r"^of the scorer itself$"):
        DeepNetClassifier(**QUICK, n_members=1, scoring=broken).fit(X, y)


def test_a_member_that_diverges_is_not_scored():
    def score(estimator, rows, truth):
        assert np.isfinite(estimator.predict_proba(rows)).all()
        return float((estimator.predict(rows) == truth).mean())

    quick = QUICK | {"learning_rate_init": 1e30, "solver": "sgd"}
    net = DeepNetClassifier(**quick, n_members=1, scoring=score)
    with pytest.raises(ValueError, match="diverged from the first epoch"):
        net.fit(X, y)


def test_a_member_is_not_scored_if_any_of_its_logits_is_not_finite(monkeypatch):
    def score(estimator, rows, truth):
        assert np.isfinite(estimator.decision_function(rows)).all()
        n_scored.append(len(rows))
        return float((estimator.predict(rows) == truth).mean())

    def logits_with_one_overflow(*args):
        logits = held_out_logits(*args)
        if len(n_scored) == 3:
            n_scored.append(0)
            logits[0][0] = np.inf
        return logits

    n_scored = []
    monkeypatch.setattr("skdnn.estimator.scoring.held_out_logits", logits_with_one_overflow)
    net = DeepNetClassifier(**QUICK, n_members=1, scoring=score).fit(X, y)
    assert n_scored.count(0) == 1
    assert np.flatnonzero(np.isnan(net.validation_scores_)).tolist() == [3]


def test_without_validation_there_is_nothing_to_score():
    net = DeepNetClassifier(**QUICK, n_members=1, early_stopping=False, scoring="f1", tol=0)
    assert net.fit(X, y).validation_scores_ is None
