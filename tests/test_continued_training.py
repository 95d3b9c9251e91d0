import numpy as np
import pytest
from sklearn.datasets import load_iris

from skdnn import DeepNetClassifier

X, y = load_iris(return_X_y=True)
PLAIN = {"hidden_layer_sizes": (8,), "random_state": 0, "n_members": 2}


def test_partial_fit_learns_and_counts_epochs():
    net = DeepNetClassifier(**PLAIN, learning_rate_init=0.01)
    net.partial_fit(X, y, classes=[0, 1, 2])
    first = net.loss_
    for _ in range(30):
        net.partial_fit(X, y)
    assert net.n_iter_ == len(net.loss_curve_) == 31
    assert net.t_ == 31 * len(y)
    assert net.loss_ < first / 2
    assert net.temperature_ == 1
    assert not hasattr(net, "oof_score_")


def test_partial_fit_needs_classes_first_and_only_those():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        DeepNetClassifier(**PLAIN).partial_fit(X, y)
    net = DeepNetClassifier(**PLAIN).partial_fit(X[:100], y[:100], classes=[0, 1])
    with pytest.raises(ValueError, match=r"labels \[2\], which are not among the classes"):
        net.partial_fit(X, y)


def test_partial_fit_keeps_the_update_rule_going_and_fit_does_not_keep_it():
    # Two epochs in one call or in two are the same steps if rows are not shuffled.
    kwargs = {**PLAIN, "shuffle": False, "solver": "sgd", "momentum": 0.9, "batch_size": 50}
    twice = DeepNetClassifier(**kwargs).partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    once = DeepNetClassifier(**kwargs, max_iter=2, early_stopping=False, tol=0).fit(X, y)
    for ours, theirs in zip(twice.coefs_, once.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert twice._fitted.state.rule_state
    assert not once._fitted.state.rule_state


def test_partial_fit_goes_on_after_fit_and_drops_what_held_for_fit():
    net = DeepNetClassifier(**PLAIN, max_iter=5, connectivity=None).fit(X, y)
    before = net.coefs_[0].copy()
    assert hasattr(net, "oof_score_")
    net.partial_fit(X, y)
    assert 0 < np.abs(net.coefs_[0] - before).max() < 0.2
    assert not hasattr(net, "oof_score_")


def test_partial_fit_is_not_for_lbfgs():
    assert not hasattr(DeepNetClassifier(solver="lbfgs"), "partial_fit")


@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_warm_start_goes_on_where_fit_stopped():
    net = DeepNetClassifier(**PLAIN, max_iter=5, warm_start=True, learning_rate="constant")
    net.fit(X, y)
    curve = list(net.loss_curve_)
    net.fit(X, y)
    assert net.loss_curve_[: len(curve)] == curve
    assert net.n_iter_ == 5  # of this fit, as in MLPClassifier
    assert len(net.loss_curve_) == 10
    assert net.loss_curve_[len(curve)] < curve[0]


def test_warm_start_on_the_same_data_keeps_the_out_of_fold_score():
    net = DeepNetClassifier(**PLAIN, max_iter=5, warm_start=True).fit(X, y)
    assert hasattr(net.fit(X, y), "oof_score_")


def test_warm_start_on_other_data_drops_the_out_of_fold_score():
    net = DeepNetClassifier(**PLAIN, max_iter=5, warm_start=True).fit(X, y)
    assert not hasattr(net.fit(X[::2], y[::2]), "oof_score_")
    # Once rows may have been seen by the members that hold them out, that stays so.
    assert not hasattr(net.fit(X[::2], y[::2]), "oof_score_")


def test_warm_start_refuses_other_classes_and_other_shapes():
    net = DeepNetClassifier(**PLAIN, max_iter=2, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="classes"):
        net.fit(X, y == 1)
    net.set_params(hidden_layer_sizes=(9,))
    with pytest.raises(ValueError, match="warm_start=False"):
        net.fit(X, y)


def test_fit_starts_anew_without_warm_start():
    net = DeepNetClassifier(**PLAIN, max_iter=3).fit(X, y)
    first = net.predict_proba(X)
    np.testing.assert_array_equal(net.fit(X, y).predict_proba(X), first)
    assert net.fit(X, y == 1).classes_.tolist() == [False, True]


def test_auto_layers_stay_what_they_were_when_more_rows_come():
    rng = np.random.default_rng(0)
    more = rng.normal(size=(5200, 2))  # of which each member trains on half
    labels = (more[:, 0] > 0).astype(int)
    few = more[:60], labels[:60]
    given = {"n_members": 2, "max_iter": 1, "random_state": 0}
    anew = DeepNetClassifier(**given).fit(more, labels)
    assert anew.resolved_params_["hidden_layer_sizes"] == (256, 128)
    net = DeepNetClassifier(**given, warm_start=True)
    for go_on in (net.fit, net.partial_fit):
        go_on(*few)
        assert net.resolved_params_["hidden_layer_sizes"] == (128, 128)
        go_on(more, labels)
        assert net.resolved_params_["hidden_layer_sizes"] == (128, 128)


def test_partial_fit_has_layers_for_rows_to_come():
    net = DeepNetClassifier(n_members=2, max_iter=1, warm_start=True, random_state=0)
    net.partial_fit(X, y, classes=[0, 1, 2])
    for go_on in (net.partial_fit, net.fit):
        assert go_on(X, y).resolved_params_["hidden_layer_sizes"] == (256, 256)


def test_auto_layers_are_those_that_there_are_when_training_goes_on():
    net = DeepNetClassifier(**{**PLAIN, "warm_start": True, "max_iter": 1}).fit(X, y)
    net.set_params(hidden_layer_sizes="auto").fit(X, y)
    assert net.resolved_params_["hidden_layer_sizes"] == (8,)
    assert net.resolved_params_["activation"] == ("relu",)
