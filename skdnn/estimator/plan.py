"""The values of "auto", the network and the Plan of training, from the parameters and the data."""

import numpy as np
from scipy.sparse import issparse

from skdnn.core.custom_losses import as_loss, check_loss
from skdnn.core.early_stopping import STOPPING_TEMPERATURES
from skdnn.core.network import build, build_sparse
from skdnn.core.schedules import SCHEDULES, as_schedule
from skdnn.core.training import Plan
from skdnn.estimator.auto_parameters import DataSize, is_auto, resolve
from skdnn.estimator.parameters import check_together
from skdnn.estimator.scoring import Score
from skdnn.estimator.solvers import make_rule, solver_of
from skdnn.estimator.variants import label_smoothing_of


def resolve_for(settings, fit_data, before=None):
    """Return the parameters with "auto" replaced, and check that they are compatible."""
    n_rows, n_columns = fit_data.split.n_rows, fit_data.encoded.shape[1]
    n_binned, n_inputs = len(fit_data.expansion.n_bins), fit_data.expansion.n_outputs_without_bins
    has_all_rows, is_sparse = not settings.is_part, issparse(fit_data.encoded)
    shape = fit_data.n_members, fit_data.schema.labels.n_outputs, fit_data.needs_part
    data_size = DataSize(n_rows, has_all_rows, n_columns, n_binned, n_inputs, is_sparse, *shape)
    resolved = resolve(settings, data_size, fit_data.keep_best, before and before.resolved)
    check_together(settings, resolved, is_sparse)
    return resolved


def make_network(fit_data, resolved):
    """Return the network for encoded rows."""
    expansion, n_outputs = fit_data.expansion, fit_data.schema.labels.n_outputs
    widths = (expansion.n_outputs, *resolved["hidden_layer_sizes"], n_outputs)
    layers = widths, resolved["activation"], resolved["dropout"]
    if issparse(fit_data.encoded):
        return build_sparse(*layers)
    is_scaled = resolved["connectivity"] is not None
    return build(*layers, expansion, resolved["input_dropout"], is_scaled)


def loss_of(settings, labels):
    """Return the Loss to minimize, checked if it is a custom loss."""
    if isinstance(settings.loss, str):
        return labels.loss
    check_loss(settings.loss, labels.loss, labels.n_outputs, np.random.default_rng(0))
    return as_loss(settings.loss, labels.loss)


def make_plan(settings, resolved, network, fit_data):
    """Return the Plan of training, from the parameters."""
    schedule = as_schedule(SCHEDULES[resolved["learning_rate"]])
    score, labels = None, fit_data.schema.labels  # None is the accuracy
    if settings.scoring is not None and fit_data.valid is not None:
        score = Score(settings.scoring, labels, network, fit_data.split, fit_data.valid)
    given = {name: getattr(settings, name) for name in ("tol", "alpha", "max_grad_norm", "power_t")}
    # What custom losses are at other temperatures says nothing of the calibrated probabilities.
    compares_losses = fit_data.keep_best and score is None and isinstance(settings.loss, str)
    variants, n_members = fit_data.variants, fit_data.n_members
    of_member = np.repeat(np.arange(len(variants)), n_members // len(variants))
    return Plan(
        loss=loss_of(settings, labels),
        score=score,
        rule=make_rule(settings),
        schedule=schedule,
        learning_rate=resolved["learning_rate_init"],
        n_epochs=resolved["max_iter"],
        shuffle=settings.shuffle and not solver_of(settings).takes_all_rows,
        patience=resolved["n_iter_no_change"],
        patience_grows=is_auto(settings.n_iter_no_change) and solver_of(settings).adapts,
        keep_best=fit_data.keep_best,
        keep_memory=settings.warm_start,
        adaptive=schedule.is_adaptive,
        warmup=settings.warmup_fraction,
        batch_size=resolved["batch_size"],
        weight_decay=resolved["weight_decay"],
        label_smoothing=label_smoothing_of(resolved, variants)[of_member],
        variants=of_member,
        temperatures=STOPPING_TEMPERATURES if compares_losses else (),
        **given,
    )
