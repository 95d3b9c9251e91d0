"""Formats in which strings hold numbers, dates, times of day and durations."""

import datetime
import re
from functools import lru_cache
from typing import NamedTuple

from skdnn.tabular.dates import seconds_of_day

# What tables write for a missing value; compared in lower case.
MISSING_WORDS = {
    *("", "?", "-", "--", ".", "...", "na", "n/a", "n.a.", "#n/a", "nan", "null", "nil", "none"),
    *("unknown", "missing", "undefined", "not available", "not applicable", "<na>", "nat"),
}

BOOLEANS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}

MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
UNIT = r"[$€£¥₹₽%]|R\$|US\$|zł|Kč|(?:kr|Rs)\.?"
UNIT += "|EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CAD|AUD|BRL"
# The beginning of every string that a format reads; most strings are refused by it at once.
# Repetitions are possessive ("*+"): time must not grow with the square of a string's length. Those
# of groups are in atomic groups, as possessive ones match too much in Python 3.11.2.
may_be_read = re.compile(rf"(?i)\s*+(?:\(?[-+]?\s*+(?>(?:{UNIT})?)\s*+[-+]?\.?\d|{MONTHS})").match
NUMBER = r"([+-]?)\s*+(?>(?:{0})?)\s*+([+-]?)({1})\s*+(?>(?:{0})?)"
PLAIN = r"(?:\d++\.?\d*+|\.\d++)(?>(?:[eE][+-]?\d++)?)"
SEPARATED = r"(?:[1-9]\d{{0,2}}(?>(?:[{1}]\d{{3}})+)|\d++)(?>(?:[{0}]\d++)?)"
SPACES = " \u00a0\u202f\u2009'\u2019"
# (decimal separator, thousands separators), the plainest first.
SEPARATORS = ((".", ""), (",", ""), (".", ","), (",", "."), (".", SPACES), (",", SPACES))
DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"),
    *("%m-%d-%Y", "%m.%d.%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%Y-%m", "%d %b %Y"),
    *("%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%b %Y", "%B %Y", "%d-%b-%y"),
    *("%y/%m/%d", "%y.%m.%d", "%y-%m-%d", "%d-%m-%y", "%m-%d-%y"),
)
TIMES = (" %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
DURATION = re.compile(
    r"(?:(-?\d{1,9}) days?,?)?\s*+(?:([+-]?)(\d{1,3}):(\d\d)(?::(\d\d(?>(?:\.\d++)?)))?)?"
)


class NumberFormat(NamedTuple):
    """Numbers with these separators, perhaps with a unit; None stands for all of UNIT."""

    decimal: str = "."
    thousands: str = ""
    unit: str | None = None

    kind = "number"

    def parse(self, text):
        """Return the number in a string, or None; parentheses are a minus sign, as in accounts."""
        if text[:1] == "(" and text[-1:] == ")":
            return self.parse(f"-{text[1:-1]}")
        match = _number_pattern(self).fullmatch(text.strip())
        if match is None or (match[1] and match[2]) or (self.unit == "%" and "%" not in text):
            return None
        digits = match[3].translate(str.maketrans("", "", self.thousands))
        return float(match[1] + match[2] + digits.replace(self.decimal, "."))

    def __str__(self):
        """Return the name of the format."""
        thousands = f" and thousands separator {self.thousands[0]!r}" if self.thousands else ""
        decimal = f" with decimal separator {self.decimal!r}{thousands}"
        unit = f" in {self.unit}" if self.unit else ""
        return f"numbers{unit}{decimal * (self[:2] != SEPARATORS[0])}"


class DateFormat(NamedTuple):
    """Dates in ISO 8601, or in a format of ``datetime.strptime``."""

    pattern: str = "ISO 8601"

    kind = "date"

    def parse(self, text):
        """Return the datetime in a string, or None."""
        try:
            if self == ISO:
                # A hyphen or T is required, so that numbers are not dates.
                text = tidy(text).replace("UTC", "Z") if "-" in text[1:] or "T" in text else ""
                return datetime.datetime.fromisoformat(text)
            return datetime.datetime.strptime(tidy(text), tidy(self.pattern))
        except ValueError:
            return None

    def __str__(self):
        """Return the name of the format."""
        return f"dates in the format {self.pattern}"


def tidy(text):
    """Return a date, or its pattern, without commas, and without blanks before "PM" and "UTC"."""
    return re.sub(r"(?i),(?= )| (?=(?:[ap]m|%p|UTC|[+-]\d\d:?\d\d)$)", "", text.strip())


def parse_clock(text):
    """Return the seconds since midnight of a time such as "23:59:01.5" or "11:59 PM", or None."""
    text = tidy(text)
    try:
        if text[-1:] in ("m", "M"):
            pattern = "%I:%M:%S%p" if text.count(":") > 1 else "%I:%M%p"
            return seconds_of_day(datetime.datetime.strptime(text, pattern))
        return seconds_of_day(datetime.time.fromisoformat(text)) if ":" in text else None
    except ValueError:
        return None


def parse_duration(text):
    """Return the seconds of a duration, as pandas and Python write them, or None.

    Such as "2 days 03:00:00" and "1 day, 0:30:00".
    """
    match = DURATION.fullmatch(text.strip())
    if match is None or not (match[1] or match[3]):
        return None
    days, sign, hours, minutes, seconds = match.groups()
    time = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
    return int(days or 0) * 86400 + (-time if sign == "-" else time)


ISO = DateFormat()
NUMBERS = [NumberFormat(*separators) for separators in SEPARATORS]  # the plainest first
PATTERNS = [date + time for date in DATES for time in ("", *TIMES)]


@lru_cache(maxsize=64)
def _number_pattern(form):
    digits = SEPARATED.format(form.decimal, form.thousands or r"^\s\S")  # which is no character
    unit = UNIT if form.unit is None else re.escape(form.unit)
    return re.compile(NUMBER.format(unit, PLAIN if form[:2] == SEPARATORS[0] else digits))


def boolean_of(text):
    """Return the boolean that a string stands for, or None."""
    return BOOLEANS.get(text.strip().lower())


def is_missing_word(text):
    """Return whether a string is a word for a missing value."""
    return text.strip().lower() in MISSING_WORDS
