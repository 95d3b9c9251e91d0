"""A pilot fit: a few epochs of one member of each variant, which tell how many members to train.

More members, and members of several variants, improve probabilities most where labels can be
predicted well. Where they are noisy, most of the loss is in the labels, and half of the members are
almost as good as all. Where one variant is much better than the other, the average would give the
other no weight.
"""

from types import SimpleNamespace

import numpy as np

from skdnn.core.calibration import calibrated_loss
from skdnn.core.evaluation import held_out_logits
from skdnn.core.training import Runtime, Split, State, train
from skdnn.estimator.auto_parameters import SMALL, is_auto
from skdnn.estimator.folds import rows_by_member, rows_by_side, stratified_folds
from skdnn.estimator.initialization import initial_params, member_generators, prior_logits
from skdnn.estimator.plan import make_network, make_plan, resolve_for
from skdnn.estimator.solvers import solver_of

N_EPOCHS = 8
N_FOLDS = 4  # one of which is held out
N_ROWS = 6000  # in these folds, at most
SMALL_LOSS = 0.01  # added to losses before they are compared: below it, differences do not matter
FEWEST_MEMBERS = 8  # that may be halved
MANY_MEMBERS = 16  # half of which are enough if labels are noisy
# Loss over that of predicting class frequencies, above which labels are noisy. Eight members
# instead of sixteen then cost 0.3 % of log-loss, but 2 % or more elsewhere (42 public tables).
NOISY = 0.55
# Logarithm of the ratio of the variants' losses above which only the better one is trained; its
# weight in the average was 0.8 or more.
CLEARLY_BETTER = 0.2


def choose_members(settings, fit_data, before, threads):
    """Return the FitData with the number and the variants of members that the table needs.

    It changes only if ``n_members`` is "auto" and members hold out stratified folds of many rows.
    """
    if before is not None or not _needs_pilot_fit(settings, fit_data):
        return fit_data
    n_members, variants = _needed(fit_data, _pilot_losses(settings, fit_data, threads))
    prepared = fit_data.prepared
    sides = rows_by_side(settings, fit_data.schema, prepared, n_members, len(variants))
    split = Split(prepared.data, sides[0], prepared.data, sides[1])
    return fit_data._replace(split=split, variants=variants)


def _needs_pilot_fit(settings, fit_data):
    """Return whether a pilot fit chooses the number of members."""
    # With few epochs or a given learning rate, a high loss may only mean that little was learnt.
    learns = is_auto(settings.max_iter) or settings.max_iter >= N_EPOCHS
    learns = learns and is_auto(settings.learning_rate_init)
    is_given = settings.coefs_init is not None or settings.intercepts_init is not None
    is_usual = solver_of(settings).adapts and isinstance(settings.loss, str) and not is_given
    has_folds = fit_data.holds_out and settings.cv is None and fit_data.prepared.roles is None
    is_large = len(fit_data.prepared.merged.rows) > SMALL
    fewest = FEWEST_MEMBERS if len(fit_data.variants) > 1 else MANY_MEMBERS
    can_halve = is_auto(settings.n_members) and fit_data.n_members >= fewest
    return can_halve and learns and is_usual and has_folds and is_large


def _needed(fit_data, losses):
    """Return the number of members to train, and their variants, given losses of the pilot fit."""
    n_members, variants = fit_data.n_members, fit_data.variants
    *of_variants, of_frequencies = losses
    if np.ptp(np.log(np.add(of_variants, SMALL_LOSS))) > CLEARLY_BETTER:
        return n_members // 2, (variants[np.argmin(of_variants)],)
    if n_members == MANY_MEMBERS and min(of_variants) > NOISY * of_frequencies:
        return n_members // 2, variants
    return n_members, variants


def _pilot_losses(settings, fit_data, threads):
    """Return the calibrated loss of each variant on held-out rows, and of class frequencies."""
    labels, data, seed = fit_data.schema.labels, fit_data.prepared.data, fit_data.schema.seed
    split = _pilot_split(fit_data)
    fit_data = fit_data._replace(split=split)
    changed = {"max_iter": N_EPOCHS, "warm_start": False, "scoring": None}
    settings = SimpleNamespace(**vars(settings) | changed)
    resolved = resolve_for(settings, fit_data)
    network = make_network(fit_data, resolved)
    plan = make_plan(settings, resolved, network, fit_data)
    rngs = member_generators(seed, 0, fit_data.n_members)
    start = State(initial_params(settings, fit_data, network, resolved, rngs), {})
    state, history = train(network, split, start, plan, rngs, Runtime(threads))
    if history.stopped_by == "interrupt":
        raise KeyboardInterrupt
    logits = held_out_logits(network, state.params, data, split.valid_rows, threads.map)
    of_frequencies = np.broadcast_to(prior_logits(data, labels), logits[0].shape)
    rows = split.valid_rows[0]
    given = data.targets[rows], data.weights[rows], labels.loss
    return [calibrated_loss(array, *given) for array in (*logits, of_frequencies)]


def _pilot_split(fit_data):
    """Return a Split with a member of each variant, all with the same rows, of at most N_ROWS."""
    prepared, n_variants = fit_data.prepared, len(fit_data.variants)
    rows = prepared.merged.rows
    strata = fit_data.schema.labels.strata(prepared.data.targets[rows])
    n_folds = max(N_FOLDS, -(-N_FOLDS * len(rows) // N_ROWS))
    fold_of = stratified_folds(strata, n_folds, np.random.default_rng(fit_data.schema.seed))
    used = fold_of < N_FOLDS  # also rows that are alone in their class, which are in no fold
    trained, held_out = rows_by_member(rows[used], fold_of[used], 1)
    return Split(prepared.data, trained * n_variants, prepared.data, held_out * n_variants)
