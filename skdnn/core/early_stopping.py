"""Early stopping: the criterion, the best epoch of each member, and the end of its patience.

After each epoch, :mod:`skdnn.core.training` calls ``StoppingCriterion.monitored``, then
``BestEpochs.update``, then ``out_of_patience``.
"""

import numpy as np


class BestEpochs:
    """The lowest loss of each member so far, its epoch, and the epochs since.

    Parameters
    ----------
    params : ndarray of shape (n_members, n_parameters)
        Parameters to start from.
    tol : float
        Smallest decrease of the loss that starts the patience anew.
    keep_best : bool
        Whether to keep a copy of the best parameters.
    """

    PER_MEMBER = "loss", "epoch", "waited", "params"

    def __init__(self, params, tol, keep_best):
        n_members = len(params)
        self.tol = tol
        # Finite, so that an infinite loss is no progress.
        self.loss = np.full(n_members, np.finfo(np.float64).max)
        self.epoch = np.zeros(n_members, np.intp)
        self.waited = np.zeros(n_members, np.intp)
        self.params = params.copy() if keep_best else None

    def update(self, epoch, losses, params):
        """Record the losses of an epoch.

        The best epoch is the one with the lowest loss, also if it falls by less than ``tol``.

        Parameters
        ----------
        epoch : int
        losses : ndarray of shape (n_members,)
        params : ndarray of shape (n_members, n_parameters)
        """
        self.waited += 1
        self.waited[losses <= self.loss - self.tol] = 0
        better = np.flatnonzero(losses < self.loss)
        self.epoch[better] = epoch
        np.fmin(self.loss, losses, out=self.loss)  # NaN is never the lower one
        if self.params is not None:
            for k in better:
                self.params[k] = params[k]

    def select(self, members):
        """Keep only some of the members."""
        self.restore({name: array[members] for name, array in self.snapshot().items()})

    def snapshot(self):
        """Return the state as a dict of arrays, not copied."""
        arrays = {name: getattr(self, name) for name in self.PER_MEMBER}
        return {name: array for name, array in arrays.items() if array is not None}

    def restore(self, saved):
        """Replace the state by that of a snapshot.

        Parameters
        ----------
        saved : dict of str to ndarray or None
            Not copied.
        """
        for name, array in saved.items():
            setattr(self, name, array)


# A patience that grows: this part of all epochs, at least FEWEST_EPOCHS, plus this number for each
# epoch before the latest best one of any member in training. Early on, losses that do not
# fall mean overfitting; later, they may only be noisy.
OF_ALL, FEWEST_EPOCHS, EACH_BEFORE_BEST = 1 / 24, 3, 0.3
SMALLEST_RATE = 1e-6  # where the adaptive schedule ends, as in MLPClassifier


def out_of_patience(best, rates, plan):
    """Return which members have waited longer than the patience, and are to stop.

    With the adaptive schedule, such a member first goes on at a lower learning rate.

    Parameters
    ----------
    best : BestEpochs
    rates : ndarray of shape (n_members, 1)
        Factor on the learning rate of each member; changed in place.
    plan : Plan

    Returns
    -------
    ndarray of bool of shape (n_members,)
    """
    patience = plan.patience
    # A score may not change in the first epochs; an adaptive rate would fall too soon.
    if plan.patience_grows and plan.keep_best and plan.score is None and not plan.adaptive:
        first = max(OF_ALL * plan.n_epochs, FEWEST_EPOCHS)
        patience = min(patience, first + EACH_BEFORE_BEST * best.epoch.max())
    impatient = best.waited > patience
    if plan.adaptive:
        lowered = impatient & (plan.learning_rate * rates[:, 0] > SMALLEST_RATE)
        rates[lowered] /= 5
        best.waited[lowered] = 0
        impatient &= ~lowered
    return impatient


# Temperatures, besides 1, at which validation losses are compared. They are so close to each other
# that the loss changes little from one to the next.
STOPPING_TEMPERATURES = tuple(1.3 ** np.arange(1, 7))
# With more validation rows than this, a member's own loss has the larger weight.
SHRINKAGE_ROWS = 500


class StoppingCriterion:
    """The early-stopping criterion: a validation loss or score, shrunk for small folds.

    The loss on a validation fold of a few rows is noisy, and its minimum over epochs is
    optimistic. So the criterion is a weighted mean of the member's own loss and the mean loss of
    all members of its variant; the weight of the first is ``n / (n + SHRINKAGE_ROWS)`` for n rows.

    An overconfident member can have a high loss although it tells classes apart well, and its
    temperature is fitted after training. So in each epoch, losses are those at the temperature,
    of a few, at which their mean over the variant is lowest (Berta, Holzmueller, Jordan & Bach,
    2025, "Rethinking early stopping: refine, then calibrate", https://arxiv.org/abs/2501.19195).

    Parameters
    ----------
    plan : Plan
    valid_rows : list of ndarray or None
        Rows that each member is validated on.
    """

    def __init__(self, plan, valid_rows):
        self.plan, self.last = plan, None
        if not plan.keep_best:
            return
        n_rows = np.array([len(rows) for rows in valid_rows])
        self.own_share = n_rows / (n_rows + SHRINKAGE_ROWS)
        variants = np.broadcast_to(plan.variants, len(n_rows))
        self.are_alike = variants[:, None] == variants

    def monitored(self, report):
        """Return the early-stopping criterion, the lower the better, for what an epoch reports.

        Parameters
        ----------
        report : ndarray of shape (3 + n_temperatures, n_members)
            Training loss, validation loss and score; validation losses at the temperatures. NaN
            for members that have stopped, whose last values count in the mean.

        Returns
        -------
        ndarray of shape (n_members,)
        """
        if not self.plan.keep_best:
            return report[0]
        latest = np.delete(report, (0, 2), axis=0) if self.plan.score is None else -report[2:3]
        has_stopped = np.isnan(report[0])
        self.last = latest if self.last is None else np.where(has_stopped, self.last, latest)
        counted = self.are_alike & np.isfinite(self.last).all(axis=0)
        sums = np.where(counted, self.last[:, None], 0).sum(axis=2)
        numbers = counted.sum(axis=1)
        means = np.divide(sums, numbers, np.full(sums.shape, np.inf), where=numbers > 0)
        best, members = means.argmin(axis=0), np.arange(len(numbers))
        own, mean = latest[best, members], means[best, members]
        return self.own_share * own + (1 - self.own_share) * mean
