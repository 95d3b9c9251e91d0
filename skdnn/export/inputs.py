"""The inputs of ONNX models: one for each column of a table, or one matrix."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skdnn.estimator.encoder_adapters import TableAdapter, adapted
from skdnn.estimator.fitted_model import fitted_model
from skdnn.tabular.column_types import NUMBER, ColumnType, column_as
from skdnn.tabular.dataframes import check_table, column_names
from skdnn.tabular.dates import date_parts
from skdnn.tabular.encoder import table_of
from skdnn.tabular.kinds import KINDS
from skdnn.tabular.sparse_columns import SparseColumns

MISSING = "<missing>"  # ONNX has no missing strings
MATRIX = "X"  # name of the input if there is one only
EPOCH = np.datetime64(0, "us")


class InputColumn(NamedTuple):
    """A column of the table that the network uses, which is an input of the same name.

    ``position`` is that in the table, ``type`` the type in fit, and ``mask`` the name of the input
    that tells which dates are missing, or None.
    """

    name: str
    position: int
    type: ColumnType
    mask: str | None = None

    @property
    def kind(self):
        """What the input holds: "number", "date" or "text"."""
        return self.type.kind if self.type.kind in ("date", "text") else "number"


def takes_matrix(fitted):
    """Return whether the model of a FittedModel has one input, a matrix of numbers.

    It has for numbers without column names, for sparse rows, and without a TableEncoder.
    """
    adapter = adapted(fitted.schema.encoder)
    if not isinstance(adapter, TableAdapter) or isinstance(adapter.columns, SparseColumns):
        return True
    return "feature_names_in_" not in fitted.schema.columns and not adapter.columns.types


def input_columns(encoder, columns):
    """Return the InputColumns of a fitted TableEncoder, in the order of the table."""
    names = column_names(encoder)
    used = {*columns.numbers.tolist(), *columns.kind_parts, *columns.missing, *columns.categories}
    used |= set(columns.ranks if columns.statistics.tables else ())
    found = []
    for position in sorted(used):
        name, fitted, mask = str(names[position]), columns.types.get(position, NUMBER), None
        if (kind := KINDS[fitted.kind]).numbers not in (None, date_parts):
            raise ValueError(f"column {name!r} has {kind.plural}, which ONNX models cannot encode.")
        if fitted.kind == "date":
            mask = f"{name}_missing"
            while mask in names:
                mask += "_"
        found.append(InputColumn(name, position, fitted, mask))
    return found


def onnx_inputs(net, X):
    """Return the inputs of the ONNX model of a network for some rows.

    Parameters
    ----------
    net : DeepNetClassifier
        The fitted network from which the model was made.
    X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
        Rows like those seen in fit.

    Returns
    -------
    dict of str to ndarray
        To be passed to a session of onnxruntime: ``session.run(None, onnx_inputs(net, X))``.

    See Also
    --------
    to_onnx : Make the model.
    """
    fitted = fitted_model(net)
    X = check_table(net, X, reset=False)
    adapter = adapted(fitted.schema.encoder)
    if not isinstance(adapter, TableAdapter):
        rows = adapter.encode(X, fitted.schema.dtype)
        return {MATRIX: rows.toarray() if issparse(rows) else rows}
    table, columns = table_of(adapter.encoder, X), adapter.columns
    if takes_matrix(fitted):
        if issparse(table):
            return {MATRIX: table.toarray().astype(np.float64)}
        return {MATRIX: _numbers(table, range(len(table.names)), columns.number_types())}
    inputs = input_columns(adapter.encoder, columns)
    numbers = [column for column in inputs if column.kind == "number"]
    values = _numbers(table, [column.position for column in numbers], columns.number_types())
    feeds = {column.name: values[:, [n]] for n, column in enumerate(numbers)}
    for column in inputs:
        if column.kind == "date":
            feeds |= _dates(table, column)
        elif column.kind == "text":
            read = columns.strings(table, column.position)
            feeds[column.name] = np.array([*read.strings, MISSING], object)[read.values][:, None]
    return feeds


def _numbers(table, positions, types):
    """Return float64 numbers of some columns, (n_rows, n_positions)."""
    blocks = table.blocks(np.array(positions), types) if positions else ()
    empty = np.empty((table.n_rows, 0))
    return np.hstack([empty, *(values for *_, values in blocks)], dtype=np.float64)


def _dates(table, column):
    """Return microseconds since 1970 in the local time of fit, and which are missing."""
    times = table.values(column.position, column.type, column_as).values
    missing = np.isnat(times)
    since_epoch = (np.where(missing, EPOCH, times) - EPOCH).astype(np.int64)
    return {column.name: since_epoch[:, None], column.mask: missing[:, None]}
