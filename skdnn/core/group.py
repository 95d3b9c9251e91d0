"""A few members, trained side by side on one thread: batches, steps, validation, patience."""

import math
from itertools import compress

import numpy as np

from skdnn.core.batches import plan_batches
from skdnn.core.fusing import make_steps
from skdnn.core.schedules import Progress
from skdnn.core.steps import Crew
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
        Like ``map``; runs what threads share of a batch.
    n_threads : int
        How many calls it runs at a time.
    """

    def __init__(self, members, network, split, state, plan, rngs, run=map, n_threads=1):
        self.members, self.network, self.plan = members, network, plan
        self.run, self.n_threads = run, n_threads
        self.data, self.valid_data = split.data, split.valid_data
        self.params = state.params[members]
        self.rngs = [rngs[member] for member in members]
        self.train_rows = [split.train_rows[member] for member in members]
        self.valid_rows, self.valid_width = [], 0
        if split.valid_data is not None:
            self.valid_rows = [split.valid_rows[member] for member in members]
            self.valid_width = max(map(len, split.valid_rows))
        self.layout = plan_batches(split.train_rows, plan.batch_size)
        self.n_rows = max(map(len, split.train_rows))  # of all members, here or not
        self.is_alone = len(state.params) == 1
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
        self.before = np.empty_like(self.params)
        self.steps = make_steps(
            Crew(
                network=self.network,
                plan=self.plan,
                data=self.data,
                valid_data=self.valid_data,
                layout=self.layout,
                params=self.params,
                rates=self.rates,
                rule=self.rule,
                rngs=self.rngs,
                train_rows=self.train_rows,
                valid_rows=self.valid_rows,
                valid_width=self.valid_width,
                is_alone=self.is_alone,
                run=self.run,
                n_threads=self.n_threads,
            )
        )

    def select(self, kept):
        """Go on with some of the members only; ``kept`` is boolean."""
        for name in ("members", "params", "rates", "n_failures", "last_good", "lowest"):
            setattr(self, name, getattr(self, name)[kept])
        # In the order that shuffling has left them in: it goes on from there.
        lists = (self.rngs, self.steps.orders, self.valid_rows)
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
            for k in np.flatnonzero(report[0] < self.lowest):
                self.last_good[k] = self.before[k]
            np.fmin(self.lowest, report[0], out=self.lowest)
            if self.valid_rows:
                report[1:] = self.steps.evaluate()
        if self.valid_rows and self.plan.score is not None:
            report[2] = self.plan.score(self.members, self.params)
        return report

    def judge(self, number, watched):
        """Take note of what patience watches after an epoch, shape (n_members,)."""
        self.best.update(number, watched, self.params)

    def _train(self, number):
        rates = self._rates(number)
        losses = self.steps.epoch(rates, self.n_steps)
        self.n_steps += len(rates)
        return losses

    def _rates(self, number):
        """Return the rates of the steps of an epoch."""
        plan, n_batches = self.plan, self.layout.n_batches
        taken = self.n_steps - self.first_step
        return [
            plan.learning_rate
            * plan.schedule(
                Progress(
                    (taken + step) / (plan.n_epochs * n_batches),
                    number * self.n_rows,
                    plan.power_t,
                    plan.warmup,
                )
            )
            for step in range(n_batches)
        ]

    def _restore_diverged(self, losses):
        """Put members with a loss or a parameter that is not finite back, at a lower rate."""
        # A sum is finite only if all its terms are. One for all members is the short way.
        if math.isfinite(losses.sum() + self.params.sum()):
            return
        bad = ~(np.isfinite(losses) & np.isfinite(self.params.sum(axis=1)))
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
