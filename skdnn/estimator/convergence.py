"""Warnings if training diverged, was interrupted, or has not converged."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdnn.estimator.solvers import solver_of
from skdnn.tabular.user_warnings import warn_user

MOST_NATS = 10  # mean loss of each output above which there is a warning


def warn_of_trouble(settings, history, plan, n_outputs):
    """Warn if members diverged, training was interrupted, or max_iter was reached too early.

    There is at most one ConvergenceWarning, about what explains the others. It is an error if a
    member has no finite loss at all, in training or in validation.
    """
    _check_finite(history.train_loss, "training", plan)
    if plan.keep_best and plan.score is None:
        _check_finite(history.valid_loss, "validation", plan)
    if history.stopped_by == "interrupt":
        warn_user(
            f"Training was interrupted after {history.train_loss.shape[1]} of {plan.n_epochs} "
            f"epochs; the {'best' if plan.keep_best else 'last'} parameters so far are kept."
        )
    loss = _highest_kept(settings, history, plan)
    message = None
    if history.n_failures.any():
        message = _about_failures(history, plan)
    elif loss > MOST_NATS * n_outputs:
        message = (
            f"training ended with a loss of {loss:.3g}, far above that of class frequencies: the "
            "outputs are far too large. Scale X, or lower learning_rate_init or init_scale."
        )
    elif _hit_limit(settings, history, plan):
        message = (
            f"Maximum iterations ({plan.n_epochs}) reached and the training has not converged "
            f"yet. Raise max_iter{'' if plan.keep_best else ', or set early_stopping=True'}."
        )
    if message is not None:
        warn_user(message, ConvergenceWarning)


def _check_finite(losses, name, plan):
    never = ~np.isfinite(losses).any(axis=1)
    if never.any():
        has_rate = plan.rule is not None  # L-BFGS has none
        at = f" at learning_rate_init={plan.learning_rate:g} or below" if has_rate else ""
        raise ValueError(
            f"training diverged from the first epoch for members {np.flatnonzero(never).tolist()}: "
            f"no {name} loss was finite{at}. "
            f"Scale X, or lower {'learning_rate_init, ' if has_rate else ''}init_scale or alpha."
        )


def _about_failures(history, plan):
    if plan.rule is None:
        members = np.flatnonzero(history.n_failures).tolist()
        return (
            f"L-BFGS found no step that lowers the loss for members {members}, which stay as they "
            "were initialized. Scale X, or lower init_scale or alpha."
        )
    return (
        f"training diverged {int(history.n_failures.sum())} times; the last good parameters "
        f"were restored and the learning rate divided by 10. Lower learning_rate_init "
        f"({plan.learning_rate:g}), or set max_grad_norm."
    )


def _highest_kept(settings, history, plan):
    """Return the highest loss of the parameters that members keep; 0 if it tells nothing."""
    # The values of a custom loss may mean anything, and the training loss includes the penalty.
    if not isinstance(settings.loss, str) or (plan.alpha and not plan.keep_best):
        return 0.0
    losses, last = history.train_loss, last_finite(history.train_loss) - 1
    if plan.keep_best:
        losses, last = history.valid_loss, history.best_epoch
    return np.take_along_axis(losses, last[:, None], axis=1).max()


def _hit_limit(settings, history, plan):
    """Return whether training without a fixed length ended only because of ``max_iter``."""
    # A schedule of fixed length is complete at max_iter, and so is training that by default has no
    # patience.
    has_patience = solver_of(settings).has_patience or plan.keep_best
    is_patient = has_patience or settings.n_iter_no_change != "auto"
    is_open_ended = plan.schedule.is_open_ended and not settings.is_part
    may_converge = is_open_ended and is_patient and plan.tol > 0
    return may_converge and not (history.stopped_by or history.has_converged.all())


def last_finite(losses):
    """Return the number of epochs up to the last finite loss of each member."""
    return losses.shape[1] - np.isfinite(losses)[:, ::-1].argmax(axis=1)
