"""A pilot fit: a few members, trained for a part of the epochs, tell what the table needs.

With few rows, they tell how many epochs. The learning rate falls over all epochs that are planned,
and falls too late if members are at their best after a small part of them. Where members need all
epochs, half of them are almost as good.

With many rows, they tell which variants. Where one is much better than the other, the average would
give the other no weight.
"""

from types import SimpleNamespace

import numpy as np

from skdnn.core.calibration import calibrated_loss
from skdnn.core.evaluation import held_out_logits
from skdnn.core.training import Runtime, Split, State, train
from skdnn.estimator.auto_parameters import SMALL, is_auto
from skdnn.estimator.folds import rows_by_member, rows_by_side, stratified_folds
from skdnn.estimator.initialization import initial_params, member_generators
from skdnn.estimator.plan import make_network, make_plan, resolve_for
from skdnn.estimator.solvers import solver_of

N_EPOCHS = 8  # to choose the variants by
N_FOLDS = 4  # one of which each member of a pilot fit holds out
N_ROWS = 6000  # in these folds, at most
# A part of the epochs is enough if the best ones of members are, on average, in this part of it.
EARLY = 0.5
SMALL_LOSS = 0.01  # added to losses before they are compared: below it, differences do not matter
FEWEST_MEMBERS = 8  # that may be halved
# Logarithm of the ratio of the variants' losses above which only the better one is trained; its
# weight in the average was 0.8 or more.
CLEARLY_BETTER = 0.2


def adapt_to_pilot(settings, fit_data, before, threads):
    """Return the FitData with the epochs, or the members and variants, that the table needs.

    It changes only if ``n_members`` is "auto" and members hold out stratified folds.
    """
    if before is not None or not _suits_pilot(settings, fit_data):
        return fit_data
    if len(fit_data.prepared.merged.rows) <= SMALL:
        return _with_enough_epochs(settings, fit_data, threads)
    if len(fit_data.variants) == 1 or fit_data.n_members < FEWEST_MEMBERS:
        return fit_data
    losses = np.add(_pilot_losses(settings, fit_data, threads), SMALL_LOSS)
    if np.ptp(np.log(losses)) <= CLEARLY_BETTER:
        return fit_data
    return _with_half(settings, fit_data._replace(variants=(fit_data.variants[losses.argmin()],)))


def _with_half(settings, fit_data):
    """Return the FitData for half as many members."""
    prepared, n_members = fit_data.prepared, fit_data.n_members // 2
    sides = rows_by_side(settings, fit_data.schema, prepared, n_members, len(fit_data.variants))
    return fit_data._replace(split=Split(prepared.data, sides[0], prepared.data, sides[1]))


def _suits_pilot(settings, fit_data):
    """Return whether a pilot fit can tell what the table needs."""
    # With few epochs or a given learning rate, a high loss may only mean that little was learnt.
    learns = is_auto(settings.max_iter) or settings.max_iter >= N_EPOCHS
    learns = learns and is_auto(settings.learning_rate_init)
    is_given = settings.coefs_init is not None or settings.intercepts_init is not None
    is_usual = solver_of(settings).adapts and isinstance(settings.loss, str) and not is_given
    has_folds = fit_data.holds_out and settings.cv is None and fit_data.prepared.roles is None
    return is_auto(settings.n_members) and learns and is_usual and has_folds


def _with_enough_epochs(settings, fit_data, threads):
    """Return the FitData for a part of the epochs if a pilot fit of that length finds it enough.

    Otherwise return that for half of the members.
    """
    shorter = fit_data._replace(needs_part=True)
    n_epochs = resolve_for(settings, shorter)["max_iter"]
    can_change = n_epochs < resolve_for(settings, fit_data)["max_iter"]
    if not (can_change and is_auto(settings.learning_rate)):
        return fit_data
    _, _, history = _pilot_fit(settings, _in_folds(fit_data, N_FOLDS), n_epochs, threads)
    is_early = history.best_epoch.mean() + 1 < EARLY * n_epochs
    return shorter if is_early else _with_half(settings, fit_data)


def _pilot_losses(settings, fit_data, threads):
    """Return the calibrated loss of each variant on held-out rows."""
    labels, data, fit_data = fit_data.schema.labels, fit_data.prepared.data, _in_folds(fit_data, 1)
    network, params, _ = _pilot_fit(settings, fit_data, N_EPOCHS, threads)
    held_out = fit_data.split.valid_rows
    logits = held_out_logits(network, params, data, held_out, threads.map)
    given = data.targets[held_out[0]], data.weights[held_out[0]], labels.loss
    return [calibrated_loss(array, *given) for array in logits]


def _in_folds(fit_data, n_each):
    """Return the FitData of a pilot fit, with ``n_each`` members of each variant.

    They share at most N_ROWS rows. Each member of a variant holds out another fold.
    """
    prepared, n_variants = fit_data.prepared, len(fit_data.variants)
    rows = prepared.merged.rows
    strata = fit_data.schema.labels.strata(prepared.data.targets[rows])
    n_folds = max(N_FOLDS, -(-N_FOLDS * len(rows) // N_ROWS))
    fold_of = stratified_folds(strata, n_folds, np.random.default_rng(fit_data.schema.seed))
    used = fold_of < N_FOLDS  # also rows that are alone in their class, which are in no fold
    sides = rows_by_member(rows[used], fold_of[used], n_each)
    trained, held_out = (of_variant * n_variants for of_variant in sides)
    return fit_data._replace(split=Split(prepared.data, trained, prepared.data, held_out))


def _pilot_fit(settings, fit_data, n_epochs, threads):
    """Train for ``n_epochs``; return the network, its parameters and the History."""
    changed = {"max_iter": n_epochs, "warm_start": False, "scoring": None}
    settings = SimpleNamespace(**vars(settings) | changed)
    resolved = resolve_for(settings, fit_data)
    network = make_network(fit_data, resolved)
    plan = make_plan(settings, resolved, network, fit_data)
    rngs = member_generators(fit_data.schema.seed, 0, fit_data.n_members)
    start = State(initial_params(settings, fit_data, network, resolved, rngs), {})
    state, history = train(network, fit_data.split, start, plan, rngs, Runtime(threads))
    if history.stopped_by == "interrupt":
        raise KeyboardInterrupt
    return network, state.params, history
