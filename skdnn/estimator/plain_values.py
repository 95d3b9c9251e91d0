"""Objects as plain values and arrays, and back: what the manifest of a model file consists of.

A plain value is None, a boolean, a number, a string, a list of plain values, or ``{name: content}``
for an object of the type with this name in ``TYPES`` or ``RECORDS``. These tables are closed: an
object of any other type is refused, and nothing is imported or called by a name from a file.

Files of released versions must be readable by all later ones. So a field that is added to a type in
``RECORDS`` needs a default, which old files get; for any other change of these types, such as
another name or meaning of a field, :mod:`skdnn.estimator.model_files` has to convert the content of
files of the previous format.
"""

import datetime
import re
import reprlib
from collections.abc import Callable
from numbers import Integral, Real
from typing import NamedTuple, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from skdnn.core.training import State
from skdnn.estimator.array_files import is_plain
from skdnn.estimator.fitted_model import FittedModel
from skdnn.estimator.inputs import COLUMNS
from skdnn.estimator.labels import Labels
from skdnn.estimator.schema import DataSchema
from skdnn.estimator.variants import Variant
from skdnn.tabular.categories import Categories
from skdnn.tabular.column_encoders import ColumnEncoders
from skdnn.tabular.column_types import ColumnType
from skdnn.tabular.dataframes import column_names
from skdnn.tabular.encoder import TableEncoder, columns_of, with_columns
from skdnn.tabular.kinds import KindFormat
from skdnn.tabular.scaling import Scaling
from skdnn.tabular.sparse_columns import ColumnsWithoutEntries, SparseColumns
from skdnn.tabular.target_statistics import TargetStatistics
from skdnn.tabular.text_formats import DateFormat, NumberFormat

RECORDS = {
    kind.__name__: kind
    for kind in (
        *(FittedModel, State, DataSchema, Labels, Variant, NumberFormat, DateFormat, KindFormat),
        *(ColumnEncoders, SparseColumns, ColumnType, Scaling, Categories, TargetStatistics),
    )
}
# Fields, by the type, and types of earlier versions.
RENAMED = {("ColumnEncoders", "dates"): "kind_parts", ("SparseColumns", "largest"): "divisors"}
RECORDS["ClockFormat"] = lambda name: KindFormat("time of day")
RECORDS["DurationFormat"] = lambda name: KindFormat("duration")
ATOMS = (type(None), bool, int, float, str)
LEARNT = (*COLUMNS, "ignored_columns_", "parsed_columns_")  # attributes of a TableEncoder
ABSTRACT = {int: Integral, float: Real}  # a NumPy number may stand for one of Python
ZONE = re.compile(r"\w[\w+-]*(/\w[\w+-]*)*", re.ASCII)


class PlainType(NamedTuple):
    """How objects of a type are written, as something simpler, and read."""

    kind: type
    simplify: Callable
    restore: Callable


def _zone(key):
    if not ZONE.fullmatch(key):
        raise ValueError(f"{key!r} is no time zone")
    try:
        return ZoneInfo(key)
    except ZoneInfoNotFoundError as error:
        raise ValueError(f"no time zone {key!r} here; if there is one, install tzdata") from error


def _fixed_zone(seconds):
    return datetime.timezone(datetime.timedelta(seconds=seconds))


def _encoder_state(encoder):
    """Return the parameters of an encoder and, if it is fitted, what all else follows from."""
    state = {"parameters": encoder.get_params(deep=False)}
    if hasattr(encoder, "expansion_"):
        state["learnt"] = {name: vars(encoder)[name] for name in LEARNT if name in vars(encoder)}
        state["columns"] = columns_of(encoder)
        if isinstance(state["columns"], SparseColumns):
            del state["learnt"]["ignored_columns_"]  # there may be a million
    return state


def _encoder(state):
    encoder = TableEncoder(**state["parameters"])
    if "columns" not in state:
        return encoder
    columns, learnt = state["columns"], state["learnt"]
    vars(encoder).update({name: learnt[name] for name in LEARNT if name in learnt})
    if isinstance(columns, SparseColumns):
        encoder.ignored_columns_ = ColumnsWithoutEntries(column_names(encoder), columns.kept)
    return with_columns(encoder, columns)


def _passthrough_state(transformer):
    """Return the columns that a FunctionTransformer without a function was fitted to."""
    if transformer.get_params() != FunctionTransformer().get_params():
        raise _refusal(transformer)
    return {name: vars(transformer)[name] for name in COLUMNS if name in vars(transformer)}


def _passthrough(columns):
    transformer = FunctionTransformer()
    vars(transformer).update({name: columns[name] for name in COLUMNS if name in columns})
    return transformer


def _dict(pairs):
    """Return a dict, unless many of its keys have the same hash: making it would take very long."""
    pairs = [tuple(pair) for pair in pairs]
    if len({hash(key) for key, _ in pairs}) < len(pairs) / 2:
        raise ValueError("the keys of a dict have the same hash")
    return dict(pairs)


TYPES = {
    "tuple": PlainType(tuple, list, tuple),
    "dict": PlainType(dict, lambda given: [list(pair) for pair in given.items()], _dict),
    "scalar": PlainType(np.generic, np.asarray, lambda array: array[()]),
    "objects": PlainType(np.ndarray, list, lambda items: np.fromiter(items, object, len(items))),
    "zone": PlainType(ZoneInfo, lambda zone: zone.key, _zone),
    "offset": PlainType(
        datetime.timezone, lambda zone: zone.utcoffset(None).total_seconds(), _fixed_zone
    ),
    "encoder": PlainType(TableEncoder, _encoder_state, _encoder),
    "passthrough": PlainType(FunctionTransformer, _passthrough_state, _passthrough),
}
NAMES = {form.kind: name for name, form in TYPES.items()}


def to_plain(value, arrays):
    """Return an object as a plain value; raise a TypeError if something in it is of another type.

    Its arrays are appended to ``arrays``; ``{"array": n}`` stands for the one at place n.
    """
    kind = np.generic if isinstance(value, np.generic) else type(value)
    if kind in ATOMS:
        return value
    if kind is list:
        return [to_plain(item, arrays) for item in value]
    if isinstance(value, np.ndarray) and is_plain(value.dtype) and not np.ma.isMA(value):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    name = kind.__name__
    if RECORDS.get(name) is kind:
        return {name: {field: to_plain(item, arrays) for field, item in value._asdict().items()}}
    name = NAMES.get(kind)
    if name is None or (name == "objects" and value.ndim != 1):
        raise _refusal(value)
    return {name: to_plain(TYPES[name].simplify(value), arrays)}


# Parameters that predictions need; the others can be set to another value before saving.
IN_PREDICTION = ("activation", "encoder")


def check_savable(name, value, default):
    """Raise a TypeError, which says what to do, if a parameter cannot be in a model file."""
    try:
        to_plain(value, [])
    except TypeError as error:
        other = "" if name in IN_PREDICTION else f", or call net.set_params({name}={default!r})"
        advice = f"Save the network with pickle, joblib or skops{other}."
        raise TypeError(f"{name}: {error}. {advice}") from error


def _refusal(value):
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return TypeError(f"a model file cannot contain {reprlib.repr(value)}, of type {kind}")


def from_plain(plain, arrays):
    """Return the object of a plain value; raise an error of any kind if it is none."""
    if type(plain) in ATOMS:
        return plain
    if type(plain) is list:
        return [from_plain(item, arrays) for item in plain]
    ((name, content),) = plain.items()
    if name == "array":
        return arrays[content]
    if name in RECORDS:
        named = {RENAMED.get((name, field), field): item for field, item in content.items()}
        fields = {field: from_plain(item, arrays) for field, item in named.items()}
        fields.pop("has_warned", None)  # of the DataSchema in files of version 0.1.0
        if fields.pop("may_be_numbers", None) is False:  # of the ColumnType in these
            fields["kinds"] = ("text",)
        return _checked(RECORDS[name](**fields))
    return TYPES[name].restore(from_plain(content, arrays))


def _checked(record):
    """Return a record; raise a TypeError if a field has not the type that it is declared with."""
    hints = get_type_hints(type(record))
    for name, value in record._asdict().items():
        kinds = get_args(hints[name]) or (hints[name],)
        if not isinstance(value, tuple(ABSTRACT.get(kind, kind) for kind in kinds)):
            raise TypeError(f"{type(record).__name__}.{name} is {reprlib.repr(value)}")
    return record
