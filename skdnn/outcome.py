"""What follows training: warnings, temperature, out-of-fold scores."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdnn.core.calibration import ensemble_temperature, fit_temperature
from skdnn.core.evaluation import held_out_logits
from skdnn.core.losses import LOSSES
from skdnn.solvers import SOLVERS

SOME_ROWS = 2048  # evenly spread: enough to measure how much an average of members blurs
CALLER = 7  # where fit was called, seen from a warning
MIXED = -1  # in place of the training data's fingerprint, once there have been several


def out_of_fold(fitted, name):
    """Return an out-of-fold value.

    Raises
    ------
    AttributeError
        If the last fit left none; it says what leaves one.
    """
    value = getattr(fitted, name)
    if value is None:
        wanted = ", with store_oof=True" if name == "oof_proba" else ""
        raise AttributeError(
            f"there is no '{name}_': it is left by a fit{wanted} in which each of several members "
            "held out rows. That takes early_stopping=True, two members or more, no X_val, and a "
            "class of two distinct rows or more; partial_fit and continuing on other data leave "
            "none."
        )
    return value


def warn_of_trouble(settings, resolved, history, plan):
    """Warn of members that diverged, of an interrupt, and of training that was cut short.

    Raises
    ------
    ValueError
        If a member never had a finite loss.
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
            f"were put back and the rate divided by 10 each time. Lower learning_rate_init "
            f"({plan.learning_rate:g}), or set max_grad_norm."
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=CALLER)
    if history.stopped_by == "interrupt":
        message = (
            f"Training was interrupted after {history.train_loss.shape[1]} of {plan.n_epochs} "
            f"epochs; the {'best' if plan.keep_best else 'last'} parameters so far are kept."
        )
        warnings.warn(message, UserWarning, stacklevel=CALLER)
    if _hit_limit(settings, resolved, history, plan):
        message = (
            f"Maximum iterations ({plan.n_epochs}) reached and the training has not converged "
            "yet. Raise max_iter, or set early_stopping=True."
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=CALLER)


def _hit_limit(settings, resolved, history, plan):
    """Tell whether ``max_iter`` has cut open-ended training short."""
    # A fixed-length schedule that ran to its end has done what it was asked to, and so has a
    # solver without patience of its own that was given none.
    open_ended = resolved["learning_rate"] in ("constant", "invscaling", "adaptive")
    is_patient = SOLVERS[settings.solver].has_patience or settings.n_iter_no_change != "auto"
    may_converge = open_ended and is_patient and plan.tol > 0 and not settings.is_part
    has_ended = plan.keep_best or history.stopped_by or history.has_converged.all()
    return may_converge and not has_ended


def last_finite(losses):
    """Return the number of epochs up to the last finite loss of each member."""
    return losses.shape[1] - np.isfinite(losses)[:, ::-1].argmax(axis=1)


def calibrate(settings, fitted, task, run):
    """Return a Fitted with its temperature and out-of-fold values.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    fitted : Fitted
    task : Task
    run : callable
        Like ``map``.
    """
    if not task.keeps_best:
        return fitted
    split, loss = task.split, LOSSES[task.basis.labels.loss]
    data = split.valid_data
    forward = fitted.passes.of(data.rows.array)
    network, params = forward.network, forward.params
    rows = np.concatenate(split.valid_rows)
    logits = np.concatenate(held_out_logits(network, params, data, split.valid_rows, run))
    single = fit_temperature(logits, data.targets[rows], data.weights[rows], loss)
    known = task.valid.distinct.rows
    some = known[np.unique(np.linspace(0, len(known) - 1, SOME_ROWS).astype(np.intp))]
    everyone = held_out_logits(network, params, data, [some] * len(params), run)
    n_held_out = np.count_nonzero(np.bincount(rows))
    temperature = ensemble_temperature(single, np.stack(everyone), loss, n_held_out)
    fitted = fitted._replace(temperature=temperature)
    # In an earlier fit, members may have been trained on rows of other data that they now hold out.
    if task.holds_out and len(params) > 1 and fitted.fingerprint != MIXED:
        logits /= single
        fitted = fitted._replace(oof_score=_oof_score(task.prepared, rows, logits, loss))
        if settings.store_oof:
            fitted = fitted._replace(oof_proba=_oof_proba(task.prepared, rows, logits, loss))
    return fitted


def _oof_score(prepared, rows, logits, loss):
    """Return the accuracy on held-out rows."""
    targets = prepared.data.targets
    # Sample weights without class weights: this is an accuracy like score()'s.
    weights = np.bincount(prepared.distinct.first, prepared.table.weights, len(targets))
    hits = loss.is_hit(logits[None], targets[rows][None])[0]
    return float(np.average(hits, weights=weights[rows]))


def _oof_proba(prepared, rows, logits, loss):
    """Return the mean probabilities of all rows that were passed; NaN where no member has any."""
    first, kept = prepared.distinct.first, prepared.table.kept
    proba = np.exp(loss.log_proba(logits))
    total = np.zeros((len(first), proba.shape[1]))
    np.add.at(total, rows, proba)
    with np.errstate(invalid="ignore"):
        total /= np.bincount(rows, minlength=len(first))[:, None]
    result = np.full((len(kept), proba.shape[1]), np.nan)
    result[kept] = total[first]
    return result
