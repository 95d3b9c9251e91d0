import numpy as np
import pytest

from skdnn.core.early_stopping import BestEpochs, out_of_patience
from skdnn.core.training import Plan


def watch(losses, tol=0.0, keep_best=True):
    """Show ``losses``, (n_epochs, n_members); the parameter of each epoch is its number."""
    losses = np.asarray(losses, float)
    n_members = losses.shape[1]
    best = BestEpochs(np.full((n_members, 1), -1.0), tol, keep_best)
    waited = []
    for epoch, of_members in enumerate(losses):
        best.update(epoch, of_members, np.full((n_members, 1), float(epoch)))
        waited.append(best.waited.copy())
    return best, np.array(waited)


def test_each_member_has_a_best_epoch_of_its_own():
    best, waited = watch([[5, 1], [3, 2], [4, 0.5], [6, 3]])
    assert best.epoch.tolist() == [1, 2]
    assert best.loss.tolist() == [3, 0.5]
    assert best.params.tolist() == [[1], [2]]
    assert waited.tolist() == [[0, 0], [0, 1], [1, 0], [2, 1]]


def test_the_first_of_equal_epochs_is_the_best():
    best, _ = watch([[2], [1], [1], [1]])
    assert (best.epoch[0], best.params[0, 0]) == (1, 1)


@pytest.mark.parametrize(
    ("tol", "expected"), [(0.0, [0, 0, 0, 1]), (0.5, [0, 0, 1, 2]), (0.51, [0, 1, 2, 3])]
)
def test_patience_starts_anew_only_if_the_loss_falls_by_tol(tol, expected):
    # As in MLPClassifier, a fall by exactly tol is progress; with tol=0 a tie is.
    _, waited = watch([[2], [1.5], [1.5], [1.75]], tol)
    assert waited[:, 0].tolist() == expected


def test_small_improvements_do_not_renew_patience_but_are_kept():
    best, waited = watch([[1.0], [0.75], [0.5], [0.25]], tol=0.5)
    assert waited[:, 0].tolist() == [0, 1, 2, 3]
    assert (best.epoch[0], best.loss[0], best.params[0, 0]) == (3, 0.25, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_no_progress(bad):
    best, waited = watch([[bad], [bad], [1], [bad]])
    assert waited[:, 0].tolist() == [1, 2, 0, 1]
    assert best.epoch[0] == 2


def test_members_without_a_finite_loss_keep_what_they_started_from():
    best, _ = watch([[np.nan, 1], [np.nan, 2]])
    assert best.params.tolist() == [[-1], [0]]


def test_the_best_parameters_are_a_copy():
    params = np.zeros((1, 2))
    best = BestEpochs(params, 0.0, keep_best=True)
    best.update(0, np.array([1.0]), params)
    params += 1
    np.testing.assert_array_equal(best.params, 0)


def test_without_keeping_there_are_no_parameters():
    best, _ = watch([[2], [1]], keep_best=False)
    assert best.params is None
    assert best.epoch[0] == 1


@pytest.mark.parametrize("keep", [False, True])
def test_members_that_are_left_go_on_as_before(keep):
    losses = np.random.default_rng(0).normal(size=(9, 3))
    all_of_them, _ = watch(losses, 0.1, keep)
    left, _ = watch(losses[:5], 0.1, keep)
    kept = np.array([True, False, True])
    left.select(kept)
    for epoch in range(5, 9):
        left.update(epoch, losses[epoch][kept], np.full((2, 1), float(epoch)))
    for name in ("loss", "epoch", "waited") + (("params",) if keep else ()):
        np.testing.assert_array_equal(getattr(left, name), getattr(all_of_them, name)[kept])


def stops_at(best_epoch, **plan):
    """Return the epoch after which a member stops whose loss is lowest in ``best_epoch``."""
    plan = Plan(None, None, None, 0.1, batch_size=1, keep_best=True, **plan)
    best, rates = BestEpochs(np.zeros((1, 1)), 0.0, keep_best=False), np.ones((1, 1))
    for epoch in range(plan.n_epochs):
        best.update(epoch, np.abs([epoch - best_epoch]), np.zeros((1, 1)))
        if out_of_patience(best, rates, plan).all():
            return epoch
    return None


@pytest.mark.parametrize(
    ("n_epochs", "best_epoch", "waits"),
    [(96, 0, 4), (96, 10, 7), (96, 20, 10), (96, 40, 12), (240, 10, 12), (24, 0, 3), (24, 10, 6)],
)
def test_a_patience_that_grows_depends_on_the_best_epoch(n_epochs, best_epoch, waits):
    # A 24th of all epochs, at least 3, and 0.3 * best_epoch; 12 at most.
    given = {"n_epochs": n_epochs, "patience": 12}
    assert stops_at(best_epoch, **given, patience_grows=True) == best_epoch + waits + 1
    if best_epoch + 13 < n_epochs:
        assert stops_at(best_epoch, **given) == best_epoch + 13


def test_a_patience_that_grows_depends_on_the_latest_best_epoch_of_members_in_training():
    plan = Plan(None, None, None, 0.1, 96, 1, patience=12, patience_grows=True, keep_best=True)
    best, best_epochs = BestEpochs(np.zeros((2, 1)), 0.0, keep_best=False), np.array([0, 10])
    ends, epoch = {}, 0
    while len(best_epochs):
        best.update(epoch, np.abs(epoch - best_epochs), None)
        done = out_of_patience(best, np.ones((len(best_epochs), 1)), plan)
        ends |= dict.fromkeys(best_epochs[done].tolist(), epoch)
        best.select(~done)
        best_epochs, epoch = best_epochs[~done], epoch + 1
    # In epoch 5 the best epoch of the other member is 5, and 4 + 0.3 * 5 is more than 5; in epoch
    # 6 it is 6, and 4 + 0.3 * 6 is less than 6. That member then waits for 4 + 0.3 * 10 epochs.
    assert ends == {0: 6, 10: 18}
