"""Weights and calibration by held-out rows after training; out-of-fold scores and probabilities."""

from typing import NamedTuple

import numpy as np

from skdnn.core.averaging import mean_proba
from skdnn.core.calibration import SMALLEST_SHARE, entropy_share, fit_mixture, fit_temperature
from skdnn.core.evaluation import held_out_logits
from skdnn.estimator.initialization import prior_logits
from skdnn.tabular.sample_weights import sum_by_group

SOME_ROWS = 2048  # evenly spaced; enough to compare the confidence of ensemble and members
SMALLEST_WEIGHT = 0.02  # of a variant; the members of those with less are left out
MIXED = -1  # fingerprint after training on several data sets


def out_of_fold(fitted, name):
    """Return an out-of-fold value; raise an AttributeError if the last fit did not compute it."""
    if (value := getattr(fitted, name)) is None:
        if fitted.oof_score is not None:
            raise AttributeError(f"there is no '{name}_': fit again with store_oof=True.")
        stored = ", store_oof=True" if name == "oof_proba" else ""
        raise AttributeError(
            f"there is no '{name}_': it needs a fit in which each of several members held out "
            f"rows. Set early_stopping=True{stored} and n_members=2 or more, and pass no X_val. A "
            "class must have at least two distinct rows. After partial_fit, or training continued "
            "on other data, there is none."
        )
    return value


class HeldOut(NamedTuple):
    """Logits of held-out rows, one member after the other; all variants hold out the same rows.

    Attributes
    ----------
    logits : ndarray of shape (n_variants, n_rows, n_outputs)
    rows : ndarray of shape (n_rows,)
        Their places in the table.
    targets : ndarray of shape (n_rows, n_target_columns)
    weights : ndarray of shape (n_rows,)
    """

    logits: np.ndarray
    rows: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def losses(self, loss):
        """Return losses by each variant (n_variants, n_losses), and their weights (n_losses,).

        There is a loss for each row; for independent labels, whose probabilities are averaged
        label by label, for each label of a row.
        """
        shape = (-1, 1, 1) if loss.columns_are_independent else (len(self.rows), 1, -1)
        targets = self.targets.reshape(shape)
        # A loss is that of a "member" with one row, as the sum over rows is by member.
        given = targets, np.ones(targets.shape[:2])
        losses = [loss.evaluate(z.reshape(shape).copy(), *given)[0] for z in self.logits]
        return np.stack(losses), np.repeat(self.weights, len(targets) // len(self.rows))


def calibrate(settings, fitted, fit_data, run):
    """Return the FittedModel with its weights, temperature and out-of-fold values, and its skill.

    The skill is 1 minus the ratio of the lowest loss of a variant to that of predicting class
    frequencies, or 0 without held-out rows. ``run`` is like ``map``.
    """
    if not fit_data.keep_best:
        return fitted, 0.0
    loss, n_members = fit_data.schema.labels.loss, fitted.n_members
    held_out = _held_out(fitted, fit_data, run)
    given = held_out.targets, held_out.weights, loss
    temperatures = np.array([fit_temperature(logits, *given) for logits in held_out.logits])
    held_out = held_out._replace(logits=held_out.logits / temperatures[:, None, None])
    losses, row_weights = held_out.losses(loss)
    skill = _skill(losses @ row_weights, held_out, fit_data)
    weights = fit_mixture(-losses, row_weights)
    single = float(np.prod(temperatures**weights))
    fitted = _with_variants(settings, fitted, weights, temperatures / single)
    share = _ensemble_share(single, fitted, fit_data, held_out, run)
    fitted = fitted._replace(temperature=single * share)
    # Not if members may have trained on rows that they hold out, in an earlier fit on other data.
    if fit_data.holds_out and n_members > 1 and fitted.fingerprint != MIXED:
        fitted = fitted._replace(oof_score=_oof_score(fit_data.prepared, held_out, weights, loss))
        if settings.store_oof:
            proba = _oof_proba(fit_data.prepared, held_out, weights, loss)
            fitted = fitted._replace(oof_proba=proba)
    return fitted, skill


def _held_out(fitted, fit_data, run):
    """Return the HeldOut rows of all members."""
    data, member_rows = fit_data.split.valid_data, fit_data.split.valid_rows
    forward, n_variants = fitted.passes.of(data.rows.array), len(fit_data.variants)
    logits = held_out_logits(forward.network, forward.params, data, member_rows, run)
    rows = np.concatenate(member_rows[: len(member_rows) // n_variants])
    logits = np.concatenate(logits).reshape(n_variants, len(rows), -1)
    return HeldOut(logits, rows, data.targets[rows], data.weights[rows])


def _skill(of_variants, held_out, fit_data):
    """Return 1 minus the ratio of the lowest of these losses to that of class frequencies."""
    labels = fit_data.schema.labels
    constant = np.broadcast_to(
        prior_logits(fit_data.prepared.data, labels), held_out.logits[:1].shape
    )
    losses, row_weights = held_out._replace(logits=constant).losses(labels.loss)
    of_frequencies = losses[0] @ row_weights
    return 1 - of_variants.min() / of_frequencies if of_frequencies > 0 else 0.0


def _with_variants(settings, fitted, weights, temperatures):
    """Return the FittedModel with the weights of its variants, and their relative temperatures.

    Members of a variant without weight are left out, unless they are to be trained further or
    there is one of each.
    """
    variants, n_each = fitted.variants, fitted.n_members // len(weights)
    fitted = fitted._replace(
        member_weights=np.repeat(weights / n_each, n_each),
        member_temperatures=np.repeat(temperatures, n_each),
    )
    if len(variants) == 1:
        return fitted
    kept = (weights >= SMALLEST_WEIGHT) | settings.warm_start | (n_each == 1)
    if not kept.all():
        left = [variant for variant, is_kept in zip(variants, kept, strict=True) if is_kept]
        fitted = fitted.with_members(np.repeat(kept, n_each))._replace(variants=tuple(left))
        weights = kept / kept.sum()
    names = [variant.name for variant in variants]
    return fitted._replace(variant_weights=dict(zip(names, weights.tolist(), strict=True)))


def _ensemble_share(single, fitted, fit_data, held_out, run):
    """Return the ratio of the ensemble's temperature to that of single members."""
    loss, weights = fit_data.schema.labels.loss, fitted.member_weights
    if len(fitted.variants) == 2:
        share, power = pair_share(held_out, loss), power_of_average(weights)
    else:
        logits = _logits_of_some_rows(fitted, fit_data, run)
        logits /= fitted.member_temperatures[:, None, None]
        share, power = entropy_share(single, logits, weights, loss), 1
    return shrunk_share(share, power, np.count_nonzero(np.bincount(held_out.rows)))


def pair_share(held_out, loss):
    """Return the ratio for pairs, one member of each of two variants, by the rows they hold out."""
    pair = loss.scores(held_out.logits, np.full(2, 0.5))
    return fit_temperature(pair, held_out.targets, held_out.weights, loss)


def power_of_average(weights):
    """Return the power to which a pair's ratio is raised for an average with these weights.

    Averaging K members removes 1 - 1/K of what differs between them: for two members, half.
    """
    return 2 * (1 - np.square(weights).sum())


def shrunk_share(share, power, n_rows):
    """Return a ratio to some power, at most 1, and nearer to 1 if held-out rows are few.

    On small data, single temperatures are too low already, as the best epochs were chosen by the
    same rows. The exponent is empirical.
    """
    return float(np.clip(share ** (n_rows / (n_rows + 1000) * power), SMALLEST_SHARE, 1.0))


def _logits_of_some_rows(fitted, fit_data, run):
    """Return the logits of some validation rows by all members."""
    data, known = fit_data.split.valid_data, fit_data.valid.merged.rows
    some = known[np.unique(np.linspace(0, len(known) - 1, SOME_ROWS).astype(np.intp))]
    forward, rows = fitted.passes.of(data.rows.array), [some] * fitted.n_members
    return np.stack(held_out_logits(forward.network, forward.params, data, rows, run))


def _oof_score(prepared, held_out, variant_weights, loss):
    """Return the accuracy on held-out rows."""
    # Use sample weights without class weights, as score() does.
    merged, samples = prepared.merged, prepared.samples
    weights = sum_by_group(merged.first, samples.weights, len(prepared.data.targets))
    scores = loss.scores(held_out.logits, variant_weights)
    hits = loss.is_hit(scores[None], held_out.targets[None])[0]
    return float(np.average(hits, weights=weights[held_out.rows]))


def _oof_proba(prepared, held_out, variant_weights, loss):
    """Return the mean out-of-fold probabilities of all rows passed; NaN if there are none."""
    first, kept = prepared.merged.first, prepared.samples.kept
    proba = mean_proba(loss.log_proba(held_out.logits), variant_weights)
    total = np.zeros((len(first), proba.shape[1]))
    np.add.at(total, held_out.rows, proba)
    with np.errstate(invalid="ignore"):
        total /= np.bincount(held_out.rows, minlength=len(first))[:, None]
    result = np.full((len(kept), proba.shape[1]), np.nan)
    result[kept] = total[first]
    return result
