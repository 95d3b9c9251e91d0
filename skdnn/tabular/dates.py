"""Dates: parse times from strings, and convert times to numbers.

Conventions: times are datetime64[us], NaT if missing, in local time without a time zone.
"""

import datetime

import numpy as np

DATE_PARTS = ("time", "month", "day", "weekday", "hour")
SECOND = np.timedelta64(1, "s")
TIME = np.dtype("M8[us]")


def local_time(value):
    """Return a date or time without its time zone."""
    return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) else value


def parse_time(text):
    """Parse a time in ISO 8601 format; hyphens are required, so that numbers are not dates."""
    if text == "NaT":
        return None
    if "-" not in text:
        raise ValueError(f"it holds {text}")
    return local_time(datetime.datetime.fromisoformat(text))


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
