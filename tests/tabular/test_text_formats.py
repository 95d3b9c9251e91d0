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
from skdnn.tabular.text_formats import MISSING_WORDS

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
    # A comma: thousands
    "many thousands beside plain integers": (Mix(MANY), "values"),
    "all of them thousands": (Mix(written(N, commas)), "values"),
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
    "thousands and a decimal comma": (EURO_DECIMALS, "2.519,5", None),
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
        ([f"{v}%" for v in TENTHS], r"'-?\d+\.\d%' is read as -?\d+\.\d\)"),
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
