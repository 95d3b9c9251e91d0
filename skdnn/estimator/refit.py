"""Training on all rows, after early stopping.

Members that hold out rows have never learnt from these. Once the held-out rows have chosen the best
epochs and the temperature, all members are trained a little further, on all rows. Where labels can
be predicted well, more rows are worth more epochs; where they are noisy, few are enough.
"""

import numpy as np

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

    ``skill`` is 1 minus the ratio of the held-out loss to that of predicting class frequencies.
    """
    fraction = _fraction(settings, fit_data, skill)
    n_epochs = int(np.ceil(fraction * fitted.best_iter.mean()))
    fitted = fitted._replace(resolved=fitted.resolved | {"refit_fraction": fraction})
    if not n_epochs:
        return fitted
    n_members, rows = fitted.n_members, fit_data.prepared.merged.rows
    split = Split(fit_data.prepared.data, [rows] * n_members)
    fit_data = fit_data._replace(split=split, variants=fitted.variants, keep_best=False)
    network = make_network(fit_data, fitted.resolved)
    plan = make_plan(settings, fitted.resolved, network, fit_data)._replace(
        schedule=as_schedule(SCHEDULES["cosine"]), n_epochs=n_epochs, patience=np.inf, score=None
    )
    rngs = member_generators(fit_data.schema.seed, STREAM, n_members)
    start = State(fitted.state.params.copy(), {})
    try:
        state, history = train(network, split, start, plan, rngs, Runtime(threads))
    except KeyboardInterrupt:
        return fitted
    if history.stopped_by:
        return fitted
    n_rows_seen = fitted.n_rows_seen + n_epochs * fit_data.count_rows()
    # In later training, no rows are held out from these members.
    fitted = fitted._replace(state=State(state.params, {}), n_rows_seen=n_rows_seen)
    return fitted._replace(fingerprint=MIXED).with_passes()


def _fraction(settings, fit_data, skill):
    """Return the number of epochs on all rows over that of the best epoch."""
    if settings.warm_start or not fit_data.holds_out or solver_of(settings).rule is None:
        return 0.0
    if not is_auto(settings.refit_fraction):
        return settings.refit_fraction
    is_usual = solver_of(settings).adapts and fit_data.n_members > 1
    # With more rows, few are held out.
    is_usual = is_usual and len(fit_data.prepared.merged.rows) <= MANY
    return MOST * max(skill, 0.0) if is_usual else 0.0
