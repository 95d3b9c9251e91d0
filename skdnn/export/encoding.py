"""The encoder as a part of an ONNX graph: computed in double, cast where NumPy casts.

What is computed is described in :mod:`skdnn.tabular.column_encoders` and, for the expansion,
:mod:`skdnn.core.encoded_rows`.
"""

from itertools import accumulate

import numpy as np

from skdnn.core.encoded_rows import MIDDLE
from skdnn.export.date_parts import date_parts
from skdnn.export.inputs import MATRIX, MISSING, input_columns, takes_matrix
from skdnn.tabular.imputation import LARGEST
from skdnn.tabular.kinds import KINDS
from skdnn.tabular.scaling import CLIP_LIMIT
from skdnn.tabular.sparse_columns import SparseColumns

ROWS = "rows"  # name of the length of the first axis


def add_matrix(graph, dtype, n_columns):
    """Add the only input, a matrix of numbers."""
    return graph.input(MATRIX, dtype, [ROWS, n_columns], "numbers")


def add_encoder(graph, fitted, adapter):
    """Add the inputs and the encoding by a TableEncoder; return the inputs of the network."""
    columns, dtype = adapter.columns, fitted.schema.dtype
    if isinstance(columns, SparseColumns):
        X = add_matrix(graph, np.float64, adapter.encoder.n_features_in_)
        ratios = _clip(X.take(columns.kept) / columns.divisors, -CLIP_LIMIT, CLIP_LIMIT)
        ratios = graph.where(np.isnan(ratios), 0.0, ratios)
        return ratios.astype(adapter.encoder.dtype).astype(dtype)
    parts = _encoded_parts(graph, columns, TableInputs(graph, fitted, adapter))
    types = adapter.encoder.dtype, dtype
    numbers, positions, codes = (None if part is None else _cast(part, types) for part in parts)
    widened = [numbers, _widen_bins(columns, positions), _widen_codes(columns, codes)]
    widened = [part for part in widened if part is not None]
    if not widened:
        raise ValueError(
            "the network uses no column of the table, as all are ignored: "
            f"{adapter.encoder.ignored_columns_}. There is nothing to export."
        )
    return graph.concatenate(widened)


def _cast(value, types):
    for dtype in types:
        value = value.astype(dtype)
    return value


class TableInputs:
    """The inputs of a graph: ``dates``, ``masks`` and ``strings`` by position in the table."""

    def __init__(self, graph, fitted, adapter):
        self.dates, self.masks, self.strings = {}, {}, {}
        if takes_matrix(fitted):
            n_columns = adapter.encoder.n_features_in_
            self._matrix = add_matrix(graph, np.float64, n_columns)
            self._places = range(n_columns)
            return
        numbers = {}
        add = {"number": (numbers, np.float64), "text": (self.strings, object)}
        add["date"] = self.dates, np.int64
        for column in input_columns(adapter.encoder, adapter.columns):
            values, dtype = add[column.kind]
            about = describe(column)
            values[column.position] = graph.input(column.name, dtype, [ROWS, 1], about)
            if column.mask is not None:
                about = f"whether {column.name} is missing"
                mask = graph.input(column.mask, np.bool_, [ROWS, 1], about)
                self.masks[column.position] = mask
        self._matrix = graph.concatenate([*numbers.values()]) if numbers else None
        self._places = {position: place for place, position in enumerate(numbers)}

    def numbers(self, positions):
        """Return columns of numbers, (n_rows, n_positions)."""
        return self._matrix.take([self._places[position] for position in positions])

    def missing(self, position):
        """Return which values of a column of numbers or dates are missing, (n_rows, 1)."""
        mask = self.masks.get(position)
        return np.isnan(self.numbers([position])) if mask is None else mask


def describe(column):
    """Return what an input takes, in words."""
    if column.kind == "text":
        return f"strings; {MISSING!r} for a missing value"
    if column.kind == "date":
        zone = "" if column.type.zone is None else f" in the local time of {column.type.zone}"
        return f"microseconds since 1970-01-01{zone}; any number where {column.mask} is true"
    unit = {"duration": " in seconds", "time of day": " in seconds since midnight"}
    plural, unit = KINDS[column.type.kind].plural, unit.get(column.type.kind, "")
    return f"{plural}{unit}; NaN for a missing value"


def _encoded_parts(graph, columns, inputs):
    """Return numbers, positions in bins and codes, each (n_rows, n_columns) or None."""
    numbers, positions = [], None
    if columns.statistics.tables:
        numbers.append(_target_statistics(graph, columns, inputs))
    values = _values_to_scale(graph, columns, inputs)
    if values:
        values = graph.concatenate(values)
        scaled = _scale(graph, values, columns.scaling)
        if columns.regressions:
            scaled = graph.where(np.isnan(values), _estimates(columns, scaled), scaled)
        numbers.append(scaled)
        positions = _bin_positions(columns, scaled)
    numbers += [inputs.missing(position).astype(np.float64) for position in columns.missing]
    codes = [
        _codes(inputs.strings[position], kept.codes, kept.unknown, kept.missing)
        for position, kept in columns.categories.items()
    ]
    numbers = graph.concatenate(numbers) if numbers else None
    return numbers, positions, graph.concatenate(codes) if codes else None


def _values_to_scale(graph, columns, inputs):
    values = [inputs.numbers(columns.numbers.tolist())] if len(columns.numbers) else []
    for position, chosen in columns.kind_parts.items():
        parts, missing = date_parts(inputs.dates[position]), inputs.masks[position]
        values += [graph.where(missing, np.nan, parts[part]) for part in chosen]
    return values


def _clip(value, low, high):
    return np.minimum(np.maximum(value, low), high)


def _scale(graph, values, scaling):
    known = graph.where(np.isnan(values), scaling.center[None], values)
    scaled = _clip((known - scaling.center) / scaling.spread, -CLIP_LIMIT, CLIP_LIMIT)
    return scaled / np.sqrt(scaled * scaled / 9 + 1)


def _estimates(columns, scaled):
    """Return estimates of missing numbers; 0, the median, in columns that have none."""
    coefficients = np.zeros((len(columns.scaling.center) + 1, len(columns.scaling.center)))
    coefficients[:, [*columns.regressions]] = np.transpose([*columns.regressions.values()])
    weights = scaled.graph.constant(coefficients[:-1], np.float64)
    return _clip(scaled.node("MatMul", weights) + coefficients[-1], -LARGEST, LARGEST)


def _bin_positions(columns, scaled):
    """Return the sum over the bins of a column of how far a value is in each, from 0 to 1."""
    edges = columns.bin_edges.values()
    if not edges:
        return None
    n_bins = [len(of_column) - 1 for of_column in edges]
    lower = np.concatenate([of_column[:-1] for of_column in edges])
    widths = np.concatenate([np.diff(of_column) for of_column in edges])
    inside = _clip((scaled.take(np.repeat([*columns.bin_edges], n_bins)) - lower) / widths, 0, 1)
    is_of_column = np.repeat(np.eye(len(n_bins)), n_bins, axis=0)
    return inside.node("MatMul", scaled.graph.constant(is_of_column, np.float64))


def _widen_bins(columns, positions):
    n_bins = columns.expansion.n_bins
    if positions is None:
        return None
    sources, offsets = np.repeat(np.arange(len(n_bins)), n_bins), np.r_[*map(np.arange, n_bins)]
    return _clip(positions.take(sources) - offsets, 0, 1) - MIDDLE


def _codes(strings, codes, unknown, missing):
    """Return the code of each string, given those of known ones, (n_rows, 1)."""
    if MISSING in codes:
        raise ValueError(
            f"column {strings.name!r} has a category {MISSING!r}, which in ONNX models stands for "
            "a missing value. Give the category another name."
        )
    return strings.node(
        "LabelEncoder",
        dtype=np.int64,
        domain="ai.onnx.ml",
        keys_strings=[*codes, MISSING],
        values_int64s=[*codes.values(), missing],
        default_int64=unknown,
    )


def _widen_codes(columns, codes):
    n_categories = columns.expansion.n_categories
    if codes is None:
        return None
    sources = np.repeat(np.arange(len(n_categories)), n_categories)
    is_code = np.equal(codes.take(sources), np.r_[*map(np.arange, n_categories)])
    return is_code.astype(codes.dtype)


def _target_statistics(graph, columns, inputs):
    """Return the target statistics (n_rows, n_numbers), rows of one table of all columns."""
    tables = columns.statistics.tables
    starts = accumulate(map(len, tables), initial=0)
    codes = [
        _codes(inputs.strings[position], ranks, len(ranks) + 1, len(ranks)) + start
        for (position, ranks), start in zip(columns.ranks.items(), starts, strict=False)
    ]
    table = graph.constant(np.vstack(tables), np.float64)
    found = table.node("Gather", graph.concatenate(codes), axis=0)
    shape = graph.constant([0, columns.statistics.n_numbers], np.int64)  # 0 keeps the length
    return found.node("Reshape", shape)
