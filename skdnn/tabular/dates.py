"""Dates: time zones, and the conversion of dates to numbers.

Conventions: times are datetime64[us], NaT if missing. Those of a column with a time zone are in
UTC when they are read, and in the local time of the zone seen in fit when they are encoded.
"""

import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

DATE_PARTS = ("time", "month", "day", "weekday", "hour")
SECOND, HOUR, DAY = np.timedelta64(1, "s"), np.timedelta64(1, "h"), np.timedelta64(1, "D")
TIME = np.dtype("M8[us]")
# Days that ``datetime`` can convert between time zones.
FIRST_DAY, LAST_DAY = np.datetime64("0001-01-02"), np.datetime64("9999-12-29")


def common_zone(zones):
    """Return the time zone of dates with these zones: theirs or, if they differ, UTC."""
    zones = set(map(standard_zone, zones))
    if None in zones and len(zones) > 1:
        raise ValueError("some of its dates have a time zone, others do not. Give all of them one.")
    return next(iter(zones), None) if len(zones) < 2 else datetime.UTC


def standard_zone(zone):
    """Return a time zone of pytz as that of the standard library; others, and None, unchanged.

    Those of pytz have no daylight saving time after 2037, and several objects stand for one zone.
    """
    name = getattr(zone, "zone", None)
    try:
        return zone if name is None else ZoneInfo(name)
    except ZoneInfoNotFoundError:  # pytz brings its own list of zones
        return zone


def without_zone(value):
    """Return a datetime with a time zone as datetime64 in UTC; others, and None, unchanged.

    A period of pandas is its first time.
    """
    value = getattr(value, "start_time", value)
    if getattr(value, "tzinfo", None) is None:
        return value
    # May be beyond the years of ``datetime``.
    return np.datetime64(value.replace(tzinfo=None), "us") - np.timedelta64(value.utcoffset(), "us")


def local_times(times, zone):
    """Return times in UTC as local times of a zone; unchanged if ``zone`` is None."""
    if zone is None or zone == datetime.UTC:
        return times
    known = ~np.isnat(times)
    days, places = np.unique(times[known].astype("M8[D]"), return_inverse=True)
    offsets, after = _offsets(days, zone)[places], _offsets(days + DAY, zone)[places]
    changes = np.flatnonzero(offsets != after)  # on these days, the offset depends on the time
    offsets[changes] = _offsets(times[known][changes], zone)
    local = times.copy()
    local[known] += offsets
    return local


def _offsets(times, zone):
    """Return the offset of a zone from UTC at each of some times in UTC."""
    times = np.clip(times, FIRST_DAY, LAST_DAY).astype(TIME).tolist()
    aware = [time.replace(tzinfo=datetime.UTC).astimezone(zone) for time in times]
    return np.array([time.utcoffset() for time in aware], "m8[us]")


def seconds_of(duration):
    """Return the seconds of a timedelta, to the microsecond."""
    return np.timedelta64(duration, "us") / SECOND


def seconds_of_day(time):
    """Return the seconds since midnight of a ``datetime.time``."""
    return time.hour * 3600 + time.minute * 60 + time.second + time.microsecond / 1e6


def date_parts(times, _=()):
    """Return float64 (n_rows, n_parts): seconds since 1970, month, day, weekday, hour."""
    years, months, days, hours = (times.astype(f"M8[{unit}]") for unit in "YMDh")
    seconds = (times - np.datetime64(0, "us")) / SECOND
    month = (months - years) / np.timedelta64(1, "M") + 1
    weekday = ((days - np.datetime64(0, "D")) / DAY + 3) % 7
    day, hour = (days - months) / DAY + 1, (hours - days) / HOUR
    return np.column_stack([seconds, month, day, weekday, hour])
