"""Patience, the best epoch and the best parameters, for each member."""

import numpy as np


class BestEpochs:
    """Watch a loss for each member.

    Parameters
    ----------
    params : ndarray of shape (n_members, n_parameters)
        Parameters to start from.
    tol : float
        A loss that falls by less does not renew patience.
    keep : bool
        Whether to keep a copy of the best parameters.
    """

    def __init__(self, params, tol, keep):
        n_members = len(params)
        self.tol = tol
        # Finite, so that an infinite loss is no progress.
        self.loss = np.full(n_members, np.finfo(np.float64).max)
        self.epoch = np.zeros(n_members, np.intp)
        self.waited = np.zeros(n_members, np.intp)
        self.params = params.copy() if keep else None

    def update(self, epoch, losses, params):
        """Take note of an epoch.

        The best epoch is the one with the lowest loss, by however little; patience starts
        anew only if the loss falls by at least ``tol`` below its best before.

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
        for name in ("loss", "epoch", "waited"):
            setattr(self, name, getattr(self, name)[members])
        if self.params is not None:
            self.params = self.params[members]
