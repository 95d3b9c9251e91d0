"""Training on all rows, after early stopping.

Members that hold out rows have never learnt from these. Once the held-out rows have chosen the best
epochs and the temperature, all members are trained a little further, on all rows. Where labels can
be predicted well, more rows are worth more epochs; where they are noisy, few are enough.
"""

import numpy as np

from skdnn.core.evaluation import held_out_logits
from skdnn.core.schedules import SCHEDULES, as_schedule
from skdnn.core.training import Runtime, Split, State, train
from skdnn.estimator.auto_parameters import MANY, is_auto
from skdnn.estimator.initialization import member_generators
from skdnn.estimator.out_of_fold import MIXED
from skdnn.estimator.plan import make_network, make_plan
from skdnn.estimator.solvers import solver_of

MOST = 0.5  # "auto" is this, times the share of the loss that members have learnt to avoid
STREAM = -1 % 2**32  # of random numbers: not that of any number of epochs before


def refit(settings, fitted, fit_data, skill, threads):
    """Return the FittedModel, trained further on all rows; as it is if training is interrupted.

    A member stays as it is, too, if the rows that it held out have no lower loss after it has
    learnt from them: then the learning rate is too high. ``skill`` is 1 minus the ratio of the
    held-out loss to that of predicting class frequencies.
    """
    fraction = _fraction(settings, fit_data, skill)
    n_epochs = int(np.ceil(fraction * fitted.best_iter.mean()))
    fitted = fitted._replace(resolved=fitted.resolved | {"refit_fraction": fraction})
    if not n_epochs:
        return fitted
    try:
        return _trained_on_all_rows(settings, fitted, fit_data, n_epochs, threads)
    except KeyboardInterrupt:
        return fitted


def _trained_on_all_rows(settings, fitted, fit_data, n_epochs, threads):
    data, held_out = fit_data.prepared.data, _rows_held_out(fitted, fit_data)
    split = Split(data, [_rows_of_folds(fit_data)] * fitted.n_members)
    fit_data = fit_data._replace(split=split, variants=fitted.variants, valid=None, keep_best=False)
    network = make_network(fit_data, fitted.resolved)
    plan = make_plan(settings, fitted.resolved, network, fit_data)._replace(
        schedule=as_schedule(SCHEDULES["cosine"]), n_epochs=n_epochs, patience=np.inf
    )
    rngs = member_generators(fit_data.schema.seed, STREAM, fitted.n_members)
    start = State(fitted.state.params.copy(), {})
    state, history = train(network, split, start, plan, rngs, Runtime(threads))
    if history.stopped_by:
        return fitted
    refitted = fitted._replace(state=State(state.params, {})).with_passes()
    loss = fit_data.schema.labels.loss
    losses = [_losses(each, data, held_out, loss, threads.map) for each in (fitted, refitted)]
    params = np.where((losses[1] < losses[0])[:, None], state.params, fitted.state.params)
    n_rows_seen = fitted.n_rows_seen + n_epochs * fit_data.count_rows()
    # In later training, no rows are held out from these members.
    refitted = fitted._replace(state=State(params, {}), n_rows_seen=n_rows_seen, fingerprint=MIXED)
    return refitted.with_passes()


def _rows_of_folds(fit_data):
    """Return all rows but those that ``cv`` gives to no side of any split."""
    rows, split = fit_data.prepared.merged.rows, fit_data.split
    return rows[np.isin(rows, np.concatenate([*split.train_rows, *split.valid_rows]))]


def _rows_held_out(fitted, fit_data):
    """Return the rows that each member of the FittedModel, which may have lost some, held out."""
    of_members, variants = fit_data.split.valid_rows, fit_data.variants
    are_kept = np.repeat(
        [each in fitted.variants for each in variants], len(of_members) // len(variants)
    )
    return [of_members[member] for member in np.flatnonzero(are_kept)]


def _losses(fitted, data, member_rows, loss, run):
    """Return the loss of each member on some rows, shape (n_members,)."""
    forward, divisors = fitted.passes.of(data.rows.array), fitted.calibration[0]
    logits = held_out_logits(forward.network, forward.params, data, member_rows, run)
    given = zip(logits, divisors, member_rows, strict=True)
    losses = [
        loss.evaluate(z[None] / t, data.targets[None, r], data.weights[None, r])
        for z, t, r in given
    ]
    return np.array([of_member[0][0] for of_member in losses])


def _fraction(settings, fit_data, skill):
    """Return the number of epochs on all rows over that of the best epoch."""
    if settings.warm_start or not fit_data.holds_out or solver_of(settings).rule is None:
        return 0.0
    if not is_auto(settings.refit_fraction):
        return settings.refit_fraction
    is_usual = solver_of(settings).adapts and fit_data.n_members > 1
    # With more rows, few are held out.
    is_usual = is_usual and len(fit_data.prepared.merged.rows) <= MANY
    return MOST * max(float(skill), 0.0) if is_usual else 0.0
