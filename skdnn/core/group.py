"""A few members, trained side by side on one thread: batches, steps, validation, patience."""

from itertools import compress

import numpy as np

from skdnn.core.batches import Batches, plan_batches
from skdnn.core.buffers import Buffers
from skdnn.core.evaluation import Evaluation
from skdnn.core.gradient import LossGradient, Slices, add_penalty, count_slices
from skdnn.core.optimizers import clip_by_norm, decay
from skdnn.core.schedules import Progress
from skdnn.core.stopping import BestEpochs

MAX_FAILURES = 10  # divergences after which a member gives up
SMALLEST_RATE = 1e-6  # where the adaptive schedule ends, as in MLPClassifier


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
    run : callable
        Like ``map``; runs the slices of a batch.
    """

    def __init__(self, members, network, split, state, plan, rngs, run=map):
        self.members, self.network, self.plan, self.run = members, network, plan, run
        self.data, self.valid_data = split.data, split.valid_data
        self.params = state.params[members]
        self.rngs = [rngs[member] for member in members]
        self.train_rows = [split.train_rows[member] for member in members]
        self.valid_rows = []
        if split.valid_data is not None:
            self.valid_rows = [split.valid_rows[member] for member in members]
            self.valid_width = max(map(len, split.valid_rows))
        self.layout = plan_batches(split.train_rows, plan.batch_size)
        self.n_rows = max(map(len, split.train_rows))  # of all members, here or not
        self.n_slices = count_slices(len(state.params), self.layout.width, network.n_parameters)
        self.n_steps = self.first_step = state.n_steps
        self.rule = plan.make_rule(self.params.shape, self.params.dtype)
        if state.rule_state.keys() == self.rule.state.keys():
            for name, memory in state.rule_state.items():
                self.rule.state[name][...] = memory[members]
        self.rates = np.ones((len(members), 1), self.params.dtype)
        self.n_failures = np.zeros(len(members), np.intp)
        self.last_good, self.lowest = self.params.copy(), np.full(len(members), np.inf)
        self.best = BestEpochs(self.params, plan.tol, plan.keep_best)
        self._prepare()

    def _prepare(self):
        """Make what depends on which members are left."""
        self.batches = Batches(self.train_rows, self.data.weights, self.layout, self.params.dtype)
        self.loss_gradient = self._loss_gradient()
        self.grads = self.loss_gradient.grads
        self.weights = self.network.weights(self.params)
        self.grad_weights = self.network.weights(self.grads)
        self.before = np.empty_like(self.params)
        self.buffers = Buffers(self.params.dtype)
        self.evaluation = None
        if self.valid_rows:
            self.evaluation = Evaluation(
                self.network,
                self.params,
                self.valid_data,
                self.valid_rows,
                self.valid_width,
                self.plan.loss,
                self.plan.label_smoothing,
            )

    def _loss_gradient(self):
        """Return what differentiates the loss of a batch: whole, or in slices on threads."""
        has_one_batch = self.layout.n_batches == 1 and not self.plan.shuffle
        generators = [self.rngs]
        if self.n_slices > 1:
            generators = [[rng] for rng in self.rngs[0].spawn(self.n_slices)]
        parts = [
            LossGradient(self.network, self.data, self.params, self.plan, rngs, has_one_batch)
            for rngs in generators
        ]
        return Slices(parts, self.layout.width, self.run) if self.n_slices > 1 else parts[0]

    def select(self, kept):
        """Go on with some of the members only; ``kept`` is boolean."""
        for name in ("members", "params", "rates", "n_failures", "last_good", "lowest"):
            setattr(self, name, getattr(self, name)[kept])
        # In the order that shuffling has left them in: it goes on from there.
        lists = (self.rngs, self.batches.orders, self.valid_rows)
        self.rngs, self.train_rows, self.valid_rows = (
            list(compress(items, kept)) for items in lists
        )
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
        np.copyto(self.before, self.params)
        with np.errstate(over="ignore", invalid="ignore"):
            report[0] = self._train(number)
            self._restore_diverged(report[0])
            # An epoch's loss is that of the parameters it set out from, more or less: where it
            # is the lowest so far, those were good, whatever the epoch made of them.
            better = report[0] < self.lowest
            if better.any():
                self.lowest[better], self.last_good[better] = report[0][better], self.before[better]
            if self.evaluation is not None:
                report[1:] = self.evaluation()
        if self.evaluation is not None and self.plan.score is not None:
            report[2] = self.plan.score(self.members, self.params)
        self.best.update(number, self._watched(report), self.params)
        return report

    def _watched(self, report):
        """Return what patience watches, the lower the better."""
        if not self.plan.keep_best:
            return report[0]
        return report[1] if self.plan.score is None else -report[2]

    def _train(self, number):
        losses = np.zeros(len(self.members))
        n_rows_seen = number * self.n_rows
        for rows, weights, shares in self.batches.epoch(self.rngs if self.plan.shuffle else None):
            losses += shares * self._step(rows, weights, n_rows_seen)
        return losses

    def _step(self, rows, weights, n_rows_seen):
        values = self.loss_gradient(rows, weights)
        plan = self.plan
        if plan.alpha:
            strengths = plan.alpha / self.batches.counts
            values += add_penalty(self.weights, self.grad_weights, strengths, self.buffers)
        if plan.max_grad_norm is not None:
            clip_by_norm(self.grads, plan.max_grad_norm)
        rates = self.rates * self.params.dtype.type(self._rate(n_rows_seen))
        self.n_steps += 1
        if plan.weight_decay:
            decay(self.weights, rates, plan.weight_decay)
        self.rule.step(self.params, self.grads, rates, self.n_steps)
        return values

    def _rate(self, n_rows_seen):
        plan = self.plan
        fraction = (self.n_steps - self.first_step) / (plan.n_epochs * self.layout.n_batches)
        progress = Progress(fraction, n_rows_seen, plan.power_t, plan.warmup)
        return plan.learning_rate * plan.schedule(progress)

    def _restore_diverged(self, losses):
        """Put members with a loss or a parameter that is not finite back, at a lower rate."""
        # A sum is finite only if all its terms are.
        bad = ~(np.isfinite(losses) & np.isfinite(self.params.sum(axis=1)))
        if bad.any():
            self.params[bad] = self.last_good[bad]
            self.rates[bad] /= 10
            self.n_failures[bad] += 1
            for memory in self.rule.state.values():
                memory[bad] = 0

    def stop_or_slow_down(self):
        """Tell which members are out of patience, and which are done for whatever reason.

        With the adaptive schedule, patience running out lowers the rate before it ends training.
        """
        impatient = self.best.waited > self.plan.patience
        if self.plan.adaptive:
            lowered = impatient & (self.plan.learning_rate * self.rates[:, 0] > SMALLEST_RATE)
            self.rates[lowered] /= 5
            self.best.waited[lowered] = 0
            impatient &= ~lowered
        return impatient, impatient | (self.n_failures >= MAX_FAILURES)
