"""What held-out rows tell after training: the temperature, and out-of-fold scores."""

import numpy as np

from skdnn.core.calibration import ensemble_temperature, fit_temperature
from skdnn.core.evaluation import held_out_logits

SOME_ROWS = 2048  # evenly spread: enough to measure how much an average of members blurs
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


def calibrate(settings, fitted, task, run):
    """Return a FittedModel with its temperature and out-of-fold values.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    fitted : FittedModel
    task : Task
    run : callable
        Like ``map``.
    """
    if not task.keeps_best:
        return fitted
    split, loss = task.split, task.schema.labels.loss
    data = split.valid_data
    forward = fitted.passes.of(data.rows.array)
    network, params = forward.network, forward.params
    rows = np.concatenate(split.valid_rows)
    logits = np.concatenate(held_out_logits(network, params, data, split.valid_rows, run))
    single = fit_temperature(logits, data.targets[rows], data.weights[rows], loss)
    known = task.valid.merged.rows
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
    weights = np.bincount(prepared.merged.first, prepared.samples.weights, len(targets))
    hits = loss.is_hit(logits[None], targets[rows][None])[0]
    return float(np.average(hits, weights=weights[rows]))


def _oof_proba(prepared, rows, logits, loss):
    """Return the mean probabilities of all rows that were passed; NaN where no member has any."""
    first, kept = prepared.merged.first, prepared.samples.kept
    proba = np.exp(loss.log_proba(logits))
    total = np.zeros((len(first), proba.shape[1]))
    np.add.at(total, rows, proba)
    with np.errstate(invalid="ignore"):
        total /= np.bincount(rows, minlength=len(first))[:, None]
    result = np.full((len(kept), proba.shape[1]), np.nan)
    result[kept] = total[first]
    return result
