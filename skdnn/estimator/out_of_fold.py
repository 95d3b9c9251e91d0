"""Calibration on held-out rows after training, and out-of-fold scores and probabilities."""

import numpy as np

from skdnn.core.calibration import ensemble_temperature, fit_temperature
from skdnn.core.evaluation import held_out_logits

SOME_ROWS = 2048  # evenly spaced; enough to compare the confidence of ensemble and members
MIXED = -1  # fingerprint after training on several data sets


def out_of_fold(fitted, name):
    """Return an out-of-fold value.

    Raises
    ------
    AttributeError
        If the last fit did not compute it.
    """
    value = getattr(fitted, name)
    if value is None:
        wanted = ", with store_oof=True" if name == "oof_proba" else ""
        raise AttributeError(
            f"there is no '{name}_': it needs a fit{wanted} in which each of several members held "
            "out rows. Set early_stopping=True and n_members=2 or more, and pass no X_val. A class "
            "must have at least two distinct rows. After partial_fit, or training continued on "
            "other data, there is none."
        )
    return value


def calibrate(settings, fitted, fit_data, run):
    """Return the FittedModel with its temperature and out-of-fold values.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    fitted : FittedModel
    fit_data : FitData
    run : callable
        Like ``map``.
    """
    if not fit_data.keep_best:
        return fitted
    split, loss = fit_data.split, fit_data.schema.labels.loss
    data = split.valid_data
    forward = fitted.passes.of(data.rows.array)
    network, params = forward.network, forward.params
    rows = np.concatenate(split.valid_rows)
    logits = np.concatenate(held_out_logits(network, params, data, split.valid_rows, run))
    single = fit_temperature(logits, data.targets[rows], data.weights[rows], loss)
    known = fit_data.valid.merged.rows
    some = known[np.unique(np.linspace(0, len(known) - 1, SOME_ROWS).astype(np.intp))]
    everyone = held_out_logits(network, params, data, [some] * len(params), run)
    n_held_out = np.count_nonzero(np.bincount(rows))
    temperature = ensemble_temperature(single, np.stack(everyone), loss, n_held_out)
    fitted = fitted._replace(temperature=temperature)
    # Not if members may have trained on rows that they hold out, in an earlier fit on other data.
    if fit_data.holds_out and len(params) > 1 and fitted.fingerprint != MIXED:
        logits /= single
        fitted = fitted._replace(oof_score=_oof_score(fit_data.prepared, rows, logits, loss))
        if settings.store_oof:
            fitted = fitted._replace(oof_proba=_oof_proba(fit_data.prepared, rows, logits, loss))
    return fitted


def _oof_score(prepared, rows, logits, loss):
    """Return the accuracy on held-out rows."""
    targets = prepared.data.targets
    # Use sample weights without class weights, as score() does.
    weights = np.bincount(prepared.merged.first, prepared.samples.weights, len(targets))
    hits = loss.is_hit(logits[None], targets[rows][None])[0]
    return float(np.average(hits, weights=weights[rows]))


def _oof_proba(prepared, rows, logits, loss):
    """Return the mean out-of-fold probabilities of all rows passed; NaN if there are none."""
    first, kept = prepared.merged.first, prepared.samples.kept
    proba = np.exp(loss.log_proba(logits))
    total = np.zeros((len(first), proba.shape[1]))
    np.add.at(total, rows, proba)
    with np.errstate(invalid="ignore"):
        total /= np.bincount(rows, minlength=len(first))[:, None]
    result = np.full((len(kept), proba.shape[1]), np.nan)
    result[kept] = total[first]
    return result
