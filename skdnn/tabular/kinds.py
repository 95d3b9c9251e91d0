"""Kinds of columns: how they are recognized, what is learnt, and the numbers they become."""

from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Real
from typing import NamedTuple

import numpy as np

from skdnn.tabular import text_formats
from skdnn.tabular.dates import DATE_PARTS, date_parts, seconds_of


class Kind(NamedTuple):
    """A kind of columns.

    Values must be hashable and sortable. What is learnt is saved in model files, so it consists of
    strings, numbers and tuples.

    Attributes
    ----------
    plural : str
        What the values are, in messages.
    types : tuple of type
        A column of objects is of the first kind that has the types of all of them.
    read : callable or None
        Function of such an object; returns its value, if that is another.
    parse : callable or None
        Function of a string; returns its value, or None if it is not of this kind.
    numbers : callable or None
        Function of values and what was learnt; returns float64 (n_values, n_numbers). Without it,
        a value is one number.
    names : tuple of str or None
        Names of the numbers, at least one. If None, what was learnt are the names.
    learn : callable or None
        Function of a dict of the values in fit to their shares of the weight, the largest first.
    """

    plural: str
    types: tuple = ()
    read: Callable | None = None
    parse: Callable | None = None
    numbers: Callable | None = None
    names: tuple | None = None
    learn: Callable | None = None


class Kinds(dict):
    """Kinds by name, which fitted encoders refer to."""

    def __missing__(self, name):
        """Raise an error.

        Raises
        ------
        LookupError
            Always.
        """
        raise LookupError(f"the kind {name!r} is not in KINDS. Add it, as before fit.")


KINDS = Kinds()
KINDS["number"] = Kind(
    "numbers", (Real, Decimal, np.bool_), parse=text_formats.NumberFormat().parse
)
KINDS["date"] = Kind(
    "dates", (date, np.datetime64), None, text_formats.ISO.parse, date_parts, DATE_PARTS
)
KINDS["time of day"] = Kind(
    "times of day", (time,), text_formats.seconds_of_day, text_formats.parse_clock
)
KINDS["duration"] = Kind(
    "durations", (timedelta, np.timedelta64), seconds_of, text_formats.parse_duration
)
KINDS["text"] = Kind("strings")


class KindFormat(NamedTuple):
    """Strings that are read by ``parse`` of a kind."""

    kind: str

    def parse(self, text):
        """Return the value of a string, or None."""
        parse = KINDS[self.kind].parse
        return None if parse is None else parse(text)

    def __str__(self):
        """Return the name of the format."""
        return KINDS[self.kind].plural
