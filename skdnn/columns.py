"""Read one column of a table, whatever library the table comes from.

Conventions: a column is a number, a time or a text column. Gaps are None, NaN, NaT and
``pandas.NA`` alike. Texts are canonical, so that 1, 1.0 and "1" are the same level whatever
type a library gave them. Times are those on the wall of their zone. Errors raised here do
not name the column; whoever asked for it adds the name.
"""

import datetime
import numbers
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import numpy as np

DATE_PARTS = ("time", "month", "day", "weekday", "hour")
PANDAS_NULLS = ("NAType", "NaTType")  # told by name: pandas need not be installed
SECOND = np.timedelta64(1, "s")
TINY = ("ns", "ps", "fs", "as")  # units that Python's times do not have


class Column(NamedTuple):
    """The values of one column.

    Attributes
    ----------
    values : ndarray of shape (n_rows,)
        Numbers with NaN for gaps; datetime64[us] with NaT; or codes into ``texts`` with -1.
    texts : list of str or None
        Distinct texts of a text column.
    """

    values: np.ndarray
    texts: list | None = None

    @property
    def kind(self):
        """One of "number", "time" and "text"."""
        if self.texts is not None:
            return "text"
        return "time" if self.values.dtype.kind == "M" else "number"

    @property
    def gaps(self):
        """Which rows have no value."""
        return {"number": np.isnan, "time": np.isnat, "text": _is_negative}[self.kind](self.values)


def _is_negative(codes):
    return codes < 0


def is_gap(value):
    """Tell whether a scalar stands for a missing value."""
    return value is None or type(value).__name__ in PANDAS_NULLS or bool(value != value)


def as_text(value):
    """Return the canonical text of a scalar, None for a gap."""
    if is_gap(value):
        return None
    if isinstance(value, (float, np.floating)):
        return _text_of_float(value)
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _text_of_float(value):
    if value.is_integer():
        return str(int(value))
    # A float32 that has become a Python float is still the text that it was.
    if abs(value) < np.finfo(np.float32).max and float(np.float32(value)) == value:
        return str(np.float32(value))
    return str(value)


# From arrays and lists of scalars


def column_from_array(values):
    """Return the Column of a one-dimensional array of any dtype."""
    kind = values.dtype.kind
    if kind in "biuf":
        return Column(values)
    if kind == "M":
        return Column(values.astype("M8[us]"))
    if kind == "m":
        return Column(values / SECOND)
    if kind == "c":
        raise ValueError("Complex data not supported. Pass its real and imaginary parts.")
    return column_from_objects(values.tolist())


def column_from_objects(values):
    """Return the Column of a list of scalars, by the types found in it."""
    types = set(map(type, values))
    if types == {str}:
        return _text_column(*_factorize(values))
    _check_scalars(types)
    values = [None if is_gap(value) else value for value in values]
    types = set(map(type, values)) - {type(None)}
    for accepted, build in OBJECT_COLUMNS:
        if all(issubclass(found, accepted) for found in types):
            return build(values)
    return _mixed_column(values)


def _mixed_column(values):
    # Python holds that True == 1: types keep them apart, whichever comes first.
    codes, keys = _factorize(list(zip(map(type, values), values, strict=True)))
    return _text_column(codes, [value for _, value in keys])


def _check_scalars(types):
    for found in sorted(types, key=str):
        if issubclass(found, Iterable) and not issubclass(found, (str, bytes)):
            raise TypeError(
                f"it holds {found.__name__} objects, but the argument must be made of strings, "
                "numbers, booleans or dates. Turn each part of them into a column of its own."
            )
        if issubclass(found, numbers.Complex) and not issubclass(found, numbers.Real):
            raise ValueError("Complex data not supported. Pass its real and imaginary parts.")


def _number_column(values):
    return Column(np.array(values, np.float64))


def _duration_column(values):
    return Column(np.array(values, "m8[us]") / SECOND)


def _time_column(values):
    return Column(np.array([_wall_time(value) for value in values], "M8[us]"))


def _wall_time(value):
    return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) else value


OBJECT_COLUMNS = (  # a column without values is one of numbers
    ((numbers.Real, Decimal, np.bool_), _number_column),
    ((datetime.timedelta, np.timedelta64), _duration_column),
    ((datetime.date, np.datetime64), _time_column),
)


def _factorize(keys):
    """Return a code for each key, and the distinct keys."""
    index = {key: code for code, key in enumerate(dict.fromkeys(keys))}
    return np.fromiter(map(index.__getitem__, keys), np.intp, len(keys)), list(index)


def _text_column(codes, distinct):
    """Return a text Column; values of the same text become one, gaps and -1 become -1."""
    index = {}
    texts = map(as_text, distinct)
    merged = [-1 if text is None else index.setdefault(text, len(index)) for text in texts]
    return Column(np.array([*merged, -1], np.intp)[codes], list(index))


# From the columns of frames


def column_from_pandas(series):
    """Return the Column of a pandas series."""
    dtype = series.dtype
    if dtype.name == "category":
        return _column_from_categories(series.array.codes, series.array.categories)
    if isinstance(dtype, np.dtype):
        return column_from_array(series.to_numpy())
    if dtype.kind in "biuf":
        return Column(series.to_numpy(dtype=np.float64, na_value=np.nan))
    if dtype.kind in "mM" and not dtype.name.startswith(("date32", "date64")):
        series = _without_zone(series)
        gap = np.array("NaT", f"{dtype.kind}8[us]")[()]
        return column_from_array(series.to_numpy(dtype=gap.dtype, na_value=gap))
    return column_from_objects(series.to_numpy(dtype=object).tolist())


def _without_zone(series):
    arrow_zone = getattr(getattr(series.dtype, "pyarrow_dtype", None), "tz", None)
    if arrow_zone:  # pandas 2.2 takes the zone off pyarrow's times in UTC, not on the wall
        series = series.astype(f"datetime64[us, {arrow_zone}]")
    return series.dt.tz_localize(None) if getattr(series.dtype, "tz", None) else series


def _column_from_categories(codes, categories):
    if len(categories) > len(codes):  # few rows of many levels: read only theirs
        used, codes = np.unique(codes, return_inverse=True)
        return _text_column(codes, [None if code < 0 else categories[code] for code in used])
    return _text_column(codes, categories)


def column_from_polars(series):
    """Return the Column of a polars series."""
    dtype = series.dtype
    if dtype.is_numeric() or str(dtype) == "Boolean":
        return Column(series.cast(float).to_numpy())
    if getattr(dtype, "time_zone", None):
        series = series.dt.replace_time_zone(None)
    if dtype.is_temporal() and str(dtype) != "Time":
        return column_from_array(series.to_numpy())
    return column_from_objects(series.to_list())


# To the kind that was seen in fit


def texts_from(values):
    """Return the text Column of an array or series, cell by cell.

    What a cell's text is must not depend on the other cells: rows of a mixed column may by
    chance all hold dates, or numbers, without becoming a column of those.
    """
    if getattr(values.dtype, "name", "") == "category":
        return column_from_pandas(values)
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if type(values) is np.ndarray and kind in "mM" and np.datetime_data(values.dtype)[0] in TINY:
        values = values.astype(f"{kind}8[us]")  # in nanoseconds they would become whole numbers
    cells = values.to_list() if hasattr(values, "to_list") else values.tolist()
    _check_scalars(set(map(type, cells)))
    return _mixed_column([None if is_gap(cell) else cell for cell in cells])


def as_numbers(column):
    """Return float64 numbers with NaN for gaps."""
    if column.kind == "number":
        return column.values.astype(np.float64)
    if column.kind == "time":
        return _all_gaps(column, np.nan)
    return np.array([*map(_parse_number, column.texts), np.nan])[column.values]


def _parse_number(text):
    return {"True": 1.0, "False": 0.0}[text] if text in ("True", "False") else float(text)


def as_times(column):
    """Return datetime64[us] with NaT for gaps; texts are read as ISO 8601, with hyphens."""
    if column.kind == "time":
        return column.values
    if column.kind == "number":
        return _all_gaps(column, np.datetime64("NaT", "us"))
    return np.array([*map(_parse_time, column.texts), None], "M8[us]")[column.values]


def _parse_time(text):
    if _is_number(text):  # which Python would read as a date without hyphens
        raise ValueError(f"it holds {text}")
    return None if text == "NaT" else _wall_time(datetime.datetime.fromisoformat(text))


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _all_gaps(column, gap):
    if not column.gaps.all():
        raise ValueError(f"it holds {column.values[~column.gaps][0]!r}")
    return np.full(len(column.values), gap)


def as_texts(column):
    """Return a text Column."""
    if column.kind == "text":
        return column
    distinct, codes = np.unique(column.values, return_inverse=True)
    return _text_column(codes, distinct.tolist())


def date_parts(times):
    """Return float64 (n_rows, n_parts): seconds since 1970, month, day, weekday, hour."""
    years, months, days, hours = (times.astype(f"M8[{unit}]") for unit in "YMDh")
    since_epoch = times - np.datetime64(0, "us")
    return np.column_stack(
        [
            since_epoch / SECOND,
            (months - years) / np.timedelta64(1, "M") + 1,
            (days - months) / np.timedelta64(1, "D") + 1,
            ((days - np.datetime64(0, "D")) / np.timedelta64(1, "D") + 3) % 7,
            (hours - days) / np.timedelta64(1, "h"),
        ]
    )
