"""Libraries, drift between fit and transform, and what is refused."""

import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from encoder_tables import people
from numpy.testing import assert_array_equal

from skdnn import TableEncoder

# Libraries


def test_polars_gives_what_pandas_gives():
    frame = people()
    frame["zone"] = frame["joined"].dt.tz_localize("Europe/Rome", nonexistent="shift_forward")
    frame["day"] = frame["joined"].dt.date.where(frame["joined"].notna(), None)
    twin = pl.from_pandas(frame).with_columns(
        pl.col("town").cast(pl.String).cast(pl.Enum(["Bonn", "Oslo", "Rome", "Lima"])),
        pl.col("sex").cast(pl.Categorical),
    )
    one, other = TableEncoder(n_bins=0).fit(frame), TableEncoder(n_bins=0).fit(twin)
    assert one.get_feature_names_out().tolist() == other.get_feature_names_out().tolist()
    assert one.categories_ == other.categories_
    for encoder in (one, other):
        assert_array_equal(encoder.transform(frame), one.transform(frame))
        assert_array_equal(encoder.transform(twin), one.transform(frame))


def test_polars_booleans_decimals_and_empty_columns_are_numbers():
    frame = pl.DataFrame({"b": [True, None, False], "n": [None] * 3, "d": [Decimal(1), None, None]})
    encoder = TableEncoder(n_bins=0).fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["b", "b_missing", "d_missing"]
    assert encoder.ignored_columns_ == {"n": "all missing"}


def test_arrays_of_objects_are_read_column_by_column():
    X = np.array([[1, "a", True], [2.5, "b", False], [None, "a", True]], dtype=object)
    encoder = TableEncoder(n_bins=0).fit(X)
    names = encoder.get_feature_names_out().tolist()
    assert names == ["x0", "x2", "x0_missing", "x1_a", "x1_b"]
    assert_array_equal(encoder.transform(X), TableEncoder(n_bins=0).fit_transform(X.tolist()))


def test_strings_of_digits_are_categories():
    encoder = TableEncoder(n_bins=0).fit(np.array([["1"], ["2"], ["1"]]))
    assert encoder.categories_ == {"x0": ["1", "2"]}


def test_neither_pandas_nor_polars_is_needed():
    code = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in ("pandas", "polars", "pyarrow"):
            raise ImportError(name)

sys.meta_path.insert(0, Blocker())
from skdnn import TableEncoder
print(TableEncoder(n_bins=0).fit_transform([[1, "a"], [2, "b"], [4, "a"]]).shape)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "(3, 3)"


# Drift between fit and transform


@pytest.mark.parametrize(
    ("name", "drifted"),
    [
        ("town", lambda s: s.astype(object)),
        ("town", lambda s: s.astype("string[pyarrow]")),
        ("town", lambda s: s.cat.reorder_categories(["Rome", "Oslo", "Bonn"], ordered=True)),
        ("town", lambda s: s.cat.add_categories([f"new{i}" for i in range(99)])),
        ("sex", lambda s: s.astype("category")),
        ("note", lambda s: s.astype(object)),
        ("age", lambda s: s.astype(float)),
        ("age", lambda s: s.astype(str)),
        ("age", lambda s: s.astype("category")),
        ("visits", lambda s: s.astype(object)),
        ("member", lambda s: s.astype(object)),
        ("member", lambda s: s.astype(int)),
        ("member", lambda s: s.astype("category")),
        ("height", lambda s: s.astype("Float64")),
        ("joined", lambda s: s.astype(object)),
        ("joined", lambda s: s.astype("datetime64[ns]")),
        ("joined", lambda s: s.astype("str")),
        ("stay", lambda s: s.astype("str")),
        ("stay", lambda s: s.astype(object)),
    ],
)
def test_harmless_drift_changes_nothing(name, drifted):
    frame = people()
    encoder = TableEncoder(n_bins=0).fit(frame)
    changed = frame.assign(**{name: drifted(frame[name])})
    assert_array_equal(encoder.transform(changed), encoder.transform(frame))


@pytest.mark.parametrize("empty", [np.nan, None, pd.NaT, pd.NA])
@pytest.mark.parametrize("dtype", [object, "float64", "category", "datetime64[us]", "str", "Int64"])
def test_a_column_may_come_empty_in_any_type(dtype, empty):
    frame = people()
    encoder = TableEncoder(n_bins=0).fit(frame)
    for name in frame:
        gone = pd.Series([empty if dtype is object else None] * len(frame), dtype=dtype)
        kept = encoder.transform(frame.assign(**{name: gone}))
        assert np.isfinite(kept).all()
        own = [out.startswith(name) for out in encoder.get_feature_names_out()]
        told = [out == f"{name}_missing" for out in encoder.get_feature_names_out()]
        assert (kept[:, own].sum(axis=1) == sum(told)).all()


def test_categories_that_are_numbers_may_come_as_floats():
    X = pd.DataFrame({"c": pd.Categorical([1, 2, 1, 3])})
    encoder = TableEncoder(n_bins=0).fit(X)
    for kind in (float, object, "Int64", "str"):
        assert_array_equal(encoder.transform(X.astype(kind)), encoder.transform(X))


def test_an_ignored_column_may_hold_anything():
    X = pd.DataFrame({"id": list("abcd"), "x": [1, 2, 3, 4]})
    encoder = TableEncoder(n_bins=0).fit(X)
    changed = X.assign(id=[[1], {}, None, 2])
    assert_array_equal(encoder.transform(changed), encoder.transform(X))


# Errors


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, np.ones(2), {1}, (1,)])
def test_containers_in_cells_are_refused_by_name(cell):
    column = pd.Series(["a", "b", None], dtype=object)
    column[1] = cell
    with pytest.raises(TypeError, match=r"Column 'tags' of X: it holds .* each of their parts"):
        TableEncoder(n_bins=0).fit(pd.DataFrame({"tags": column}))


def test_infinity_is_refused_by_name():
    X = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, np.inf]})
    with pytest.raises(ValueError, match=r"X contains infinity .*'b'"):
        TableEncoder(n_bins=0).fit(X)
    encoder = TableEncoder(n_bins=0).fit(X.assign(b=[1.0, 2.0]))
    with pytest.raises(ValueError, match=r"X contains infinity .*'b'"):
        encoder.transform(X)
    with pytest.raises(ValueError, match="X contains infinity"):
        TableEncoder(n_bins=0).fit(X.to_numpy())


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1.0, 2.0], "Expected 2D array"),
        ([[1, 2], [3]], "rows of different lengths"),
        (np.empty((0, 3)), r"0 sample\(s\)"),
        (pd.DataFrame({"a": []}), r"0 sample\(s\)"),
        (pd.DataFrame(index=range(3)), r"0 feature\(s\)"),
        (np.ones((2, 2), complex), "Complex data not supported"),
        (pd.DataFrame({"z": [1j, 2]}), "Column 'z' of X: Complex data not supported"),
        (pd.DataFrame({"z": [1j, "a"]}), "Column 'z' of X: Complex data not supported"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"several columns named \['a'\]"),
        (sp.csr_array([[np.nan, 1.0]]), "contains NaN"),
        (pd.DataFrame({"n": [10**400, 1.5]}, dtype=object), "Column 'n' of X: int too large"),
    ],
)
def test_what_cannot_be_encoded_is_refused_with_the_reason(X, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder(n_bins=0).fit(X)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], "sample_weight"),
        ([1.0, -1.0, 1.0], "[Nn]egative"),
        ([0, 0, 0], "zero"),
    ],
)
def test_wrong_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder(n_bins=0).fit([[1], [2], [3]], sample_weight=weights)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("age", "old", "'age' of X held numbers in fit, but not now: it holds 'old'"),
        (
            "age",
            pd.Timestamp("2024-01-01"),
            "'age' of X held numbers in fit, but not now: it holds",
        ),
        ("stay", 5.0, "'stay' of X held durations in fit, but not now: it holds numbers such as 5"),
        (
            "age",
            pd.Timedelta("1D"),
            "'age' of X held numbers in fit, but not now: it holds durations such as 86400",
        ),
        ("town", 5.0, "'town' of X held strings in fit, but now holds numbers such as 5"),
        ("joined", 5.0, "'joined' of X held dates in fit, but not now: it holds .*5"),
        ("joined", "soon", "'joined' of X held dates in fit, but not now: .*soon"),
    ],
)
def test_values_of_another_kind_are_refused_by_name(name, value, message):
    frame = people()
    encoder = TableEncoder(n_bins=0).fit(frame)
    with pytest.raises(ValueError, match=message):
        encoder.transform(frame.assign(**{name: value}))


def test_other_columns_than_in_fit_are_refused():
    frame = people()
    encoder = TableEncoder(n_bins=0).fit(frame)
    with pytest.raises(ValueError, match="same order"):
        encoder.transform(frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match="seen at fit time, yet now missing"):
        encoder.transform(frame.drop(columns="age"))


@pytest.mark.parametrize("library", [pd, pl])
def test_later_numbers_are_the_strings_of_fit_if_only_some_of_these_are_numbers(library):
    encoder = TableEncoder().fit(library.DataFrame({"c": ["1", "2", "many"] * 20}))
    numbers, strings = library.DataFrame({"c": [1, 2]}), library.DataFrame({"c": ["1", "2"]})
    np.testing.assert_array_equal(encoder.transform(numbers), encoder.transform(strings))
    assert len(np.unique(encoder.transform(numbers), axis=0)) == 2
