"""Training on all rows, after early stopping.

Members that hold out rows have never learnt from these. Once the held-out rows have chosen the best
epochs and the temperature, all members are trained a little further, on all rows. Where labels can
be predicted well, more rows are worth more epochs; where they are noisy, few are enough.
"""

import math

import numpy as np
from scipy.sparse import issparse

from skdnn.core.evaluation import held_out_logits
from skdnn.core.schedules import SCHEDULES, as_schedule
from skdnn.core.training import Runtime, Split, State, train
from skdnn.estimator.auto_parameters import MANY, is_auto
from skdnn.estimator.initialization import member_generators
from skdnn.estimator.out_of_fold import MIXED
from skdnn.estimator.plan import make_network, make_plan
from skdnn.estimator.solvers import solver_of
from skdnn.tabular.user_warnings import warn_user

# "auto" is this * (1 - held-out loss / loss of class frequencies).
LARGEST_FRACTION = 0.5
# Entropy in place of the number of epochs before, so that random numbers differ from those.
STREAM = 2**32 - 1


def refit(settings, fitted, fit_data, skill, threads):
    """Return the FittedModel, trained further on all rows; as it is if training is interrupted.

    ``skill`` is 1 minus the ratio of the held-out loss to that of predicting class frequencies.
    """
    fraction = _fraction(settings, fit_data, skill)
    n_epochs = math.ceil(fraction * fitted.best_iter.mean() - 1e-9)  # 0.07 * 100 is 7
    fitted = fitted._replace(resolved=fitted.resolved | {"refit_fraction": fraction})
    if not n_epochs:
        return fitted
    try:
        return _trained_on_all_rows(settings, fitted, fit_data, n_epochs, threads)
    except KeyboardInterrupt:
        warn_user("Training on all rows was interrupted: the members are those before it.")
        return fitted


def _trained_on_all_rows(settings, fitted, fit_data, n_epochs, threads):
    """Return the FittedModel after so many epochs.

    A member stays as it is if the rows that it held out have no lower loss after it has learnt from
    them: then the learning rate is too high.
    """
    data, n_members = fit_data.prepared.data, fitted.n_members
    held_out = fit_data.split.valid_rows[:n_members]  # the same for all variants
    split = Split(data, [_rows_of_folds(fit_data)] * n_members)
    fit_data = fit_data._replace(split=split, variants=fitted.variants, valid=None, keep_best=False)
    network = make_network(fit_data, fitted.resolved)
    plan = make_plan(settings, fitted.resolved, network, fit_data)._replace(
        schedule=as_schedule(SCHEDULES["cosine"]), n_epochs=n_epochs, patience=np.inf
    )
    if solver_of(settings).takes_all_rows:
        plan = plan._replace(batch_size=split.n_rows)
    rngs = member_generators(fit_data.schema.seed, STREAM, n_members)
    start = State(fitted.state.params.copy(), {})
    state, history = train(network, split, start, plan, rngs, Runtime(threads))
    if history.stopped_by:
        raise KeyboardInterrupt
    refitted = fitted._replace(state=State(state.params, {})).with_passes()
    loss = fit_data.schema.labels.loss
    losses = [_losses(each, data, held_out, loss, threads.map) for each in (fitted, refitted)]
    are_better = losses[1] < losses[0]
    if not are_better.any():
        return fitted
    params = np.where(are_better[:, None], state.params, fitted.state.params)
    n_rows_seen = fitted.n_rows_seen + n_epochs * fit_data.count_rows()
    # In later training, no rows are held out from these members.
    refitted = fitted._replace(state=State(params, {}), n_rows_seen=n_rows_seen, fingerprint=MIXED)
    return refitted.with_passes()


def _rows_of_folds(fit_data):
    """Return all rows but those that ``cv`` gives to no side of any split."""
    rows, split = fit_data.prepared.merged.rows, fit_data.split
    return rows[np.isin(rows, np.concatenate([*split.train_rows, *split.valid_rows]))]


def _losses(fitted, data, member_rows, loss, run):
    """Return the loss of each member on some rows, shape (n_members,)."""
    forward, divisors = fitted.passes.of(data.rows.array), fitted.calibration[0]
    logits = held_out_logits(forward.network, forward.params, data, member_rows, run)

    def loss_of(z, t, rows):
        return loss.evaluate(z[None] / t, data.targets[None, rows], data.weights[None, rows])[0][0]

    return np.array(list(map(loss_of, logits, divisors, member_rows)))


def _fraction(settings, fit_data, skill):
    """Return the number of epochs on all rows over that of the best epoch."""
    if settings.warm_start or not fit_data.holds_out or solver_of(settings).rule is None:
        return 0.0
    if not is_auto(settings.refit_fraction):
        return settings.refit_fraction
    # With more rows, few are held out. Weights of sparse inputs are spoilt by few large steps.
    n_rows, encoded = len(fit_data.prepared.merged.rows), fit_data.encoded
    is_usual = solver_of(settings).adapts and fit_data.n_members > 1 and n_rows <= MANY
    is_usual = is_usual and not (issparse(encoded) and encoded.shape[1] > n_rows)
    return LARGEST_FRACTION * max(float(skill), 0.0) if is_usual else 0.0
