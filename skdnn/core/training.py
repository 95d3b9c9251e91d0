"""The one training loop.

Members are trained in groups: a group is a few members side by side on one thread. What a
member computes depends on nothing outside it, so neither the number of groups nor the
threads they run on can be seen in the result.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdnn.core.batches import Batches, Data, plan_batches
from skdnn.core.buffers import Buffers
from skdnn.core.evaluation import evaluate
from skdnn.core.losses import Loss
from skdnn.core.optimizers import clip_by_norm, descend
from skdnn.core.schedules import Progress
from skdnn.core.stopping import BestEpochs

MAX_FAILURES = 10  # divergences after which a member gives up
SMALLEST_RATE = 1e-6  # where the adaptive schedule ends, as in MLPClassifier


class Plan(NamedTuple):
    """How to train.

    Attributes
    ----------
    loss : Loss
    make_rule : callable
        ``(shape, dtype) -> rule``; see :mod:`skdnn.core.optimizers`.
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
    """

    train_loss: np.ndarray
    valid_loss: np.ndarray
    valid_score: np.ndarray
    best_epoch: np.ndarray
    n_failures: np.ndarray
    has_converged: np.ndarray


class Group:
    """A few members, trained side by side on one thread.

    Parameters
    ----------
    members : ndarray
        Which members these are.
    network : Network
    split : Split
        Of all members.
    state : State
        Of all members; copied.
    plan : Plan
    rngs : list of Generator
        Of all members.
    """

    def __init__(self, members, network, split, state, plan, rngs):
        self.members, self.network, self.plan = members, network, plan
        self.data, self.valid_data = split.data, split.valid_data
        self.params = state.params[members]
        self.rngs = [rngs[member] for member in members]
        self.train_rows = [split.train_rows[member] for member in members]
        self.layout = plan_batches(split.train_rows, plan.batch_size)
        self.n_rows = max(map(len, split.train_rows))  # of all members, here or not
        self.n_steps = self.first_step = state.n_steps
        if split.valid_data is not None:
            self.valid_rows = [split.valid_rows[member] for member in members]
            self.valid_width = max(map(len, split.valid_rows))
        self.rule = plan.make_rule(self.params.shape, self.params.dtype)
        if state.rule_state.keys() == self.rule.state.keys():
            for name, memory in state.rule_state.items():
                self.rule.state[name][...] = memory[members]
        self.rates = np.ones((len(members), 1), self.params.dtype)
        self.n_failures = np.zeros(len(members), np.intp)
        self.last_good, self.lowest = self.params.copy(), np.full(len(members), np.inf)
        self.best = BestEpochs(self.params, plan.tol, plan.keep_best)
        self.penalized = network.penalized(self.params.dtype)
        self.buffers = Buffers(self.params.dtype)
        self.workspace = network.workspace(self.params.dtype)
        self._prepare()

    def _prepare(self):
        """Make what depends on which members are left."""
        self.batches = Batches(self.train_rows, self.data.weights, self.layout, self.params.dtype)
        self.grads = np.zeros_like(self.params)
        self.views = self.network.views(self.params)
        self.grad_views = self.network.views(self.grads)
        self.penalty = self.plan.alpha / self.batches.counts[:, None]
        self.whole = None
        if self.layout.n_batches == 1 and not self.plan.shuffle:
            # Every batch is the same: gather it once.
            rows, _, _ = next(self.batches.epoch())
            self.whole = self.data.rows.take(rows, Buffers(self.params.dtype))

    def select(self, kept):
        """Go on with some of the members only; ``kept`` is boolean."""
        self.members, self.params = self.members[kept], self.params[kept]
        self.rates, self.n_failures = self.rates[kept], self.n_failures[kept]
        self.last_good, self.lowest = self.last_good[kept], self.lowest[kept]
        for name in ("rngs", "train_rows", "valid_rows"):
            if hasattr(self, name):
                old = getattr(self, name)
                setattr(self, name, [item for item, keep in zip(old, kept, strict=True) if keep])
        for name, memory in self.rule.state.items():
            self.rule.state[name] = memory[kept]
        self.best.select(kept)
        self._prepare()

    def epoch(self, number):
        """Train for an epoch and validate.

        Parameters
        ----------
        number : int
            Epochs run before this one.

        Returns
        -------
        ndarray of shape (3, n_members)
            Training loss, validation loss, validation score; NaN without validation.
        """
        report = np.full((3, len(self.members)), np.nan)
        before = self.params.copy()
        with np.errstate(over="ignore", invalid="ignore"):
            report[0] = self._train(number)
        self._restore_diverged(report[0])
        # An epoch's loss is that of the parameters it set out from, more or less: where it is
        # the lowest so far, those were good, whatever the epoch made of them.
        better = report[0] < self.lowest
        self.lowest[better], self.last_good[better] = report[0][better], before[better]
        if self.valid_data is not None:
            report[1:] = self._validate()
        watched = report[1] if self.plan.keep_best else report[0]
        self.best.update(number, watched, self.params)
        return report

    def _train(self, number):
        losses = np.zeros(len(self.members))
        n_rows_seen = number * self.n_rows
        rngs = self.rngs if self.plan.shuffle else None
        for rows, weights, share in self.batches.epoch(rngs):
            losses += share * self._step(rows, weights, n_rows_seen)
        return losses

    def _step(self, rows, weights, n_rows_seen):
        plan, data = self.plan, self.data
        inputs = data.rows.take(rows, self.buffers) if self.whole is None else self.whole
        logits, trace = self.network.forward(self.views, inputs, self.workspace, self.rngs)
        values, grad_logits = plan.loss.value_and_gradient(
            logits, data.targets[rows], weights, plan.label_smoothing
        )
        self.network.backward(trace, grad_logits, self.grad_views)
        if plan.alpha:
            values += self._add_penalty()
        self._descend(n_rows_seen)
        return values

    def _add_penalty(self):
        weights = self.params * self.penalized
        self.grads += (self.penalty * weights).astype(weights.dtype)
        squares = np.einsum("kp,kp->k", weights, weights, dtype=np.float64)
        return 0.5 * self.penalty[:, 0] * squares

    def _descend(self, n_rows_seen):
        plan = self.plan
        fraction = (self.n_steps - self.first_step) / (plan.n_epochs * self.layout.n_batches)
        progress = Progress(fraction, n_rows_seen, plan.power_t, plan.warmup)
        self.n_steps += 1
        if plan.max_grad_norm is not None:
            clip_by_norm(self.grads, plan.max_grad_norm)
        directions = self.rule.direction(self.grads, self.n_steps)
        rates = self.rates * self.params.dtype.type(plan.learning_rate * plan.schedule(progress))
        decay = plan.weight_decay * self.penalized if plan.weight_decay else None
        descend(self.params, directions, rates, decay)

    def _restore_diverged(self, losses):
        """Put members with a loss or a parameter that is not finite back, at a lower rate."""
        bad = ~(np.isfinite(losses) & np.isfinite(self.params).all(axis=1))
        if bad.any():
            self.params[bad] = self.last_good[bad]
            self.rates[bad] /= 10
            self.n_failures[bad] += 1
            for memory in self.rule.state.values():
                memory[bad] = 0

    def _validate(self):
        with np.errstate(over="ignore", invalid="ignore"):
            return evaluate(
                self.network,
                self.params,
                self.valid_data,
                self.plan.loss,
                self.valid_rows,
                self.valid_width,
                self.workspace,
                self.buffers,
                self.plan.label_smoothing,
            )

    def is_done(self):
        """Tell which members have stopped, after lowering rates if those are adaptive."""
        impatient = self.best.waited > self.plan.patience
        if self.plan.adaptive:
            lowered = impatient & (self.plan.learning_rate * self.rates[:, 0] > SMALLEST_RATE)
            self.rates[lowered] /= 5
            self.best.waited[lowered] = 0
            impatient &= ~lowered
        return impatient, impatient | (self.n_failures >= MAX_FAILURES)


class Collector:
    """Results of members as they finish.

    Parameters
    ----------
    state : State
        Overwritten with the results.
    """

    def __init__(self, state):
        n_members = len(state.params)
        self.state = state
        self.curves = []
        self.best_epoch = np.zeros(n_members, np.intp)
        self.n_failures = np.zeros(n_members, np.intp)
        self.has_converged = np.zeros(n_members, bool)

    def add_epoch(self, groups, reports):
        """Append what the groups reported, and return it, shape (3, n_members)."""
        curve = np.full((3, len(self.best_epoch)), np.nan)
        for group, report in zip(groups, reports, strict=True):
            curve[:, group.members] = report
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

    def history(self):
        """Return the curves as arrays."""
        curves = np.stack(self.curves, axis=-1)
        return History(*curves, self.best_epoch, self.n_failures, self.has_converged)


def train(network, split, state, plan, rngs, n_groups=1, run=map, on_epoch=None):
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
        Like ``map``; runs the groups, on threads if it likes.
    on_epoch : callable, optional
        ``on_epoch(number, curve)``, called after every epoch with the training loss,
        validation loss and validation score of each member, shape (3, n_members). Training
        stops if it returns True.

    Returns
    -------
    state : State
        With the best parameters where there is validation, else the last ones.
    history : History
    """
    groups = [
        Group(members, network, split, state, plan, rngs)
        for members in np.array_split(np.arange(len(state.params)), n_groups)
    ]
    rule_state = {name: np.zeros_like(state.params) for name in groups[0].rule.state}
    n_batches = groups[0].layout.n_batches
    collector = Collector(State(np.empty_like(state.params), rule_state))
    for number in range(plan.n_epochs):
        reports = list(run(lambda group, number=number: group.epoch(number), groups))
        curve = collector.add_epoch(groups, reports)
        groups = [group for group in groups if _retire(group, collector)]
        if (on_epoch and on_epoch(number, curve)) or not groups:
            break
    for group in groups:
        collector.add_members(group, np.ones(len(group.members), bool))
    n_steps = state.n_steps + n_batches * len(collector.curves)
    return collector.state._replace(n_steps=n_steps), collector.history()


def _retire(group, collector):
    """Take the members that are done out of the group; tell whether any are left."""
    impatient, done = group.is_done()
    collector.has_converged[group.members[impatient]] = True
    if done.any():
        collector.add_members(group, done)
    if done.any() and not done.all():
        group.select(~done)
    return not done.all()
