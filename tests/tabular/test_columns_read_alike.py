"""A cell is the same value however it comes, and what cannot be such a value is refused by name.

All of these were once read as something else without a word.
"""

import datetime
import uuid
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

from skdnn import DeepNetClassifier, TableEncoder

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
        with pytest.raises(ValueError, match="'c' of X held strings in fit that are neither"):
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
    with pytest.raises(ValueError, match=r"'c' of X held strings in fit .* such as 3"):
        net.predict(later)
    later.loc[3000:, "c"] = other  # blocks of rows are shorter
    rows = RNG.permutation(6000) if is_shuffled else np.arange(6000)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*holds no category of fit")
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
