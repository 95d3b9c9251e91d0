"""Read one column of a table of any library as numbers, dates, durations or strings."""

import datetime
import numbers
from collections.abc import Iterable
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from skdnn.tabular.column_types import Column, column_of, string_column, without_blanks
from skdnn.tabular.dates import SECOND, TIME, standard_zone
from skdnn.tabular.kinds import KINDS
from skdnn.tabular.missing_checks import is_missing
from skdnn.tabular.text_formats import boolean_of, is_missing_word

POLARS_CATEGORIES = ("Categorical", "Enum")
BOOLEANS = {bool, np.bool_}


def as_text(value):
    """Return the canonical string of a scalar, None for a missing value."""
    if type(value) is str:
        return value
    if is_missing(value):
        return None
    if isinstance(value, Decimal) and value == Decimal(repr(float(value))):
        value = float(value)  # "1.50" is 1.5
    if isinstance(value, (float, np.floating)):
        return _text_of_float(value)
    if isinstance(value, datetime.timedelta) and not getattr(value, "nanoseconds", 0):
        return datetime.timedelta.__str__(value)  # that of pandas has another string
    # Bytes that are no UTF-8 are escaped, so that different ones stay different.
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _text_of_float(value):
    if value.is_integer():
        return str(int(value))
    # Write a float32 that was converted to a Python float with the digits of a float32.
    if abs(value) < np.finfo(np.float32).max and float(np.float32(value)) == value:
        return str(np.float32(value))
    return str(value)


def read_column(values):
    """Return the Column of a pandas or polars series, or of a one-dimensional array.

    A Column is returned as it is.
    """
    if isinstance(values, Column):
        return values
    if _is_categorical(values):
        column = _of_categories(values, lambda cells: string_column(list(map(as_text, cells))))
        return column._replace(is_categorical=True)
    zone = _zone_of(values.dtype)
    array = _as_array(values, zone)
    if array.ndim > 1 or array.dtype.kind not in "biufmM":  # structs of polars are two-dimensional
        column = _column_of_objects(_cells(values))
        return column._replace(is_categorical=type(values.dtype).__name__ in POLARS_CATEGORIES)
    if array.dtype.kind == "M":
        return Column(array.astype(TIME), kind="date", zone=zone)
    if array.dtype.kind == "m":
        return Column(array / SECOND, kind="duration")
    return Column(array, has_booleans=getattr(values.dtype, "kind", array.dtype.kind) == "b")


def spellings_of_numbers(ranked):
    """Return the strings that stand for numbers, such as {"1": "1.0"}, by :func:`as_text` of these.

    ``ranked`` is as of :func:`find_format`. Numbers whose string is there need no other.
    """
    strings, parse = dict.fromkeys(t for _, t in reversed(ranked)), KINDS["number"].parse
    others = [text for text in strings if not text.isdecimal() or text[0] == "0"]  # for speed
    values = {text: value for text in others if (value := parse(text)) is not None}
    found = {as_text(value): text for text, value in values.items() if abs(value) < 2**53}
    return {number: text for number, text in found.items() if number not in strings}


def known_spelling(text, known, spellings, blank):
    """Return the category that a string, which is none of ``known``, stands for, or ``blank``."""
    meant = spellings.get(text.strip(), text.strip())
    if meant not in known and meant.lstrip("+-").replace(".", "", 1).isdecimal():
        value = KINDS["number"].parse(meant)
        number = "" if value is None or abs(value) >= 2**53 else as_text(value)
        meant = spellings.get(number, number)
    if meant and meant in known:
        return meant
    if not is_missing_word(text):
        return text
    others = {meant.lower(), meant.upper(), meant.capitalize()}
    return text if meant and not others.isdisjoint(known) else blank


def read_strings(values, fitted):
    """Return the string Column of a series or array, converting each cell on its own.

    The string of a cell must not depend on the others: a block of rows of a mixed column may hold
    only dates, or only numbers, by chance. Booleans are written as in fit, whose ColumnType is
    ``fitted``.
    """
    if _is_categorical(values):
        column = _of_categories(values, _as_strings)
    else:
        if isinstance(values, np.ndarray) and values.dtype.kind in "mM":
            values = values.astype(f"{values.dtype.kind}8[us]")  # others would become integers
        column = _as_strings(_cells(values))
    if not fitted.booleans:
        return column
    pairs = zip(column.strings, map(boolean_of, column.strings), strict=True)
    strings = [text if value is None else fitted.booleans[value] for text, value in pairs]
    column = column._replace(strings=strings)
    return column if fitted.is_categorical else without_blanks(column)


def _as_strings(cells):
    types = set(map(type, cells))
    _check_scalars(types)
    strings = list(map(as_text, cells))
    column = string_column(strings)
    if str not in types and column.strings:
        known = {type(cell) for cell, text in zip(cells, strings, strict=True) if text is not None}
        column = column._replace(kind="boolean" if known <= BOOLEANS else _kind_of(known))
    return column


def _cells(values):
    return values.to_list() if hasattr(values, "to_list") else values.tolist()


def _is_categorical(values):
    return hasattr(values, "cat") and hasattr(values, "array")  # not of polars


def _zone_of(dtype):
    """Return the time zone of a dtype of pandas or polars, or None."""
    dtype = getattr(dtype, "pyarrow_dtype", dtype)
    zone = getattr(dtype, "tz", None) or getattr(dtype, "time_zone", None)
    if isinstance(zone, str):
        return datetime.datetime.strptime(zone, "%z").tzinfo if zone[0] in "+-" else ZoneInfo(zone)
    return standard_zone(zone)


def _as_array(values, zone):
    """Return an array of numbers, times or objects; times with a zone in UTC."""
    if isinstance(values, np.ndarray):
        return values
    dtype = values.dtype
    if hasattr(dtype, "freq"):
        values = values.dt.start_time  # of periods
    elif zone is not None and hasattr(values, "dt"):
        in_utc = getattr(values.dt, "convert_time_zone", None)
        values = in_utc("UTC").dt.replace_time_zone(None) if in_utc else values.dt.tz_convert(None)
    if not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "O") in "biuf":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return values.to_numpy()


def _of_categories(values, read):
    """Return the Column of a pandas series of a categorical type, given how its cells are read."""
    codes, categories = values.array.codes, values.array.categories
    used = np.unique(codes)  # others are not in the Column
    column = read([None if code < 0 else categories[code] for code in used])
    return column._replace(values=column.values[np.searchsorted(used, codes)])


def _column_of_objects(values):
    """Return the Column of a list of scalars, by the types found in it."""
    if set(map(type, values)) == {str}:
        return string_column(values)
    values = [None if is_missing(value) else value for value in values]
    types = set(map(type, values)) - {type(None)}
    others = {found for found in types if not issubclass(found, str)}
    if types > others > set() and not any(isinstance(v, str) and v.strip() for v in values):
        return _column_of_objects([None if isinstance(v, str) else v for v in values])
    if (kind := _kind_of(types)) == "text":
        _check_scalars(types)
        column = string_column(list(map(as_text, values)))
        return column._replace(has_numbers=any(issubclass(t, KINDS["number"].types) for t in types))
    if (read := KINDS[kind].read) is not None:
        values = [None if value is None else read(value) for value in values]
    return column_of(values, kind)._replace(has_booleans=bool(types & BOOLEANS))


def _kind_of(types):
    """Return the first kind that all types of objects are of, "text" if there is none."""
    if {found.__name__ for found in types} == {"Period"}:  # of pandas, which is read as its start
        return "date"
    kinds = (name for name, kind in KINDS.items() if all(issubclass(t, kind.types) for t in types))
    return next(kinds, "text")


def _check_scalars(types):
    for found in sorted(types, key=str):
        if issubclass(found, Iterable) and not issubclass(found, (str, bytes)):
            raise TypeError(
                f"it holds {found.__name__} objects, but the argument must be a table of "
                "strings, numbers, booleans or dates. Make a column of each of their parts."
            )
        if issubclass(found, numbers.Complex) and not issubclass(found, numbers.Real):
            raise ValueError("Complex data not supported. Pass its real and imaginary parts.")
