"""A cell is the same value however it comes, and what cannot be such a value is refused by name.

All of these were once read as something else without a word.
"""

import datetime
import uuid
import warnings
import zipfile
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

import skdnn
from skdnn import DeepNetClassifier, TableEncoder
from skdnn.tabular.encoder import columns_of

N = 60
RNG = np.random.default_rng(0)
HALVES = RNG.integers(0, 2, N)
OTHER = RNG.normal(size=N).round(3)
QUICK = {"max_iter": 2, "hidden_layer_sizes": (4,), "n_members": 2, "random_state": 0}


def table(column):
    return pd.DataFrame({"c": column, "other": OTHER[: len(column)]})


# Bytes that are not UTF-8

BYTES = {
    "keys": (b"\x80key", b"\x81key"),
    "Latin-1": ("Köln".encode("latin-1"), "Käln".encode("latin-1")),
    "binary UUIDs": (bytes(15) + b"\xfe", bytes(15) + b"\xff"),
}
CONTAINERS = {
    "pandas": table,
    "categories": lambda cells: table(pd.Categorical(cells)),
    "polars": lambda cells: pl.DataFrame({"c": cells, "other": OTHER}),
    "pyarrow": lambda cells: pa.table({"c": cells, "other": OTHER}),
    "Arrow in pandas": lambda cells: table(pd.Series(cells, dtype=pd.ArrowDtype(pa.binary()))),
    "array": lambda cells: np.array([cells, OTHER.tolist()], object).T,
    "array of bytes": lambda cells: np.array([cells, ["a", "b"] * (N // 2)], "S").T,
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("kind", BYTES)
def test_bytes_that_differ_are_different_categories(kind, container):
    X = CONTAINERS[container]([BYTES[kind][half] for half in HALVES])
    encoder = TableEncoder(n_bins=0).fit(X)
    (column,) = (n for n, name in enumerate(encoder.categories_) if name in ("c", "x0"))
    start = encoder.feature_origins().tolist().index(column)
    codes = encoder.transform(X)[:, start : start + 2]
    assert_array_equal(codes[:, 0] + codes[:, 1], 1)
    assert_array_equal(codes[:, 0] == codes[0, 0], HALVES[0] == HALVES)


# Types that are one thing as objects and another one as an array

UUIDS = [uuid.UUID(int=int(half)) for half in HALVES]
PERIODS = pd.Series(pd.period_range("2000-01", periods=N, freq="M")[RNG.permutation(N)])
WEEKS = pd.Series(pd.period_range("2000-01", periods=N, freq="W")[RNG.permutation(N)])
TWINS = {
    "months": (PERIODS, PERIODS.astype(object)),
    "weeks": (WEEKS, WEEKS.astype(object)),
    "months, some missing": (
        PERIODS.where(HALVES > 0),
        PERIODS.astype(object).where(HALVES > 0, None),
    ),
}
if hasattr(pa, "uuid"):  # not in the oldest pyarrow
    IDENTIFIERS = pa.array([identifier.bytes for identifier in UUIDS], pa.uuid())
    TWINS["UUIDs of Arrow"] = (
        pd.Series(IDENTIFIERS, dtype=pd.ArrowDtype(pa.uuid())),
        pd.Series(UUIDS, dtype=object),
    )


@pytest.mark.parametrize("kind", TWINS)
def test_objects_are_read_as_a_column_of_their_type(kind):
    typed, objects = map(table, TWINS[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, other = TableEncoder().fit(typed), TableEncoder().fit(objects)
        expected = one.transform(typed)
        assert len(np.unique(expected, axis=0)) > 1
        assert not one.ignored_columns_
        for encoder, X in ((one, objects), (other, typed), (other, objects)):
            assert_array_equal(encoder.transform(X), expected)
        assert_array_equal(one.transform(objects.to_dict("records")), expected)


# Numbers, dates and booleans where fit had words

WORDS = table(np.array(["Bern", "Ulm"])[HALVES])
TYPED = {
    "integers": [3] * 4,
    "numbers with a missing one": [3.5, None, 2.5, float("nan")],
    "numbers of NumPy": [np.float32(3)] * 4,
    "decimals": [Decimal(3), Decimal("2.5")] * 2,
    "booleans": [True, False] * 2,
    "dates": [datetime.date(2020, 1, 1)] * 4,
    "times of day": [datetime.time(3)] * 4,
    "durations": [datetime.timedelta(1)] * 4,
    "periods": list(pd.period_range("2020", periods=4, freq="M")),
}
LATER = {
    "objects": lambda cells: table(pd.Series(cells, dtype=object)),
    "records": lambda cells: table(pd.Series(cells, dtype=object)).to_dict("records"),
    "array": lambda cells: np.array([cells, OTHER[: len(cells)]], object).T,
    "pyarrow": lambda cells: pa.table(
        {"c": pa.Array.from_pandas(cells), "other": OTHER[: len(cells)]}
    ),
    "polars": lambda cells: pl.DataFrame({"c": cells, "other": OTHER[: len(cells)]}, strict=False),
}


@pytest.mark.parametrize("library", LATER)
@pytest.mark.parametrize("kind", TYPED)
def test_values_of_a_type_are_refused_where_fit_had_words(kind, library):
    if kind in ("periods", "numbers of NumPy") and library in ("pyarrow", "polars"):
        pytest.skip("there are no such objects")
    X = LATER[library](TYPED[kind])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        with pytest.raises(ValueError, match="'c' of X held strings in fit, but now holds"):
            TableEncoder().fit(WORDS).transform(X)


@pytest.mark.parametrize(
    ("in_fit", "later"),
    [
        (["Bern", "Ulm"], ["Ulm", 3]),  # a new value among known ones
        (["Bern", "Ulm"], [None, None]),
        (["Bern", "3"], [3, 4]),
        (["Bern", datetime.date(2020, 1, 1)], [datetime.date(2021, 1, 1)] * 2),
        (["Bern", "True"], [True, False]),
        (["Bern", uuid.UUID(int=5)], [uuid.UUID(int=6)] * 2),
    ],
)
def test_values_of_a_type_stay_categories_where_fit_had_such_or_words_come_too(in_fit, later):
    encoder = TableEncoder(n_bins=0).fit(table(pd.Series(in_fit * 10, dtype=object)))
    assert np.isfinite(encoder.transform(table(pd.Series(later, dtype=object)))).all()


# Numbers where fit had strings that look like numbers: (strings of fit, their numbers)

CODES = {
    "integers": (["1", "2", "30"], [1, 2, 30]),
    "integers and a word": (["1", "2", "x"], [1, 2]),
    "decimals and words": (["1.0", "2.50", "x", "y"], [1, 2.5]),
    "leading zeros": (["007", "010", "123"], [7, 10, 123]),
    "blanks": ([" 1", "2 ", "x", "y"], [1, 2]),
    "both ways to write it": (["1.0", "1", "x", "y"], [1]),
    "booleans": (["0", "1"], [0, 1]),
}
NUMBERS = {
    "objects": lambda cells: pd.Series(cells, dtype=object),
    "floats": lambda cells: pd.Series(cells, dtype=float),
    "nullable": lambda cells: pd.Series(cells, dtype="Float64"),
    "float32": lambda cells: pd.Series(cells, dtype="float32"),
    "decimals": lambda cells: pd.Series([Decimal(f"{cell:.3f}") for cell in cells], dtype=object),
    "categories": lambda cells: pd.Series(pd.Categorical(cells)),
    "categories of floats": lambda cells: pd.Series(pd.Categorical([float(c) for c in cells])),
    "integers": lambda cells: pd.Series(cells).astype(int).where(pd.Series(cells) % 1 == 0, cells),
}


def written_as(strings, number):
    """Return the string of fit that a number stands for, the plainest one."""
    same = [text for text in strings if text[0] != "x" and text != "y" and float(text) == number]
    return min(same, key=len)


@pytest.mark.parametrize("is_category", [False, True])
@pytest.mark.parametrize("later", NUMBERS)
@pytest.mark.parametrize("kind", CODES)
def test_numbers_are_the_categories_that_they_are_written_as(kind, later, is_category):
    strings, numbers = CODES[kind]
    column = pd.Series(strings * 20, dtype="category" if is_category else object)
    encoder = TableEncoder(n_bins=0, drop_identifiers=False).fit(pd.DataFrame({"c": column}))
    expected = pd.DataFrame({"c": [written_as(strings, number) for number in numbers]})
    expected = encoder.transform(expected.astype(object))
    assert (expected.sum(axis=1) == 1).all()
    X = pd.DataFrame({"c": NUMBERS[later](numbers)})
    assert_array_equal(encoder.transform(X), expected)
    for row in range(len(X)):
        assert_array_equal(encoder.transform(X.iloc[[row]]), expected[[row]])
    if later in ("floats", "integers", "objects"):
        frame = pl.DataFrame({"c": pl.Series(numbers, strict=False)})
        assert_array_equal(encoder.transform(frame), expected)
        assert_array_equal(encoder.transform([{"c": number} for number in numbers]), expected)


def test_strings_are_other_categories_than_numbers_written_otherwise_in_fit():
    X = table(pd.Series(["1.0", "1", "x", "y"] * 15, dtype=object))
    encoder = TableEncoder(n_bins=0).fit(X)
    names = encoder.get_feature_names_out().tolist()
    row = encoder.transform(table(pd.Series(["1", "1.0"], dtype=object)))
    assert row[:, names.index("c_1.0")].tolist() == [0, 1]


def test_long_codes_are_not_taken_for_floats_that_are_rounded_to_them():
    codes = [f"1234567890123456789{digit}" for digit in "01"]
    encoder = TableEncoder(n_bins=0).fit(pd.DataFrame({"c": pd.Series(codes * 20, dtype=object)}))
    exact = encoder.transform(pd.DataFrame({"c": pd.Series(map(int, codes), dtype=object)}))
    assert_array_equal(exact, np.eye(2))
    with pytest.warns(UserWarning, match="'c' of X holds no category of fit"):
        rounded = encoder.transform(pd.DataFrame({"c": [float(codes[0])] * 2}))
    assert_array_equal(rounded, np.zeros((2, 2)))


@pytest.mark.parametrize("later", [[5], [5, 6.5], [None, 5], [np.float32(0.5)], [Decimal(8)]])
@pytest.mark.parametrize("kind", ["integers", "integers and a word", "leading zeros", "booleans"])
def test_numbers_none_of_which_is_a_category_are_warned_of(kind, later):
    strings, _ = CODES[kind]
    encoder = TableEncoder(n_bins=0).fit(table(pd.Series(strings * 20, dtype=object)))
    for X in (table(pd.Series(later, dtype=object)), pl.DataFrame(table(later))):
        with pytest.warns(UserWarning, match=r"'c' of X holds no category of fit: now it has '"):
            encoder.transform(X)


@pytest.mark.parametrize(
    "later",
    [
        [10**400, -(10**400)],
        [datetime.date(2020, 1, 1), 5],
    ],
)
def test_objects_that_are_no_column_of_their_own_are_strings_where_fit_had_strings(later):
    encoder = TableEncoder(n_bins=0).fit(table(pd.Series(["1", "2", "x"] * 20, dtype=object)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*holds no category of fit")
        assert not encoder.transform(table(pd.Series(later, dtype=object)))[:, 1:].any()


def test_numbers_are_not_warned_of_if_one_is_a_category_or_fit_had_numbers():
    encoder = TableEncoder(n_bins=0).fit(table(pd.Series(["1", "2", "3"] * 20, dtype=object)))
    assert encoder.transform(table([5, 1]))[:, 1:].sum() == 1
    assert not encoder.transform(table([None, np.nan]))[:, 1:].any()
    assert not encoder.transform(table(["5", "6"]))[:, 1:].any()
    numbers = table(pd.Categorical([1, 2, 3] * 20))
    encoder = TableEncoder(n_bins=0).fit(numbers)
    for later in (numbers["c"].cat.codes + 5, pd.Categorical([5] * 5), [5.0]):
        assert not encoder.transform(table(later).head(5))[:, 1:].any()
    encoder = TableEncoder(n_bins=0).fit(table(pd.Series([1, 2, "A"] * 20, dtype=object)))
    for later in ([57], ["57"], [Decimal(57), 3.5]):
        assert not encoder.transform(table(pd.Series(later, dtype=object)))[:, 1:].any()


def spellings(encoder):
    return columns_of(encoder).types[0].spellings


def test_only_strings_that_the_encoder_keeps_have_spellings(tmp_path):
    codes = [f"00{491512340000 + i * 7}" for i in range(N)]
    identifiers = table(pd.Series(codes, dtype=object))
    net = DeepNetClassifier(**QUICK).fit(identifiers, HALVES)
    assert spellings(net.encoder_) == spellings(TableEncoder().fit(identifiers)) == {}
    net.save(tmp_path / "net")
    with zipfile.ZipFile(tmp_path / "net") as file:
        assert not any(b"4915123" in file.read(name) for name in file.namelist())
    constant = table(pd.Series(["007"] * N, dtype=object))
    assert spellings(TableEncoder().fit(constant)) == {"7": "007"}
    often = table(pd.Series(["007"] * (N - 2) + ["01", "x"], dtype=object))
    for target_statistics, kept in ((1, {"7": "007", "1": "01"}), (10, {"7": "007"})):
        given = {"encoder": TableEncoder(min_frequency=0.1), "target_statistics": target_statistics}
        net = DeepNetClassifier(**QUICK, **given).fit(often, HALVES)
        assert spellings(net.encoder_) == kept


def test_numbers_and_their_strings_are_the_category_that_writes_them_otherwise():
    strings = pd.Series(["1.0", "x", "y"] * 20, dtype=object)
    encoder = TableEncoder(n_bins=0).fit(table(strings))
    place = encoder.get_feature_names_out().tolist().index("c_1.0")
    for later, expected in (
        ([1, "1", "x", None, 1.0, True, b"1"], [1, 1, 0, 0, 1, 0, 1]),
        ([b"1", None, Decimal(1)], [1, 0, 1]),
        (["1", np.str_("1.0"), np.str_("1")], [1, 1, 1]),
        ([1, 1.0, np.nan, pd.NA], [1, 1, 0, 0]),
    ):
        rows = encoder.transform(table(pd.Series(later, dtype=object)))
        assert rows[:, place].tolist() == expected


def test_numbers_are_the_categories_that_they_are_written_as_in_a_saved_network(tmp_path):
    X = table(pd.Series(["1.0", "2.0", "x", "y"] * 15, dtype=object))
    net = DeepNetClassifier(**QUICK).fit(X, HALVES)
    net.save(tmp_path / "net")
    later = table([1, 2, 2.0])
    again = skdnn.load(tmp_path / "net").predict_proba(later)
    assert_array_equal(again, net.predict_proba(later))
    assert_array_equal(again, net.predict_proba(X.iloc[[0, 1, 1]].assign(other=OTHER[:3])))


# Numbers and strings in one column

MIXED = {
    "a number and a word": ([3, "Ulm", None], ["3", "Ulm", None]),
    "numbers and their strings": ([3, "4", 5.0, "5"], ["3", "4", "5", "5"]),
    "numbers of several types": (
        [3, "3", 3.0, Decimal("3.0"), np.float32(3), np.int8(3), "Ulm"],
        ["3"] * 6 + ["Ulm"],
    ),
    "fractions": ([0.5, "0.5", Decimal("0.50"), np.float32(0.5), "Ulm"], ["0.5"] * 4 + ["Ulm"]),
    "a large decimal": ([Decimal("1E+3"), 1000, "Ulm"], ["1000", "1000", "Ulm"]),
    "booleans and words": ([True, "True", "Ulm"], ["True", "True", "Ulm"]),
    "durations and words": (
        [datetime.timedelta(1), pd.Timedelta(days=1), "Ulm"],
        ["1 day, 0:00:00"] * 2 + ["Ulm"],
    ),
}


@pytest.mark.parametrize("kind", MIXED)
def test_a_column_of_numbers_and_strings_is_one_of_strings(kind):
    cells, strings = (pd.Series(column * 20, dtype=object) for column in MIXED[kind])
    mixed, words = table(cells[:N]), table(strings[:N])
    one, other = TableEncoder().fit(mixed), TableEncoder().fit(words)
    assert one.categories_ == other.categories_
    expected = other.transform(words)
    order = RNG.permutation(len(mixed))
    shuffled = TableEncoder().fit(mixed.iloc[order])
    for encoder in (one, other, shuffled):
        for X in (mixed, words):
            assert_array_equal(encoder.transform(X), expected)
            for row in range(7):
                assert_array_equal(encoder.transform(X.iloc[[row]]), expected[[row]])


@pytest.mark.parametrize("others", ["words", "dates"])
@pytest.mark.parametrize("is_shuffled", [False, True])
def test_the_order_of_the_rows_does_not_decide_whether_values_of_a_type_are_refused(
    is_shuffled, others
):
    frame = pd.concat([WORDS] * 10, ignore_index=True)
    net = DeepNetClassifier(**QUICK).fit(frame, np.tile(HALVES, 10))
    other = {"words": "Ulm", "dates": datetime.date(2020, 1, 1)}[others]
    later = pd.concat([WORDS] * 100, ignore_index=True).assign(
        c=pd.Series([3] * 6000, dtype=object)
    )
    with pytest.raises(ValueError, match=r"'c' of X held strings in fit, but .* such as 3"):
        net.predict(later)
    later.loc[3000:, "c"] = other  # blocks of rows are shorter
    rows = RNG.permutation(6000) if is_shuffled else np.arange(6000)
    if others == "dates":
        with pytest.raises(ValueError, match=r"'c' of X held strings in fit, but now holds"):
            net.predict(later.iloc[rows])
    else:
        assert net.predict(later.iloc[rows]).shape == (6000,)


# Weights that are no numbers

DAYS = pd.Series(pd.date_range("1970-01-02", periods=N))
WEIGHTS = {
    "dates": DAYS,
    "dates with a zone": DAYS.dt.tz_localize("Europe/Rome"),
    "an array of dates": DAYS.to_numpy(),
    "dates of polars": pl.Series(DAYS.dt.date.tolist()),
    "Python's dates": DAYS.dt.date.tolist(),
    "durations": DAYS - pd.Timestamp("1970"),
    "Python's durations": [datetime.timedelta(1)] * N,
    "words": ["heavy"] * N,
    "the name of a column": "other",
    "one number": 2.0,
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_that_are_no_numbers_are_refused_by_name(kind):
    for suffix in ("", "_val"):
        given = {f"sample_weight{suffix}": WEIGHTS[kind]}
        if suffix:
            given |= {"X_val": WORDS, "y_val": HALVES}
        message = rf"^sample_weight{suffix} must (be|have) .*numbers?"
        with pytest.raises((ValueError, TypeError), match=message):
            DeepNetClassifier(**QUICK).fit(WORDS, HALVES, **given)


def test_weights_in_a_file_that_are_no_numbers_are_refused_by_name(tmp_path):
    WORDS.assign(y=HALVES, when=DAYS, word="w").to_parquet(tmp_path / "x.parquet")
    for name in ("when", "word"):
        with pytest.raises((ValueError, TypeError), match=r"x\.parquet.* sample_weight must be"):
            DeepNetClassifier(**QUICK).fit(tmp_path / "x.parquet", "y", sample_weight=name)


# Missing values where fit had sparse rows

SPARSE = csr_array(np.column_stack([HALVES, OTHER, HALVES * OTHER, np.zeros(N)]))


@pytest.mark.parametrize("later", [np.array, pd.DataFrame, pl.DataFrame, csr_array])
def test_missing_values_are_refused_after_a_fit_to_sparse_rows(later):
    net = DeepNetClassifier(**QUICK).fit(SPARSE, HALVES)
    rows = SPARSE.toarray()
    rows[4, 2] = np.nan
    names = {np.array: "x2", pd.DataFrame: 2, pl.DataFrame: "column_2", csr_array: 2}
    found = rf"X contains NaN in column\(s\) \[{names[later]!r}\] \(cells: 1\)"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        with pytest.raises(ValueError, match=found):
            net.predict(later(rows))
        with pytest.raises(ValueError, match=found.replace("X", "X_val", 1)):
            DeepNetClassifier(**QUICK).fit(SPARSE, HALVES, X_val=later(rows), y_val=HALVES)


# Parquet files of several types

LARGE = HALVES.astype("u8") + np.uint64(2**63)
TIMES = DAYS.astype("M8[us]")
FILES = {
    "dates that overflow": (
        TIMES.where(HALVES > 0, pd.Timestamp("9999-12-31")),
        DAYS.astype("M8[ns]"),
    ),
    "integers that overflow": (LARGE, HALVES),
    "large and small integers": (LARGE, HALVES.astype("i1")),
    "durations that overflow": ((HALVES + 10**10).astype("m8[s]"), HALVES.astype("m8[ns]")),
}


def two_files(folder, first, second):
    for name, column in (("1", first), ("2", second)):
        frame = table(column).assign(y=HALVES)
        parquet.write_table(pa.Table.from_pandas(frame), folder / f"{name}.parquet")


@pytest.mark.parametrize("kind", FILES)
def test_values_that_the_common_type_of_files_cannot_hold_are_refused(kind, tmp_path):
    two_files(tmp_path, *(pd.Series(column) for column in FILES[kind]))
    with pytest.raises(ValueError, match=r"1\.parquet: .*column 'c'.* one type in all files"):
        DeepNetClassifier(**QUICK).fit(tmp_path, y="y")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (HALVES + 2**62 + 1, OTHER.astype("f4")),  # rounded, as in a table
        (OTHER, OTHER.astype("f4")),
        (HALVES.astype("u1"), HALVES - 5),
        (DAYS.astype("M8[s]"), DAYS.astype("M8[ns]")),
    ],
)
def test_values_that_the_common_type_of_files_can_hold_are_read(first, second, tmp_path):
    two_files(tmp_path, first, second)
    assert DeepNetClassifier(**QUICK).fit(tmp_path, y="y").n_features_in_ == 2


# Integers that float64 does not tell apart


@pytest.mark.parametrize("integers", [2**60 + HALVES, LARGE])
def test_integers_that_are_rounded_to_the_same_number_are_warned_of(integers):
    message = r"Column 'c' of X holds integers .* 2\*\*53.* convert"
    for X in (table(integers), pl.from_pandas(table(integers))):
        with pytest.warns(UserWarning, match=message) as caught:
            TableEncoder().fit(X)
        assert len(caught) == 1
    with pytest.warns(UserWarning, match=message.replace("'c'", "'x0'")):
        TableEncoder().fit(np.array([integers, HALVES], integers.dtype).T)


@pytest.mark.parametrize("integers", [2**40 + HALVES, 2**60 + HALVES * 2**20, HALVES - 2**52])
def test_integers_that_stay_apart_are_not_warned_of(integers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not TableEncoder().fit(table(integers)).ignored_columns_
