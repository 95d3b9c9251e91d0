"""The one training loop.

Members are trained in groups: a group is a few members side by side on one thread. What a
member computes depends on nothing outside it, so neither the number of groups nor the
threads they run on can be seen in the result.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from skdnn.core import compiling
from skdnn.core.batches import Data
from skdnn.core.group import Group
from skdnn.core.jury import Jury
from skdnn.core.losses import Loss


class Plan(NamedTuple):
    """How to train.

    Attributes
    ----------
    loss : Loss
    make_rule : callable or None
        ``(shape, dtype) -> rule``; see :mod:`skdnn.core.optimizers`. None for L-BFGS.
    schedule : callable
        See :mod:`skdnn.core.schedules`.
    learning_rate : float
    n_epochs : int
    batch_size : int
    shuffle : bool
    patience : float
        Most epochs without progress before a member stops.
    tol : float
    keep_best : bool
        Whether validation decides: patience watches its loss and the best parameters are put
        back. Otherwise patience watches the training loss and the last ones are kept.
    adaptive : bool
        Whether to divide the rate by 5, instead of stopping, when patience runs out.
    alpha : float
        L2 penalty ``alpha / 2 * ||W||^2 / n_rows``.
    weight_decay : float
        Decoupled decay of weights, per unit of rate.
    label_smoothing : float
    max_grad_norm : float or None
    power_t, warmup : float
        See :class:`skdnn.core.schedules.Progress`.
    score : callable or None
        ``(members, params) -> scores`` of the rows that each is validated on, in place of their
        accuracy; the best epoch then is that of the highest.
    """

    loss: Loss
    make_rule: Callable
    schedule: Callable
    learning_rate: float
    n_epochs: int
    batch_size: int
    shuffle: bool = True
    patience: float = np.inf
    tol: float = 0.0
    keep_best: bool = False
    adaptive: bool = False
    alpha: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    max_grad_norm: float | None = None
    power_t: float = 0.5
    warmup: float = 0.05
    score: Callable | None = None


class Split(NamedTuple):
    """Who sees what.

    Attributes
    ----------
    data : Data
    train_rows : list of ndarray
        Rows of ``data`` that each member trains on.
    valid_data : Data or None
        None trains without validation.
    valid_rows : list of ndarray or None
        Rows of ``valid_data`` that each member is validated on.
    """

    data: Data
    train_rows: list
    valid_data: Data | None = None
    valid_rows: list | None = None


class State(NamedTuple):
    """What training starts from and what it leaves.

    Attributes
    ----------
    params : ndarray of shape (n_members, n_parameters)
    rule_state : dict of str to ndarray of shape (n_members, n_parameters)
        Memory of the update rule; empty for a fresh start.
    n_steps : int
        Steps that the memory has seen.
    """

    params: np.ndarray
    rule_state: dict
    n_steps: int = 0


class History(NamedTuple):
    """What happened, by member and epoch; NaN after a member has stopped.

    Attributes
    ----------
    train_loss, valid_loss, valid_score : ndarray of shape (n_members, n_epochs)
    best_epoch : ndarray of shape (n_members,)
    n_failures : ndarray of shape (n_members,)
        Times that a member diverged and was put back.
    has_converged : ndarray of shape (n_members,)
        Whether patience ended the training.
    stopped_by : {"watch", "interrupt"} or None
        What ended the training from outside.
    """

    train_loss: np.ndarray
    valid_loss: np.ndarray
    valid_score: np.ndarray
    best_epoch: np.ndarray
    n_failures: np.ndarray
    has_converged: np.ndarray
    stopped_by: str | None = None


class Collector:
    """Results of members as they finish.

    Parameters
    ----------
    groups : list of Group
        Those that are still training.
    state : State
        Overwritten with the results.
    jury : Jury
    """

    def __init__(self, groups, state, jury):
        n_members = len(state.params)
        self.groups, self.state, self.jury = groups, state, jury
        self.curves = []
        self.best_epoch = np.zeros(n_members, np.intp)
        self.n_failures = np.zeros(n_members, np.intp)
        self.has_converged = np.zeros(n_members, bool)

    def add_epoch(self, reports):
        """Append what the groups reported, and return it, shape (3, n_members)."""
        curve = np.full((3, len(self.best_epoch)), np.nan)
        for group, report in zip(self.groups, reports, strict=True):
            curve[:, group.members] = report
        watched = self.jury.watched(curve)
        for group in self.groups:
            group.judge(len(self.curves), watched[group.members])
        self.curves.append(curve)
        return curve

    def add_members(self, group, done):
        """Keep the result of the members of a group that are done."""
        members = group.members[done]
        params = group.params if group.best.params is None else group.best.params
        self.state.params[members] = params[done]
        for name, memory in group.rule.state.items():
            self.state.rule_state[name][members] = memory[done]
        self.best_epoch[members] = group.best.epoch[done]
        self.n_failures[members] = group.n_failures[done]

    def add_everyone(self):
        """Keep the results so far of the members that are still training."""
        for group in self.groups:
            self.add_members(group, np.ones(len(group.members), bool))

    def params(self):
        """Return the parameters that training would leave if it ended now."""
        self.add_everyone()
        return self.state.params.copy()

    def history(self, stopped_by):
        """Return the curves as arrays."""
        curves = np.stack(self.curves, axis=-1)
        # A group may have finished the epoch in which another was interrupted.
        best_epoch = np.minimum(self.best_epoch, curves.shape[2] - 1)
        return History(*curves, best_epoch, self.n_failures, self.has_converged, stopped_by)


def train(network, split, state, plan, rngs, n_groups=1, run=map, watch=None):
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
    n_groups : int, default=1
        Number of groups to form.
    run : callable, default=map
        Like ``map``; runs the groups, or the slices of a single member's batches, on threads
        if it likes.
    watch : object, optional
        ``watch.begin()`` is called before every epoch and ``watch.end(number, curve, params)``
        after it, on the calling thread, with the training loss, validation loss and validation
        score of each member, shape (3, n_members), and a function that returns the parameters
        so far. Training stops if the latter returns True.

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
    compiling.load()
    everyone = np.arange(len(state.params))
    # A single member's batches are what threads share.
    run_groups, *within = (run, map, 1) if len(everyone) > 1 else (map, run, n_groups)
    groups = [
        Group(members, network, split, state, plan, rngs, *within)
        for members in np.array_split(everyone, min(n_groups, len(everyone)))
    ]
    rule_state = {name: np.zeros_like(state.params) for name in groups[0].rule.state}
    n_batches = groups[0].layout.n_batches
    jury = Jury(plan, split.valid_rows)
    collector = Collector(groups, State(np.empty_like(state.params), rule_state), jury)
    try:
        stopped_by = _run_epochs(collector, plan.n_epochs, run_groups, watch)
    except KeyboardInterrupt:
        if not collector.curves:
            raise
        stopped_by = "interrupt"
    collector.add_everyone()
    n_steps = state.n_steps + n_batches * len(collector.curves)
    return collector.state._replace(n_steps=n_steps), collector.history(stopped_by)


def _run_epochs(collector, n_epochs, run_groups, watch):
    """Train until all members are done or ``watch`` has seen enough; return what ended it."""
    for number in range(n_epochs):
        if watch is not None:
            watch.begin()
        epoch = partial(_epoch, number)
        curve = collector.add_epoch(list(run_groups(epoch, collector.groups)))
        collector.groups = [group for group in collector.groups if _retire(group, collector)]
        if watch is not None and watch.end(number, curve, collector.params):
            return "watch"
        if not collector.groups:
            break
    return None


def _epoch(number, group):
    try:
        return group.epoch(number)
    except KeyboardInterrupt:
        np.copyto(group.params, group.before)  # half an epoch is none
        raise


def _retire(group, collector):
    """Take the members that are done out of the group; tell whether any are left."""
    impatient, done = group.stop_or_slow_down()
    if not done.any():
        return True
    collector.has_converged[group.members[impatient]] = True
    collector.add_members(group, done)
    if not done.all():
        group.select(~done)
    return not done.all()
