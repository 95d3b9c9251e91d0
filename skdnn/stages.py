"""The stages of fit and partial_fit: what the data decide, then training, then what it leaves."""

from functools import partial
from types import SimpleNamespace

import numpy as np
from sklearn.utils import check_random_state

from skdnn.core.training import State
from skdnn.outcome import keep_history, warn_of_divergence, warn_of_interrupt, warn_of_limit
from skdnn.parameters import check_together, resolve
from skdnn.predicting import forward_passes
from skdnn.reading import fit_encoder, resolve_dtype
from skdnn.starting import (
    check_same_shape,
    make_network,
    measure,
    member_generators,
    starting_params,
)
from skdnn.training import make_plan, train_members


def begin(estimator, table, labels, continues, refit_encoder=False):
    """Set what the data decide, or check that they decide the same as before.

    Parameters
    ----------
    estimator : DeepNetClassifier
    table : Table
    labels : Labels
    continues : bool
        Whether training goes on from where it stopped.
    refit_encoder : bool, default=False
        Whether training that goes on has the encoder fitted anew.

    Raises
    ------
    ValueError
        If training goes on with other classes.
    """
    if continues:
        _check_same_classes(estimator, labels)
        if refit_encoder:
            estimator.encoder_ = fit_encoder(estimator, estimator._dtype, table, labels)
        return
    estimator.classes_, estimator._is_multilabel = labels
    estimator._dtype = resolve_dtype(estimator.dtype, table.X)
    estimator.encoder_ = fit_encoder(estimator, estimator._dtype, table, labels)
    rng = check_random_state(estimator.random_state)
    estimator._seed = int(rng.randint(np.iinfo(np.int32).max))
    estimator._n_steps, estimator._rule_state = 0, {}
    estimator._curves = estimator._fingerprint = None
    estimator.n_iter_ = estimator.t_ = 0


def _check_same_classes(estimator, now):
    before = estimator._labels
    if before.is_multilabel != now.is_multilabel:
        several, one = ("several labels", "one label")[:: 1 if before.is_multilabel else -1]
        raise ValueError(f"training so far had {several} a row, but here y has {one} a row.")
    if np.array_equal(before.classes, now.classes):
        return
    if estimator.warm_start:  # in the words of MLPClassifier
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous call "
            f"to fit. Previously got {before.classes}, `y` has {now.classes}. Set "
            "warm_start=False to start anew."
        )
    raise ValueError(
        f"classes are {now.classes.tolist()!r}, but training so far had "
        f"{before.classes.tolist()!r}. Call fit, or clone the estimator, to start anew."
    )


def go_on(estimator, task, continues, watch, threads, is_part=False):
    """Train, and keep the parameters and the history.

    Parameters
    ----------
    estimator : DeepNetClassifier
    task : Task
    continues : bool
        Whether training goes on from where it stopped.
    watch : Watch
    threads : Threads
    is_part : bool, default=False
        Whether this is an epoch of ``partial_fit``.

    Returns
    -------
    Network
    """
    split = task.split
    validates = split.valid_data is not None and estimator.early_stopping
    extent = measure(split, estimator.encoder_, has_all_rows=not is_part)
    before = estimator.resolved_params_ if continues else None
    resolved = resolve(estimator, extent, validates, before)
    if is_part:
        resolved = resolved._replace(max_iter=1, learning_rate="constant")
    check_together(estimator, resolved, extent.is_sparse)
    network = make_network(split.data.rows.array, resolved, estimator._labels, estimator.encoder_)
    n_epochs_before = estimator._curves.shape[2] if continues else 0
    rngs = member_generators(estimator._seed, n_epochs_before, len(split.train_rows))
    start = _start(estimator, network, resolved, split, rngs, continues)
    plan = make_plan(estimator, resolved, network, task)
    watch.start(resolved.max_iter, partial(as_if_fitted, estimator, network, resolved))
    seen_by = watch if watch.is_needed else None
    n_iter = estimator.n_iter_
    state, history = train_members(estimator, network, split, start, plan, rngs, seen_by, threads)
    if plan.make_rule is None and len(rngs) > 1:
        watch.replay(history)
    warn_of_divergence(history, plan)
    warn_of_interrupt(history, plan)
    if not is_part:
        warn_of_limit(estimator, history, plan, resolved)
    estimator._params, estimator._rule_state, estimator._n_steps = state
    vars(estimator).update(shape_of(estimator, network, resolved))
    keep_history(estimator, history, validates)
    n_epochs = history.train_loss.shape[1]
    estimator.n_iter_ = n_iter + n_epochs
    estimator.t_ += n_epochs * task.prepared.count(split.train_rows)
    return network


def _start(estimator, network, resolved, split, rngs, continues):
    if continues:
        check_same_shape(estimator, len(rngs), network)
        return State(estimator._params, estimator._rule_state, estimator._n_steps)
    return State(starting_params(estimator, network, resolved, split, rngs), {})


def shape_of(estimator, network, resolved):
    """Return the attributes that tell what the network is."""
    return {
        "_widths": network.widths,
        "n_layers_": len(network.widths),
        "n_outputs_": network.widths[-1],
        "out_activation_": "softmax" if estimator._labels.loss == "softmax" else "logistic",
        "resolved_params_": resolved._asdict(),
    }


def as_if_fitted(estimator, network, resolved, params):
    """Return the attributes of an estimator whose training ended with these parameters."""
    learnt = shape_of(estimator, network, resolved)
    learnt.update(_params=params, encoder_=estimator.encoder_, temperature_=1.0)
    return {**learnt, "_passes": forward_passes(SimpleNamespace(**learnt))}
