"""Kinds of columns: how they are recognized, what is learnt, and the numbers they become."""

from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Real
from typing import NamedTuple

import numpy as np

from skdnn.tabular.dates import DATE_PARTS, date_parts, seconds_of, seconds_of_day
from skdnn.tabular.text_formats import ISO, NumberFormat, may_be_read, parse_clock, parse_duration


class Kind(NamedTuple):
    """A kind of columns.

    Attributes
    ----------
    plural : str
        What the values are, in messages.
    types : tuple of type
        A column of objects is of the first kind whose types include those of all objects.
    read : callable or None
        Returns the value of such an object, hashable and sortable; None if it is the object.
    parse : callable or None
        Returns the value of a string, or None.
    numbers : callable or None
        Returns the numbers (n_values, n_numbers) of values, given what was learnt. Without it, a
        value is a number.
    names : tuple of str or None
        Names of the numbers, at least one; None if ``learn`` returns them.
    learn : callable or None
        Returns what is learnt (strings, numbers and tuples, which are saved) from a dict of the
        values in fit to their shares of the weight.
    """

    plural: str
    types: tuple = ()
    read: Callable | None = None
    parse: Callable | None = None
    numbers: Callable | None = None
    names: tuple | None = None
    learn: Callable | None = None


class Kinds(dict):
    """Kinds by name."""

    def __missing__(self, name):
        raise ValueError(f"add the kind {name!r} to skdnn.tabular.kinds.KINDS, as it was in fit.")


KINDS = Kinds()
KINDS["number"] = Kind("numbers", (Real, Decimal, np.bool_), parse=NumberFormat(unit="").parse)
KINDS["date"] = Kind("dates", (date, np.datetime64), None, ISO.parse, date_parts, DATE_PARTS)
KINDS["time of day"] = Kind("times of day", (time,), seconds_of_day, parse_clock)
KINDS["duration"] = Kind("durations", (timedelta, np.timedelta64), seconds_of, parse_duration)
KINDS["text"] = Kind("strings")
KINDS["boolean"] = Kind("booleans")  # among strings; elsewhere they are numbers


def kind_of(text):
    """Return the name of the kind that a string is of."""
    if not may_be_read(text):
        return "boolean" if text.strip().lower() in ("true", "false") else "text"
    readers = ((name, kind.parse) for name, kind in KINDS.items() if kind.parse)
    return next((name for name, parse in readers if parse(text) is not None), "text")


class KindFormat(NamedTuple):
    """Strings that a kind reads."""

    kind: str

    def parse(self, text):
        """Return the value of a string, or None."""
        parse = KINDS[self.kind].parse
        return None if parse is None else parse(text)

    def __str__(self):
        """Return the name of the format."""
        return KINDS[self.kind].plural


def read_text(form, text):
    """Return the value of a string, or None if it cannot be read.

    Besides the format, ISO 8601 and other numbers are read, but not times with a zone, "1.234"
    beside decimal commas, or numbers beside percents. "1,234.5" and "1.234,5" are clear, and read.
    """
    value, unit = form.parse(text), getattr(form, "unit", "")
    if value is None and form.kind == "number" and "," in text and "." in text:
        decimal, thousands = sorted(",.", key=text.rindex, reverse=True)
        value = NumberFormat(decimal, thousands, unit).parse(text)
    if value is not None or unit == "%":
        return value
    value = KindFormat(form.kind).parse(text)
    has_comma = getattr(form, "decimal", ".") == ","
    doubt = NumberFormat(",", ".").parse(text) if has_comma else getattr(value, "tzinfo", None)
    return value if doubt in (None, value) else None
