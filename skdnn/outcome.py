"""What fit leaves behind: curves, warnings, out-of-fold scores, temperature."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdnn.core.calibration import ensemble_temperature, fit_temperature
from skdnn.core.evaluation import held_out_logits
from skdnn.core.losses import LOSSES
from skdnn.solvers import SOLVERS

SOME_ROWS = 2048  # enough to measure how much an average of members blurs
CALLER = 7  # where fit was called, seen from a warning
OUT_OF_FOLD = ("oof_score_", "oof_proba_")


class OutOfFold:
    """Stands for an out-of-fold attribute that the last fit did not set: it says what sets it."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner):
        """Raise AttributeError, or return this from the class."""
        if instance is None:
            return self
        wanted = ", with store_oof=True" if self.name == "oof_proba_" else ""
        raise AttributeError(
            f"{owner.__name__} has no {self.name!r}: it is left by a fit{wanted} in which each of "
            "several members held out rows. That takes early_stopping=True, two members or more, "
            "no X_val, and a class of two distinct rows or more; partial_fit and continuing on "
            "other data leave none.",
            name=self.name,
            obj=instance,
        )


def warn_of_divergence(history, plan):
    """Warn of members that diverged.

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
        warnings.warn(
            f"training diverged {int(history.n_failures.sum())} times; the last good parameters "
            f"were put back and the rate divided by 10 each time. Lower learning_rate_init "
            f"({plan.learning_rate:g}), or set max_grad_norm.",
            ConvergenceWarning,
            stacklevel=CALLER,
        )


def warn_of_limit(estimator, history, plan, resolved):
    """Warn of open-ended training that ``max_iter`` has cut short."""
    # A fixed-length schedule that ran to its end has done what it was asked to, and so has a
    # solver without patience of its own that was given none.
    open_ended = resolved.learning_rate in ("constant", "invscaling", "adaptive")
    is_patient = SOLVERS[estimator.solver].has_patience or estimator.n_iter_no_change != "auto"
    may_converge = open_ended and is_patient and plan.tol > 0 and not plan.keep_best
    if may_converge and not history.has_converged.all() and history.stopped_by is None:
        warnings.warn(
            f"Maximum iterations ({plan.n_epochs}) reached and the training has not converged "
            "yet. Raise max_iter, or set early_stopping=True.",
            ConvergenceWarning,
            stacklevel=CALLER,
        )


def warn_of_interrupt(history, plan):
    """Say what an interrupt left, if there was one."""
    if history.stopped_by == "interrupt":
        kept = "best" if plan.keep_best else "last"
        warnings.warn(
            f"Training was interrupted after {history.train_loss.shape[1]} of {plan.n_epochs} "
            f"epochs; the {kept} parameters so far are kept.",
            UserWarning,
            stacklevel=CALLER,
        )


def keep_history(estimator, history, validates):
    """Set the attributes that tell how training went, after what went before.

    Parameters
    ----------
    estimator : DeepNetClassifier
    history : History
    validates : bool
        Whether the best epochs were chosen.
    """
    curves = np.stack(history[:3])
    last_epoch = curves.shape[2] - np.isfinite(curves[0])[:, ::-1].argmax(axis=1)
    best_iter = history.best_epoch + 1 if validates else last_epoch
    if estimator._curves is not None:
        best_iter = best_iter + estimator._curves.shape[2]
        curves = np.concatenate([estimator._curves, curves], axis=2)
    estimator._curves = curves
    estimator.best_iter_ = best_iter if len(best_iter) > 1 else int(best_iter[0])
    estimator.member_loss_curves_ = curves[0]
    estimator.member_validation_loss_curves_ = curves[1] if np.isfinite(curves[1]).any() else None
    estimator.member_validation_scores_ = curves[2] if np.isfinite(curves[2]).any() else None
    _keep_curves(estimator, curves)


def _keep_curves(estimator, curves):
    train_loss, valid_loss, valid_score = map(_mean_curve, curves)
    estimator.loss_curve_, estimator.loss_ = train_loss, train_loss[-1]
    estimator.best_loss_ = float(np.nanmin(train_loss)) if valid_loss is None else None
    estimator.validation_loss_curve_ = valid_loss
    estimator.validation_scores_ = valid_score
    estimator.best_validation_score_ = float(np.nanmax(valid_score)) if valid_score else None


def _mean_curve(curve):
    """Return the mean over members still training, or None if there is nothing."""
    known = np.isfinite(curve)
    if not known.any():
        return None
    counts = known.sum(axis=0)
    totals = np.where(known, curve, 0).sum(axis=0)
    return np.divide(totals, counts, out=np.full(len(counts), np.nan), where=counts > 0).tolist()


def forget_calibration(estimator):
    """Leave probabilities as they are, and drop what held only before."""
    estimator.temperature_ = 1.0
    for name in OUT_OF_FOLD:
        vars(estimator).pop(name, None)


def keep_calibration(estimator, network, table, task, is_new_data, run):
    """Set ``temperature_`` and the out-of-fold attributes.

    Parameters
    ----------
    estimator : DeepNetClassifier
    network : Network
    table : Table
    task : Task
    is_new_data : bool
        Whether members have seen, in an earlier fit, rows that they now hold out.
    run : callable
        Like ``map``.
    """
    forget_calibration(estimator)
    split = task.split
    if split.valid_data is None or not estimator.early_stopping:
        return
    data, loss = split.valid_data, LOSSES[estimator._labels.loss]
    rows = np.concatenate(split.valid_rows)
    params = estimator._params
    logits = np.concatenate(held_out_logits(network, params, data, split.valid_rows, run))
    single = fit_temperature(logits, data.targets[rows], data.weights[rows], loss)
    some = _spread(task.valid_distinct.rows)
    everyone = held_out_logits(network, params, data, [some] * len(params), run)
    n_held_out = np.count_nonzero(np.bincount(rows))
    estimator.temperature_ = ensemble_temperature(single, np.stack(everyone), loss, n_held_out)
    if task.holds_out and len(params) > 1 and not is_new_data:
        _keep_out_of_fold(estimator, table, task.prepared, rows, logits / single, loss)


def _spread(rows):
    """Return up to ``SOME_ROWS`` of the rows, evenly spread."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, SOME_ROWS).astype(np.intp))]


def _keep_out_of_fold(estimator, table, prepared, rows, logits, loss):
    targets, first = prepared.data.targets, prepared.distinct.first
    # Sample weights without class weights: this is an accuracy like score()'s.
    weights = np.bincount(first, table.weights, len(targets))
    hits = loss.is_hit(logits[None], targets[rows][None])[0]
    estimator.oof_score_ = float(np.average(hits, weights=weights[rows]))
    if estimator.store_oof:
        mean = _mean_by_row(np.exp(loss.log_proba(logits)), rows, len(targets))
        estimator.oof_proba_ = np.full((len(table.kept), mean.shape[1]), np.nan)
        estimator.oof_proba_[table.kept] = mean[first]


def _mean_by_row(values, rows, n_rows):
    """Average what several members say of the same row; NaN where none says anything."""
    total = np.zeros((n_rows, values.shape[1]))
    np.add.at(total, rows, values)
    times = np.bincount(rows, minlength=n_rows)[:, None]
    return np.divide(total, times, out=np.full_like(total, np.nan), where=times > 0)
