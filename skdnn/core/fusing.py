"""Which networks train by compiled loops, and what these are told.

The loops of :mod:`skdnn.core.fused` take a whole epoch at a time. They know the usual chain
``[dense -> activation -> dropout] * (L-1) -> dense`` over dense rows; :func:`fuse` alone
decides whether a crew is such a case. All others take their steps layer by layer.
"""

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from skdnn.core import compiling
from skdnn.core.batches import DenseRows
from skdnn.core.codes import ActivationCode, Column, Layer, RuleCode
from skdnn.core.fused.tables import Members, Net, Orders, Rows, Rule, Steps, Team
from skdnn.core.layers import Dense, Dropout, Elementwise, Expand, SelectiveDense
from skdnn.core.optimizers import Adam, GradientDescent, Momentum
from skdnn.core.steps import LayerSteps

# Products of a row and a weight in a batch, and the shares that so many are cut into: products of
# small parts are slower. It depends on shapes alone: sums round the same on any number of threads.
SHARES = ((2**28, 8), (2**26, 4), (2**22, 2), (0, 1))
CALL_WORK = 2**31  # such products in a call: a few tenths of a second, before Ctrl-C is heeded
FEWEST_INPUTS = 10  # of a column, on average, with which it pays not to widen rows
FEWEST_ROWS = 128  # of a block of validation rows


def make_steps(crew):
    """Return what trains the crew: compiled loops if they know all its pieces, else layers."""
    draft = fuse(crew) if compiling.is_compiled() else None
    return LayerSteps(crew) if draft is None else FusedSteps(crew, draft)


def fuse(crew):
    """Return the Draft of a crew that compiled loops can train, else None."""
    dtype = crew.params.dtype
    tables = [crew.data] if crew.valid_data is None else [crew.data, crew.valid_data]
    is_known = (
        all(_are_plain(data.rows, dtype) for data in tables)
        and type(crew.rule) in RULES
        and crew.plan.loss.code is not None
        and product(dtype) is not None
    )
    draft = Draft(crew) if is_known else None
    return draft if is_known and draft.add_all(crew.network.layers) else None


def _are_plain(rows, dtype):
    """Tell whether rows lie one after the other, in the type of the parameters."""
    if type(rows) is not DenseRows or rows.array.dtype != dtype:
        return False
    return rows.array.flags.c_contiguous and rows.array.flags.aligned


class Draft:
    """The tables of a network in the making.

    Parameters
    ----------
    crew : Crew
    """

    def __init__(self, crew):
        self.crew = crew
        self.n_rows = max(crew.layout.width, FEWEST_ROWS)
        self.layers, self.columns = [], []
        self.n_columns = self.n_plain = self.n_wide = crew.data.rows.array.shape[1]
        self.input_threshold = self.n_draws = self.n_knots = 0
        self.n_parameters = 0
        self.factors = -1
        self._is_activated = False  # whether the last dense layer has all that it can have

    def add_all(self, layers):
        """Enter all layers; tell whether they are a chain that compiled loops know."""
        for layer in layers:
            add = ADD.get(type(layer))
            if add is None or not add(self, layer):
                return False
        return bool(layers) and type(layers[-1]) in (Dense, SelectiveDense)

    def add_expansion(self, layer):
        """Enter the columns that the first layer does not multiply."""
        expansion = layer.expansion
        if self.layers or self.columns or self.input_threshold:
            return False
        self.n_plain, self.n_wide = expansion.n_numbers, expansion.n_outputs
        first = expansion.n_numbers
        for size in expansion.n_bins:
            self.columns.append((first, size, self.n_knots))
            first, self.n_knots = first + size, self.n_knots + size + 1
        for size in expansion.n_levels:
            self.columns.append((first, size, -1))
            first += size
        return True

    def add_dense(self, layer):
        """Enter a dense layer; outputs are as they are until an activation comes."""
        fan_in, fan_out = layer.shapes[0]
        row = dict.fromkeys(Layer, 0)
        row[Layer.FAN_IN], row[Layer.FAN_OUT] = fan_in, fan_out
        row[Layer.WEIGHTS] = self.n_parameters
        row[Layer.BIAS] = self.n_parameters + fan_in * fan_out
        row[Layer.ACTIVATION] = self._activation(ActivationCode.IDENTITY)
        self.n_parameters += fan_in * fan_out + fan_out
        self.layers.append(row)
        self._is_activated = False
        return True

    def add_selective(self, layer):
        """Enter a first dense layer with a factor for each column of the rows."""
        if self.layers or len(layer.column_widths) != self.n_columns:
            return False
        self.add_dense(layer)
        self.factors = self.n_parameters
        self.n_parameters += self.n_columns
        return True

    def add_activation(self, layer):
        """Enter the activation of the dense layer before it."""
        code = layer.activation.code
        if code is None or not self.layers or self._is_activated:
            return False
        self.layers[-1][Layer.ACTIVATION] = self._activation(code)
        self._is_activated = True
        return True

    def _activation(self, code):
        from skdnn.core.fused.elementwise import activation

        return activation(code, self.crew.params.dtype)

    def add_dropout(self, layer):
        """Enter the dropout of what comes before it."""
        threshold = int(layer.threshold)
        if not threshold:
            return True
        self.n_draws += 1
        if not self.layers:
            is_new = not self.input_threshold
            self.input_threshold = threshold
            return is_new
        row = self.layers[-1]
        is_new = not row[Layer.THRESHOLD]
        row[Layer.THRESHOLD], row[Layer.DRAW] = threshold, self.n_draws - 1
        self._is_activated = True
        return is_new

    def finish(self):
        """Return the Net, and the length of the scratch that it wants."""
        # Rows are widened where inputs are dropped one by one, and where they are few: a product
        # with few inputs takes less time than a look at two knots, or at the weights of a code.
        looks = [size if knots >= 0 else 2 * size for _, size, knots in self.columns]
        is_wide = self.input_threshold > 0 or sum(looks) < FEWEST_INPUTS * len(looks)
        n_inputs, n_numbers = self.n_columns, self.n_plain
        if is_wide:
            n_inputs = n_numbers = self.n_wide
        place = self.n_rows * n_inputs
        for row in self.layers:
            for column in (Layer.OUTPUTS, Layer.SLOPES, Layer.GRADS):
                row[column] = place
                place += self.n_rows * row[Layer.FAN_OUT]
        self.layers[-1][Layer.GRADS] = self.layers[-1][Layer.OUTPUTS]
        width = self.layers[0][Layer.FAN_OUT]
        grad_knots = place + self.n_knots * width
        most_knots = max((size + 1 for _, size, knots in self.columns if knots >= 0), default=0)
        widest = max(n_inputs, *(row[Layer.FAN_OUT] for row in self.layers))
        net = Net(
            layers=np.array([list(row.values()) for row in self.layers], np.int64),
            columns=np.array(self.columns, np.int64).reshape(-1, len(Column)),
            n_plain=self.n_plain,
            n_inputs=n_inputs,
            n_numbers=n_numbers,
            n_compact=0 if is_wide else len(self.columns),
            inputs=0,
            knots=place,
            grad_knots=grad_knots,
            factors=self.factors,
            scaled=grad_knots + most_knots * width,
            input_threshold=self.input_threshold,
            n_words=-(-widest // 4),
            loss=int(self.crew.plan.loss.code),
            smoothing=float(self.crew.plan.label_smoothing),
            n_shares=count_shares(self.crew.is_alone, self.crew.layout.width, self.n_parameters),
            gemm=product(self.crew.params.dtype),
        )
        return net, net.scaled + (n_numbers * width if self.factors >= 0 else 0)


ADD = {
    Expand: Draft.add_expansion,
    Dense: Draft.add_dense,
    SelectiveDense: Draft.add_selective,
    Elementwise: Draft.add_activation,
    Dropout: Draft.add_dropout,
}


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
        self.crew, self.n_draws, self.n_rows = crew, draft.n_draws, draft.n_rows
        self.net, n_scratch = draft.finish()
        params, memory = crew.params, list(crew.rule.state.values())
        self.members = Members(
            params,
            *(memory + [params] * 2)[:2],
            grads=np.empty(params.shape[1], params.dtype),
            scratch=np.empty(n_scratch, params.dtype),
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
        rule, rngs = self.crew.rule, self.crew.rngs
        numbers = np.arange(number + 1, number + 1 + len(rates))
        factors = np.empty((len(rates), 3))
        factors[:, 0] = rates
        factors[:, 1], factors[:, 2] = RULES[type(rule)].factors(rule, numbers)
        keys = np.empty((len(rngs), len(rates), self.n_draws), np.uint64)
        for rng, member_keys in zip(rngs, keys, strict=True):
            member_keys.reshape(-1)[:] = rng.bit_generator.random_raw(member_keys.size)
        return Steps(factors, keys)

    def _train(self, steps, first, last, losses):
        """Train on some batches; add to the losses."""
        from skdnn.core.fused.epoch import train

        n_threads = min(self.crew.n_threads, self.net.n_shares)
        rates, counter = self.crew.rates[:, 0], np.zeros(1, np.int64)

        def train_on(thread):
            team = Team(thread, n_threads, counter, give_way())
            fixed = self.net, self.rule, self.rows, self.train_orders
            train(*fixed, steps, first, last, rates, self.members, team, losses)

        run = self.crew.run if n_threads > 1 else map
        list(run(train_on, range(n_threads)))

    def evaluate(self):
        """Return the validation loss and accuracy, shape (2, n_members)."""
        from skdnn.core.fused.epoch import evaluate

        report = np.zeros((2, len(self.crew.params)))
        evaluate(self.net, self.valid_rows, self.valid_orders, self.n_rows, self.members, report)
        return report


class FusedRule(NamedTuple):
    """How compiled loops know an update rule.

    Attributes
    ----------
    constants : callable
        ``rule -> (code, share_1, share_2, epsilon)``; see
        :class:`skdnn.core.fused.tables.Rule`.
    factors : callable
        ``(rule, numbers) -> (factor, factor)`` of the steps with these numbers.
    """

    constants: Callable
    factors: Callable


def _descent_constants(rule):
    return RuleCode.GRADIENT_DESCENT, 0.0, 0.0, 0.0


def _momentum_constants(rule):
    return RuleCode.MOMENTUM, float(rule.momentum), float(rule.nesterov), 0.0


def _adam_constants(rule):
    return RuleCode.ADAM, float(rule.beta_1), float(rule.beta_2), float(rule.epsilon)


def _ones(rule, numbers):
    return 1.0, 1.0


def _adam_factors(rule, numbers):
    return 1 / (1 - rule.beta_1**numbers), 1 / (1 - rule.beta_2**numbers)


RULES = {
    GradientDescent: FusedRule(_descent_constants, _ones),
    Momentum: FusedRule(_momentum_constants, _ones),
    Adam: FusedRule(_adam_constants, _adam_factors),
}


def rule_table(rule, plan):
    """Return the Rule that compiled loops follow."""
    code, *constants = RULES[type(rule)].constants(rule)
    max_norm = np.inf if plan.max_grad_norm is None else float(plan.max_grad_norm)
    return Rule(int(code), *constants, float(plan.weight_decay), float(plan.alpha), max_norm)


def _rows(data):
    """Return the Rows of data."""
    targets = np.ascontiguousarray(data.targets)
    array = data.rows.array.reshape(-1)
    return Rows(array, targets.reshape(-1), targets.shape[1], np.ascontiguousarray(data.weights))


def _orders(member_rows, weights):
    """Return the Orders of members with these rows."""
    rows = np.concatenate(member_rows).astype(np.intp)
    counts = np.array([len(rows) for rows in member_rows], np.int64)
    means = np.array([weights[rows].mean() for rows in member_rows])
    return Orders(rows, np.cumsum(counts) - counts, counts, means)


def count_shares(is_alone, n_batch_rows, n_parameters):
    """Return the number of shares that a batch is cut into, for threads to divide."""
    if not is_alone:
        return 1  # members are what threads divide
    work = n_batch_rows * n_parameters
    return next(n_shares for least, n_shares in SHARES if work >= least)


@cache
def product(dtype):
    """Return the address of SciPy's matrix product for a type; None if it is not to be had."""
    from numba.extending import get_cython_function_address

    name = {"float32": "sgemm", "float64": "dgemm"}.get(np.dtype(dtype).name)
    return name and get_cython_function_address("scipy.linalg.cython_blas", name)


@cache
def give_way():
    """Return the address of a C function that lets other threads run."""
    if sys.platform == "win32":
        function = ctypes.WinDLL("kernel32").SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value
