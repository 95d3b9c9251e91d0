"""Ctrl-C during fit."""

import threading
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from skdnn import DeepNetClassifier
from skdnn.estimator.solvers import SOLVERS

X, y = load_iris(return_X_y=True)
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 9, "random_state": 0, "label_smoothing": 0}


class InterruptedLoss:
    """Cross-entropy that is interrupted on the main thread, as Ctrl-C does, at some call."""

    def __init__(self, at):
        self.at, self.n_calls = at, 0

    def __call__(self, logits, targets):
        if threading.current_thread() is threading.main_thread():
            self.n_calls += 1
        if self.n_calls == self.at:
            raise KeyboardInterrupt
        highest = logits.max(axis=1, keepdims=True)
        log_total = np.log(np.exp(logits - highest).sum(axis=1, keepdims=True)) + highest
        return (log_total[:, 0] - (targets * logits).sum(axis=1)), np.exp(
            logits - log_total
        ) - targets


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_keeps_the_best_parameters_so_far_and_says_so(n_jobs):
    net = DeepNetClassifier(**QUICK, n_members=4, n_jobs=n_jobs, loss=InterruptedLoss(20))
    with pytest.warns(UserWarning, match=r"interrupted after \d of 9 epochs; the best"):
        net.fit(X, y)
    assert 1 <= net.n_iter_ < 9
    assert len(net.loss_curve_) == len(net.validation_loss_curve_) == net.n_iter_
    assert (net.best_iter_ <= net.n_iter_).all()
    proba = net.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert net.oof_score_ > 0.3


def test_an_interrupt_leaves_the_last_whole_epoch_of_training_without_validation():
    plain = {**QUICK, "n_members": 1, "early_stopping": False, "solver": "adam", "n_jobs": 1}
    plain |= {"tol": 0, "batch_size": 50, "learning_rate": "constant"}
    # Checking takes some calls; then 3 batches an epoch: this is the second of the fifth.
    checks = InterruptedLoss(0)
    DeepNetClassifier(**{**plain, "max_iter": 1}, loss=checks).fit(X, y)
    loss = InterruptedLoss(checks.n_calls - 3 + 4 * 3 + 2)
    net = DeepNetClassifier(**plain, loss=loss)
    with pytest.warns(UserWarning, match="interrupted after 4 of 9 epochs; the last"):
        net.fit(X, y)
    whole = DeepNetClassifier(**{**plain, "max_iter": 4}, loss=InterruptedLoss(0)).fit(X, y)
    for ours, theirs in zip(net.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("n_members", [1, 2])
def test_the_line_search_can_be_interrupted(n_members):
    loss = InterruptedLoss(25)
    net = DeepNetClassifier((8,), solver="lbfgs", n_members=n_members, n_jobs=1, loss=loss)
    with pytest.warns(UserWarning, match="interrupted"):
        net.fit(X, y)
    assert net.n_iter_ < 25
    assert np.isfinite(net.predict_proba(X)).all()


class LossInterruptedInTraining(InterruptedLoss):
    """The same at the first call on the main thread with more rows than the check of a loss has."""

    def __call__(self, logits, targets):
        self.at = self.n_calls + 1 if len(logits) > 6 else 0
        return super().__call__(logits, targets)


@pytest.mark.parametrize("n_members", [1, 4])
@pytest.mark.parametrize("solver", SOLVERS)
def test_an_interrupt_before_there_is_anything_leaves_the_estimator_as_it_was(solver, n_members):
    few = {**QUICK, "max_iter": 2, "n_members": n_members, "n_jobs": 1, "solver": solver}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net = DeepNetClassifier(**few).fit(X, y)
    before, attributes = net.predict_proba(X), vars(net).copy()
    with pytest.raises(KeyboardInterrupt):
        net.set_params(loss=LossInterruptedInTraining(0)).fit(X, y)
    np.testing.assert_array_equal(net.predict_proba(X), before)
    assert vars(net) == attributes | {"loss": net.loss}
