"""Tables as files and databases give them: what each kind of column or table becomes.

Each kind is tried with columns and tables of several libraries. A case says what a table is
equivalent to, or which warning or error it gets.
"""

import csv
import datetime
import io
import re
import warnings
from decimal import Decimal
from zoneinfo import ZoneInfo

import narwhals
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from attribute_names import attribute_names
from numpy.testing import assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from skdnn import DeepNetClassifier, TableEncoder, integrated_gradients
from skdnn.estimator.predict import spans_of
from skdnn.tabular import as_frames
from skdnn.tabular.dates import common_zone

N = 120
RNG = np.random.default_rng(0)
CENTS = np.round(RNG.normal(40, 60, N), 2)
COUNTS = RNG.integers(0, 90_000, N)
HOURS = pd.Series(pd.Timestamp("2023-12-03 05:00") + pd.to_timedelta(RNG.integers(0, 9000, N), "h"))
OTHER = np.round(RNG.normal(size=N), 4)  # old versions of pandas misread 17 digits


def table(column, **more):
    return pd.DataFrame({"other": OTHER, "c": column, **more})


def from_csv(frame, **options):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), **options)


def to_arrow(frame):
    return pa.Table.from_pandas(frame, preserve_index=False)


LIBRARIES = {
    "pandas": pd.DataFrame.copy,
    "objects": lambda frame: frame.astype({"c": object}),
    "polars": pl.from_pandas,
    "pyarrow": to_arrow,
    "CSV": from_csv,
}


def replaced(strings, *others):
    """Strings in which one in 20 is another."""
    return [others[n // 20 % len(others)] if n % 20 == 7 else s for n, s in enumerate(strings)]


def nan_where(values, *, every=20, at=7):
    values = pd.Series(values).astype(float)
    values[np.arange(N) % every == at] = np.nan
    return values


def fitted(X, **params):
    return TableEncoder(**params).fit(X)


# Strings that are numbers, dates, times of day or durations: (strings, the values they stand for)

DAYS = HOURS.dt.normalize()
STRINGS = {
    "decimals": (CENTS.astype(str), CENTS),
    "decimals and a word": (replaced(CENTS.astype(str), "unknown"), nan_where(CENTS)),
    "decimals and words": (replaced(CENTS.astype(str), "?", "n/a", "broken"), nan_where(CENTS)),
    "decimals and booleans": (replaced(CENTS.astype(str), "true", "False"), nan_where(CENTS)),
    "integers and a word": (replaced(COUNTS.astype(str), "unknown"), nan_where(COUNTS)),
    "integers and a dash": (replaced(COUNTS.astype(str), "-"), nan_where(COUNTS)),
    "integers of a float column": ([f"{v}.0" for v in COUNTS % 70], COUNTS % 70),
    "thousands": ([f"{v:,}" for v in COUNTS], COUNTS),
    "thousands and decimals": ([f"{v:,.2f}" for v in COUNTS / 7], np.round(COUNTS / 7, 2)),
    "thousands of another country": (
        [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in COUNTS / 7],
        np.round(COUNTS / 7, 2),
    ),
    "thousands after spaces": ([f"{v:,}".replace(",", " ") for v in COUNTS], COUNTS),
    "decimal commas": ([f"{v:.2f}".replace(".", ",") for v in CENTS], CENTS),
    "decimal commas and a one": (
        replaced([f"{v:.2f}".replace(".", ",") for v in CENTS], "1.0", "0.0"),
        np.where(np.arange(N) % 20 == 7, np.arange(N) // 20 % 2 == 0, CENTS),
    ),
    "dollars": ([f"${v:.2f}" for v in CENTS], CENTS),
    "dollars and a boolean": (replaced([f"${v:.2f}" for v in CENTS], "True"), nan_where(CENTS)),
    "minus before dollars": ([f"{'-' if v < 0 else ''}${abs(v):.2f}" for v in CENTS], CENTS),
    "euros": ([f"{v:.2f} €".replace(".", ",") for v in CENTS], CENTS),
    "percent": ([f"{v}%" for v in CENTS], CENTS),
    "exponents": ([f"{v:e}" for v in CENTS], [float(f"{v:e}") for v in CENTS]),
    "ISO dates": (DAYS.dt.strftime("%Y-%m-%d"), DAYS),
    "ISO times": (HOURS.dt.strftime("%Y-%m-%dT%H:%M:%S"), HOURS),
    "ISO dates and a word": (
        replaced(DAYS.dt.strftime("%Y-%m-%d"), "unknown"),
        DAYS.where(np.arange(N) % 20 != 7),
    ),
    "dates with points": (DAYS.dt.strftime("%d.%m.%Y"), DAYS),
    "month first": (DAYS.dt.strftime("%m/%d/%Y"), DAYS),
    "day first": (DAYS.dt.strftime("%d/%m/%Y"), DAYS),
    "names of months": (DAYS.dt.strftime("%d %b %Y"), DAYS),
    "months": (DAYS.dt.strftime("%Y-%m"), DAYS.dt.to_period("M").dt.start_time),
    "a clock of twelve hours": (HOURS.dt.strftime("%m/%d/%Y %I:%M %p"), HOURS),
    "times of day": (
        HOURS.dt.strftime("%H:%M"),
        [datetime.time(h) for h in HOURS.dt.hour],
    ),
    "durations of more than a day": (
        [f"{v % 39}:{v % 60:02d}" for v in COUNTS],
        [datetime.timedelta(minutes=int(v % 39 * 60 + v % 60)) for v in COUNTS],
    ),
    "parentheses for minus": ([f"({-v:.2f})" if v < 0 else f"{v:.2f}" for v in CENTS], CENTS),
    "durations": (
        [str(pd.Timedelta(int(v), "min")) for v in COUNTS],
        pd.to_timedelta(COUNTS, "min"),
    ),
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", STRINGS)
def test_strings_are_what_they_stand_for_and_a_warning_says_so(kind, library):
    strings, values = STRINGS[kind]
    as_values = table(values)
    expected = fitted(as_values).transform(as_values)
    as_strings = table(np.asarray(strings, object))
    X = LIBRARIES[library](as_strings)
    if library == "CSV":
        X = from_csv(as_strings, dtype={"c": object})
    with pytest.warns(UserWarning, match="Columns of strings are read as.*'c'") as caught:
        encoder = fitted(X)
    assert_array_equal(encoder.transform(X), expected)
    assert "c" in encoder.parsed_columns_
    assert [warning.filename for warning in caught] == [__file__]
    # Whatever arrives later: the values themselves, or strings of another library.
    assert_array_equal(encoder.transform(as_values), expected)
    assert_array_equal(encoder.transform(table(np.asarray(strings, object))), expected)
    unread = fitted(X, parse_strings=False)
    assert "c" in {**unread.categories_, **unread.ignored_columns_}


def test_the_warning_and_the_summary_name_column_share_and_examples():
    X = table(np.array(replaced(CENTS.astype(str), "?", "broken"), object))
    y = OTHER > 0
    with pytest.warns(UserWarning, match=r"'c' as numbers \(.*\), 5 % .*'\?', 'broken'"):
        net = DeepNetClassifier(max_iter=2, n_members=2, hidden_layer_sizes=(4,)).fit(X, y)
    shown = " ".join(str(net.summary()).split())
    how = r"c as numbers \('(.+)' is read as \1\), 5 % of the cells, such as '\?', 'broken'"
    assert re.search(f"read from strings: {how}, as missing values", shown)
    missing = net.predict_proba(table(np.full(N, np.nan)))
    for word in ("unknown", "broken"):  # words for missing values, and strings of fit
        later = table(np.array([word] * N, object))
        assert_array_equal(net.predict_proba(later), missing)
    later = table(np.array(["7,5 km"] * N, object))
    with pytest.warns(UserWarning, match=r"'c' of X was read as numbers.*19 of 19.*'7,5 km'"):
        proba = net.predict_proba(later[:19])
    assert_array_equal(proba, missing[:19])
    with pytest.raises(ValueError, match=r"'c' of X was read as numbers.*120 of 120"):
        net.predict_proba(later)


CONSTANT = {"a single number": ["5.25"] * N, "a single day": ["2023-12-03"] * N}


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("kind", [*STRINGS, *CONSTANT])
def test_many_cells_that_cannot_be_read_are_warned_of_once_and_missing(kind, library):
    strings = CONSTANT[kind] if kind in CONSTANT else STRINGS[kind][0]
    strings = np.array(replaced(strings, "unknown"), object)  # so there is an indicator
    with pytest.warns(UserWarning, match="Columns of strings are read as"):
        encoder = fitted(LIBRARIES[library](table(strings)))
    later = strings.copy()
    later[::3] = "about nine"
    with pytest.warns(UserWarning, match="'c' of X was read as .* such as 'about nine'") as caught:
        rows = encoder.transform(LIBRARIES[library](table(later)))
    assert len(caught) == 1
    indicator = rows[:, encoder.get_feature_names_out().tolist().index("c_missing")]
    assert_array_equal(indicator, np.isin(later, ["unknown", "about nine"]))


# Strings that stay categories: (strings, warning or None)

CATEGORIES = {
    "day or month first": (["05/06/2024", "07/08/2024", "01/02/2023"] * 40, "%d/%m/%Y or dates"),
    "day or month first, with points": (["05.06.2024", "07.08.2024"] * 60, "%d.%m.%Y or dates"),
    "thousands or fractions": (["1,234", "987", "12,345", "55"] * 30, "thousands separator ','"),
    "thousands or fractions, with points": (["1.234", "987", "12.345"] * 40, "separator '.'"),
    "a unit": ([f"{v} kg" for v in CENTS], "numbers with units"),
    "an unknown currency": ([f"XAU {v}" for v in np.abs(CENTS)], "numbers with units"),
    "numbers and words": (
        [f"{v}" if n % 8 else "on request" for n, v in enumerate(CENTS)],
        "categories (such as 'on request')",
    ),
    "two formats of dates": (
        [f"{d:%Y-%m-%d}" if n % 3 else f"{d:%d.%m.%Y}" for n, d in enumerate(DAYS)],
        "ISO 8601 or categories",
    ),
    "many integers": ((COUNTS % 60).astype(str), "numbers or codes"),
    "few integers": ((COUNTS % 20).astype(str), None),
    "postal codes": ([f"{v:05d}" for v in COUNTS % 50], None),
    "long codes": ([f"{10**16 + v}" for v in COUNTS % 50], None),
    "words": (np.array(["a", "b", "1"])[COUNTS % 3], None),
    "streets": ([f"{v} Road" for v in COUNTS % 50], None),
    "versions": (np.array(["1.2.3", "1.2.10", "2.0.1"])[COUNTS % 3], None),
    "two currencies": ([f"{'$€'[v % 2]}{v % 50}" for v in COUNTS], None),
    "percent of some": ([f"{v % 50}{'%' * (v % 2)}" for v in COUNTS], None),
    "ranges": ([f"{v % 9 * 10}-{v % 9 * 10 + 9}" for v in COUNTS], None),
    "a category dtype": (pd.Categorical(np.round(CENTS % 3, 1).astype(str)), None),
}


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "CSV"])
@pytest.mark.parametrize("kind", CATEGORIES)
def test_strings_whose_reading_would_be_a_guess_stay_categories(kind, library):
    strings, warning = CATEGORIES[kind]
    if library == "CSV":
        X = from_csv(table(strings), dtype={"c": getattr(table(strings)["c"], "dtype", None)})
    else:
        X = LIBRARIES[library](table(strings))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encoder = fitted(X)
    assert "c" in {**encoder.categories_, **encoder.ignored_columns_}
    assert not encoder.parsed_columns_
    assert [str(w.message) for w in caught if warning is None] == []
    if warning:
        assert len(caught) == 1
        assert warning in str(caught[0].message)
        assert "pandas.to_datetime" in str(caught[0].message)


# Times

ROME = HOURS.dt.tz_localize("Europe/Rome", ambiguous=True, nonexistent="shift_forward")
TIMES = {
    "another time zone": (ROME, ROME.dt.tz_convert("UTC")),
    "far time zone": (ROME, ROME.dt.tz_convert("America/New_York")),
    "objects with a zone": (ROME, ROME.astype(object)),
    "objects in another zone": (ROME, ROME.dt.tz_convert("Asia/Tokyo").astype(object)),
    "strings with an offset": (ROME, ROME.astype(str)),
    "strings in UTC": (ROME, ROME.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ")),
    "nanoseconds": (HOURS, HOURS.astype("datetime64[ns]")),
    "seconds": (HOURS, HOURS.astype("datetime64[s]")),
    "Python's datetimes": (HOURS, pd.Series([t.to_pydatetime() for t in HOURS], dtype=object)),
    "periods": (DAYS, DAYS.dt.to_period("D")),
    "months": (DAYS.dt.to_period("M").dt.start_time, DAYS.dt.to_period("M")),
    "seconds of durations": (
        pd.Series(pd.to_timedelta(COUNTS, "s")),
        pd.Series(pd.to_timedelta(COUNTS, "s")).astype("timedelta64[ns]"),
    ),
    "Python's durations": (
        pd.Series(pd.to_timedelta(COUNTS, "s")),
        pd.Series([datetime.timedelta(seconds=int(v)) for v in COUNTS], dtype=object),
    ),
    "strings of times of day": (HOURS.dt.time, HOURS.dt.strftime("%H:%M:%S")),
}


@pytest.mark.parametrize("kind", TIMES)
def test_times_are_the_same_however_they_are_written(kind):
    before, after = TIMES[kind]
    encoder = fitted(table(before))
    expected = encoder.transform(table(before))
    assert np.unique(expected, axis=0).shape[0] > 20
    for library in ("pandas", "polars", "pyarrow"):
        if library != "pandas" and kind in ("periods", "months"):
            continue  # only pandas has periods
        later = LIBRARIES[library](table(after))
        assert_array_equal(encoder.transform(later), expected, err_msg=library)


def test_local_times_are_those_of_the_zone_of_fit():
    encoder = fitted(table(ROME), n_bins=0)
    names = encoder.get_feature_names_out().tolist()
    hours = encoder.transform(table(ROME.dt.tz_convert("UTC")))[:, names.index("c_hour")]
    local = fitted(table(HOURS), n_bins=0).transform(table(ROME.dt.tz_localize(None)))
    assert_array_equal(hours, local[:, names.index("c_hour")])


def test_objects_of_several_zones_are_read_in_utc():
    zones = [ZoneInfo(name) for name in ("Europe/Rome", "Asia/Tokyo")]
    mixed = [
        time.astimezone(zones[n % 2]) for n, time in enumerate(t.to_pydatetime() for t in ROME)
    ]
    one = fitted(table(pd.Series(mixed, dtype=object)))
    other = fitted(table(ROME.dt.tz_convert("UTC")))
    assert_array_equal(one.transform(table(ROME)), other.transform(table(ROME)))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (ROME, HOURS, r"'c' of X has dates without a time zone, .* in Europe/Rome. .*tz_localize"),
        (HOURS, ROME, r"'c' of X has dates in the time zone Europe/Rome, .*tz_convert"),
        (ROME, HOURS.astype(str), r"'c' of X has dates without a time zone"),
        (HOURS, ROME.astype(str), r"'c' of X has dates in the time zone"),
        (HOURS, COUNTS, r"'c' of X held dates in fit, but not now: it holds numbers"),
        (COUNTS % 50, HOURS, r"'c' of X held numbers in fit, but not now: it holds dates"),
        (HOURS.dt.time, COUNTS, r"'c' of X held times of day in fit, but not now"),
        (pd.to_timedelta(COUNTS, "s"), COUNTS, r"'c' of X held durations in fit, but not now"),
        (COUNTS % 50, pd.to_timedelta(COUNTS, "s"), r"'c' of X held numbers in fit"),
        (
            np.array(["a", "b"])[COUNTS % 2],
            COUNTS,
            r"'c' of X held strings in fit",
        ),
        (np.array(["a", "b"])[COUNTS % 2], HOURS, r"'c' of X held strings in fit"),
    ],
)
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_times_and_numbers_are_not_taken_for_each_other(before, after, message, library):
    encoder = fitted(table(before))
    with pytest.raises(ValueError, match=message):
        encoder.transform(LIBRARIES[library](table(after)))


def test_some_dates_with_a_zone_and_some_without_are_refused_by_name():
    mixed = pd.Series([*ROME[:60], *HOURS[60:]], dtype=object)
    with pytest.raises(ValueError, match="'c' of X: some of its dates have a time zone"):
        fitted(table(mixed))


@pytest.mark.parametrize("are_strings", [False, True])
@pytest.mark.parametrize("last", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"])
def test_a_date_at_an_end_of_the_calendar_is_read_in_any_time_zone(last, are_strings):
    cells = [f"2020-{n % 12 + 1:02}-{n % 28 + 1:02}T00:00:00-05:00" for n in range(119)] + [last]
    if not are_strings:
        cells = [datetime.datetime.fromisoformat(cell) for cell in cells]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Columns of strings are read")
        encoder = fitted(table(pd.Series(cells, dtype=object)), n_bins=0)
    rows = encoder.transform(table(pd.Series(cells, dtype=object)))
    place = encoder.get_feature_names_out().tolist().index("c_time")
    extreme = np.argmax if last.startswith("9999") else np.argmin
    assert extreme(rows[:, place]) == 119
    assert np.isfinite(rows).all()


# Dataframes of any library, and records


class Stream:
    """A dataframe of which only the Arrow stream is known."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return to_arrow(self.frame).__arrow_c_stream__(requested_schema)


class Interchange:
    """A dataframe of which only the interchange protocol is known."""

    def __init__(self, frame):
        self.frame = frame

    def __dataframe__(self, nan_as_null=False, allow_copy=True):
        return to_arrow(self.frame).__dataframe__(nan_as_null, allow_copy)


FRAMES = {
    "pyarrow": to_arrow,
    "record batch": lambda frame: to_arrow(frame).to_batches()[0],
    "narwhals of pandas": narwhals.from_native,
    "narwhals of polars": lambda frame: narwhals.from_native(pl.from_pandas(frame)),
    "narwhals of pyarrow": lambda frame: narwhals.from_native(to_arrow(frame)),
    "Arrow stream": Stream,
    "interchange": Interchange,
    "types of Arrow in pandas": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    "list of dicts": lambda frame: frame.to_dict("records"),
    "dicts in another order": lambda f: f[f.columns[::-1]].to_dict("records"),
}


def of_all_types():
    frame = table(
        HOURS.astype("datetime64[ns]"),
        word=pd.Series(np.array(["a", "b", "c"])[COUNTS % 3]),
        category=pd.Categorical(np.array(["x", "y", "z"])[COUNTS % 3]),
        count=COUNTS % 70,
        flag=COUNTS % 2 == 0,
    )
    frame.loc[::9, "category"] = None
    frame.loc[::11, "word"] = None
    frame.loc[::13, "c"] = pd.NaT
    return frame


@pytest.mark.parametrize("kind", FRAMES)
def test_a_dataframe_of_any_library_is_read_as_that_of_pandas(kind):
    frame = of_all_types()
    expected = fitted(frame).transform(frame)
    assert "category_missing" in fitted(frame).get_feature_names_out()
    given = FRAMES[kind](frame)
    assert_array_equal(fitted(frame).transform(given), expected)
    if kind != "dicts in another order":
        assert_array_equal(fitted(given).transform(frame), expected)


def test_tables_of_arrow_are_read_with_polars_where_pandas_is_not_installed(monkeypatch):
    frame = of_all_types()
    monkeypatch.setattr(as_frames, "find_spec", {"pyarrow": as_frames.find_spec("pyarrow")}.get)
    given = to_arrow(frame)
    assert isinstance(as_frames.as_frame(given, None), pl.DataFrame)
    assert_array_equal(fitted(given).transform(given), fitted(frame).transform(frame))


def test_a_library_that_a_table_needs_and_is_not_installed_is_named(monkeypatch):
    def fail(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(as_frames, "find_spec", lambda name: None)
    monkeypatch.setattr(as_frames, "import_module", fail)
    with pytest.raises(ImportError, match=r"X is a pyarrow.* `pip install polars`"):
        fitted(to_arrow(table(CENTS)))


def test_a_column_of_arrow_that_pandas_cannot_hold_is_named():
    column = pa.array([0] * N, pa.timestamp("us", tz="Nowhere/Here"))
    with pytest.raises(ValueError, match=r"Column 'c' of X, of type timestamp\[us, tz=Nowhere"):
        fitted(pa.table({"other": OTHER, "c": column}))


def test_a_dict_of_scalars_is_one_row():
    frame = of_all_types()
    net = DeepNetClassifier(max_iter=2, n_members=2, random_state=0).fit(frame, OTHER > 0)
    expected = net.predict_proba(frame)
    for row in (0, 5, 9):
        record = frame.iloc[row].to_dict()
        for given in (record, [record], dict(reversed(record.items()))):
            # One row is multiplied by another function than many rows: rounding differs.
            np.testing.assert_allclose(net.predict_proba(given), expected[[row]], rtol=1e-5)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_may_have_the_names_of_attributes(library):
    # A column is an attribute of a dataframe of pandas, and a value one of a record such as Bunch.
    names = attribute_names()
    values = np.random.default_rng(0).normal(size=(N, len(names)))
    plain = pd.DataFrame(values, columns=[f"c{number}" for number in range(len(names))])
    named = LIBRARIES[library](plain.set_axis(names, axis=1))
    few = {"max_iter": 2, "n_members": 2, "hidden_layer_sizes": (4,), "random_state": 0}
    net, expected = (
        DeepNetClassifier(dtype="input", **few).fit(X, OTHER > 0) for X in (named, plain)
    )
    assert net.feature_names_in_.tolist() == names
    assert_array_equal(net.predict_proba(named), expected.predict_proba(plain))
    row = Bunch(**dict(zip(names, values[0].tolist(), strict=True)))
    for given in (row, [row]):
        assert_array_equal(net.predict_proba(given), expected.predict_proba(plain[:1]))
    found = integrated_gradients(net, named)
    assert type(found.to_frame()) is type(named)
    assert list(found.to_frame().columns) == names


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda f: f.iloc[0], r"Expected 2D array, got 1D.*df\.iloc\[\[0\]\]"),
        (lambda f: f.iloc[0].tolist(), r"pandas\.DataFrame\(\[row\]\)"),
        (lambda f: f.iloc[0].to_numpy(), r"df\.iloc\[\[0\]\]"),
        (lambda f: f["count"], r"df\.iloc\[\[0\]\]"),
        (lambda f: f.to_dict("list"), r"dict of columns.*pandas\.DataFrame\(X\)"),
        (lambda f: f.drop(columns="flag"), r"(?s)flag.*X\[estimator\.feature_names_in_\]"),
        (lambda f: f.assign(more=1), r"(?s)more.*X\[estimator\.feature_names_in_\]"),
        (lambda f: f[f.columns[::-1]], r"(?s)order.*X\[estimator\.feature_names_in_\]"),
        (lambda f: [{"word": "a"}], r"(?s)missing.*X\[estimator\.feature_names_in_\]"),
    ],
)
def test_one_row_and_other_columns_are_refused_with_the_line_that_mends_it(given, message):
    frame = of_all_types()
    for estimator in (
        fitted(frame),
        DeepNetClassifier(max_iter=1, n_members=2).fit(frame, OTHER > 0),
    ):
        with pytest.raises(ValueError, match=message):
            getattr(estimator, "predict_proba", getattr(estimator, "transform", None))(given(frame))


# Identifiers

IDENTIFIERS = {
    "in order": range(N),
    "in reverse order": range(N, 0, -1),
    "with gaps, in order": np.cumsum(COUNTS + 1),
    "shuffled": np.random.default_rng(1).permutation(N),
    "a sample of them": np.random.default_rng(1).permutation(2 * N)[:N],
    "as floats": np.arange(N) + 7.0,
    "of a nullable type": pd.array(np.arange(N), dtype="Int64"),
}
NO_IDENTIFIERS = {
    "any numbers": COUNTS * 7 % 60_000,
    "with a repetition": [0, *range(N - 1)],
    "fractions in order": np.arange(N) / 3,
    "in order, with a missing value": [np.nan, *range(N - 1)],
    "in order, with repetitions": np.arange(N) // 2,
    "daily durations": pd.to_timedelta(np.arange(N), "D"),
    "times of day": pd.to_datetime(np.arange(N), unit="s").time,
}


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "CSV"])
@pytest.mark.parametrize("kind", IDENTIFIERS)
def test_integers_that_number_the_rows_are_named_once(kind, library):
    X = LIBRARIES[library](table(IDENTIFIERS[kind]))
    with pytest.warns(UserWarning, match=r"Columns \['c'\] of X hold integers.*drop_id") as got:
        encoder = fitted(X)
    assert len(got) == 1
    assert "c" in encoder.get_feature_names_out()
    assert_array_equal(fitted(X, drop_identifiers=False).transform(X), encoder.transform(X))
    dropped = fitted(X, drop_identifiers=True)
    assert dropped.ignored_columns_ == {"c": "integers that number the rows"}


def test_many_columns_are_named_up_to_ten_and_that_there_are_more():
    def named(make, n_columns):
        X = pd.DataFrame({f"c{n}": make(n) for n in range(n_columns)})
        with pytest.warns(UserWarning, match="c9'?") as caught:
            fitted(X)
        return [str(warning.message) for warning in caught]

    columns = {
        "hold integers": lambda n: np.arange(N) + n,
        "hold sentences": lambda n: [f"the parcel {m} came {n} days late" for m in range(N)],
        "are read as": lambda n: [f"{m / 10} EUR" for m in range(n, N + n)],
        "in two ways": lambda n: [f"{m} kg" for m in range(n, N + n)],
    }
    for about, make in columns.items():
        (few,) = [text for text in named(make, 10) if about in text]
        (many,) = [text for text in named(make, 11) if about in text]
        assert "and more" not in few
        assert "'c9'" in few
        assert "and more" in many
        assert "'c10'" not in many


@pytest.mark.parametrize("kind", NO_IDENTIFIERS)
def test_other_integers_are_not(kind):
    X = table(NO_IDENTIFIERS[kind])
    assert fitted(X, drop_identifiers=True).ignored_columns_ == {}


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "CSV"])
@pytest.mark.parametrize("change", [{}, {4: None}, {4: "u7"}, {4: None, 9: "u7"}], ids=str)
def test_strings_unique_in_nearly_every_row_are_identifiers(change, library):
    strings = pd.Series([f"u{n}" for n in range(N)], dtype=object)
    for row, value in change.items():
        strings[row] = value
    X = LIBRARIES[library](table(strings))
    assert fitted(X).ignored_columns_["c"].startswith("unique in")
    kept = fitted(X, drop_identifiers=False)
    assert kept.ignored_columns_ == {}
    assert "c" in kept.categories_


# Free text

SENTENCES = [
    f"The parcel {n} came {n % 7} days late, and {n % 3} parts were broken." for n in COUNTS
]
SHORT_TEXT = {
    "names": [f"Braund{n}, Mr. Owen Harris" for n in range(N)],
    "addresses": [f"{n} Main Street, Springfield" for n in range(N)],
    "paths": [f"/home/user/{n}.txt" for n in range(N)],
    "e-mails": [f"user{n}@example.org" for n in range(N)],
}


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "CSV"])
def test_free_text_of_which_nothing_is_learnt_is_named_once(library):
    X = LIBRARIES[library](table(SENTENCES))
    with pytest.warns(UserWarning, match=r"Columns \['c'\] .*TfidfVectorizer\(\), 'c'") as caught:
        encoder = fitted(X)
    assert len(caught) == 1
    assert encoder.ignored_columns_["c"].startswith("unique in")
    only = table(SENTENCES)[["c"]]  # its strings are categories, as there is nothing else
    with pytest.warns(UserWarning, match="hold sentences"):
        fitted(only)


@pytest.mark.parametrize("kind", SHORT_TEXT)
def test_short_identifiers_are_no_free_text(kind):
    assert fitted(table(SHORT_TEXT[kind])).ignored_columns_ == {"c": "unique in every row"}


def test_the_line_that_the_warning_of_free_text_suggests_learns_from_it():
    words = np.array(["broken", "perfect"])[COUNTS % 2]
    X = table([f"number {n} arrived in a {w} state" for n, w in zip(range(N), words, strict=True)])
    recipe = ColumnTransformer([("text", TfidfVectorizer(), "c")], remainder=TableEncoder())
    net = DeepNetClassifier(n_members=2, max_iter=20, random_state=0)
    assert make_pipeline(recipe, net).fit(X, words).score(X, words) == 1


# Categories in another spelling

FLAGS = COUNTS % 2
BOOLEANS = {
    "booleans": FLAGS == 1,
    "nullable booleans": pd.array(FLAGS == 1, dtype="boolean"),
    "integers": FLAGS,
    "floats": FLAGS * 1.0,
    "digits": FLAGS.astype(str).astype(object),
    "categories of digits": pd.Categorical(FLAGS.astype(str)),
    "categories of booleans": pd.Categorical(FLAGS == 1),
    "words": (FLAGS == 1).astype(str).astype(object),
    "words in lower case": np.where(FLAGS, "true", "false").astype(object),
    "decimals": np.where(FLAGS, "1.0", "0.0").astype(object),
}


@pytest.mark.parametrize("now", BOOLEANS)
@pytest.mark.parametrize("before", BOOLEANS)
@pytest.mark.filterwarnings("ignore:Columns of strings")
def test_booleans_are_the_same_however_they_are_written(before, now):
    encoder = fitted(table(BOOLEANS[before]), n_bins=0)
    expected = encoder.transform(table(BOOLEANS[before]))
    assert len(np.unique(expected[:, 1:], axis=0)) == 2
    # Categories of polars are strings.
    libraries = ("pandas", "pyarrow", "polars")[: 2 if now == "categories of booleans" else 3]
    for library in libraries:
        later = LIBRARIES[library](table(BOOLEANS[now]))
        assert_array_equal(encoder.transform(later), expected)


@pytest.mark.filterwarnings("ignore:Columns of strings")
def test_decimals_beside_words_for_missing_values_may_be_booleans_later():
    before, now = (
        table(np.array(replaced(BOOLEANS[kind], "n/a"), object)) for kind in ("decimals", "words")
    )
    encoder = fitted(before)
    assert_array_equal(encoder.transform(now), encoder.transform(before))


# Empty cells, which csv.DictReader and forms give as empty strings

MINUTES = pd.Series(pd.to_timedelta(COUNTS, "min"))
CELLS = {
    "numbers": CENTS,
    "integers": COUNTS,
    "booleans": COUNTS % 2 == 0,
    "dates": DAYS,
    "dates with a zone": ROME,
    "durations": MINUTES,
    "times of day": HOURS.dt.time,
}


def read_by_csv(frame):
    """Return rows as csv.DictReader reads them."""
    return list(csv.DictReader(io.StringIO(frame.to_csv(index=False))))


LATER = {
    "pandas": lambda frame: frame.fillna("").astype({"c": object}),
    "records": lambda frame: frame.fillna("").to_dict("records"),
    "CSV": read_by_csv,
    "polars": lambda frame: pl.DataFrame(read_by_csv(frame)),
    "pyarrow": lambda frame: pa.Table.from_pylist(read_by_csv(frame)),
    "array": lambda frame: frame.fillna("").to_numpy(),
}


def with_empty_cells(column, every):
    return table(pd.Series(list(column), dtype=object).where(np.arange(N) % every > 0, None))


@pytest.mark.parametrize("library", LATER)
@pytest.mark.parametrize("kind", CELLS)
def test_words_for_missing_values_are_missing_values_where_fit_had_none(kind, library):
    frame = with_empty_cells(CELLS[kind], 5)
    encoder = fitted(table(CELLS[kind]))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        rows = encoder.transform(LATER[library](frame))
        assert_array_equal(rows, encoder.transform(frame))
        for word in ("  ", "N/A", "?", "unknown"):
            missing = encoder.transform(LATER[library](frame.iloc[:1].fillna(word)))
            assert_array_equal(missing, rows[:1])


@pytest.mark.parametrize("library", [*LATER])
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.filterwarnings("ignore:Columns of strings", "ignore:X (has|does not have)")
def test_empty_strings_are_missing_values_in_fit(kind, library):
    frame = with_empty_cells(CELLS[kind], 5)
    expected = fitted(frame, n_bins=0).transform(frame)
    given = LATER[library](frame)
    encoder = fitted(given, n_bins=0)
    names = encoder.get_feature_names_out().tolist()
    missing = names.index(("x1" if library == "array" else "c") + "_missing")
    assert_array_equal(encoder.transform(given)[:, missing], expected[:, -1])
    for later in (frame, LATER["records"](frame), LATER["CSV"](frame)):
        assert_array_equal(encoder.transform(later), encoder.transform(given))
    if kind not in ("booleans", "dates with a zone"):  # which are strings, and in UTC
        assert_array_equal(encoder.transform(given), expected)


@pytest.mark.parametrize("kind", [kind for kind in CELLS if "integers" not in kind])
def test_values_of_a_type_beside_empty_strings_are_read_without_a_warning(kind):
    frame = with_empty_cells(CELLS[kind], 5)
    for library in ("pandas", "records", "array"):
        encoder = fitted(LATER[library](frame))
        assert_array_equal(encoder.transform(LATER[library](frame)), fitted(frame).transform(frame))


def test_an_empty_string_among_words_is_a_category():
    words = table(np.array(["Bern", "", "Ulm"], object)[COUNTS % 3])
    assert sorted(fitted(words).categories_["c"]) == ["", "Bern", "Ulm"]
    mixed = table(np.array(["Bern", "", 3], object)[COUNTS % 3])
    assert sorted(fitted(mixed).categories_["c"]) == ["", "3", "Bern"]


def test_an_empty_string_is_a_category_of_a_categorical_type_also_beside_booleans():
    cells = np.array(["true", "false", ""], object)[COUNTS % 3]
    encoder = fitted(table(pd.Categorical(cells)))
    assert sorted(encoder.categories_["c"]) == ["", "false", "true"]
    expected = encoder.transform(table(pd.Categorical(cells)))
    assert_array_equal(encoder.transform(table(cells)), expected)
    names = encoder.get_feature_names_out().tolist()
    assert_array_equal(expected[:, names.index("c_")], cells == "")


def test_empty_numpy_strings_are_missing_values_beside_numbers():
    cells = np.array([1.5, 2.5, np.str_(""), ""], object)[COUNTS % 4]
    missing = table(np.array([1.5, 2.5, np.nan, np.nan])[COUNTS % 4])
    assert_array_equal(
        fitted(table(cells)).transform(table(cells)), fitted(missing).transform(missing)
    )


SOME_TOWNS = pd.Series(np.array(["Bern", "Graz", "Ulm", None], object)[COUNTS % 4])
STREETS = pd.Series([None if n % 4 == 0 else f"{n % 50} Road" for n in COUNTS], dtype=object)


@pytest.mark.parametrize("library", LATER)
@pytest.mark.parametrize("towns", [SOME_TOWNS, STREETS], ids=["few categories", "many categories"])
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_an_empty_string_and_a_missing_value_are_one_where_fit_had_only_one_of_them(towns, library):
    net = DeepNetClassifier(n_members=2, max_iter=2, random_state=0)
    missing, empty = table(towns), table(towns.fillna(""))
    y = (COUNTS % 4 == 0) ^ (OTHER > 1)
    proba = net.fit(missing, y).predict_proba(missing)
    assert_array_equal(net.predict_proba(LATER[library](missing)), proba)
    assert_array_equal(net.predict_proba(table(towns.fillna(" "))), proba)
    proba = net.fit(empty, y).predict_proba(empty)
    for later in (missing, table(towns.fillna(" "))):
        assert_array_equal(net.predict_proba(later), proba)


CODES = {
    "digits": (COUNTS % 7).astype(str).astype(object),
    "digits with signs": (COUNTS % 7 - 3).astype(str).astype(object),
    "categories of integers": pd.Categorical(COUNTS % 7),
    "categories of floats": pd.Categorical(COUNTS % 7 / 2),
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", CODES)
def test_codes_that_became_floats_and_then_strings_are_the_codes_of_fit(kind, library):
    encoder = fitted(table(CODES[kind]))
    expected = encoder.transform(table(CODES[kind]))
    floats = np.asarray(CODES[kind]).astype(float).astype(str).astype(object)
    later = LIBRARIES[library](table(floats))
    assert_array_equal(encoder.transform(later), expected)
    assert_array_equal(encoder.transform(later[:1]), expected[:1])


TOWNS = np.array(["Bern", "Graz", "Ulm"], object)[COUNTS % 3]
UNKNOWN = {
    "upper case": (np.char.upper(TOWNS.astype(str)), ("'BERN'", "'Bern'")),
    "a letter more": (TOWNS + "x", ("x'", "'")),
    "one of them in another case": (np.where(COUNTS % 3, "Lyon", "BERN"), ("'BERN'", "'Bern'")),
    "other towns": (np.array(["Lyon", "Rome"])[COUNTS % 2], ("'Lyon'", "'")),
}


@pytest.mark.parametrize("kind", UNKNOWN)
@pytest.mark.parametrize("repeats", [1, 30])
def test_a_column_of_unknown_categories_only_is_named_once(kind, repeats):
    net = DeepNetClassifier(n_members=2, max_iter=2, random_state=0)
    net.fit(table(TOWNS), OTHER > 0)
    strings, examples = UNKNOWN[kind]
    order = np.argsort(strings, kind="stable")
    later = pd.concat([table(np.asarray(strings, object)).iloc[order]] * repeats)
    with pytest.warns(UserWarning, match="Column 'c' of X holds no category of fit") as caught:
        net.predict_proba(later)
    (warning,) = caught
    assert warning.filename == __file__
    for example in examples:
        assert example in str(warning.message)


def test_a_few_new_categories_are_no_reason_to_warn():
    encoder = fitted(table(TOWNS))
    encoder.transform(table(["Lyon"] * N).head(19))
    encoder.transform(table(np.where(np.arange(N) % 2, "Lyon", TOWNS)))
    encoder.transform(table([None] * N))
    with pytest.warns(UserWarning, match="now it has 'ulm', in fit it had 'Ulm'"):
        encoder.transform(table(["ulm"] * N).head(1))


@pytest.mark.parametrize("is_reversed", [False, True])
def test_blocks_of_rows_with_new_categories_only_are_no_reason_to_warn(is_reversed):
    net = DeepNetClassifier(n_members=2, max_iter=2, random_state=0)
    net.fit(table(TOWNS), OTHER > 0)
    later = pd.concat([table(["Lyon"] * N)] * 20 + [table(TOWNS)], ignore_index=True)
    assert len(spans_of(len(later))) > 2
    net.predict_proba(later[::-1] if is_reversed else later)


def test_infrequent_categories_of_fit_are_not_called_new():
    X = pd.concat([table(TOWNS)] * 20, ignore_index=True)
    X.loc[7, "c"] = "Lyon"
    net = DeepNetClassifier(n_members=2, max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(X, X["other"] > 0)
    assert net.encoder_.categories_["c"][-1] == "infrequent"
    net.predict_proba(table(["Lyon"] * N))
    with pytest.warns(
        UserWarning, match=r"no frequent category of fit: now it has 'BERN', .*'Bern'"
    ):
        net.predict_proba(table(["BERN"] * N))


def test_a_few_rows_are_not_compared_with_very_many_categories(monkeypatch):
    monkeypatch.setattr("skdnn.tabular.unknown_categories.MOST_COMPARED", 2)
    encoder = fitted(table(TOWNS))
    encoder.transform(table(["ulm"] * N).head(19))
    with pytest.warns(UserWarning, match="now it has 'ulm', in fit it had 'Ulm'"):
        encoder.transform(table(["ulm"] * N).head(20))


# The order of things in partial_fit


def test_a_column_that_varies_only_later_is_learnt_in_partial_fit():
    X = RNG.normal(size=(600, 3))
    X[:200, 2] = 0
    y = X[:, 2] > 0
    net = DeepNetClassifier(random_state=0, hidden_layer_sizes=(16,), n_members=2)
    messages = []
    for _ in range(30):
        for rows in (slice(0, 200), slice(200, 400), slice(400, 600)):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                net.partial_fit(X[rows], y[rows], classes=[False, True])
            messages += [str(warning.message) for warning in caught]
    (message,) = messages
    assert "'x2' (no longer constant or missing)" in message
    assert net.score(X[200:], y[200:]) > 0.9


def test_a_column_that_was_missing_at_first_is_named_in_partial_fit():
    empty, filled = table(np.full(N, np.nan)), table(CENTS)
    net = DeepNetClassifier(random_state=0, hidden_layer_sizes=(4,), n_members=2)
    net.partial_fit(empty, OTHER > 0, classes=[False, True]).partial_fit(empty, OTHER > 0)
    with pytest.warns(UserWarning, match=r"'c' \(no longer constant or missing\)"):
        net.partial_fit(filled, OTHER > 0)


def test_categories_that_appear_later_are_named_once_in_partial_fit():
    X = table(np.array(["a", "b"])[COUNTS % 2])
    later = table(np.array(["a", "b", "new"])[COUNTS % 3])
    net = DeepNetClassifier(random_state=0, hidden_layer_sizes=(4,), n_members=2)
    net.partial_fit(X, OTHER > 0, classes=[False, True]).partial_fit(X, OTHER > 0)
    with pytest.warns(UserWarning, match=r"'c' \(new categories such as 'new'\).*refit_encoder"):
        net.partial_fit(later, OTHER > 0)
    net.partial_fit(later, OTHER > 0)  # no second warning, which would be an error


def test_new_categories_only_are_named_once_in_partial_fit():
    net = DeepNetClassifier(random_state=0, hidden_layer_sizes=(4,), n_members=2)
    net.partial_fit(table(TOWNS), OTHER > 0, classes=[False, True])
    later = table(["Lyon"] * N)
    with pytest.warns(UserWarning, match=r"'c' \(new categories such as 'Lyon'\)") as caught:
        net.partial_fit(later, OTHER > 0).partial_fit(later, OTHER > 0)
    assert len(caught) == 1


# Columns that cannot be read are named

UNREADABLE = {
    "lists": lambda: pd.Series([[1]] * N),
    "complex": lambda: pd.Series([1j] * N),
    "infinity": lambda: pd.Series([1.0, np.inf] * 60),
    "huge integers": lambda: pd.Series([10**400, 1] * 60, dtype=object),
    "structs of polars": lambda: pl.Series([{"a": 1}] * N),
    "lists of polars": lambda: pl.Series([[1, 2]] * N),
    "lists of pyarrow": lambda: pa.array([[1]] * N),
    "structs of pyarrow": lambda: pa.array([{"a": 1}] * N),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_columns_that_cannot_be_read_are_named(kind):
    column = UNREADABLE[kind]()
    make = {"polars": pl.DataFrame, "pyarrow": pa.table}.get(
        type(column).__module__.split(".")[0], pd.DataFrame
    )
    X = make({"other": OTHER, "c": column})
    with pytest.raises((TypeError, ValueError), match="'c'"):
        fitted(X)
    if kind != "infinity":  # the others are of another kind than numbers
        encoder = fitted(table(CENTS))
        with pytest.raises((TypeError, ValueError), match="'c'"):
            encoder.transform(X)


def test_a_signalling_nan_is_a_missing_value():
    cents = [Decimal(f"{value:.2f}") for value in CENTS]
    expected = fitted(table(pd.Series([None, *cents[1:]], dtype=object)))
    X = table(pd.Series([Decimal("sNaN"), *cents[1:]], dtype=object))
    assert_array_equal(fitted(X).transform(X), expected.transform(X))
    assert "c_missing" in fitted(X).get_feature_names_out()


class ZoneOfPytz(datetime.tzinfo):
    """One of several objects for a zone, each with the offset of some dates."""

    zone = "Europe/Rome"


def test_time_zones_of_pytz_become_those_of_the_standard_library():
    assert common_zone({ZoneOfPytz(), ZoneOfPytz()}) == ZoneInfo("Europe/Rome")
    assert common_zone({ZoneOfPytz(), ZoneInfo("Europe/Rome")}) == ZoneInfo("Europe/Rome")
    assert common_zone({ZoneOfPytz(), datetime.UTC}) == datetime.UTC
