"""Strings that are numbers or dates: what is read, what is refused as a guess, and what is said.

The columns of a table hold what files of several countries and programs mix: each says which
values come out, or that it can be read in two ways.
"""

import re
import threading
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import skdnn
from skdnn import DeepNetClassifier, TableEncoder
from skdnn.tabular.kinds import KindFormat, read_text
from skdnn.tabular.learn_formats import OTHERS as PATTERNS_OF_OTHERS
from skdnn.tabular.learn_formats import find_format
from skdnn.tabular.text_formats import (
    DURATION,
    ISO,
    MISSING_WORDS,
    NUMBER,
    NUMBERS,
    PLAIN,
    SEPARATED,
    SPACES,
    UNIT,
    DateFormat,
    NumberFormat,
    may_be_read,
)
from skdnn.tabular.text_formats import PATTERNS as PATTERNS_OF_DATES

N = 400
RNG = np.random.default_rng(7)
OTHER = np.round(RNG.normal(size=N), 4)
COUNTS = RNG.integers(0, 6000, N)
MILLIONS = RNG.integers(1_000_000, 9_000_000, N)
TENTHS = np.round(RNG.uniform(-90, 90, N), 1)
DAYS = pd.Series(pd.Timestamp("2007-03-05") + pd.to_timedelta(RNG.integers(0, 900, N), "D"))
TWO_WAYS = "can be read in two ways"


def table(column):
    return pd.DataFrame({"other": OTHER, "c": column})


def strings(cells):
    return table(np.array(list(cells), object))


def fitted(X):
    """Return a fitted encoder, and the warnings about strings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encoder = TableEncoder().fit(X)
    return encoder, [str(warning.message) for warning in caught]


class Mix(dict):
    """A column: plain integers, and other cells at the beginning, with their values."""

    def __init__(self, others=(), plain=COUNTS):
        cells = dict(enumerate(others))
        self.cells = [cells[n][0] if n in cells else str(plain[n]) for n in range(N)]
        self.values = np.array([cells[n][1] if n in cells else plain[n] for n in range(N)], float)


def written(count, write, values=COUNTS + 1000):
    """Return some numbers as a program writes them, and their values."""
    return [(write(value), value) for value in values[:count]]


def swap(text):
    return text.translate(str.maketrans(",.", ".,"))


def commas(value):
    return f"{value:,}"


def points(value):
    return swap(commas(value))


def spaces(value):
    return commas(value).replace(",", " ")


FEW, MANY = written(16, commas), written(40, commas)
FEW_POINTS, MANY_POINTS = written(16, points), written(40, points)
FEW_SPACES = written(16, spaces)
AS_DECIMALS = [(text, value / 1000) for text, value in FEW]  # "2,567" as 2.567
POINTS_AS_DECIMALS = [(text, value / 1000) for text, value in FEW_POINTS]
NAN = float("nan")

# (cells, whether their values come out, or TWO_WAYS)
COLUMNS = {
    # A comma: nothing decides
    "a few thousands beside plain integers": (Mix(FEW), TWO_WAYS),
    "one of thousands beside plain integers": (Mix(FEW[:1]), TWO_WAYS),
    "thousands, plain integers and words": (
        Mix([*FEW, ("unknown", NAN), ("n/a", NAN), ("?", NAN)]),
        TWO_WAYS,
    ),
    "dollars": (Mix([(f"${t}", v) for t, v in FEW]), TWO_WAYS),
    "negative thousands": (Mix([(f"-{t}", -v) for t, v in FEW]), TWO_WAYS),
    "thousands in parentheses": (Mix([(f"({t})", -v) for t, v in FEW]), TWO_WAYS),
    "thousands after commas and after spaces": (Mix([*FEW_SPACES, FEW[0]]), TWO_WAYS),
    "percents with three decimals": (Mix(written(N, lambda v: f"{v:,}%")), TWO_WAYS),
    # A comma: thousands
    "thousands everywhere": (Mix(written(N, commas)), "values"),
    "many thousands beside plain integers": (Mix(MANY), "values"),
    "all of them dollars": (Mix(written(N, lambda v: f"${v:,}")), "values"),
    "a million": (Mix([*FEW, ("1,234,567", 1234567)]), "values"),
    "millions beside plain integers": (Mix(written(5, commas, MILLIONS)), "values"),
    "thousands with cents": (Mix([("1,377.00", 1377), ("2,551.25", 2551.25)]), "values"),
    "thousands, with and without cents": (Mix([*FEW, ("1,377.00", 1377)]), "values"),
    "thousands beside plain decimals": (Mix([*FEW, ("24.5", 24.5)]), "values"),
    "plain decimals, and one of thousands": (Mix([("1,234.5", 1234.5)], TENTHS), "values"),
    "dollars with cents": (Mix([("$1,377.00", 1377), ("$7.25", 7.25)]), "values"),
    "millions, and one decimal comma": (
        Mix([*written(20, commas, MILLIONS), *FEW, ("3,5", NAN)]),
        "values",
    ),
    # A comma: decimals
    "three digits beside one": (Mix([*AS_DECIMALS, ("3,5", 3.5)]), "values"),
    "three digits beside two": (Mix([*AS_DECIMALS, ("12,25", 12.25)]), "values"),
    "three digits beside four": (Mix([*AS_DECIMALS, ("1,2345", 1.2345)]), "values"),
    "three digits after a zero": (Mix([*AS_DECIMALS, ("0,125", 0.125)]), "values"),
    "three digits after four": (Mix([*AS_DECIMALS, ("1234,567", 1234.567)]), "values"),
    "decimal commas beside integers": (Mix([("3,5", 3.5), ("-0,25", -0.25)]), "values"),
    "percents": (Mix([(f"{swap(str(v))}%", v) for v in TENTHS]), "values"),
    "decimal commas, and one million": (
        Mix([*[(swap(str(v)), v) for v in TENTHS[:300]], *AS_DECIMALS, ("1,234,567", NAN)]),
        "values",
    ),
    # A comma: both
    "a decimal comma and a million": (Mix([*FEW, ("3,5", 0), ("1,234,567", 0)]), TWO_WAYS),
    "a decimal comma and cents": (Mix([*FEW, ("0,5", 0), ("1,377.00", 0)]), TWO_WAYS),
    "many thousands, a decimal comma and a million": (
        Mix([*MANY, ("3,5", 0), ("1,234,567", 0)]),
        TWO_WAYS,
    ),
    # A point: nothing decides
    "a few points": (Mix(FEW_POINTS), TWO_WAYS),
    "many points": (Mix(MANY_POINTS), TWO_WAYS),
    "points after spaces": (Mix([*FEW_SPACES, FEW_POINTS[0]]), TWO_WAYS),
    # A point: thousands
    "a million with points": (Mix([*FEW_POINTS, ("1.234.567", 1234567)]), "values"),
    "points with cents": (Mix([("1.377,00", 1377), ("2.551,25", 2551.25)]), "values"),
    "points beside decimal commas": (Mix([*FEW_POINTS, ("24,5", 24.5)]), "values"),
    "euros": (Mix([("2.567,00 €", 2567), ("2519 €", 2519), ("12,5 €", 12.5)]), "values"),
    # A point: decimals
    "three decimals beside one": (Mix([*POINTS_AS_DECIMALS, ("3.5", 3.5)]), "values"),
    "three decimals after a zero": (Mix([*POINTS_AS_DECIMALS, ("0.125", 0.125)]), "values"),
    "three decimals everywhere": (Mix([(f"{v:.3f}", v) for v in TENTHS]), "values"),
    "decimals, and a version": (
        Mix([*[(str(v), v) for v in TENTHS[:300]], *POINTS_AS_DECIMALS, ("1.234.567", NAN)]),
        "values",
    ),
    # A point: both
    "a decimal point and a million": (Mix([*FEW_POINTS, ("3.5", 0), ("1.234.567", 0)]), TWO_WAYS),
    # Other separators, which are no decimal separators anywhere
    "spaces": (Mix(FEW_SPACES), "values"),
    "no-break spaces": (Mix([(t.replace(" ", "\u00a0"), v) for t, v in FEW_SPACES]), "values"),
    "narrow spaces": (Mix([(t.replace(" ", "\u202f"), v) for t, v in FEW_SPACES]), "values"),
    "apostrophes": (Mix([(t.replace(" ", "'"), v) for t, v in FEW_SPACES]), "values"),
    "typographic apostrophes": (
        Mix([(t.replace(" ", "\u2019"), v) for t, v in FEW_SPACES]),
        "values",
    ),
    "thin spaces": (Mix([(t.replace(" ", "\u2009"), v) for t, v in FEW_SPACES]), "values"),
    "spaces and decimal points": (Mix([*FEW_SPACES, ("2 567.5", 2567.5), ("3.5", 3.5)]), "values"),
    "spaces and decimal commas": (Mix([*FEW_SPACES, ("2 567,5", 2567.5), ("3,5", 3.5)]), "values"),
    "spaces, and three digits beside one": (
        Mix([*FEW_SPACES, ("2,567", 2.567), ("3,5", 3.5)]),
        "values",
    ),
    # Plain numbers beside others
    "decimal commas and plain decimals": (
        Mix([*[(swap(str(v)), v) for v in TENTHS[:300]], ("2.5", 2.5), ("1.0", 1)]),
        "values",
    ),
    "a decimal comma and a decimal point": (Mix([*FEW, ("3,5", 0), ("2.5", 0)]), TWO_WAYS),
    "thousands and exponents": (Mix([*MANY, ("1e3", 1000), (".5", 0.5)]), "values"),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_separators_are_read_only_where_a_cell_decides(kind):
    column, expected = COLUMNS[kind]
    X = strings(column.cells)
    encoder, messages = fitted(X)
    (message,) = messages
    if expected == TWO_WAYS:
        assert TWO_WAYS in message
        assert "thousands=','" in message
        assert encoder.parsed_columns_ == {}
        return
    assert TWO_WAYS not in message
    assert list(encoder.parsed_columns_) == ["c"]
    of_numbers = TableEncoder().fit(table(column.values))
    rows = of_numbers.transform(table(column.values))
    assert_array_equal(encoder.transform(X), rows)
    # One row at a time, as a server gets them: the same rows, whatever else is in the table.
    for row in (0, 16, 17, N - 1):
        alone = encoder.transform(X.iloc[[row]])
        assert_array_equal(alone, rows[[row]])
    assert_array_equal(encoder.transform(table(column.values)), rows)


# Currencies: (cells, values)

AMOUNTS = np.round(np.abs(TENTHS), 2) + COUNTS
MONEY = {
    "a code before": [f"EUR {v}" for v in AMOUNTS],
    "a code after": [f"{v:.2f} CHF" for v in AMOUNTS],
    "a code and a minus": [f"-USD {v}" for v in AMOUNTS],
    "crowns": [f"{v} kr" for v in COUNTS],
    "crowns of Denmark": [f"{v:.2f} kr.".replace(".", ",", 1) for v in AMOUNTS],
    "crowns of Czechia": [f"{v:,} Kč".replace(",", " ") for v in COUNTS],
    "rupees": [f"Rs {v}" for v in COUNTS],
    "rupees with a point": [f"Rs. {v:,.2f}" for v in AMOUNTS],
    "rupees without a blank": [f"Rs.{v}" for v in COUNTS],
    "zlotys": [f"{v:.2f} zł".replace(".", ",") for v in AMOUNTS],
    "reals": [f"R${v}" for v in AMOUNTS],
    "dollars of the US": [f"US$ {v:,.2f}" for v in AMOUNTS],
    "rubles": [f"{v} ₽" for v in COUNTS],
    "a code before some": [f"EUR {v}" if n % 2 else str(v) for n, v in enumerate(AMOUNTS)],
}


@pytest.mark.parametrize("kind", MONEY)
def test_amounts_of_a_currency_are_numbers(kind):
    counts = "crowns", "crowns of Czechia", "rupees", "rupees without a blank", "rubles"
    values = dict.fromkeys(counts, COUNTS) | {"a code and a minus": -AMOUNTS}
    as_numbers = table(values.get(kind, AMOUNTS))
    encoder, (message,) = fitted(strings(MONEY[kind]))
    assert "are read as numbers" in message
    expected = TableEncoder().fit(as_numbers).transform(as_numbers)
    assert_array_equal(encoder.transform(strings(MONEY[kind])), expected)


# (column of fit, cell, the value that it is read as, None if it is missing, or an error)

FRACTIONS = np.abs(TENTHS) / 100
UNITS = {
    "percents of fractions": (FRACTIONS, "10%", ValueError),
    "percents of fractions, after a space": (FRACTIONS, "10 %", ValueError),
    "dollars of numbers": (FRACTIONS, "$0.10", ValueError),
    "a plain number": (FRACTIONS, "0.1", 0.1),
    "percents among plain strings": ([*map(str, TENTHS)], "10%", None),
    "dollars among plain strings": ([*map(str, TENTHS)], "$10", None),
    "percents": ([f"{v}%" for v in TENTHS], "10 %", 10),
    "plain strings among percents": ([f"{v}%" for v in TENTHS], "0.1", None),
    "dollars among percents": ([f"{v}%" for v in TENTHS], "$10", None),
    "dollars": ([f"${v}" for v in AMOUNTS], "$ 10.0", 10),
    "plain strings among dollars": ([f"${v}" for v in AMOUNTS], "10", 10),
    "euros among dollars": ([f"${v}" for v in AMOUNTS], "€10.00", None),
    "rupees among rupees with a point": ([f"Rs. {v}" for v in AMOUNTS], "Rs 10", None),
    "a code among dollars": ([f"${v}" for v in AMOUNTS], "USD 10.00", None),
    "percents among dollars": ([f"${v}" for v in AMOUNTS], "10%", None),
    "a minus of accounts": ([f"${v}" for v in AMOUNTS], "($10)", -10),
}


@pytest.mark.parametrize("kind", UNITS)
def test_units_of_later_cells_are_those_of_fit(kind):
    cells, cell, value = UNITS[kind]
    X = strings([*cells[:-1], "n/a"]) if isinstance(cells, list) else table(cells)
    encoder, _ = fitted(X)
    later = strings([cell] * N)
    if value is ValueError:
        held = f"'c' of X held numbers in fit, but not now: it holds {re.escape(repr(cell))}"
        with pytest.raises(ValueError, match=held):
            encoder.transform(later)
        return
    if value is None:
        with pytest.raises(ValueError, match=f"such as {re.escape(repr(cell))}"):
            encoder.transform(later)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = encoder.transform(later[:19])
    assert_array_equal(rows, encoder.transform(table(np.full(N, value, float)))[:19])
    assert [warning.category for warning in caught] == [skdnn.UnreadableWarning] * (value is None)
    assert all(f"such as {cell!r}" in str(warning.message) for warning in caught)


@pytest.mark.parametrize("unit", ["$", "%"])
def test_formats_of_older_model_files_read_any_unit(unit):
    assert NumberFormat(".", ",").parse(f"1,234{unit}") == 1234


# The rest of a column of dates


def dates(pattern):
    return [f"{day:{pattern}}" for day in DAYS]


def test_dates_beside_words_are_dates_and_missing_values():
    # As pandas.read_csv(..., parse_dates=["c"]) leaves a column with one "unknown".
    cells, known = dates("%d/%m/%Y"), np.arange(N) % 50 != 3
    X = strings(np.where(known, cells, "unknown"))
    as_dates = table(DAYS.where(known))
    encoder, (message,) = fitted(X)
    assert "dates in the format %d/%m/%Y" in message
    assert "2 % of the cells, such as 'unknown', as missing values" in message
    assert_array_equal(encoder.transform(X), TableEncoder().fit(as_dates).transform(as_dates))


def test_iso_dates_beside_others_are_dates_unless_they_have_a_zone():
    cells = dates("%d/%m/%Y")
    cells[3], cells[4] = f"{DAYS[3]:%Y-%m-%d}", f"{DAYS[4]:%Y-%m-%dT%H:%M:%S}"
    cells[5] = f"{DAYS[5]:%Y-%m-%dT%H:%M:%SZ}"
    as_dates = table(DAYS.where(np.arange(N) != 5))
    encoder, (message,) = fitted(strings(cells))
    assert f"such as {cells[5]!r}, as missing values" in message
    rows = encoder.transform(strings(cells))
    assert_array_equal(rows, TableEncoder().fit(as_dates).transform(as_dates))


TIMES = DAYS + pd.to_timedelta(RNG.integers(0, 86400, N), "s")
# Names of formats to their patterns, and the unit of time that they keep.
PATTERNS = {
    "ISO 8601 with UTC": ("%Y-%m-%d %H:%M:%S UTC", "s"),
    "ISO 8601 with an offset after a space": ("%Y-%m-%d %H:%M:%S +0000", "s"),
    "ISO 8601 without hyphens": ("%Y%m%dT%H%M%S", "s"),
    "names of months and two digits": ("%d-%b-%y", "D"),
    "names of months and a clock of twelve hours": ("%b %d %Y %I:%M%p", "min"),
    "a comma and a clock of twelve hours": ("%m/%d/%Y, %I:%M:%S %p", "s"),
    "a comma": ("%d.%m.%Y, %H:%M", "min"),
    "a clock of twelve hours without a space": ("%m/%d/%Y %I:%M%p", "min"),
}


@pytest.mark.parametrize("kind", PATTERNS)
def test_common_formats_of_dates_are_read(kind):
    pattern, unit = PATTERNS[kind]
    times = TIMES.dt.floor(unit)
    as_dates = table(times.dt.tz_localize("UTC") if "UTC" in pattern or "+" in pattern else times)
    X = strings(times.dt.strftime(pattern))
    encoder, (message,) = fitted(X)
    assert "are read as numbers or dates: 'c' as dates" in message
    expected = TableEncoder().fit(as_dates).transform(as_dates)
    assert_array_equal(encoder.transform(X), expected)
    lower = strings(times.dt.strftime(pattern).str.lower()) if "%p" in pattern else X
    assert_array_equal(encoder.transform(lower), expected)


@pytest.mark.parametrize("pattern", ["%I:%M %p", "%I:%M:%S%p"])
def test_times_of_day_of_twelve_hours_are_read(pattern):
    times = TIMES.dt.floor("min")
    X = strings(times.dt.strftime(pattern))
    encoder, _ = fitted(X)
    as_times = table(times.dt.time)
    expected = TableEncoder().fit(as_times).transform(as_times)
    assert_array_equal(encoder.transform(X), expected)


RECENT = DAYS + pd.to_timedelta(13 * 365, "D")


@pytest.mark.parametrize("separator", "/.-")
@pytest.mark.parametrize("pattern", ["%y/%m/%d", "%d/%m/%y"])
def test_years_of_two_digits_are_read_only_where_a_cell_decides(pattern, separator):
    pattern = pattern.replace("/", separator)
    X = strings(RECENT.dt.strftime(pattern))
    encoder, (message,) = fitted(X)
    assert encoder.parsed_columns_ == {}
    assert TWO_WAYS in message
    assert pattern in message
    longer_ago = RECENT - pd.to_timedelta(50 * 365, "D")
    encoder, (message,) = fitted(strings(longer_ago.dt.strftime(pattern)))
    assert f"dates in the format {pattern} (" in message


def test_the_warning_says_that_different_offsets_are_read_in_utc():
    hours = np.where(np.arange(N) % 2, 1, 2)
    local = TIMES + pd.to_timedelta(hours, "h")
    cells = [f"{t:%Y-%m-%dT%H:%M:%S}+0{h}:00" for t, h in zip(local, hours, strict=True)]
    encoder, (message,) = fitted(strings(cells))
    assert "dates in the format ISO 8601, in UTC because their offsets differ (" in message
    as_dates = table(TIMES.dt.tz_localize("UTC"))
    expected = TableEncoder().fit(as_dates).transform(as_dates)
    assert_array_equal(encoder.transform(strings(cells)), expected)
    _, (message,) = fitted(strings(f"{t:%Y-%m-%dT%H:%M:%S}+01:00" for t in TIMES))
    assert "UTC" not in message


# Cells that no format reads, and what they are called

DATES_IN_ANOTHER_FORMAT = {
    "an apache log": [f"{t:%d/%b/%Y:%H:%M:%S} +0000" for t in TIMES],
    "e-mails": [f"{t:%a, %d %b %Y %H:%M:%S} GMT" for t in TIMES],
    "ctime": [f"{t:%a %b %d %H:%M:%S %Y}" for t in TIMES],
    "weekdays": [f"{t:%A, %d %B %Y}" for t in TIMES],
    "Oracle": [f"{t:%d-%b-%y %I.%M.%S.000000 %p}" for t in TIMES],
    "T after the year": [f"{t:%d/%m/%YT%H:%M}" for t in TIMES],
    "a zone in some cells": [f"{t:%Y-%m-%dT%H:%M:%S}{'Z' * (n % 2)}" for n, t in enumerate(TIMES)],
    "ordinal numbers": [f"{t:%B} {t.day}th, {t:%Y}" for t in TIMES],
    "British ordinal numbers": [f"{t.day}th of {t:%b %Y}" for t in TIMES],
    "an offset in minutes": [f"{t:%Y-%m-%d %H:%M} GMT+02:00" for t in TIMES],
    "a zone in ctime": [f"{t:%a %b %d %H:%M:%S} CEST {t:%Y}" for t in TIMES],
    "a zone after PM": [f"{t:%b %d, %Y, %I:%M %p} EST" for t in TIMES],
    "a zone of Java": [f"{t:%Y-%m-%dT%H:%M}+02:00[Europe/Rome]" for t in TIMES],
    "at a time": [f"{t:%d/%m/%Y} at {t:%H:%M}" for t in TIMES],
    "ranges of dates": [f"{t:%d.%m.%Y} - {t:%d.%m}.2099" for t in TIMES],
}
OTHERS = {
    **{name: (cells, "dates in another format") for name, cells in DATES_IN_ANOTHER_FORMAT.items()},
    "Indian thousands": (
        [f"{v // 10**5},{v // 1000 % 100:02},{v % 1000:03}" for v in MILLIONS],
        "",
    ),
    "underscores": ([f"{v:_}" for v in MILLIONS], ""),
    "coordinates": ([f"{v},{w}" for v, w in zip(TENTHS, OTHER, strict=True)], ""),
    "blood pressures": ([f"{v % 90 + 90}/{v % 70 + 50}" for v in COUNTS], ""),
    "kilograms": ([f"{v} kg" for v in COUNTS], "numbers with units"),
    "square feet": ([f"{v}sqft" for v in MILLIONS], "numbers with units"),
    "gigabytes": ([f"{v} GB" for v in COUNTS], "numbers with units"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_formats_that_are_not_read_are_warned_of(kind):
    cells, name = OTHERS[kind]
    encoder, (message,) = fitted(strings(cells))
    assert encoder.parsed_columns_ == {}
    assert TWO_WAYS in message
    assert f"{name or 'several numbers'} or categories (such as" in message
    assert "or ignored" in message  # what happens to those that differ in every row


CODES = {
    "diagnoses": [f"{'EIJ'[v % 3]}{v % 90 + 10}.{v % 7}" for v in COUNTS],
    "one chapter of diagnoses": [f"E{v % 20}.{v % 7}" for v in COUNTS],
    "customers": [f"C{v}" for v in range(N)],
    "passengers": [f"{v:04}_01" for v in range(N)],
    "social security": [f"{v % 900:03}-{v % 90:02}-{v:04}" for v in MILLIONS],
    "phones": [f"030-{v}" for v in MILLIONS],
    "books": [f"978-3-{v}" for v in MILLIONS],
    "versions": [f"{v % 9}.{v % 11}.{v % 13}" for v in COUNTS],
    "addresses": [f"10.0.{v % 256}.{v % 251}" for v in COUNTS],
    "streets": [f"{v % 90} Road" for v in COUNTS],
    "invoices": [f"INV-2021-{v:04}" for v in COUNTS],
    "invoices of months": [f"2021-09-{v:04}" for v in COUNTS],
    "flights": [f"LH {v}" for v in COUNTS],
    "seats": [f"{v % 70}{'abcdef'[v % 6]}" for v in COUNTS],
    "Dutch postal codes": [f"{v + 1000} {'ABCD'[v % 4]}{'EFG'[v % 3]}" for v in COUNTS],
}


@pytest.mark.parametrize("kind", CODES)
def test_codes_are_no_numbers_with_units(kind):
    encoder, messages = fitted(strings(CODES[kind]))
    assert messages == []
    assert encoder.parsed_columns_ == {}


# Text that contains dates, and of what kind of row it is

PROSE = {
    "meetings": "meeting on {t:%Y-%m-%d} with Bob",
    "a word before": "paid {t:%d.%m.%Y}",
    "a word after": "{t:%Y-%m-%d} shipped",
    "a name after": "{t:%Y-%m-%d %H:%M} Bob",
    "a name before": "Bob, {t:%b %d %Y}",
    "months in prose": "Sent on {t:%B %d} by mail {n}",
    "addresses on the web": "https://x.org/{t:%Y/%m/%d}/post",
    "addresses without words": "x.org/{t:%Y/%m/%d}/{n}",
    "folders": "/data/{t:%Y/%m/%d}/log",
    "files": "report {t:%Y-%m-%d}.pdf",
    "files with a date first": "{t:%Y-%m-%d}.csv",
    "keys": "INV-{t:%Y-%m-%d}-{n}",
    "key and value": "date={t:%Y-%m-%d}",
    "lines of a log": "{t:%Y-%m-%d %H:%M:%S} ERROR {n}",
    "another alphabet": "会议 {t:%Y-%m-%d}",
    "games": "Rome v Bern {t:%d/%m/%Y}",
    "versions": "v2, {t:%b %Y}",
}


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("kind", PROSE)
def test_text_that_contains_dates_is_not_said_to_be_dates(kind, repeats):
    cells = [PROSE[kind].format(t=t, n=n) for n, t in enumerate(TIMES)]
    cells = np.repeat(cells[: N // repeats], repeats)  # identifiers if they are not repeated
    encoder, messages = fitted(strings(cells))
    assert encoder.parsed_columns_ == {}
    assert not any(TWO_WAYS in message for message in messages)  # but some are sentences


@pytest.mark.parametrize("share", [0.5, 0.85, 0.95])
def test_only_nearly_all_cells_are_said_to_be_dates(share):
    n_dates = round(share * N)
    mails = OTHERS["e-mails"][0][:n_dates]  # which come before these words in order
    cells = [*mails, *(f"word {n}" for n in range(N - n_dates))]
    messages = fitted(strings(cells))[1]
    assert any(TWO_WAYS in message for message in messages) == (share > 0.9)


def test_words_for_missing_values_before_all_other_strings_are_passed_over():
    words = [*MISSING_WORDS, *(word.upper() for word in MISSING_WORDS if word.upper() != word)]
    mails, _ = OTHERS["e-mails"]
    (message,) = fitted(strings([*words * 3, *mails][:N]))[1]
    (example,) = re.findall("dates in another format or categories .such as '(.*?)'", message)
    assert example in mails
    assert fitted(strings([*words * 3, *CODES["customers"]][:N]))[1] == []


# Work

LENGTH = 100_000
LONG = [
    *(text + end for text in (" ", "1", "1 ", "1,", ",111", " 111", "'111") for end in ("", "x")),
    *("$ ", "- ", "-$ ", "1.", "1e", "(1", "\t-\t", "1 day ", "day ", "1:", "jan ", "2021-"),
    *("1_111", "EUR ", "Jan 1 ", "1/1/", "1 kg ", "0", "+", ".", "1 km/h", "[a/11111", "[at/11"),
]


@pytest.mark.parametrize("repeated", LONG)
def test_long_strings_take_linear_time(repeated):
    # A cell of 100,000 characters takes milliseconds; minutes, if time is quadratic in its length.
    # There is no limit of seconds: machines differ. The test below says what is at fault.
    body, end = (repeated[:-1], "x") if repeated[-1] == "x" else (repeated, "")
    text = (body * LENGTH)[: LENGTH - 1] + end
    texts = [text, "1" + text, f"$-{text}", f"1 day {text}", f"2021-09-28 {text}"]
    formats = [*NUMBERS, ISO, *map(DateFormat, PATTERNS_OF_DATES[:8])]
    for cell in texts:
        may_be_read(cell)
        for form in (*formats, KindFormat("time of day"), KindFormat("duration")):
            assert read_text(form, cell) is None or not end
        for pattern in PATTERNS_OF_OTHERS.values():
            re.fullmatch(pattern, cell)
    find_format([(-1 / len(texts), cell) for cell in texts] * 5)


REPEATED = {
    "the first characters": may_be_read.__self__.pattern,
    "plain numbers": NUMBER.format(UNIT, PLAIN),
    "numbers with separators": NUMBER.format(UNIT, SEPARATED.format(".", SPACES)),
    "durations": DURATION.pattern,
    **PATTERNS_OF_OTHERS,
}


@pytest.mark.parametrize("kind", REPEATED)
def test_repetitions_without_a_limit_are_possessive(kind):
    # Others are tried again with fewer characters, which takes quadratic time.
    one_character = r"\\.|\[[^\]]*\]"
    pattern = re.sub(one_character, ".", REPEATED[kind])
    # Python 3.11.2 goes on from the middle of a group that did not match: r"\d(?:e\d)?+", "1e".
    assert re.search(r"\)(?:[*+?]|\{[\d,]+\})\+", pattern) is None
    others, n_atomic = re.subn(r"\)(?:[*+]|\{\d+,\d+\})\)", "", re.sub(r"[*+?}]\+", "", pattern))
    assert n_atomic <= pattern.count("(?>")
    assert re.search(r"[*+]|,\}", others) is None


def test_a_number_of_days_may_have_any_number_of_digits():
    assert KindFormat("duration").parse("1" * 5000 + " days") is None


# Rows that come later: (column of fit, cell, the value that it is read as, or None)

EURO_DECIMALS = [swap(f"{v:.2f}") for v in TENTHS]
NOON = pd.Timestamp("2008-05-15 12:00")
LATER = {
    "a date as in fit": (dates("%d/%m/%Y"), "15/05/2008", pd.Timestamp("2008-05-15")),
    "an ISO date": (dates("%d/%m/%Y"), "2008-05-15", pd.Timestamp("2008-05-15")),
    "an ISO time": (dates("%d.%m.%Y"), "2008-05-15T12:00:00", NOON),
    "an ISO time after a space": (dates("%d %b %Y"), "2008-05-15 12:00", NOON),
    "an ISO date among months": (dates("%b %Y"), "2008-05-15", pd.Timestamp("2008-05-15")),
    "a word instead of a date": (dates("%d/%m/%Y"), "soon", None),
    "a day that there is not": (dates("%d/%m/%Y"), "31/02/2008", None),
    "the month before the day": (dates("%d/%m/%Y"), "05/15/2008", None),
    "an ISO time in UTC": (dates("%d/%m/%Y"), "2008-05-15T12:00:00Z", None),
    "a number instead of a date": (dates("%d/%m/%Y"), "20080515", None),
    "plain digits": (Mix(MANY).cells, "2519", 2519),
    "a thousand": (Mix(MANY).cells, "2,519", 2519),
    "a plain decimal": (Mix(MANY).cells, "2519.5", 2519.5),
    "an exponent": (Mix(MANY).cells, "2.5e3", 2500),
    "a word instead of a number": (Mix(MANY).cells, "lots", None),
    "a decimal comma": (Mix(MANY).cells, "2,5", None),
    "a plain decimal beside decimal commas": (EURO_DECIMALS, "25.5", 25.5),
    "a plain zero beside decimal commas": (EURO_DECIMALS, "0.125", 0.125),
    "three digits after a comma": (EURO_DECIMALS, "2,519", 2.519),
    "three digits after a point": (EURO_DECIMALS, "2.519", None),
    "thousands and a decimal comma": (EURO_DECIMALS, "2.519,5", 2519.5),
    "thousands and a decimal point": ([str(v) for v in TENTHS], "2,519.5", 2519.5),
    "thousands of dollars": ([f"${v:.2f}" for v in TENTHS], "$1,000.00", 1000),
    "dollars in another way": ([f"${v:.2f}" for v in TENTHS], "$1.000,50", 1000.5),
    "euros where there were dollars": ([f"${v:.2f}" for v in TENTHS], "€1,000.00", None),
    "separators in no order": ([str(v) for v in TENTHS], "1,23.4,5", None),
    "a comma where there was none": ([str(v) for v in TENTHS], "2,519", None),
    "three digits after a point, plain": ([str(v) for v in TENTHS], "2.519", 2.519),
    "a point where it is thousands": (
        Mix(written(20, points, MILLIONS)).cells,
        "2.519",
        2519,
    ),
}


@pytest.mark.parametrize("kind", LATER)
def test_later_cells_are_read_in_the_format_of_fit_or_without_any_doubt(kind):
    cells, cell, value = LATER[kind]
    encoder, _ = fitted(strings([*cells[:-1], "n/a"]))  # so there is an indicator
    later = strings([cell] * N).iloc[[0]]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        row = encoder.transform(later)
    expected = pd.Series([value] * N) if value is not None else np.full(N, np.nan)
    assert_array_equal(row, encoder.transform(table(expected).iloc[[0]]))
    assert [warning.category for warning in caught] == [skdnn.UnreadableWarning] * (value is None)
    for warning in caught:
        message = str(warning.message)
        assert re.search(rf"'c' of X was read as .* 1 of 1 .*such as {cell!r}", message)
    for filtered in ("", "n/a", "Unknown", None):
        encoder.transform(strings([filtered] * N).iloc[[0]])  # without a warning


def test_a_server_can_refuse_what_cannot_be_read_in_all_of_its_threads():
    X = pd.DataFrame({"since": dates("%d/%m/%Y"), "balance": Mix(MANY).cells})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = DeepNetClassifier(n_members=1, max_iter=1, random_state=0).fit(X, OTHER > 0)
    good = {"since": "2008-05-15", "balance": "2519.5"}
    bad = [good | {"since": "soon"}, good | {"balance": "lots"}]
    found = []

    def serve():
        for record in (good, *bad, good | {"since": "unknown", "balance": None}) * 10:
            try:
                net.predict_proba(record)
                found.append("predicted")
            except ValueError as error:
                found.append(str(error))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", skdnn.UnreadableWarning)
        threads = [threading.Thread(target=serve) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found.count("predicted") == 80
    assert sum("'since' of X" in message and "'soon'" in message for message in found) == 40
    assert sum("'balance' of X" in message and "'lots'" in message for message in found) == 40


# What is said


@pytest.mark.parametrize(
    ("cells", "example"),
    [
        (Mix(MANY).cells, r"'\d?\d,\d{3}' is read as \d{4,5}\)"),  # not "2519", which is clear
        (Mix([*FEW, ("3,5", 3.5)]).cells, r"'\d,\d{3}' is read as \d\.\d{3}\)"),
        (dates("%d/%m/%Y"), r"'0\d/0\d/200\d' is read as 200\d-0\d-0\d\)"),
        ([f"{v}%" for v in TENTHS], r"numbers in % \('-?\d+\.\d%' is read as -?\d+\.\d\)"),
        ([f"{v % 24:02}:30" for v in COUNTS], r"'\d\d:30' is read as \d+\)"),
    ],
)
def test_the_warning_and_the_summary_show_how_a_cell_was_read(cells, example):
    X = strings(cells)
    with pytest.warns(UserWarning, match=example):
        net = DeepNetClassifier(n_members=1, max_iter=1, random_state=0).fit(X, OTHER > 0)
    assert re.search(example, " ".join(str(net.summary()).split()))


def test_the_summary_has_a_line_for_each_column_read_from_strings():
    X = strings(dates("%d/%m/%Y")).assign(balance=Mix(MANY).cells)
    with pytest.warns(UserWarning, match="Columns of strings are read as"):
        net = DeepNetClassifier(n_members=1, max_iter=1, random_state=0).fit(X, OTHER > 0)
    lines = str(net.summary()).splitlines()
    (dates_line, numbers_line) = [line for line in lines if line.startswith("read from strings: ")]
    assert dates_line.startswith("read from strings: c as dates in the format %d/%m/%Y ('")
    assert numbers_line.startswith("read from strings: balance as numbers with decimal separator")
    assert max(map(len, lines)) <= 88


def test_the_guide_lists_the_words_for_missing_values():
    guide = (Path(__file__).parents[2] / "docs/guide/tables.md").read_text("utf-8")
    (listed,) = re.findall(r"^The words for missing values.*?(?=In `predict`)", guide, re.M | re.S)
    assert {"", *re.findall(r'`"(.*?)"`', listed)} == MISSING_WORDS


def test_a_column_in_two_ways_is_named_with_cells_in_doubt():
    _, (message,) = fitted(strings(Mix(FEW).cells))
    ways = "numbers with decimal separator ',' or numbers with decimal separator '.' and thousands"
    assert ways in message
    (shown,) = re.findall(r"such as (.*?)\)", message)
    assert all("," in text for text in shown.split("', '"))
