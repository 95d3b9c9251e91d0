"""How to train: the plan that the parameters ask for, and the threads."""

from functools import partial

import numpy as np

from skdnn.core import compiling
from skdnn.core.custom_losses import as_loss, check_loss
from skdnn.core.lbfgs import train_lbfgs
from skdnn.core.losses import LOSSES
from skdnn.core.schedules import SCHEDULES
from skdnn.core.training import Plan, train
from skdnn.scoring import Score
from skdnn.solvers import SOLVERS
from skdnn.threads import threads_apart


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


def training_threads(estimator, n_members):
    """Return a context of Threads for members; a single one is shared by slices of its batches."""
    compiling.load()  # to know which libraries' memory to touch
    return threads_apart(estimator.n_jobs, estimator._dtype, n_members if n_members > 1 else None)


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
