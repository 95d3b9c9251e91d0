"""A few members, trained side by side on one thread: batches, steps, validation, patience."""

import numpy as np

from skdnn.core.batches import Batches, plan_batches
from skdnn.core.buffers import Buffers
from skdnn.core.evaluation import evaluate
from skdnn.core.optimizers import clip_by_norm, descend
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
