"""The one training loop.

Members are trained in groups: the members of a group are trained side by side on one thread. The
steps of a member do not depend on the others, and early stopping is decided after an epoch, so the
result is the same for any number of groups and threads.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdnn.core import compiling
from skdnn.core.batches import Blocks, Data, plan_batches
from skdnn.core.early_stopping import StoppingCriterion, out_of_patience
from skdnn.core.ensemble import Ensemble
from skdnn.core.losses import Loss
from skdnn.core.results import Results
from skdnn.core.sparse_layer import updates_rows
from skdnn.core.steps import Job
from skdnn.core.workers import ALONE, Workers


class Plan(NamedTuple):
    """How to train.

    Attributes
    ----------
    loss : Loss
    rule : object or None
        An update rule, see :mod:`skdnn.core.optimizers`. None for L-BFGS.
    schedule : callable
        See :mod:`skdnn.core.schedules`.
    learning_rate : float
    n_epochs : int
    batch_size : int
    shuffle : bool
    patience : float
        Largest number of epochs without progress before a member stops.
    patience_grows : bool
        Whether it is smaller than that while best epochs are early.
    tol : float
    keep_best : bool
        Whether early stopping uses the validation loss (or score), and each member keeps the
        parameters of its best epoch. Otherwise it uses the training loss, and the last are kept.
    keep_memory : bool
        Whether the memory of the update rule is part of the result, to continue training from.
    adaptive : bool
        Whether to divide the rate by 5, instead of stopping, when patience runs out.
    alpha : float
        L2 penalty ``alpha / 2 * ||W||^2 / n_rows``.
    weight_decay : float
        Decoupled decay of weights, per unit of rate.
    label_smoothing : float or ndarray of shape (n_members,)
    temperatures : sequence of float
        Further temperatures, besides 1, that logits of validation rows are divided by. The
        early-stopping criterion uses the lowest of the losses at these temperatures.
    variants : int or ndarray of shape (n_members,)
        Variant of each member; the early-stopping criterion is shrunk to the mean of its variant.
    max_grad_norm : float or None
    power_t, warmup : float
        See :class:`skdnn.core.schedules.Progress`.
    score : callable or None
        ``(members, params) -> scores`` of the rows that each is validated on, in place of their
        accuracy; the best epoch then is that of the highest.
    """

    loss: Loss
    rule: object
    schedule: Callable
    learning_rate: float
    n_epochs: int
    batch_size: int
    shuffle: bool = True
    patience: float = np.inf
    patience_grows: bool = False
    tol: float = 0.0
    keep_best: bool = False
    keep_memory: bool = True
    adaptive: bool = False
    alpha: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float | np.ndarray = 0.0
    temperatures: tuple = ()
    variants: int | np.ndarray = 0
    max_grad_norm: float | None = None
    power_t: float = 0.5
    warmup: float = 0.05
    score: Callable | None = None


class Split(NamedTuple):
    """The rows that each member trains on, and those that it is validated on.

    Attributes
    ----------
    data : Data
    train_rows : list of ndarray
        Rows of ``data`` that each member trains on.
    valid_data : Data or None
        None trains without validation.
    valid_rows : list of ndarray or None
        Rows of ``valid_data`` that each member is validated on.
    blocks : Blocks
        How ``data`` is filled during an epoch, if it has room for only a block of the rows.
    """

    data: Data
    train_rows: list
    valid_data: Data | None = None
    valid_rows: list | None = None
    blocks: Blocks = Blocks()

    @property
    def n_rows(self):
        """Largest number of rows that a member trains on in an epoch."""
        return self.blocks.n_rows or max(map(len, self.train_rows))


class State(NamedTuple):
    """The parameters of all members and the memory of the update rule.

    Attributes
    ----------
    params : ndarray of shape (n_members, n_parameters)
    rule_state : dict of str to ndarray of shape (n_members, n_parameters)
        Memory of the update rule; empty for a fresh start.
    n_steps : int
        Number of training steps so far.
    """

    params: np.ndarray
    rule_state: dict
    n_steps: int = 0


class History(NamedTuple):
    """Losses and scores by member and epoch, NaN after a member has stopped; how training ended.

    Attributes
    ----------
    train_loss, valid_loss, valid_score : ndarray of shape (n_members, n_epochs)
    best_epoch : ndarray of shape (n_members,)
    n_failures : ndarray of shape (n_members,)
        Number of times that a member diverged and its last good parameters were restored.
    has_converged : ndarray of shape (n_members,)
        Whether training of the member ended as its patience ran out.
    stopped_by : {"callback", "interrupt"} or None
        None if training ended by itself.
    """

    train_loss: np.ndarray
    valid_loss: np.ndarray
    valid_score: np.ndarray
    best_epoch: np.ndarray
    n_failures: np.ndarray
    has_converged: np.ndarray
    stopped_by: str | None = None


class Runtime(NamedTuple):
    """The threads that training runs on, its callbacks and its checkpoint.

    Attributes
    ----------
    workers : Workers
        Threads that share the members, or the batches of a single one.
    callbacks : object or None
        ``callbacks.begin()`` is called before every epoch and ``callbacks.end(number, curve,
        params)`` after it, on the calling thread, with the training loss, validation loss and
        validation score of each member, shape (3, n_members), and a function that returns the
        parameters so far. Training stops if the latter returns True. Before the first epoch,
        ``callbacks.resume(curves)`` tells of epochs that were run before, shape (3, n_members,
        n_epochs).
    checkpoint : object or None
        ``checkpoint.saved`` is None, or a snapshot of the same training to go on from.
        ``checkpoint.offer(snapshot)`` is called after every epoch, with a function that returns
        all that is needed to continue training from there, as a dict of arrays.
    """

    workers: Workers = ALONE
    callbacks: object = None
    checkpoint: object = None

    @property
    def saved(self):
        """A snapshot to go on from, or None."""
        return None if self.checkpoint is None else self.checkpoint.saved

    def resume(self, curves):
        """Tell the callbacks of epochs that were run before."""
        if self.callbacks is not None:
            self.callbacks.resume(curves)

    def offer(self, snapshot):
        """Let the checkpoint save a snapshot."""
        if self.checkpoint is not None:
            self.checkpoint.offer(snapshot)


def train(network, split, state, plan, rngs, runtime=Runtime()):  # noqa: B008 - a constant
    """Train all members.

    Parameters
    ----------
    network : Network
    split : Split
    state : State
        Starting point.
    plan : Plan
    rngs : list of Generator
        One a member.
    runtime : Runtime, optional

    Returns
    -------
    state : State
        With the best parameters where there is validation, else the last ones.
    history : History

    Raises
    ------
    KeyboardInterrupt
        If there is one in the first epoch. Later, training ends and keeps what it has.
    """
    job = make_job(network, split, plan, runtime.workers, is_alone=len(state.params) == 1)
    criterion = StoppingCriterion(plan, split.valid_rows)
    if plan.n_epochs * split.blocks.number * job.layout.n_batches == 1:
        # The first step of a warm-up has a rate of 0: alone, it would train nothing.
        job = job._replace(plan=plan._replace(warmup=0.0))
    results = Results(Ensemble(job, split, state, rngs), criterion)
    if runtime.saved is not None:
        results.restore(runtime.saved)
        runtime.resume(np.stack(results.curves, axis=-1))
    try:
        stopped_by = _run_epochs(results, runtime)
    except KeyboardInterrupt:
        if not results.curves:
            raise
        stopped_by = "interrupt"
    results.add_all()
    ended = results.best_epoch, results.n_failures, results.has_converged, stopped_by
    history = History(*np.stack(results.curves, axis=-1), *ended)
    return State(results.params, results.rule_state, results.ensemble.n_steps), history


def make_job(network, split, plan, workers, is_alone):
    """Return what all members of a fit have in common."""
    layout = plan_batches(split.train_rows, plan.batch_size)
    valid_width = max(map(len, split.valid_rows or [()]))
    is_compiled, data = compiling.backend() == "numba", (split.data, split.valid_data)
    by_row = updates_rows(network, plan, split.data, layout.width)
    how = layout, valid_width, is_compiled, is_alone, by_row, workers
    return Job(network, plan, *data, *how, split.blocks)


def _run_epochs(results, runtime):
    """Train until all members are done or the callbacks stop training; return what ended it."""
    ensemble, callbacks = results.ensemble, runtime.callbacks
    for number in range(len(results.curves), ensemble.plan.n_epochs):
        if callbacks is not None:
            callbacks.begin()
        of_members = ensemble.epoch(number)
        report = np.full((len(of_members), len(results.best_epoch)), np.nan)
        report[:, ensemble.members] = of_members
        monitored, curve = results.criterion.monitored(report)[ensemble.members], report[:3]
        ensemble.best.update(number, monitored, ensemble.params)
        results.curves.append(curve)
        are_left = _retire(results)
        if callbacks is not None and callbacks.end(number, curve, results.params_so_far):
            return "callback"
        if not are_left:
            break
        runtime.offer(results.snapshot)
    return None


def _retire(results):
    """Keep the results of the members that are done; tell whether any are left."""
    ensemble = results.ensemble
    impatient = out_of_patience(ensemble.best, ensemble.rates, ensemble.plan)
    done = impatient | ensemble.has_failed
    if done.any():
        results.has_converged[ensemble.members[impatient]] = True
        results.add_members(done)
        if not done.all():
            ensemble.select(~done)
    return not done.all()
