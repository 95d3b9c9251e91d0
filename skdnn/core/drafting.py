"""What compiled loops are told of a network.

They know the usual chain ``[dense -> activation -> dropout] * (L-1) -> dense``, on rows as they are
or behind an expansion.
"""

import numpy as np

from skdnn.core.c_functions import product
from skdnn.core.codes import NARROW, ActivationCode, Column, Layer
from skdnn.core.fused.tables import Net
from skdnn.core.layers import Dense, Dropout, Elementwise, Expand, SelectiveDense
from skdnn.core.zeros import are_sparse, find_runs

# Products of a row and a weight in a batch, and the shares that so many are cut into: products of
# small parts are slower. It depends on shapes alone: sums round the same on any number of threads.
SHARES = ((2**28, 8), (2**26, 4), (2**22, 2), (0, 1))
FEWEST_INPUTS = 10  # of a column, on average, with which it pays not to widen rows
# Rows of a batch above which BLAS makes all products of narrow layers too: it sums the gradient of
# weights in parts, which rounds less.
MOST_NARROW_ROWS = 1024
FEWEST_ROWS = 128  # of a block of validation rows
APART = 32  # numbers: two lines of the cache in float32, since processors fetch these in pairs
MOST_COLUMNS = 2**24  # that a float32 number can tell apart


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
        is_wide, scratch = self._is_wide(), Scratch()
        runs, n_sparse = self._find_runs(is_wide)
        n_inputs, n_numbers = self.n_columns - n_sparse, self.n_plain - n_sparse
        if is_wide:
            n_inputs = n_numbers = self.n_wide
        has_scaled = self.factors >= 0 or n_sparse > 0
        width = self.layers[0][Layer.FAN_OUT]
        most_knots = max((size + 1 for _, size, knots in self.columns if knots >= 0), default=0)
        widest = max(n_inputs + n_sparse, *(row[Layer.FAN_OUT] for row in self.layers))
        n_shares = count_shares(self.crew.is_alone, self.crew.layout.width, self.n_parameters)
        self._place_layers(scratch, n_shares)
        net = Net(
            layers=np.array([list(row.values()) for row in self.layers], np.int64),
            columns=np.array(self.columns, np.int64).reshape(-1, len(Column)),
            runs=runs,
            n_plain=self.n_plain,
            n_inputs=n_inputs,
            n_numbers=n_numbers,
            n_compact=0 if is_wide else len(self.columns),
            n_sparse=n_sparse,
            inputs=scratch.place(self.n_rows * n_inputs),
            entries=scratch.place(self.n_rows * (1 + 2 * n_sparse)),
            knots=scratch.place(self.n_knots * width),
            grad_knots=scratch.place(most_knots * width),
            factors=self.factors,
            scaled=scratch.place(n_numbers * width) if has_scaled else -1,
            input_threshold=self.input_threshold,
            n_words=-(-widest // 4),
            loss=int(self.crew.plan.loss.code),
            smoothing=float(self.crew.plan.label_smoothing),
            n_shares=n_shares,
            gemm=product(self.crew.params.dtype),
        )
        return net, scratch.size

    def _is_wide(self):
        """Tell whether rows are widened.

        They are where inputs are dropped one by one, and where these are few: a product with few
        inputs takes less time than a look at two knots, or at the weights of a code.
        """
        looks = [size if knots >= 0 else 2 * size for _, size, knots in self.columns]
        is_dropped = self.input_threshold > 0 and len(looks) > 0
        return is_dropped or sum(looks) < FEWEST_INPUTS * len(looks)

    def _find_runs(self, is_wide):
        """Return the table of runs, and how many columns are mostly zero; none of wide rows."""
        is_sparse = np.zeros(self.n_plain if is_wide else self.n_columns, bool)
        shares = self.crew.data.rows.shares_of_nonzeros
        if shares is not None and not is_wide and self.n_columns <= MOST_COLUMNS:
            is_sparse[: self.n_plain] = are_sparse(shares[: self.n_plain])
        return find_runs(is_sparse), np.count_nonzero(is_sparse)

    def _place_layers(self, scratch, n_shares):
        """Give the layers their places in the scratch."""
        for row in self.layers:
            for column in (Layer.OUTPUTS, Layer.SLOPES, Layer.GRADS):
                row[column] = scratch.place(self.n_rows * row[Layer.FAN_OUT])
            row[Layer.SUMS_STEP] = whole_lines(row[Layer.FAN_OUT])
            row[Layer.SUMS] = scratch.place(n_shares * row[Layer.SUMS_STEP])
            row[Layer.BY_UNIT] = -1
        for row in self.layers[1:]:
            if row[Layer.FAN_OUT] <= NARROW and self.crew.layout.width <= MOST_NARROW_ROWS:
                row[Layer.BY_UNIT_STEP] = whole_lines(NARROW * row[Layer.FAN_IN])
                row[Layer.BY_UNIT] = scratch.place(n_shares * row[Layer.BY_UNIT_STEP])
        self.layers[-1][Layer.GRADS] = self.layers[-1][Layer.OUTPUTS]


class Scratch:
    """Places in the scratch, each so far from others that threads do not share lines of the cache.

    They would wait for each other's lines.
    """

    def __init__(self):
        self.size = 0

    def place(self, n_numbers):
        """Return the place of the next so many numbers."""
        start = self.size
        self.size += whole_lines(n_numbers)
        return start


def whole_lines(n_numbers):
    """Return so many numbers or a few more, up to the end of a line of the cache."""
    return -(-n_numbers // APART) * APART


ADD = {
    Expand: Draft.add_expansion,
    Dense: Draft.add_dense,
    SelectiveDense: Draft.add_selective,
    Elementwise: Draft.add_activation,
    Dropout: Draft.add_dropout,
}


def count_shares(is_alone, n_batch_rows, n_parameters):
    """Return the number of shares that a batch is cut into, for threads to divide."""
    if not is_alone:
        return 1  # members are what threads divide
    work = n_batch_rows * n_parameters
    return next(n_shares for least, n_shares in SHARES if work >= least)
