"""Read one column of a table of any library, and find its kind.

Conventions: a column has numbers, times or strings. Missing values are None, NaN, NaT and
``pandas.NA``. Strings are canonical, so that 1, 1.0 and "1" are the same category whatever their
type in the table. Times are local times, without their time zone. Errors raised here do not
contain the name of the column; :class:`skdnn.tabular.dataframes.Frame` adds it.
"""

import datetime
import numbers
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from skdnn.tabular.dates import SECOND, TIME, local_time, parse_time
from skdnn.tabular.missing_values import is_missing

# Types of values that make a column of objects one of numbers or times; an empty one has numbers.
OBJECT_TYPES = (
    ((numbers.Real, Decimal, np.bool_), np.dtype(np.float64)),
    ((datetime.timedelta, np.timedelta64), np.dtype("m8[us]")),
    ((datetime.date, np.datetime64), TIME),
)


class Column(NamedTuple):
    """The values of one column.

    Attributes
    ----------
    values : ndarray of shape (n_rows,)
        Numbers, NaN if missing; datetime64[us], NaT if missing; or indices of ``strings``, -1 if
        missing.
    strings : list of str or None
        Distinct strings of a string column.
    """

    values: np.ndarray
    strings: list | None = None

    @property
    def kind(self):
        """One of "number", "time" and "text"."""
        if self.strings is not None:
            return "text"
        return "time" if self.values.dtype.kind == "M" else "number"

    @property
    def missing(self):
        """Which rows are missing, as a mask."""
        return self.values != self.values if self.strings is None else self.values < 0

    def encode(self, codes, unknown, missing):
        """Return the code of each row of a string column, given those of known strings."""
        of_strings = [codes.get(text, unknown) for text in self.strings]
        return np.array([*of_strings, missing])[self.values]


def as_text(value):
    """Return the canonical string of a scalar, None for a missing value."""
    if type(value) is str:
        return value
    if is_missing(value):
        return None
    if isinstance(value, (float, np.floating)):
        return _text_of_float(value)
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _text_of_float(value):
    if value.is_integer():
        return str(int(value))
    # Write a float32 that was converted to a Python float with the digits of a float32.
    if abs(value) < np.finfo(np.float32).max and float(np.float32(value)) == value:
        return str(np.float32(value))
    return str(value)


# Reading columns


def read_column(values):
    """Return the Column of a pandas or polars series, or of a one-dimensional array."""
    if _is_categorical(values):
        return _column_of_categories(values.array.codes, values.array.categories)
    array = _as_array(values)
    if array.ndim > 1 or array.dtype.kind not in "biufmM":  # structs of polars are two-dimensional
        return _column_of_objects(array.tolist())
    if array.dtype.kind == "M":
        return Column(array.astype(TIME))
    return Column(array / SECOND if array.dtype.kind == "m" else array)


def read_strings(values):
    """Return the string Column of a series or array, converting each cell on its own.

    The string of a cell must not depend on the other cells: some rows of a mixed column may by
    chance hold only dates, or only numbers, and still are strings.
    """
    if _is_categorical(values):
        return read_column(values)
    if isinstance(values, np.ndarray) and values.dtype.kind in "mM":
        values = values.astype(f"{values.dtype.kind}8[us]")  # other units would become integers
    cells = values.to_list() if hasattr(values, "to_list") else values.tolist()
    _check_scalars(set(map(type, cells)))
    return _string_column(list(map(as_text, cells)))


def _is_categorical(values):
    return hasattr(values, "cat") and hasattr(values, "array")  # not of polars


def _as_array(values):
    """Return an array of numbers, times or objects."""
    dtype = values.dtype
    if isinstance(values, np.ndarray):
        return values
    if hasattr(dtype, "time_zone"):
        values = values.dt.replace_time_zone(None)
    if hasattr(dtype, "tz"):
        values = values.dt.tz_localize(None)
    if not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "O") in "biuf":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return values.to_numpy()


def _column_of_categories(codes, categories):
    """Return a string Column; equal strings are one category, and missing values are -1."""
    if len(categories) > len(codes):  # convert only the categories that occur
        used, codes = np.unique(codes, return_inverse=True)
        categories = [None if code < 0 else categories[code] for code in used]
    column = _string_column(list(map(as_text, categories)))
    return column._replace(values=np.append(column.values, -1)[codes])


def _column_of_objects(values):
    """Return the Column of a list of scalars, by the types found in it."""
    types = set(map(type, values))
    if types == {str}:
        return _string_column(values)
    _check_scalars(types)
    values = [None if is_missing(value) else value for value in values]
    types = set(map(type, values)) - {type(None)}
    for accepted, dtype in OBJECT_TYPES:
        if all(issubclass(found, accepted) for found in types):
            return read_column(np.array(list(map(local_time, values)), dtype))
    return _string_column(list(map(as_text, values)))


def _check_scalars(types):
    for found in sorted(types, key=str):
        if issubclass(found, Iterable) and not issubclass(found, (str, bytes)):
            raise TypeError(
                f"it holds {found.__name__} objects, but the argument must be a table of "
                "strings, numbers, booleans or dates. Make a column of each of their parts."
            )
        if issubclass(found, numbers.Complex) and not issubclass(found, numbers.Real):
            raise ValueError("Complex data not supported. Pass its real and imaginary parts.")


def _string_column(strings):
    """Return the Column of canonical strings, in which None is a missing value."""
    distinct = dict.fromkeys(strings)
    distinct.pop(None, None)
    codes = {text: code for code, text in enumerate(distinct)} | {None: -1}
    values = np.fromiter(map(codes.__getitem__, strings), np.intp, len(strings))
    return Column(values, list(distinct))


# Conversion to the kind seen in fit


def values_as(column, kind):
    """Return the values of any Column as float64 numbers or as datetime64[us] times."""
    dtype, parse = PARSERS[kind]
    if column.kind == "text":
        return np.array([*map(parse, column.strings), None], dtype)[column.values]
    if column.kind == kind:
        return column.values.astype(dtype)
    if not column.missing.all():
        raise ValueError(f"it holds {column.values[~column.missing][0]!r}")
    return np.full(len(column.values), None, dtype)


def _parse_number(text):
    return float({"True": 1, "False": 0}.get(text, text))


PARSERS = {"number": (np.dtype(np.float64), _parse_number), "time": (TIME, parse_time)}
