"""The members that are still training: steps, validation, divergence."""

import json
import math
from itertools import compress

import numpy as np

from skdnn.core.early_stopping import BestEpochs
from skdnn.core.schedules import Progress
from skdnn.core.steps import Members, Steps

MAX_FAILURES = 10  # divergences after which a member gives up
# A training step of a member uses memory of about ARRAYS times the size of its parameters: their
# values, gradients and two moments, and the outputs of layers. CACHE is the size in bytes up to
# which this stays in the processor's cache.
ARRAYS, CACHE = 6, 2**22


def form_groups(job, params):
    """Return slices of the members that are trained side by side.

    Compiled kernels are fast only if their arrays are in the cache, so members that do not fit into
    it together are in different groups, which are trained one after the other. Without compiled
    kernels, a group has as many members as possible: then NumPy needs fewer calls, and threads wait
    less for each other. All threads have the same number of groups.
    """
    n_members, n_workers = len(params), job.workers.number
    n_together = max(1, CACHE // (ARRAYS * params[0].nbytes)) if job.is_compiled else n_members
    n_rounds = -(-n_members // (n_workers * n_together))
    parts = np.array_split(np.arange(n_members), min(n_workers * n_rounds, n_members))
    return [slice(part[0], part[-1] + 1) for part in parts]


class Ensemble:
    """The members that are still training, in groups that threads share.

    Parameters
    ----------
    job : Job
    split : Split
    state : State
        Copied.
    rngs : list of Generator
        One a member.
    """

    PER_MEMBER = "members", "params", "rates", "smoothing", "n_failures", "last_good", "lowest"

    def __init__(self, job, split, state, rngs):
        self.job, self.plan = job, job.plan
        self.members, self.params = np.arange(len(state.params)), state.params.copy()
        self.rngs, self.train_rows = rngs, split.train_rows
        self.valid_rows = [] if split.valid_data is None else split.valid_rows
        self.n_rows, self.blocks = split.n_rows, split.blocks
        self.n_steps = self.first_step = state.n_steps
        names, nothing = job.plan.rule.memory, np.zeros_like(self.params)
        known = state.rule_state if state.rule_state.keys() == set(names) else {}
        self.memory = [known.get(name, nothing).copy() for name in names]
        self.smoothing = np.broadcast_to(job.plan.label_smoothing, len(self.params)).astype(float)
        self.rates = np.ones((len(self.params), 1), self.params.dtype)
        self.n_failures = np.zeros(len(self.params), np.intp)
        self.last_good, self.lowest = self.params.copy(), np.full(len(self.params), np.inf)
        self.best = BestEpochs(self.params, job.plan.tol, job.plan.keep_best)
        self._prepare()

    def _prepare(self, orders=None):
        """Make what depends on which members are left; go on from the orders of their rows."""
        self.before = np.empty_like(self.params)
        groups = form_groups(self.job, self.params)
        self.groups = [(span, Steps(self.job, self._members(span))) for span in groups]
        for order, reached in zip(self.orders, orders or (), strict=orders is not None):
            order[...] = reached

    @property
    def orders(self):
        """The rows of each member, in the order that shuffling has left them in."""
        return [order for _, steps in self.groups for order in steps.orders]

    def _members(self, span):
        """Return what each of some members has for itself; arrays are views."""
        memory = [array[span] for array in self.memory]
        lists = (items[span] for items in (self.rngs, self.train_rows, self.valid_rows))
        return Members(self.params[span], memory, self.rates[span], self.smoothing[span], *lists)

    def select(self, kept):
        """Go on with some of the members only; ``kept`` is boolean."""
        for name in self.PER_MEMBER:
            setattr(self, name, getattr(self, name)[kept])
        lists = self.orders, self.rngs, self.train_rows, self.valid_rows
        orders, self.rngs, self.train_rows, self.valid_rows = (
            list(compress(items, kept)) for items in lists
        )
        self.memory = [memory[kept] for memory in self.memory]
        self.best.select(kept)
        self._prepare(orders)

    def snapshot(self):
        """Return all that training needs to go on from here, as a dict of arrays."""
        arrays = {name: getattr(self, name) for name in self.PER_MEMBER}
        arrays |= {f"best.{name}": array for name, array in self.best.snapshot().items()}
        arrays |= {f"memory.{place}": array for place, array in enumerate(self.memory)}
        arrays |= {f"order.{place}": order for place, order in enumerate(self.orders)}
        states = [rng.bit_generator.state for rng in self.rngs]
        arrays["generators"] = np.array([json.dumps(s, default=np.ndarray.tolist) for s in states])
        return {**arrays, "n_steps": np.array(self.n_steps)}

    def restore(self, saved):
        """Go on from a snapshot of the same training.

        Parameters
        ----------
        saved : dict of str to ndarray

        Raises
        ------
        ValueError
            If it is a snapshot of another training: kernels check neither the shapes of arrays nor
            the numbers of rows.
        """
        self._check_members(saved["members"])
        for name, array in self.snapshot().items():
            if array.shape and not name.startswith(("order.", "generators")):
                shape = len(saved["members"]), *array.shape[1:]
                if (saved[name].shape, saved[name].dtype) != (shape, array.dtype):
                    raise ValueError(f"the array {name!r} of the checkpoint has another shape.")
        for name in self.PER_MEMBER:
            setattr(self, name, saved[name])
        lists = self.rngs, self.train_rows, self.valid_rows
        self.rngs, self.train_rows, self.valid_rows = (
            [items[member] for member in self.members] if items else [] for items in lists
        )
        for rng, state in zip(self.rngs, saved["generators"].tolist(), strict=True):
            rng.bit_generator.state = json.loads(state)
        self.memory = [saved[f"memory.{place}"] for place in range(len(self.memory))]
        self.best.restore({name: saved.get(f"best.{name}") for name in BestEpochs.PER_MEMBER})
        self.n_steps = int(saved["n_steps"])
        orders = [saved[f"order.{place}"] for place in range(len(self.members))]
        self._check_orders(orders)
        self._prepare(orders)

    def _check_members(self, members):
        """Check that members of a snapshot are some of these, in the same order."""
        if members.dtype != self.members.dtype or members.ndim != 1 or not len(members):
            raise ValueError("the array 'members' of the checkpoint has another shape.")
        if not np.array_equal(self.members[np.isin(self.members, members)], members):
            raise ValueError("the array 'members' of the checkpoint has other numbers.")

    def _check_orders(self, orders):
        """Check that the orders of a snapshot are permutations of the members' rows."""
        for place, (order, rows) in enumerate(zip(orders, self.train_rows, strict=True)):
            if order.dtype.kind != "i" or not np.array_equal(np.sort(order), np.sort(rows)):
                raise ValueError(f"the array 'order.{place}' of the checkpoint has other rows.")

    @property
    def has_failed(self):
        """Whether a member has diverged too often, shape (n_members,)."""
        return self.n_failures >= MAX_FAILURES

    def epoch(self, number):
        """Train for an epoch and validate.

        Parameters
        ----------
        number : int
            Epochs run before this one.

        Returns
        -------
        ndarray of shape (3 + n_temperatures, n_members)
            Training loss, validation loss, validation score, and validation losses at further
            temperatures; NaN without validation.
        """
        report = np.full((3 + len(self.plan.temperatures), len(self.members)), np.nan)
        report[0] = 0
        np.copyto(self.before, self.params)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                self.blocks.train(self, number, report)
            if self.valid_rows:
                self._map(lambda span, steps: self._validate(span, steps, report[:, span]))
        except KeyboardInterrupt:
            np.copyto(self.params, self.before)  # so that members have trained equally long
            raise
        return report

    def train_block(self, number, report):
        """Train on the rows of a block; add its share of the training losses to the report."""
        np.copyto(self.before, self.params)
        rates = self._rates(number)
        self._map(lambda span, steps: self._train(span, steps, rates, report[:, span]))
        self.n_steps += len(rates)

    def _map(self, function):
        """Call a function of a slice of the members and their Steps for each group."""
        # The batches of a single member are what threads share.
        run = map if self.job.is_alone else self.job.workers.map
        list(run(lambda group: function(*group), self.groups))

    def _train(self, span, steps, rates, report):
        """Train some of the members on a block; add its share of the training loss."""
        with np.errstate(over="ignore", invalid="ignore"):
            losses = steps.epoch(rates, self.n_steps)
            report[0] += losses / self.blocks.number
            self.end_block(span, losses)

    def end_block(self, span, losses):
        """Restore good parameters of members that diverged on a block, or keep the present ones."""
        before, last_good, lowest = self.before[span], self.last_good[span], self.lowest[span]
        self._restore_diverged(span, losses)
        # The training loss of a block is close to that of the parameters at its start. If it is
        # the lowest so far, these parameters are restored after a divergence.
        for k in np.flatnonzero(losses < lowest):
            last_good[k] = before[k]
        np.fmin(lowest, losses, out=lowest)

    def _validate(self, span, steps, report):
        """Write losses and scores of some of the members on their validation rows."""
        with np.errstate(over="ignore", invalid="ignore"):
            report[1:] = steps.evaluate()
        if self.plan.score is not None:
            report[2] = self.plan.score(self.members[span], self.params[span])

    def _rates(self, number):
        """Return the rates of the steps of the next block."""
        plan, n_batches = self.plan, self.job.layout.n_batches
        taken = self.n_steps - self.first_step + np.arange(n_batches)
        fractions = (taken / (plan.n_epochs * self.blocks.number * n_batches)).tolist()
        more = number * self.n_rows, plan.power_t, plan.warmup
        return [plan.learning_rate * plan.schedule(Progress(part, *more)) for part in fractions]

    def _restore_diverged(self, span, losses):
        """Restore members with a loss or a parameter that is not finite; lower their rates."""
        params = self.params[span]
        # A sum is finite only if all its terms are. One sum for all members takes the least time.
        if math.isfinite(losses.sum() + params.sum()):
            return
        bad = ~(np.isfinite(losses) & np.isfinite(params.sum(axis=1)))
        params[bad] = self.last_good[span][bad]
        self.rates[span][bad] /= 10
        self.n_failures[span][bad] += 1
        for memory in self.memory:
            memory[span][bad] = 0
