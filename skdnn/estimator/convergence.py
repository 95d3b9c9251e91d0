"""Warnings if training diverged, was interrupted, or has not converged."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdnn.estimator.solvers import solver_of
from skdnn.tabular.user_warnings import warn_user


def warn_of_trouble(settings, history, plan):
    """Warn if members diverged, training was interrupted, or max_iter was reached too early.

    Raises
    ------
    ValueError
        If a member has no finite loss at all.
    """
    never = ~np.isfinite(history.train_loss).any(axis=1)
    if never.any():
        raise ValueError(
            f"training diverged from the first epoch for members {np.flatnonzero(never).tolist()}: "
            f"no loss was finite at learning_rate_init={plan.learning_rate:g} or below. Scale X, "
            "or lower learning_rate_init or init_scale."
        )
    if history.n_failures.any():
        message = (
            f"training diverged {int(history.n_failures.sum())} times; the last good parameters "
            f"were restored and the learning rate divided by 10. Lower learning_rate_init "
            f"({plan.learning_rate:g}), or set max_grad_norm."
        )
        warn_user(message, ConvergenceWarning)
    if history.stopped_by == "interrupt":
        message = (
            f"Training was interrupted after {history.train_loss.shape[1]} of {plan.n_epochs} "
            f"epochs; the {'best' if plan.keep_best else 'last'} parameters so far are kept."
        )
        warn_user(message)
    if _hit_limit(settings, history, plan):
        message = (
            f"Maximum iterations ({plan.n_epochs}) reached and the training has not converged "
            f"yet. Raise max_iter{'' if plan.keep_best else ', or set early_stopping=True'}."
        )
        warn_user(message, ConvergenceWarning)


def _hit_limit(settings, history, plan):
    """Return whether training without a fixed length ended only because of ``max_iter``."""
    # A schedule of fixed length is complete at max_iter, and so is training that by default has no
    # patience.
    has_patience = solver_of(settings).has_patience or plan.keep_best
    is_patient = has_patience or settings.n_iter_no_change != "auto"
    is_open_ended = plan.schedule.is_open_ended and not settings.is_part
    may_converge = is_open_ended and is_patient and plan.tol > 0
    has_ended = history.stopped_by or history.has_converged.all()
    return may_converge and not has_ended


def last_finite(losses):
    """Return the number of epochs up to the last finite loss of each member."""
    return losses.shape[1] - np.isfinite(losses)[:, ::-1].argmax(axis=1)
