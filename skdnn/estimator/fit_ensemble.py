"""The steps of training: a pilot fit, all members, weights and calibration, all rows."""

from contextlib import closing
from functools import partial

import numpy as np

from skdnn.core import compiling
from skdnn.core.lbfgs import train_lbfgs
from skdnn.core.training import Runtime, State, make_job, train
from skdnn.estimator.convergence import last_finite, warn_of_trouble
from skdnn.estimator.fitted_model import FittedModel
from skdnn.estimator.initialization import initial_params, member_generators
from skdnn.estimator.memory import training_bytes, warn_of_memory
from skdnn.estimator.out_of_fold import MIXED, calibrate
from skdnn.estimator.pilot import adapt_to_pilot
from skdnn.estimator.plan import make_network, make_plan, resolve_for
from skdnn.estimator.refit import refit
from skdnn.estimator.threads import threads_apart
from skdnn.estimator.training_checkpoint import identity_of
from skdnn.tabular.user_warnings import warn_user


def fit_ensemble(settings, fit_data, before, callbacks):
    """Return the FittedModel of the FitData; ``before`` is the one to continue from, or None."""
    n_threads = fit_data.n_members if fit_data.n_members > 1 else None
    with threads_apart(settings.n_jobs, n_threads) as threads:
        fit_data = adapt_to_pilot(settings, fit_data, before, threads)
        fitted, stopped_by = _train_members(settings, fit_data, before, callbacks, threads)
        fitted, skill = calibrate(settings, fitted, fit_data, threads.map)
        if stopped_by:
            return fitted._replace(resolved=fitted.resolved | {"refit_fraction": 0.0})
        return refit(settings, fitted, fit_data, skill, threads)


def _train_members(settings, fit_data, before, callbacks, threads):
    """Train all members; return the FittedModel, not calibrated yet, and what stopped training."""
    resolved = resolve_for(settings, fit_data, before)
    network = make_network(fit_data, resolved)
    plan = make_plan(settings, resolved, network, fit_data)
    shape = fit_data.n_members, network.n_parameters
    warn_of_memory(shape, _needed_bytes(shape, fit_data, plan, network, threads))
    curves = np.empty((3, fit_data.n_members, 0)) if before is None else before.curves
    rngs = member_generators(fit_data.schema.seed, curves.shape[2], fit_data.n_members)
    if before is None:
        start = State(initial_params(settings, fit_data, network, resolved, rngs), {})
    else:
        start = _state_of(before, fit_data.n_members, network.widths)
    weights = before.member_weights if before else np.full(shape[0], 1 / shape[0])
    common = fit_data.schema, resolved, network.widths, compiling.backend(), fit_data.variants
    make_fitted = partial(FittedModel, *common, weights, np.ones(shape[0]))

    def so_far(params, curves):
        """Return the FittedModel of these parameters, as if training had ended with this epoch."""
        best_iter = np.full(fit_data.n_members, curves.shape[2])
        return make_fitted(State(params, {}), curves, best_iter, curves.shape[2]).with_passes()

    callbacks.start(resolved["max_iter"], curves, so_far)
    checkpoint = _open_checkpoint(callbacks, settings, fit_data, start, curves)
    runtime = Runtime(threads, callbacks, checkpoint)
    with closing(callbacks):
        state, history = _run(settings, (network, fit_data.split, start, plan), rngs, runtime)
    warn_of_trouble(settings, history, plan, fit_data.schema.labels.n_outputs)
    best_iter = history.best_epoch + 1 if plan.keep_best else last_finite(history.train_loss)
    n_epochs = history.train_loss.shape[1]
    n_rows_seen = n_epochs * fit_data.count_rows()
    seen = fit_data.prepared.merged.fingerprint if fit_data.holds_out else MIXED
    fitted = make_fitted(
        state if settings.warm_start else State(state.params, {}),
        np.concatenate([curves, np.stack(history[:3])], axis=2),
        best_iter + curves.shape[2],
        n_epochs + (before.n_iter if settings.is_part and before else 0),
        n_rows_seen + (before.n_rows_seen if before else 0),
        seen if before is None or before.fingerprint == seen else MIXED,
    )
    return fitted.with_passes(), history.stopped_by


def _open_checkpoint(callbacks, settings, fit_data, start, curves):
    """Return the checkpoint of this fit, or None."""
    checkpoint, is_continued = callbacks.checkpoint, curves.shape[2] > 0
    if checkpoint is None:
        return None
    if settings.random_state is None and not is_continued:
        warn_user(
            "A fit with random_state=None cannot be resumed, so no checkpoint is written. Set "
            "random_state to an integer."
        )
        return None
    return checkpoint.open_checkpoint(identity_of(settings, fit_data, start, curves))


def _run(settings, given, rngs, runtime):
    """Train, go on with interrupted training, or return the result of an earlier call."""
    checkpoint, callbacks = runtime.checkpoint, runtime.callbacks
    if checkpoint is not None and checkpoint.result is not None:
        state, history = checkpoint.result
        callbacks.resume(np.stack(history[:3]))
        return state, history
    if given[-1].rule is not None:
        state, history = train(*given, rngs, runtime)
    else:
        state, history = train_lbfgs(*given, settings.max_fun, runtime)
        callbacks.replay(history)
    if checkpoint is not None:
        checkpoint.finish(state, history)
    return state, history


def _needed_bytes(shape, fit_data, plan, network, threads):
    """Return about how many bytes training allocates."""
    job = make_job(network, fit_data.split, plan, threads, is_alone=shape[0] == 1)
    return training_bytes(shape, fit_data.schema.dtype, plan, job.updates_rows, threads.number)


def _state_of(before, n_members, widths):
    """Return the State from which training is continued."""
    if (before.n_members, before.widths) != (n_members, widths):
        raise ValueError(
            f"the network so far has {before.n_members} members of layer widths {before.widths}, "
            f"but now {n_members} of {widths} are needed. To continue training, do not change "
            "n_members, hidden_layer_sizes and encoder; to start again, set warm_start=False."
        )
    return before.state
