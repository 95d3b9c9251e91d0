"""Training as the parameters ask for it: where it starts, the plan, and what it leaves."""

from functools import partial

import numpy as np
from scipy.sparse import issparse
from scipy.special import logit

from skdnn.core import compiling
from skdnn.core.custom_activations import as_activation
from skdnn.core.custom_losses import as_loss, check_loss
from skdnn.core.expansion import Expansion
from skdnn.core.lbfgs import train_lbfgs
from skdnn.core.losses import LOSSES
from skdnn.core.network import build, build_sparse, connect, initialize
from skdnn.core.schedules import SCHEDULES
from skdnn.core.training import Plan, Runtime, State, train
from skdnn.outcome import MIXED, last_finite, warn_of_trouble
from skdnn.parameters import OUTPUT_SCALE, Extent, check_together, resolve
from skdnn.reading import expansion_of
from skdnn.scoring import Score
from skdnn.solvers import SOLVERS
from skdnn.state import Fitted, overwrite


def train_members(settings, task, before, watch, threads):
    """Train all members.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    task : Task
    before : Fitted or None
        What training goes on from.
    watch : Watch
    threads : Workers

    Returns
    -------
    Fitted
        Not yet calibrated.

    Raises
    ------
    ValueError
        If parameters contradict each other, or training goes on with another network.
    """
    expansion = _expansion_of(task)
    resolved = _resolve(settings, task, before, expansion)
    network = _make_network(task, resolved, expansion)
    curves = np.empty((3, task.n_members, 0)) if before is None else before.curves
    rngs = member_generators(task.basis.seed, curves.shape[2], task.n_members)
    if before is None:
        start = State(starting_params(settings, task, network, resolved, rngs), {})
    else:
        start = _state_of(before, task.n_members, network.widths)
    plan = make_plan(settings, resolved, network, task)
    make_fitted = partial(Fitted, task.basis, resolved, network.widths, compiling.backend())

    def so_far(params, curves):
        """Return a Fitted as if training ended now, and every member kept what it has."""
        best_iter = np.full(task.n_members, curves.shape[2])
        return make_fitted(State(params, {}), curves, best_iter, curves.shape[2]).with_passes()

    watch.start(resolved["max_iter"], curves, so_far)
    runtime = Runtime(threads, watch)
    if plan.rule is not None:
        state, history = train(network, task.split, start, plan, rngs, runtime)
    else:
        state, history = train_lbfgs(network, task.split, start, plan, settings.max_fun, runtime)
        watch.replay(history)
    warn_of_trouble(settings, resolved, history, plan)
    best_iter = history.best_epoch + 1 if plan.keep_best else last_finite(history.train_loss)
    n_epochs = history.train_loss.shape[1]
    n_rows_seen = n_epochs * task.prepared.count(task.split.train_rows)
    seen = task.prepared.distinct.fingerprint if task.holds_out else MIXED
    return make_fitted(
        state if settings.warm_start else State(state.params, {}),
        np.concatenate([curves, np.stack(history[:3])], axis=2),
        best_iter + curves.shape[2],
        n_epochs + (before.n_iter if settings.is_part and before else 0),
        n_rows_seen + (before.n_rows_seen if before else 0),
        seen if before is None or before.fingerprint == seen else MIXED,
    ).with_passes()


def _expansion_of(task):
    """Return what turns encoded rows into the network's inputs."""
    learnt = None if issparse(task.encoded) else expansion_of(task.basis.encoder)
    return Expansion(task.encoded.shape[1]) if learnt is None else learnt


def _resolve(settings, task, before, expansion):
    """Return the parameters with "auto" replaced, if they go together."""
    n_rows, n_columns = max(map(len, task.split.train_rows)), task.encoded.shape[1]
    n_inputs = expansion.n_outputs - sum(expansion.n_bins)
    has_all_rows, is_sparse = not settings.is_part, issparse(task.encoded)
    extent = Extent(n_rows, has_all_rows, n_columns, n_inputs, is_sparse, task.n_members)
    resolved = resolve(settings, extent, task.keeps_best, before and before.resolved)
    check_together(settings, resolved, is_sparse)
    return resolved


def _make_network(task, resolved, expansion):
    """Return the network for encoded rows."""
    n_outputs = task.basis.labels.n_outputs
    widths = (expansion.n_outputs, *resolved["hidden_layer_sizes"], n_outputs)
    layers = widths, resolved["activation"], resolved["dropout"]
    if issparse(task.encoded):
        return build_sparse(*layers)
    is_scaled = resolved["connectivity"] is not None
    return build(*layers, expansion, resolved["input_dropout"], is_scaled)


def member_generators(seed, n_epochs_before, n_members):
    """Return a generator for each member, which later epochs do not repeat."""
    seeds = np.random.SeedSequence([seed, n_epochs_before]).spawn(n_members)
    return [np.random.Generator(np.random.SFC64(member_seed)) for member_seed in seeds]


def _state_of(before, n_members, widths):
    """Return the State that training goes on from."""
    if (before.n_members, before.widths) != (n_members, widths):
        raise ValueError(
            f"training so far had {before.n_members} members of widths {before.widths}; now there "
            f"are {n_members} of {widths}. Keep n_members, hidden_layer_sizes and encoder as they "
            "were, or fit anew with warm_start=False."
        )
    return before.state


def starting_params(settings, task, network, resolved, rngs):
    """Return starting weights and biases, shape (n_members, n_parameters)."""
    params = np.zeros((len(rngs), network.n_parameters), task.basis.dtype)
    n_layers, is_auto = len(resolved["activation"]) + 1, settings.init == "auto"
    init = ["glorot_uniform" if is_auto else settings.init] * n_layers
    scale = [settings.init_scale] * n_layers
    if is_auto and SOLVERS[settings.solver].adapts:
        init = [as_activation(item).init for item in resolved["activation"]] + ["he_normal"]
        scale[-1] *= OUTPUT_SCALE
    initialize(network, params, rngs, init, scale)
    if resolved["connectivity"] is not None:
        connect(network, params, rngs, resolved["connectivity"])
    if is_auto and settings.intercepts_init is None:
        network.dense(params)[-1][1][...] = _prior_logits(task.split.data, task.basis.labels)
    overwrite(network, params, settings.coefs_init, "coefs_init", 0)
    overwrite(network, params, settings.intercepts_init, "intercepts_init", 1)
    return params


def _prior_logits(data, labels):
    """Return the biases with which a network without inputs predicts the class shares."""
    # Whole numbers have the same sum in whatever order the rows come.
    n_bits = 52 - len(data.weights).bit_length() - np.frexp(data.weights.max())[1]
    weights = np.rint(np.ldexp(data.weights, n_bits))
    if labels.loss == "softmax":
        totals = np.bincount(data.targets[:, 0], weights, len(labels.classes))
        return np.log(np.maximum(totals / weights.sum(), 1e-4))
    return logit(np.clip(weights @ data.targets / weights.sum(), 1e-4, 1 - 1e-4))


def loss_of(settings, labels):
    """Return the Loss to minimize, checked if it is a custom loss."""
    standard = LOSSES[labels.loss]
    if isinstance(settings.loss, str):
        return standard
    check_loss(settings.loss, standard, labels.n_outputs, np.random.default_rng(0))
    return as_loss(settings.loss, standard)


def score_of(settings, network, task):
    """Return what scores members, None if their accuracy does."""
    if settings.scoring is None or task.valid is None:
        return None
    return Score(settings.scoring, task.basis.labels, network, task.split, task.valid)


def make_plan(settings, resolved, network, task):
    """Return the Plan that the parameters ask for."""
    solver = SOLVERS[settings.solver]
    options = {name: getattr(settings, given) for name, given in solver.options.items()}
    return Plan(
        loss=loss_of(settings, task.basis.labels),
        score=score_of(settings, network, task),
        rule=solver.rule and solver.rule(**options),
        schedule=SCHEDULES[resolved["learning_rate"]],
        learning_rate=resolved["learning_rate_init"],
        n_epochs=resolved["max_iter"],
        batch_size=resolved["batch_size"],
        shuffle=settings.shuffle and not solver.takes_all_rows,
        patience=resolved["n_iter_no_change"],
        tol=settings.tol,
        keep_best=task.keeps_best,
        adaptive=resolved["learning_rate"] == "adaptive",
        alpha=settings.alpha,
        weight_decay=resolved["weight_decay"],
        label_smoothing=resolved["label_smoothing"],
        max_grad_norm=settings.max_grad_norm,
        power_t=settings.power_t,
        warmup=settings.warmup_fraction,
    )
