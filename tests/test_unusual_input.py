"""Input that is easily lost, misread or refused with the wrong words."""

import datetime
from enum import StrEnum

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from sklearn.preprocessing import FunctionTransformer

from skdnn import DeepNetClassifier, TableEncoder
from skdnn.tabular.read_columns import as_text

QUICK = {"n_members": 2, "max_iter": 3, "hidden_layer_sizes": (8,), "random_state": 0}
X = np.random.default_rng(0).normal(size=(120, 3))
y = (X[:, 0] > 0).astype(int)


def test_a_fraction_is_the_same_category_in_either_floating_type():
    frame = pd.DataFrame({"c": pd.Categorical([0.1, 0.2] * 20), "z": [*range(20)] * 2})
    encoder = TableEncoder(n_bins=0).fit(frame)
    expected = encoder.transform(frame)
    assert expected[:, 1:].sum() == 40
    for dtype in ("float64", "float32", "Float32"):
        np.testing.assert_array_equal(encoder.transform(frame.astype({"c": dtype})), expected)
    singles = pl.DataFrame(
        {"c": pl.Series([0.1, 0.2] * 20, dtype=pl.Float32), "z": [*range(20)] * 2}
    )
    np.testing.assert_array_equal(encoder.transform(singles), expected)


def test_fractions_keep_all_their_digits_however_few_the_rows():
    values = [0.12345678901234, 0.12345678901235, 1e-50, 1234567.89012, 1.00000001, 1e-60, 0.1]
    assert [as_text(value) for value in values] == list(map(repr, values))
    frame = pd.DataFrame({"c": pd.Categorical(values * 3)})
    encoder = TableEncoder().fit(frame)
    assert len(encoder.categories_["c"]) == len(values)
    for row in range(len(values)):
        one = encoder.transform(frame.iloc[[row]])
        np.testing.assert_array_equal(one, encoder.transform(frame)[[row]])


@pytest.mark.parametrize("number", [20210505, 20210505.12, np.float64(20210505.12)])
@pytest.mark.parametrize("beside", ["2021-05-05", pd.Timestamp("2021-05-05"), 20210505])
def test_a_number_is_never_read_as_a_date(beside, number):
    days = pd.DataFrame({"d": pd.date_range("2020-01-01", periods=60)})
    encoder = TableEncoder(n_bins=0).fit(days)
    column = pd.Series([number, beside] * 30, dtype=object)
    with pytest.raises(ValueError, match=r"'d' of X held dates in fit.*20210505"):
        encoder.transform(pd.DataFrame({"d": column}))


def test_times_of_any_unit_are_the_same_category():
    cells = np.array([[datetime.datetime(2020, 1, 1)], ["k"]] * 3, object)
    encoder = TableEncoder(n_bins=0).fit(cells)
    for unit in ("us", "ns"):
        day = np.array([["2020-01-01"]], f"M8[{unit}]")
        np.testing.assert_array_equal(encoder.transform(day), encoder.transform(cells[:1]))
    cells = np.array([[datetime.timedelta(days=1)], ["k"]] * 3, object)
    encoder = TableEncoder(n_bins=0).fit(cells)
    for unit in ("s", "us", "ns"):
        span = np.array([[86400]], "m8[s]").astype(f"m8[{unit}]")
        np.testing.assert_array_equal(encoder.transform(span), encoder.transform(cells[:1]))


@pytest.mark.parametrize(
    "kind",
    [pd.DataFrame.copy, pd.DataFrame.to_numpy, pl.from_pandas, lambda f: f.astype("category")],
)
def test_dates_do_not_pass_through_as_numbers(kind):
    days = pd.DataFrame({"d": pd.date_range("2020-01-01", periods=120)})
    with pytest.raises(ValueError, match=r"Input X must be numbers, but it holds dates"):
        DeepNetClassifier(**QUICK, encoder="passthrough").fit(kind(days), y)


@pytest.mark.parametrize("classes", [[0, 1, np.nan], [0, None], ["a", "b", np.nan]])
def test_a_missing_value_is_no_class(classes):
    with pytest.raises(ValueError, match="classes contains NaN or None"):
        DeepNetClassifier(**QUICK).partial_fit(X, y, classes=classes)


def test_masked_values_are_missing_values():
    masked = np.ma.masked_greater(X, 1)
    gappy = masked.filled(np.nan)
    ours, theirs = (DeepNetClassifier(**QUICK).fit(rows, y) for rows in (masked, gappy))
    np.testing.assert_array_equal(ours.predict_proba(masked), theirs.predict_proba(gappy))
    encoders = TableEncoder(n_bins=0).fit(masked), TableEncoder(n_bins=0).fit(gappy)
    assert "x0_missing" in encoders[0].get_feature_names_out()
    np.testing.assert_array_equal(*(encoder.transform(masked) for encoder in encoders))
    with pytest.raises(ValueError, match="X contains NaN"):
        DeepNetClassifier(**QUICK, encoder="passthrough").fit(masked, y)
    with pytest.raises(ValueError, match="y has masked values"):
        DeepNetClassifier(**QUICK).fit(X, np.ma.masked_equal(y, 1))
    with pytest.raises(ValueError, match="sample_weight has masked values"):
        DeepNetClassifier(**QUICK).fit(X, y, np.ma.masked_equal(y + 1, 1))
    for unit in ("us", "ns"):
        days = np.ma.masked_array(np.arange(4).reshape(4, 1) * 400, np.eye(4, 1))
        days = np.ma.masked_array(days.data.astype("M8[D]").astype(f"M8[{unit}]"), days.mask)
        assert "x0_missing" in TableEncoder().fit(days).get_feature_names_out()
        assert "x0_time" in TableEncoder().fit(days).get_feature_names_out()
    words = np.ma.masked_array(np.array([["a"], ["b"], ["a"]], object), [[0], [0], [1]])
    names = TableEncoder().fit(words).get_feature_names_out().tolist()
    assert names == ["x0_a", "x0_b", "x0_missing"]


LABELS = {
    "objects that are numbers": y.astype(object),
    "objects that are booleans": (y == 1).astype(object),
    "nullable labels of two kinds": pd.DataFrame({"a": y, "b": y * 0 + 1}).astype("Int64"),
    "booleans beside numbers": pd.DataFrame({"a": y == 1, "b": y * 0 + 1}),
    "objects that are NumPy's numbers": np.array(list(y), object),
    "objects that are NumPy's booleans": np.array(list(y == 1), object),
    "objects of Python's and NumPy's": np.array([*y.tolist()[:9], *y[9:]], object),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_that_fit_takes_are_scored(kind):
    labels = LABELS[kind]
    net = DeepNetClassifier(**QUICK).fit(X, labels)
    plain = np.asarray(labels).astype(int)
    hits = net.predict(X).astype(int) == plain
    assert net.score(X, labels) == (hits.all(axis=1) if hits.ndim == 2 else hits).mean()


@pytest.mark.parametrize("n_classes", [3, 12])
def test_texts_are_never_taken_for_classes_that_are_numbers(n_classes):
    labels = np.arange(120) % n_classes
    with pytest.raises(ValueError, match=r"y_val contains the labels \['0', '1'"):
        DeepNetClassifier(**QUICK).fit(X, labels, X_val=X, y_val=labels.astype(str))


def test_classes_in_an_array_of_objects_are_what_they_hold():
    net = DeepNetClassifier(**QUICK).partial_fit(X, y + 9, classes=np.array([9, 10], object))
    assert net.classes_.dtype.kind == "i"
    with pytest.raises(ValueError, match=r"y contains the labels \['10', '9'\]"):
        net.partial_fit(X, (y + 9).astype(str))


class Answer(StrEnum):
    NO = "no"
    YES = "yes"


TEXTS = {
    "NumPy's": [np.str_(answer.value) for answer in Answer],
    "of an Enum": list(Answer),
    "NumPy's and Python's": [np.str_("no"), "yes"],
}
if hasattr(np.dtypes, "StringDType"):  # since NumPy 2
    TEXTS["NumPy's that vary in length"] = np.array(["no", "yes"], np.dtypes.StringDType())


@pytest.mark.parametrize("kind", TEXTS)
def test_labels_of_any_kind_of_text_are_texts(kind):
    texts = TEXTS[kind]
    labels = texts[y] if isinstance(texts, np.ndarray) else np.array([texts[k] for k in y], object)
    plain = np.array(["no", "yes"])[y]
    net = DeepNetClassifier(**QUICK).fit(X, labels)
    expected = DeepNetClassifier(**QUICK).fit(X, plain)
    np.testing.assert_array_equal(net.predict(X), expected.predict(X))
    assert net.score(X, labels) == expected.score(X, plain)
    assert net.partial_fit(X, plain).partial_fit(X, labels).classes_.tolist() == ["no", "yes"]


def test_a_set_of_classes_is_all_of_them():
    net = DeepNetClassifier(**QUICK).partial_fit(X, y + 9, classes={10, 9, 11})
    assert net.classes_.tolist() == [9, 10, 11]


def test_too_few_classes_are_told_from_too_few_labels():
    with pytest.raises(ValueError, match=r"classes has 1 class \(0\)"):
        DeepNetClassifier(**QUICK).partial_fit(X, 0 * y, classes=[0])


def test_a_list_of_labels_with_a_missing_value_is_refused():
    with pytest.raises(ValueError, match="NaN or None in 1 of 120"):
        DeepNetClassifier(**QUICK).fit(X, ["a", "b"] * 59 + ["a", np.nan])


def test_what_an_encoder_of_ones_own_returns_is_named():
    encoder = FunctionTransformer(lambda rows: np.where(rows > 1, np.nan, rows))
    with pytest.raises(ValueError, match="What the encoder returns contains NaN in column"):
        DeepNetClassifier(**QUICK, encoder=encoder).fit(X, y)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (
            lambda rows: rows[:5],
            r"What the encoder returns must .* of 120 rows, .* \(5, 3\)",
        ),
        (lambda rows: pd.Series(rows[:, 0]), r"What the encoder returns .* shape is \(120,\)"),
        (lambda rows: rows[:, 0], r"What the encoder returns .* shape is \(120,\)"),
    ],
)
def test_an_encoder_of_ones_own_returns_a_row_for_each(returned, message):
    with pytest.raises(ValueError, match=message):
        DeepNetClassifier(**QUICK, encoder=FunctionTransformer(returned)).fit(X, y)


def test_a_series_is_no_table():
    with pytest.raises(ValueError, match=r"Expected 2D array.*Series.*df.iloc\[\[0\]\]"):
        TableEncoder().fit(pd.Series([1.0, 2.0]))


def test_a_query_that_has_not_run_is_no_table():
    lazy = pl.DataFrame(X).lazy()
    for estimator in (DeepNetClassifier(**QUICK), TableEncoder()):
        with pytest.raises(TypeError, match=r"LazyFrame.*collect\(\)"):
            estimator.fit(lazy, y)
    with pytest.raises(TypeError, match=r"y is a LazyFrame.*collect\(\)"):
        DeepNetClassifier(**QUICK).fit(X, pl.LazyFrame({"y": y}))


def test_numbers_too_large_for_the_type_are_refused_without_a_warning():
    for rows in (X * 1e300, pd.DataFrame(X * 1e300)):
        with pytest.raises(ValueError, match="a value too large"):
            DeepNetClassifier(**QUICK, encoder="passthrough").fit(rows, y)


def test_a_list_of_rows_is_the_array_of_its_cells():
    rng = np.random.default_rng(0)
    rows = [
        [float(a), text, float(level), [np.nan, "p"][known]]
        for a, text, level, known in zip(
            X[:, 0], rng.choice(["u", "v"], 120), rng.integers(3, size=120), y, strict=True
        )
    ]
    cells = np.empty((120, 4), object)
    cells[:] = rows
    by_list = DeepNetClassifier(**QUICK).fit(rows, y)
    by_array = DeepNetClassifier(**QUICK).fit(cells, y)
    names = by_array.encoder_.get_feature_names_out().tolist()
    assert by_list.encoder_.get_feature_names_out().tolist() == names
    assert "x3_missing" in names
    expected = by_array.predict_proba(cells)
    for net, table in ((by_list, rows), (by_list, cells), (by_array, rows)):
        np.testing.assert_array_equal(net.predict_proba(table), expected)


SPARSE = sp.csr_array(np.maximum(X[:90], 0))  # more rows are too many diagonals
TABLES = {
    "bsr": SPARSE.tobsr(),
    "dia": SPARSE.todia(),
    "coo": SPARSE.tocoo(),
    "record batch": pa.RecordBatch.from_pandas(pd.DataFrame(X[:90], columns=list("abc"))),
    "table of pyarrow's": pa.Table.from_pandas(pd.DataFrame(X[:90], columns=list("abc"))),
}


@pytest.mark.parametrize("kind", TABLES)
def test_rows_of_weight_zero_are_left_out_of_any_table(kind):
    table, weights = TABLES[kind], np.arange(90) % 3 * 1.0
    plain = table.tocsr() if sp.issparse(table) else table.to_pandas()
    probabilities = []
    for rows in (table, plain):
        validation = {"X_val": rows, "y_val": y[:90], "sample_weight_val": weights[::-1]}
        net = DeepNetClassifier(**QUICK).fit(rows, y[:90], weights, **validation)
        probabilities.append(net.predict_proba(rows))
    np.testing.assert_array_equal(*probabilities)


@pytest.mark.skipif(np.finfo(np.longdouble).max <= np.finfo(float).max, reason="no longer type")
def test_numbers_beyond_float64_are_refused():
    rows = X.astype(np.longdouble) * np.longdouble("1e4000")
    for encoder in ("auto", "passthrough"):
        with pytest.raises(ValueError, match="a value too large"):
            DeepNetClassifier(**QUICK, encoder=encoder).fit(rows, y)


def test_fit_does_not_depend_on_what_numpy_raises():
    with np.errstate(all="raise"):
        DeepNetClassifier(**QUICK).fit(X, y)


def test_the_reason_for_a_refused_column_is_given_once():
    net = DeepNetClassifier(**QUICK).fit(pd.DataFrame(X, columns=list("abc")), y)
    with pytest.raises(ValueError, match=r"^Column 'a' of X: Complex") as refusal:
        net.predict(pd.DataFrame(X, columns=list("abc")).assign(a=1j))
    assert ".." not in str(refusal.value)
