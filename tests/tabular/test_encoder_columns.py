"""What becomes of a column of each kind."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from encoder_tables import squash
from numpy.testing import assert_allclose, assert_array_equal

from skdnn import TableEncoder


def encode_one(column, **params):
    """Encode a table of one column; return the matrix and the names without the prefix."""
    encoder = TableEncoder(**{"n_bins": 0, **params})
    matrix = encoder.fit_transform(pd.DataFrame({"c": column}))
    return matrix, [name.removeprefix("c_") for name in encoder.get_feature_names_out()]


# Numbers

FOUR = [1, 2, 4, 9]
NUMBER_COLUMNS = {
    "int64": pd.Series(FOUR),
    "uint8": pd.Series(FOUR, dtype="uint8"),
    "float16": pd.Series(FOUR, dtype="float16"),
    "Int64": pd.Series(FOUR, dtype="Int64"),
    "Float64": pd.Series(FOUR, dtype="Float64"),
    "pyarrow ints": pd.Series(FOUR, dtype="int32[pyarrow]"),
    "pyarrow floats": pd.Series(FOUR, dtype="double[pyarrow]"),
    "pyarrow decimals": pd.Series(
        [Decimal(v) for v in FOUR], dtype=pd.ArrowDtype(pa.decimal128(9, 2))
    ),
    "sparse": pd.Series(FOUR, dtype="Sparse[int64]"),
    "python ints": pd.Series(FOUR, dtype=object),
    "python mixture": pd.Series([1, 2.0, Decimal(4), np.float32(9)], dtype=object),
    "durations": pd.to_timedelta(pd.Series(FOUR), "s"),
    "pyarrow durations": pd.Series(
        pd.to_timedelta(pd.Series(FOUR), "s"), dtype="duration[s][pyarrow]"
    ),
    "python durations": pd.Series([dt.timedelta(seconds=v) for v in FOUR], dtype=object),
}


@pytest.mark.parametrize("name", NUMBER_COLUMNS)
def test_numbers_of_every_type_follow_the_formula(name):
    matrix, names = encode_one(NUMBER_COLUMNS[name])
    assert names == ["c"]
    assert matrix.dtype == np.float32
    assert_allclose(matrix[:, 0], squash(FOUR), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]", object])
def test_booleans_are_two_numbers(dtype):
    matrix, names = encode_one(pd.Series([True, False, True, True], dtype=dtype))
    assert names == ["c"]
    assert_allclose(matrix[:, 0], squash([1, 0, 1, 1]), rtol=1e-6)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1.0, np.nan, 3.0, 7.0]),
        pd.Series([1, None, 3, 7], dtype="Int64"),
        pd.Series([1, None, 3, 7], dtype="double[pyarrow]"),
        pd.Series([1, None, 3, 7], dtype=object),
        pd.Series([1, pd.NA, 3.0, 7], dtype=object),
        pd.Series([1, np.nan, 3, Decimal(7)], dtype=object),
        pd.to_timedelta(pd.Series([1, None, 3, 7]), "h"),
    ],
)
def test_a_missing_value_is_encoded_as_the_median_with_an_indicator(column):
    matrix, names = encode_one(column)
    assert names == ["c", "missing"]
    assert_array_equal(matrix[:, 1], [0, 1, 0, 0])
    assert matrix[1, 0] == 0
    assert_allclose(matrix[[0, 2, 3], 0], squash([1, 3, 7]), rtol=1e-6)


def test_a_missing_value_is_just_the_median_if_training_had_none():
    encoder = TableEncoder(n_bins=0).fit([[1.0], [2.0], [4.0]])
    assert_array_equal(encoder.transform([[np.nan], [2.0]]), [[0], [0]])


def test_a_constant_with_missing_values_leaves_the_indicator():
    matrix, names = encode_one(pd.Series([5, np.nan, 5]))
    assert names == ["missing"]
    assert_array_equal(matrix, [[0], [1], [0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("largest", [1e300, np.finfo(float).max, 5e-324])
@pytest.mark.parametrize("as_frame", [False, True])
def test_extreme_numbers_stay_finite_and_ordered(largest, dtype, as_frame):
    X = np.array([[-largest], [-largest], [0.0], [largest], [largest]])
    X = pd.DataFrame(X) if as_frame else X
    out = TableEncoder(n_bins=0, dtype=dtype).fit(X).transform(X)
    assert np.isfinite(out).all()
    assert out.dtype == dtype
    assert (np.abs(out) <= 3).all()
    assert out[0, 0] < out[2, 0] < out[3, 0]


def test_outliers_unseen_in_training_are_clipped_to_3():
    encoder = TableEncoder(n_bins=0).fit(np.arange(9.0)[:, None])
    assert_allclose(encoder.transform([[1e308], [-1e308]]), [[3], [-3]])


# Categories

TEXT_COLUMNS = {
    "object": pd.Series(["b", "a", None, "b"], dtype=object),
    "str": pd.Series(["b", "a", None, "b"], dtype="str"),
    "string": pd.Series(["b", "a", None, "b"], dtype="string"),
    "string[pyarrow]": pd.Series(["b", "a", None, "b"], dtype="string[pyarrow]"),
    "large_string": pd.Series(["b", "a", None, "b"], dtype=pd.ArrowDtype(pa.large_string())),
    "category": pd.Series(["b", "a", None, "b"], dtype="category"),
    "unused category": pd.Categorical(["b", "a", None, "b"], categories=list("zyxwab")),
    "NaN": pd.Series(["b", "a", np.nan, "b"], dtype=object),
    "pandas.NA": pd.Series(["b", "a", pd.NA, "b"], dtype=object),
}


@pytest.mark.parametrize("name", TEXT_COLUMNS)
def test_texts_of_every_type_are_one_hot_most_frequent_first(name):
    matrix, names = encode_one(TEXT_COLUMNS[name])
    assert names == ["b", "a", "missing"]
    assert_array_equal(matrix, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])


def test_equal_counts_are_ordered_by_text():
    assert encode_one(list("zazaqq"))[1] == ["a", "q", "z"]


def test_rare_categories_are_merged():
    column = ["a"] * 50 + ["b"] * 30 + ["c"] * 15 + ["d"] * 3 + ["e"] * 2
    matrix, names = encode_one(column, max_categories=2)
    assert names == ["a", "b", "infrequent"]
    assert_array_equal(matrix.sum(axis=0), [50, 30, 20])
    assert encode_one(column, min_frequency=0.03)[1] == ["a", "b", "c", "d", "infrequent"]


@pytest.mark.parametrize(
    ("n_rows", "repeats", "kept"),
    [
        (1000, 1, "abcde"),
        (4000, 1, "abc"),
        (8000, 1, "ab"),
        (17_000, 1, "ab"),
        (8000, 2, "ab"),
        (40_000, 1, "ab"),
        (1000, 40, "abcde"),
    ],
)
def test_by_default_a_category_needs_a_thousandth_of_the_rows_or_8_distinct_ones(
    n_rows, repeats, kept
):
    counts = {"b": 8, "c": 7, "d": 2, "e": 1}
    column = np.concatenate([[name] * count for name, count in counts.items()])
    column = np.concatenate([["a"] * (n_rows - len(column)), column])
    frame = pd.DataFrame({"c": column, "number": np.random.default_rng(0).normal(size=n_rows)})
    encoder = TableEncoder().fit(frame.loc[frame.index.repeat(repeats)])
    assert encoder.categories_["c"] == [*kept] + ["infrequent"] * (kept != "abcde")


def test_how_frequent_a_category_must_be_does_not_depend_on_the_order_of_columns():
    n_rows = 20_000
    numbers = np.arange(n_rows) % 4000 / 2  # as many distinct rows, however numbers are written
    texts = [f"{x:.1f}" if k % 8000 < 4000 else f"{x:.2f}" for k, x in enumerate(numbers)]
    column = np.where(np.arange(n_rows) % 4000 < 3999, "a", np.arange(n_rows) // 4000 % 5)
    frame = pd.DataFrame({"c": column.astype(str), "x": texts})
    found = []
    for order in (["c", "x"], ["x", "c"]):
        with pytest.warns(UserWarning, match="read as numbers"):
            encoder = TableEncoder().fit(frame[order])
        found.append((encoder.categories_["c"], encoder.expansion_.n_bins))
    assert found[0] == found[1]


def test_an_unseen_category_is_infrequent_or_nothing():
    X = pd.DataFrame({"c": ["a"] * 5 + ["b"] * 4 + ["z"]})
    new = pd.DataFrame({"c": ["new", "b", None]})
    folded = TableEncoder(n_bins=0, min_frequency=0.2).fit(X).transform(new)
    assert_array_equal(folded, [[0, 0, 1], [0, 1, 0], [0, 0, 0]])
    assert_array_equal(
        TableEncoder(n_bins=0).fit(X).transform(new), [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    )


def test_a_category_called_missing_does_not_collide_with_missing_values():
    matrix, names = encode_one(pd.Series(["missing", "infrequent", None, "infrequent"]))
    assert names == ["infrequent", "missing", "missing_"]
    assert_array_equal(matrix[:, 1:], [[1, 0], [0, 0], [0, 1], [0, 0]])


def test_true_and_1_are_different_categories_in_any_order():
    column = pd.Series([1, True, "a", 1.0], dtype=object)
    for order in ([0, 1, 2, 3], [1, 0, 3, 2]):
        matrix, names = encode_one(column.iloc[order].reset_index(drop=True))
        assert names == ["1", "True", "a"]
        assert_array_equal(matrix.argmax(axis=1), np.array([0, 1, 2, 0])[order])


# Dates


def test_dates_become_the_parts_that_vary():
    times = pd.to_datetime(["2024-01-01 05:00", "2024-03-03 05:30", "2024-03-03 05:00", None])
    matrix, names = encode_one(times.astype("datetime64[s]"))
    assert names == ["time", "month", "day", "weekday", "missing"]
    known = times[:3]
    assert_allclose(matrix[:3, 0], squash([t.timestamp() for t in known]), rtol=1e-6)
    assert_allclose(matrix[:3, 1], squash(known.month), rtol=1e-6)
    assert_allclose(matrix[:3, 2], squash(known.day), rtol=1e-6)
    assert_allclose(matrix[:3, 3], squash([t.weekday() for t in known]), rtol=1e-6)
    assert_array_equal(matrix[3], [0, 0, 0, 0, 1])


def test_one_day_with_missing_values_leaves_the_indicator():
    matrix, names = encode_one(pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-01"])))
    assert names == ["missing"]
    assert_array_equal(matrix, [[0], [1], [0]])


HOURS = pd.Series(
    pd.to_datetime(["1969-12-31 23:00", "2024-07-01 01:00", None, "2024-07-07 00:00"])
)
TIME_COLUMNS = {
    "s": HOURS.astype("datetime64[s]"),
    "ns": HOURS.astype("datetime64[ns]"),
    "zone": HOURS.dt.tz_localize("America/New_York"),
    "pyarrow": HOURS.astype("timestamp[us][pyarrow]"),
    "pyarrow zone": HOURS.dt.tz_localize("Asia/Tokyo").astype(
        pd.ArrowDtype(pa.timestamp("ns", "Asia/Tokyo"))
    ),
    "object": HOURS.astype(object),
    "python": pd.Series([v.to_pydatetime() for v in HOURS], dtype=object),
    "python zone": pd.Series(
        [None if v is pd.NaT else v.replace(tzinfo=dt.UTC).to_pydatetime() for v in HOURS],
        dtype=object,
    ),
}


@pytest.mark.parametrize("name", TIME_COLUMNS)
def test_dates_of_every_type_read_the_clock_of_their_zone(name):
    matrix, names = encode_one(TIME_COLUMNS[name])
    assert names == ["time", "month", "day", "weekday", "hour", "missing"]
    assert_allclose(matrix[[0, 1, 3], 4], squash([23, 1, 0]), rtol=1e-6)
    assert_array_equal(matrix, encode_one(HOURS)[0])


@pytest.mark.parametrize("dtype", [object, "date32[day][pyarrow]"])
def test_days_without_hours_are_dates(dtype):
    days = [dt.date(2024, 1, 1), None, dt.date(2024, 2, 2)]
    _, names = encode_one(pd.Series(days, dtype=dtype))
    assert names == ["time", "month", "day", "weekday", "missing"]


# Columns that tell nothing


def reasons(frame, y=None, **params):
    return TableEncoder(**params).fit(frame, y).ignored_columns_


def test_columns_that_tell_nothing_are_ignored_with_a_reason():
    n = 40
    frame = pd.DataFrame(
        {
            "number": np.arange(n) ** 2 % 41,
            "same number": 1.5,
            "same text": "a",
            "same day": pd.Timestamp("2024-01-01"),
            "empty": np.nan,
            "empty text": pd.Series([None] * n, dtype="category"),
            "empty day": pd.Series([pd.NaT] * n),
            "id": [f"id{i}" for i in range(n)],
            "category id": pd.Categorical(range(n)),
            "rare": [f"{i // 2}" for i in range(n)],
        }
    )
    assert reasons(frame, min_frequency=0.1) == {
        "same number": "constant",
        "same text": "constant",
        "same day": "constant",
        "empty": "all missing",
        "empty text": "all missing",
        "empty day": "all missing",
        "id": "unique in every row",
        "category id": "unique in every row",
        "rare": "no category is frequent enough",
    }


def test_whole_numbers_in_text_are_identifiers():
    frame = pd.DataFrame({"t": ["10", "20", "30", "40"], "x": [1.0, 2.0, 3.0, 4.0]})
    assert reasons(frame) == {"t": "unique in every row"}


def test_an_id_stays_an_id_when_rows_are_repeated():
    frame = pd.DataFrame({"id": list("abcd"), "x": [1.0, 2.0, np.nan, 4.0], "k": list("uuvv")})
    again = frame.iloc[[0, 1, 1, 2, 3, 3, 3]]
    assert reasons(again) == reasons(frame) == {"id": "unique in every row"}


def test_a_text_that_meets_two_different_rows_is_no_id():
    frame = pd.DataFrame({"town": list("abcda"), "x": [1, 2, 3, 4, 5]})
    assert reasons(frame) == {}
    frame["x"] = [1, 2, 3, 4, 1]
    assert reasons(frame) == {"town": "unique in every row"}
    assert reasons(frame, y=[0, 1, 0, 1, 1]) == {}
    assert reasons(frame, y=pd.Series(["u", None, pd.NA, "v", "v"], dtype=object)) == {}
    assert reasons(frame, y=np.eye(5)) == {}


def test_identifiers_with_missing_values_or_a_repetition_are_identifiers():
    frame = pd.DataFrame({"id": ["a", "b", None], "x": [1, 2, 3]})
    assert reasons(frame) == {"id": "unique in every row"}
    frame = pd.DataFrame({"id": [*map(chr, range(65, 74)), "A"], "x": np.arange(10.0)})
    assert reasons(frame) == {"id": "unique in nearly every row"}
    assert reasons(frame, drop_identifiers=False) == {}
    assert reasons(frame.replace({"id": "B"}, "A")) == {}


def test_identifiers_alone_are_kept():
    assert reasons(pd.DataFrame({"id": list("abc"), "id2": list("xyz")})) == {}
    beside_a_constant = pd.DataFrame({"id": list("abc"), "same": ["x"] * 3})
    assert reasons(beside_a_constant) == {"same": "constant"}


@pytest.mark.parametrize("X", [np.ones((3, 2)), pd.DataFrame({"a": ["x"] * 3, "b": [None] * 3})])
def test_a_table_that_tells_nothing_gives_one_column_of_zeros(X):
    encoder = TableEncoder(n_bins=0).fit(X)
    assert_array_equal(encoder.transform(X), np.zeros((3, 1)))
    assert encoder.get_feature_names_out().tolist() == ["constant"]
    assert len(encoder.ignored_columns_) == 2


def test_equal_bytes_and_strings_are_one_category():
    assert encode_one(pd.Series([b"a", "a", "b"], dtype=object))[1] == ["a", "b"]
