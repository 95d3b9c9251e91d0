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

# The beginning of every string that a format reads; most strings are refused by it at once.
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
may_be_read = re.compile(rf"(?i)\s*(?:\(?[-+]?\s*[$€£¥₹]?\s*[-+]?\.?\d|{MONTHS})").match

SYMBOLS = "$€£¥₹%"
NUMBER = r"\s*([+-]?)\s*[{0}]?\s*([+-]?)({1})\s*[{0}]?\s*"
PLAIN = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
SEPARATED = r"(?:[1-9]\d{{0,2}}(?:[{1}]\d{{3}})+|\d+)(?:[{0}]\d+)?"
SPACES = " \u00a0\u202f'"
# (decimal separator, thousands separators), the plainest first.
SEPARATORS = ((".", ""), (",", ""), (".", ","), (",", "."), (".", SPACES), (",", SPACES))
DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"),
    *("%m-%d-%Y", "%m.%d.%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%Y-%m", "%d %b %Y"),
    *("%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%b %Y", "%B %Y"),
)
TIMES = (" %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
DURATION = re.compile(
    r"\s*(?:(-?\d+) days?,?)?\s*(?:([+-]?)(\d{1,3}):(\d\d)(?::(\d\d(?:\.\d+)?))?)?\s*"
)


class NumberFormat(NamedTuple):
    """Numbers with these separators, perhaps with the sign of a currency or of percents."""

    decimal: str = "."
    thousands: str = ""

    kind = "number"

    def parse(self, text):
        """Return the number in a string, or None; parentheses are a minus sign, as in accounts."""
        if text[:1] == "(" and text[-1:] == ")":
            return self.parse(f"-{text[1:-1]}")
        match = _number_pattern(self).fullmatch(text)
        if match is None or (match[1] and match[2]):
            return None
        digits = match[3].translate(str.maketrans("", "", self.thousands))
        return float(match[1] + match[2] + digits.replace(self.decimal, "."))

    def __str__(self):
        """Return the name of the format."""
        thousands = f" and thousands separator {self.thousands[0]!r}" if self.thousands else ""
        decimal = f" with decimal separator {self.decimal!r}{thousands}"
        return "numbers" if self == NumberFormat() else f"numbers{decimal}"


class DateFormat(NamedTuple):
    """Dates in ISO 8601, or in a format of ``datetime.strptime``."""

    pattern: str = "ISO 8601"

    kind = "date"

    def parse(self, text):
        """Return the datetime in a string, or None."""
        try:
            if self == ISO:
                # Hyphens are required, so that numbers are not dates.
                return datetime.datetime.fromisoformat(text.strip()) if "-" in text[1:] else None
            return datetime.datetime.strptime(text.strip(), self.pattern)
        except ValueError:
            return None

    def __str__(self):
        """Return the name of the format."""
        return f"dates in the format {self.pattern}"


def parse_clock(text):
    """Return the seconds since midnight of a time such as "23:59" or "23:59:01.5", or None."""
    try:
        return seconds_of_day(datetime.time.fromisoformat(text.strip())) if ":" in text else None
    except ValueError:
        return None


def parse_duration(text):
    """Return the seconds of a duration, as pandas and Python write them, or None.

    Such as "2 days 03:00:00" and "1 day, 0:30:00".
    """
    match = DURATION.fullmatch(text)
    if match is None or not (match[1] or match[3]):
        return None
    days, sign, hours, minutes, seconds = match.groups()
    time = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
    return int(days or 0) * 86400 + (-time if sign == "-" else time)


ISO = DateFormat()
NUMBERS = [NumberFormat(*separators) for separators in SEPARATORS]  # the plainest first
PATTERNS = [date + time for date in DATES for time in ("", *TIMES)]


@lru_cache(maxsize=len(SEPARATORS))
def _number_pattern(form):
    digits = SEPARATED.format(form.decimal, form.thousands or r"^\s\S")  # which is no character
    return re.compile(NUMBER.format(SYMBOLS, PLAIN if form == NumberFormat() else digits))


def boolean_of(text):
    """Return the boolean that a string stands for, or None."""
    return BOOLEANS.get(text.strip().lower())


def is_missing_word(text):
    """Return whether a string is a word for a missing value."""
    return text.strip().lower() in MISSING_WORDS
