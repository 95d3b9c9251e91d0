"""Errors and warnings name the column and the argument at fault, as the user wrote them."""

import datetime
import re
import warnings
from decimal import Decimal

import dask.dataframe
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.utils.fixes import parse_version

from skdnn import DeepNetClassifier, TableEncoder

N = 60
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=N).round(3)
HALVES = RNG.integers(0, 2, N)
INFINITE = np.where(NUMBERS > 1.5, np.inf, NUMBERS)
QUICK = {"max_iter": 2, "hidden_layer_sizes": (4,), "n_members": 2, "random_state": 0}
ERRORS = (ValueError, TypeError)


def quick(**params):
    return DeepNetClassifier(**QUICK, **params)


# Columns whose names are no strings

NAMES = {"numbers": (7, 9), "tuples": (("a", 1), ("b", 2)), "dates": (datetime.date(2020, 1, 1), 9)}


@pytest.mark.parametrize("kind", NAMES)
def test_columns_have_their_own_names_in_messages(kind):
    names = NAMES[kind]

    def table(column):
        frame = pd.DataFrame({0: column, 1: NUMBERS})
        frame.columns = pd.Index(names, dtype=object, tupleize_cols=False)
        return frame

    def refused(action):
        with pytest.raises(ERRORS) as caught:
            action()
        return str(caught.value)

    name, clean = repr(names[0]), table(NUMBERS)
    assert f"in column(s) [{name}]" in refused(lambda: quick().fit(table(INFINITE), HALVES))
    net = quick().fit(clean, HALVES)
    assert f"in column(s) [{name}]" in refused(lambda: net.predict(table(INFINITE)))
    assert f"Column {name} of X held" in refused(lambda: net.predict(table(["q"] * N)))
    assert f"Column {name} of X:" in refused(lambda: net.predict(table([[1]] * N)))
    for strings in (
        [f"${v:.2f}" for v in NUMBERS],
        [f"a long text of words {n}" for n in range(N)],
    ):
        with pytest.warns(UserWarning, match="Columns of|Columns") as caught:
            TableEncoder().fit(table(strings))
        assert name in str(caught[0].message)


# Columns that are no numbers, without an encoder

NO_NUMBERS = {
    "words": ["q"] * N,
    "dates": [datetime.date(2020, 1, 1)] * N,
    "durations": [datetime.timedelta(1)] * N,
    "periods": list(pd.period_range("2020", periods=N, freq="D")),
    "typed periods": pd.Series(pd.period_range("2020", periods=N, freq="D")),
    "typed dates": pd.Series(pd.date_range("2020", periods=N)),
    "lists": [[1, 2]] * N,
    "infinity": INFINITE,
    "missing values": np.where(NUMBERS > 1, np.nan, NUMBERS),
    "large numbers": [Decimal("1e400")] * N,
}


@pytest.mark.parametrize("in_fit", [True, False])
@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_columns_that_are_no_numbers_are_refused_by_name_without_an_encoder(kind, in_fit):
    net = quick(encoder="passthrough")
    for names in (("when", "other"), (1, 2)):
        frame = pd.DataFrame({names[0]: NUMBERS, names[1]: NO_NUMBERS[kind]})
        clean = pd.DataFrame(dict.fromkeys(names, NUMBERS))
        with pytest.raises(ERRORS, match=rf"[cC]olumn(\(s\))? \[?{names[1]!r}"):
            net.fit(frame if in_fit else clean, HALVES).predict(frame)


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_dates_are_refused_without_an_encoder_with_the_encoder_that_reads_them(zone):
    frame = pd.DataFrame({"when": pd.date_range("2020", periods=N, tz=zone)})
    with pytest.raises(ValueError, match=r"'when'.*encoder='auto'"):
        quick(encoder="passthrough").fit(frame, HALVES)


# What is no table

FRAME = pd.DataFrame({"a": NUMBERS, "c": np.array(["u", "v"])[HALVES]})
NO_TABLES = {
    "a series of polars": (pl.Series(NUMBERS), "Series.*(table|row)"),
    "a column of Arrow": (pa.chunked_array([NUMBERS]), "ChunkedArray.*table"),
    "all records of NumPy": (FRAME.to_records(index=False), r"pandas\.DataFrame\(X\)"),
    "a dict and None": ([FRAME.iloc[0].to_dict(), None], "list of dicts.*NoneType"),
    "a dict and a list": (
        [FRAME.iloc[0].to_dict(), [1, 2, 3]],
        "list of dicts",
    ),
    "a style": (FRAME.style, "Styler|2D array"),
    "dask.dataframe": (
        dask.dataframe.from_pandas(FRAME, npartitions=2),
        r"X\.compute\(\).*DaskDeepNetClassifier",
    ),
}

if parse_version(pd.__version__).major > 2:  # its strings are UTF-8; in others this is a category
    NO_TABLES["a lone surrogate"] = ({"a": 1.0, "c": "\ud800"}, "list of dicts.*surrogates")


@pytest.mark.parametrize("kind", NO_TABLES)
def test_what_is_no_table_is_refused_with_advice(kind):
    given, message = NO_TABLES[kind]
    net = quick().fit(FRAME, HALVES)
    for action in (lambda: net.predict(given), lambda: quick().fit(given, HALVES)):
        with pytest.raises(ERRORS, match=f"(?s){message}"):
            action()


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b"] * (N // 2), pa.string_view()),
        pa.array([b"a", b"b"] * (N // 2), pa.binary_view()),
        pa.array([(1, 2, 3)] * N, pa.month_day_nano_interval()),
        pa.RunEndEncodedArray.from_arrays([N], ["a"]),
    ],
)
def test_types_that_pandas_cannot_convert_are_named(column):
    frame = FRAME.assign(s=pd.Series(column, dtype=pd.ArrowDtype(column.type)))
    try:
        frame["s"].to_numpy()
    except Exception:
        named = f"'s' of X: not implemented: {re.escape(str(column.type))}"
        with pytest.raises(ERRORS, match=named):
            quick().fit(frame, HALVES)
    else:
        pytest.skip("this version of pandas can convert it")


def test_the_gradient_of_a_tensor_is_not_needed():
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(np.column_stack([NUMBERS, HALVES]), requires_grad=True)
    net = quick().fit(tensor, HALVES)
    expected = net.predict_proba(tensor.detach().numpy())
    np.testing.assert_array_equal(net.predict_proba(tensor), expected)


# Other arguments

ARGUMENTS = {
    "one number as classes": (
        lambda: quick().partial_fit(FRAME, HALVES, classes=2),
        "^classes must be a list",
    ),
    "a string as classes": (
        lambda: quick().partial_fit(FRAME, HALVES, classes="01"),
        "^classes must be a list",
    ),
    "two labels of one name": (
        lambda: quick().fit(
            FRAME, pd.DataFrame({0: HALVES, 1: NUMBERS > 0}).set_axis(["p"] * 2, axis=1)
        ),
        r"y has several columns named \['p'\]",
    ),
    "other labels in y_val": (
        lambda: quick().fit(FRAME, HALVES, X_val=FRAME, y_val=HALVES + 1),
        r"y_val contains the labels \[2\], which are not among the classes \[0, 1\]\.$",
    ),
    "a url": (lambda: quick().fit("s3://b/x.parquet", y="y"), "'s3://b/x.parquet'"),
    "times of day": (
        lambda: quick().fit(FRAME, HALVES).predict(FRAME.assign(a=[datetime.time(20, 24, 53)] * N)),
        "times of day such as 73493.0 seconds",
    ),
    "durations": (
        lambda: quick().fit(FRAME, HALVES).predict(FRAME.assign(a=[datetime.timedelta(1.5)] * N)),
        "durations such as 129600.0 seconds",
    ),
}


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_other_arguments_are_named(kind):
    action, message = ARGUMENTS[kind]
    with pytest.raises((*ERRORS, FileNotFoundError), match=message):
        action()


@pytest.mark.parametrize("word", ["None", "?", " ? "])
def test_classes_that_stand_for_missing_labels_are_warned_of(word):
    with pytest.warns(UserWarning, match=rf"y has the class {word!r}".replace("?", r"\?")):
        quick().fit(FRAME, np.where(HALVES, word, "x"))


def test_a_class_called_none_is_a_class():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = quick().fit(FRAME, np.where(HALVES, "none", "mild"))
    assert net.classes_.tolist() == ["mild", "none"]
