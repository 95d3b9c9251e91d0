"""The values of one column, and their conversion to the type that the column had in fit.

Missing values are None, NaN, NaT and ``pandas.NA``. Strings are canonical, so that 1, 1.0 and "1"
are the same category whatever their type in the table. Errors raised here do not contain the name
of the column; :class:`skdnn.tabular.dataframes.Frame` adds it.
"""

import datetime
from typing import NamedTuple

import numpy as np

from skdnn.tabular.dates import TIME, common_zone, local_times, without_zone
from skdnn.tabular.kinds import KINDS, KindFormat, read_text
from skdnn.tabular.text_formats import boolean_of, is_missing_word
from skdnn.tabular.user_warnings import SEVERAL, UnknownCells

MOST_UNREAD = 100  # strings remembered
AGAIN = "Pass values of the kind seen in fit, or fit again."


class ColumnError(ValueError):
    """An error in a column; its message continues "Column ... of X"."""

    joined = ""


class UnreadableWarning(UserWarning, ValueError):  # noqa: N818 - an error only if a filter says so
    """Cells of a column that ``fit`` read from strings cannot be read, and are missing values.

    With ``warnings.simplefilter("error", UnreadableWarning)`` they are refused, by a ValueError.
    """


class ColumnType(NamedTuple):
    """The type of a column in fit.

    Attributes
    ----------
    kind : str
        One of KINDS.
    zone : tzinfo or None
        Time zone of dates; None if they had none.
    form : object or None
        Format of the strings, if the column held strings that were read as another kind.
    kinds : tuple of str
        Kinds of the strings that are categories; empty if they are not known.
    unread : tuple of str
        Some of the strings of fit that ``form`` does not read.
    booleans : tuple of str
        The strings for False and True, if the categories, or the numbers, are these two.
    learnt : object
        What the Kind learnt from the column.
    spellings : dict of str to str
        The categories that numbers stand for, by the strings of these numbers, if they differ:
        ``{"1": "1.0"}`` if fit had the string "1.0", so that the number 1 is this category.
    is_categorical, has_numbers : bool
        As of the Column.
    takes_booleans : bool
        Whether numbers may be booleans, as there were none but 0 and 1, or some booleans.
    """

    kind: str = "number"
    zone: datetime.tzinfo | None = None
    form: object = None
    kinds: tuple = ()
    unread: tuple = ()
    booleans: tuple = ()
    learnt: object = ()
    spellings: dict = {}  # noqa: RUF012 - never written to
    is_categorical: bool = True
    has_numbers: bool = False
    takes_booleans: bool = True

    @property
    def names(self):
        """Names of the numbers of a kind that has several."""
        return KINDS[self.kind].names or self.learnt


NUMBER = ColumnType()
NOT_BOOLEAN = NUMBER._replace(takes_booleans=False)


class Column(NamedTuple):
    """The values of one column.

    Attributes
    ----------
    values : ndarray of shape (n_rows,)
        Numbers, seconds or datetime64[us]; NaN or NaT if missing. Of strings, the indices into
        ``strings``, -1 if missing; so of kinds that were added.
    strings : list of str or None
        Distinct strings of a column of strings, or values of a kind that was added.
    kind : str
        One of KINDS. If numbers, dates or the like are read as strings because fit had strings, it
        is their kind, not "text".
    zone : tzinfo or None
        Time zone of dates, whose values are in UTC; None if they have none.
    is_categorical : bool
        Whether the type of the column says that its strings are categories.
    has_numbers : bool
        Whether some cells of a column of strings were numbers.
    has_booleans : bool
        Whether numbers are booleans.
    """

    values: np.ndarray
    strings: list | None = None
    kind: str = "number"
    zone: datetime.tzinfo | None = None
    is_categorical: bool = False
    has_numbers: bool = False
    has_booleans: bool = False

    @property
    def missing(self):
        """Which rows are missing, as a mask."""
        return self.values != self.values if self.strings is None else self.values < 0

    def encode(self, codes, unknown, missing):
        """Return the code of each row of a string column, given those of known strings."""
        of_strings = [codes.get(text, unknown) for text in self.strings]
        return np.array([*of_strings, missing])[self.values]


def without_blanks(column):
    """Return a string Column whose empty strings are missing values."""
    known = [text if text.strip() else None for text in column.strings]
    return for_strings(column, string_column([*known, None])._replace(kind=column.kind))


def spellings_of_booleans(strings):
    """Return the strings for False and True, if these are the two that are not empty, or ()."""
    known = [text for text in strings if text.strip()]
    found = {boolean_of(text): text for text in known}
    return (found[False], found[True]) if len(known) == 2 and set(found) == {False, True} else ()


def string_column(strings):
    """Return the Column of a list of canonical strings, in which None is a missing value."""
    distinct = dict.fromkeys(strings)
    distinct.pop(None, None)
    codes = {text: code for code, text in enumerate(distinct)} | {None: -1}
    values = np.fromiter(map(codes.__getitem__, strings), np.intp, len(strings))
    return Column(values, list(distinct), "text")


def column_of(values, kind):
    """Return the Column of a list of values of a kind, in which None is a missing value."""
    if kind == "date":
        zone = common_zone({getattr(v, "tzinfo", None) for v in values if v is not None})
        return Column(np.array([*map(without_zone, values)], TIME), None, kind, zone)
    if KINDS[kind].numbers is None:
        return Column(np.array(values, np.float64), kind=kind)
    known = sorted({*values} - {None})  # codes do not depend on the order of the rows
    column = string_column([*known, *values])
    return column._replace(values=column.values[len(known) :], kind=kind)


def parse_column(column, form):
    """Return a string Column as read in a format, and its ColumnType."""
    values = [read_text(form, text) for text in column.strings]
    parsed = for_strings(column, column_of([*values, None], form.kind))
    pairs = list(zip(column.strings, values, strict=True))
    unread = tuple(text for text, value in pairs if value is None)[:MOST_UNREAD]
    booleans = [text for text, value in pairs if value is not None or boolean_of(text) is not None]
    given = form.kind, parsed.zone, form, (), unread, spellings_of_booleans(booleans)
    return parsed, ColumnType(*given, takes_booleans=bool(given[-1]))


def numbers_as(column, fitted, warn):
    """Return the float64 numbers (n_rows, n_numbers) of the result of :func:`column_as`."""
    column, numbers = column_as(column, fitted, warn), KINDS[fitted.kind].numbers
    if numbers is None:
        return column.values.astype(np.float64)[:, None]
    if column.strings is None:
        return numbers(column.values, fitted.learnt)
    missing = np.full(len(fitted.names), np.nan)
    flat = np.append(numbers(column.strings, fitted.learnt), missing)
    return flat.reshape(-1, len(missing))[column.values]


def column_as(column, fitted, warn):
    """Return any Column as one of the type of fit: dates in local time, other times in seconds.

    ``fitted`` is the ColumnType of the column in fit, not of strings. Of strings that fit read in a
    format, ``warn`` gets UnknownCells. It is a ColumnError if the column has another kind, a string
    is not readable, or only one of the column and ``fitted`` has a time zone.
    """
    if column.kind == "text":
        column = _parsed(column, fitted, warn)
    elif fitted.form is not None and not column.missing.all():
        warn(UnknownCells(0, len(column.values)))
    if column.kind != fitted.kind:
        known = column.values[~column.missing]
        if len(known):
            first = known[0] if column.strings is None else column.strings[known[0]]
            unit = " seconds" * (column.kind in ("duration", "time of day"))
            raise _other_kind(fitted.kind, f"{KINDS[column.kind].plural} such as {first}{unit}")
        return column_of([None] * len(column.values), fitted.kind)
    if column.has_booleans and not (fitted.takes_booleans or column.missing.all()):
        raise _other_kind(fitted.kind, "booleans")
    if fitted.kind != "date":
        return column
    _check_zone(column, fitted.zone)
    return column._replace(values=local_times(column.values, fitted.zone))


def _other_kind(kind, held):
    return ColumnError(f"held {KINDS[kind].plural} in fit, but not now: it holds {held}. {AGAIN}")


def _parsed(column, fitted, warn):
    """Return the Column of a string column, read in the format of fit."""
    values = [_value_of(text, fitted) for text in column.strings]
    if fitted.form is not None:
        _count_unread(column, values, fitted, warn)
    return for_strings(column, column_of([*values, None], fitted.kind))


def _value_of(text, fitted):
    """Return the value of a string as fit would have read it, None if it is missing."""
    value = read_text(fitted.form or KindFormat(fitted.kind), text)
    if value is not None or is_missing_word(text):
        return value
    # Booleans are numbers where fit had no strings, or had two for booleans, such as "1.0".
    are_numbers = fitted.kind == "number" and (fitted.form is None or fitted.booleans)
    if are_numbers and fitted.takes_booleans and boolean_of(text) is not None:
        return float(boolean_of(text))
    if fitted.form is None:  # fit had no strings: another one is an error in the table
        raise _other_kind(fitted.kind, repr(text))
    return None


def for_strings(column, read):
    """Return a string Column with what is ``read`` from its strings, and then from None."""
    return read._replace(values=read.values[column.values])


def _count_unread(column, values, fitted, warn):
    """Call ``warn`` with the number of cells not read, except words for missing values."""
    known = {*fitted.unread, *filter(is_missing_word, column.strings)}
    pairs = zip(column.strings, values, strict=True)
    new = [value is None and text not in known for text, value in pairs]
    example = next((text for text, is_new in zip(column.strings, new, strict=True) if is_new), None)
    rows = np.array([*new, False])[column.values]
    after = f" cells cannot be read so, such as {example!r}, which makes them missing values."
    message = f"was read as {fitted.form} in fit; now ", after
    is_other = {*values} <= {None} and not {*column.strings} & {*fitted.unread}
    others = frozenset([t for t in column.strings if t not in known][: SEVERAL * is_other])
    others = None if all(map(is_missing_word, column.strings)) else others
    warn(UnknownCells(int(rows.sum()), len(rows), message, UnreadableWarning, others))


def _check_zone(column, zone):
    """Raise an error if only one of a Column of dates and the dates of fit has a time zone."""
    if (column.zone is None) == (zone is None) or column.missing.all():
        return
    if zone is None:
        raise ColumnError(
            f"has dates in the time zone {column.zone}, but those of fit had none. Convert them to "
            "the local time of fit, for instance with .dt.tz_convert(...).dt.tz_localize(None)."
        )
    raise ColumnError(
        f"has dates without a time zone, but those of fit were in {zone}. Give them one, for "
        f"instance with .dt.tz_localize({str(zone)!r})."
    )
