"""What patience watches."""

import numpy as np

# Validation rows from which on a member's own loss counts more than that of all members.
COUNSEL = 500


class Jury:
    """What patience watches: members whose folds are small listen to the others too.

    A fold of a few rows is a noisy guide to when to stop: its lowest loss is luck, and a score of
    its rows flatters. So a member's loss and the mean of all members' are weighted by how many
    rows it has, against ``COUNSEL``.

    Parameters
    ----------
    plan : Plan
    valid_rows : list of ndarray or None
        Rows that each member is validated on.
    """

    def __init__(self, plan, valid_rows):
        self.plan = plan
        n_rows = np.array([len(rows) for rows in valid_rows or ()])
        self.own_share = n_rows / (n_rows + COUNSEL)
        self.last = None

    def watched(self, curve):
        """Return the early-stopping criterion, the lower the better, for what an epoch reports.

        Parameters
        ----------
        curve : ndarray of shape (3, n_members)
            NaN for members that are done: they stay with what they said last.

        Returns
        -------
        ndarray of shape (n_members,)
        """
        if not self.plan.keep_best:
            return curve[0]
        said = curve[1] if self.plan.score is None else -curve[2]
        self.last = said if self.last is None else np.where(np.isnan(curve[0]), self.last, said)
        finite = np.isfinite(self.last)
        mean = self.last[finite].mean() if finite.any() else np.inf
        return self.own_share * said + (1 - self.own_share) * mean
