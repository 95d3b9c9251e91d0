"""An epoch of a few members by compiled loops."""

import numpy as np

from skdnn.core.c_functions import give_way
from skdnn.core.fused.tables import Members, Orders, Rows, Steps, Team
from skdnn.core.fused_rules import rule_table

# Products of a row and a weight in a call: a few tenths of a second, before Ctrl-C is heeded.
CALL_WORK = 2**31
PAGE = 4096  # bytes: a multiple of all lines of caches


class FusedSteps:
    """Epochs of a crew by compiled loops.

    Parameters
    ----------
    crew : Crew
    draft : Draft

    Attributes
    ----------
    orders : list of ndarray
        The members' rows in the order that shuffling has left them in.
    """

    def __init__(self, crew, draft):
        from skdnn.core.fused import epoch  # imports numba

        self.loops = epoch
        self.crew, self.n_draws, self.n_rows = crew, draft.n_draws, draft.n_rows
        self.net, n_scratch = draft.finish()
        params = crew.params
        # Stand-ins for memory that the rule does not have, and loops do not touch.
        first, second = (*crew.rule.state.values(), params, params)[:2]
        self.members = Members(
            params,
            first,
            second,
            grads=_empty_pages(params.shape[1], params.dtype),
            scratch=_empty_pages(n_scratch, params.dtype),
            sums=np.zeros((3, self.net.n_shares)),
        )
        self.rule = rule_table(crew.rule, crew.plan)
        self.rows = _rows(crew.data)
        self.train_orders = _orders(crew.train_rows, crew.data.weights)
        ends = np.cumsum(self.train_orders.counts)
        self.orders = np.split(self.train_orders.rows, ends[:-1])
        if crew.valid_rows:
            self.valid_rows = _rows(crew.valid_data)
            self.valid_orders = _orders(crew.valid_rows, crew.valid_data.weights)

    def epoch(self, rates, number):
        """Train for an epoch; see :meth:`skdnn.core.steps.LayerSteps.epoch`."""
        crew = self.crew
        if crew.plan.shuffle:
            for rng, order in zip(crew.rngs, self.orders, strict=True):
                rng.shuffle(order)
        steps, losses = self._steps(rates, number), np.zeros(len(crew.params))
        work = len(crew.params) * crew.layout.width * crew.params.shape[1]
        n_together = max(1, CALL_WORK // work)
        for first in range(0, len(rates), n_together):
            self._train(steps, first, min(first + n_together, len(rates)), losses)
        return losses

    def _steps(self, rates, number):
        """Return the Steps of an epoch, with the random keys that layers would draw."""
        rngs = self.crew.rngs
        keys = np.empty((len(rngs), len(rates), self.n_draws), np.uint64)
        if self.n_draws:  # to draw nothing takes time too
            for rng, member_keys in zip(rngs, keys, strict=True):
                member_keys.reshape(-1)[:] = rng.bit_generator.random_raw(member_keys.size)
        return Steps(np.array(rates, np.float64), number, keys)

    def _train(self, steps, first, last, losses):
        """Train on some batches; add to the losses."""
        n_threads = min(self.crew.n_threads, self.net.n_shares)
        rates, counter = self.crew.rates[:, 0], np.zeros(1, np.int64)

        def train_on(thread):
            team = Team(thread, n_threads, counter, give_way())
            fixed = self.net, self.rule, self.rows, self.train_orders
            self.loops.train(*fixed, steps, first, last, rates, self.members, team, losses)

        run = self.crew.run if n_threads > 1 else map
        list(run(train_on, range(n_threads)))

    def evaluate(self):
        """Return the validation loss and accuracy, shape (2, n_members)."""
        report = np.zeros((2, len(self.crew.params)))
        rows = self.valid_rows, self.valid_orders
        self.loops.evaluate(self.net, *rows, self.n_rows, self.members, report)
        return report


def _empty_pages(size, dtype):
    """Return an array that begins a page of memory.

    See :class:`skdnn.core.drafting.Scratch`.
    """
    n_bytes = size * dtype.itemsize
    memory = np.empty(n_bytes + PAGE, np.uint8)
    start = -memory.ctypes.data % PAGE
    return memory[start : start + n_bytes].view(dtype)


def _rows(data):
    """Return the Rows of data, of the same types whatever the data."""
    targets = np.ascontiguousarray(data.targets, np.int32)
    array = np.asarray(_Writable(data.rows.array.reshape(-1)))
    return Rows(array, targets.reshape(-1), targets.shape[1], np.ascontiguousarray(data.weights))


class _Writable:
    """An array that may be written to in the place of one that may not.

    Loops do not write to rows, but numba would compile them once more for rows that say so:
    those of joblib's workers, which lie in a file.
    """

    def __init__(self, array):
        self.array = array  # kept as long as its memory is used
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def _orders(member_rows, weights):
    """Return the Orders of members with these rows."""
    counts = np.array([len(rows) for rows in member_rows], np.int64)
    means = np.array([weights[rows].mean() for rows in member_rows])
    rows = np.concatenate(member_rows, dtype=np.intp)
    return Orders(rows, np.cumsum(counts) - counts, counts, means)
