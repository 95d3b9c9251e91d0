"""How to train: the plan that the parameters ask for, and the threads."""

from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np

from skdnn.core.custom_losses import as_loss, check_loss
from skdnn.core.lbfgs import train_lbfgs
from skdnn.core.losses import LOSSES
from skdnn.core.schedules import SCHEDULES
from skdnn.core.training import Plan, train
from skdnn.scoring import Score
from skdnn.solvers import SOLVERS
from skdnn.threads import n_threads, shared_map, single_threaded_blas


def loss_of(estimator):
    """Return the Loss to minimize, which is checked if it is of the user's own."""
    standard = LOSSES[estimator._labels.loss]
    if isinstance(estimator.loss, str):
        return standard
    check_loss(estimator.loss, standard, estimator._labels.n_outputs, np.random.default_rng(0))
    return as_loss(estimator.loss, standard)


def score_of(estimator, network, task):
    """Return what scores members, None if their accuracy does."""
    if estimator.scoring is None or task.split.valid_data is None:
        return None
    return Score(estimator, network, task.split, task.valid_table, task.valid_distinct.first)


def make_plan(estimator, resolved, network, task):
    """Return the Plan that the parameters ask for."""
    solver = SOLVERS[estimator.solver]
    options = {name: getattr(estimator, given) for name, given in solver.options.items()}
    return Plan(
        loss=loss_of(estimator),
        score=score_of(estimator, network, task),
        make_rule=solver.rule and partial(solver.rule, **options),
        schedule=SCHEDULES[resolved.learning_rate],
        learning_rate=resolved.learning_rate_init,
        n_epochs=resolved.max_iter,
        batch_size=resolved.batch_size,
        shuffle=estimator.shuffle and not solver.takes_all_rows,
        patience=resolved.n_iter_no_change,
        tol=estimator.tol,
        keep_best=task.split.valid_data is not None and estimator.early_stopping,
        adaptive=resolved.learning_rate == "adaptive",
        alpha=estimator.alpha,
        weight_decay=resolved.weight_decay,
        label_smoothing=resolved.label_smoothing,
        max_grad_norm=estimator.max_grad_norm,
        power_t=estimator.power_t,
        warmup=estimator.warmup_fraction,
    )


class Threads(NamedTuple):
    """What to train on.

    Attributes
    ----------
    number : int
    run : callable
        Like ``map``, on these threads.
    """

    number: int
    run: Callable


@contextmanager
def training_threads(estimator, n_members):
    """Limit BLAS to a thread, and yield the Threads for members."""
    with single_threaded_blas() as blas_threads:
        n_workers = n_threads(estimator.n_jobs, blas_threads)
        if n_members > 1:  # a single one is shared by slices of its batches
            n_workers = min(n_workers, n_members)
        with shared_map(n_workers) as run:
            yield Threads(n_workers, run)


def train_members(estimator, network, split, state, plan, rngs, watch, threads):
    """Train all members on threads.

    Returns
    -------
    state : State
    history : History
    """
    if plan.make_rule is None:
        return train_lbfgs(network, split, state, plan, estimator.max_fun, threads.run, watch)
    return train(network, split, state, plan, rngs, threads.number, threads.run, watch)
