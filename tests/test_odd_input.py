"""Input that is easily lost, misread or refused with the wrong words."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.preprocessing import FunctionTransformer

from skdnn import DeepNetClassifier, TableEncoder
from skdnn.columns import as_text

QUICK = {"n_members": 2, "max_iter": 3, "hidden_layer_sizes": (8,), "random_state": 0}
X = np.random.default_rng(0).normal(size=(120, 3))
y = (X[:, 0] > 0).astype(int)


def test_a_fraction_is_the_same_level_in_either_floating_type():
    frame = pd.DataFrame({"c": pd.Categorical([0.1, 0.2] * 20), "z": range(40)})
    encoder = TableEncoder(n_bins=0).fit(frame)
    expected = encoder.transform(frame)
    assert expected[:, 1:].sum() == 40
    for dtype in ("float64", "float32", "Float32"):
        np.testing.assert_array_equal(encoder.transform(frame.astype({"c": dtype})), expected)
    singles = pl.DataFrame({"c": pl.Series([0.1, 0.2] * 20, dtype=pl.Float32), "z": range(40)})
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


def test_times_of_any_unit_are_the_same_level():
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
def test_a_gap_is_no_class(classes):
    with pytest.raises(ValueError, match="classes contains NaN or None"):
        DeepNetClassifier(**QUICK).partial_fit(X, y, classes=classes)


def test_what_a_mask_hides_is_a_gap():
    masked = np.ma.masked_greater(X, 1)
    gappy = masked.filled(np.nan)
    ours, theirs = (DeepNetClassifier(**QUICK).fit(rows, y) for rows in (masked, gappy))
    np.testing.assert_array_equal(ours.predict_proba(masked), theirs.predict_proba(gappy))
    encoders = TableEncoder(n_bins=0).fit(masked), TableEncoder(n_bins=0).fit(gappy)
    assert "x0_missing" in encoders[0].get_feature_names_out()
    np.testing.assert_array_equal(*(encoder.transform(masked) for encoder in encoders))
    with pytest.raises(ValueError, match="X contains NaN"):
        DeepNetClassifier(**QUICK, encoder="passthrough").fit(masked, y)
    with pytest.raises(ValueError, match="y is masked"):
        DeepNetClassifier(**QUICK).fit(X, np.ma.masked_equal(y, 1))
    with pytest.raises(ValueError, match="sample_weight is masked"):
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
    "nullable labels of two kinds": pd.DataFrame({"a": y, "b": 1 - y}).astype("Int64"),
    "booleans beside numbers": pd.DataFrame({"a": y == 1, "b": 1 - y}),
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
    with pytest.raises(ValueError, match=r"y contains the labels \['0', '1'"):
        DeepNetClassifier(**QUICK).fit(X, labels, X_val=X, y_val=labels.astype(str))


def test_classes_in_an_array_of_objects_are_what_they_hold():
    net = DeepNetClassifier(**QUICK).partial_fit(X, y + 9, classes=np.array([9, 10], object))
    assert net.classes_.dtype.kind == "i"
    with pytest.raises(ValueError, match=r"y contains the labels \['10', '9'\]"):
        net.partial_fit(X, (y + 9).astype(str))


def test_a_list_of_labels_with_a_gap_is_refused():
    with pytest.raises(ValueError, match="NaN or None in 1 of 120"):
        DeepNetClassifier(**QUICK).fit(X, ["a", "b"] * 59 + ["a", np.nan])


def test_what_an_encoder_of_ones_own_returns_is_named():
    encoder = FunctionTransformer(lambda rows: np.where(rows > 1, np.nan, rows))
    with pytest.raises(ValueError, match="What the encoder returns contains NaN in column"):
        DeepNetClassifier(**QUICK, encoder=encoder).fit(X, y)


def test_a_series_is_no_table():
    with pytest.raises(ValueError, match=r"Expected 2D.*to_frame"):
        TableEncoder().fit(pd.Series([1.0, 2.0]))


def test_a_query_that_has_not_run_is_no_table():
    lazy = pl.DataFrame(X).lazy()
    for estimator in (DeepNetClassifier(**QUICK), TableEncoder()):
        with pytest.raises(TypeError, match=r"LazyFrame.*collect\(\)"):
            estimator.fit(lazy, y)


def test_numbers_too_large_for_the_type_are_refused_without_a_warning():
    for rows in (X * 1e300, pd.DataFrame(X * 1e300)):
        with pytest.raises(ValueError, match="a value too large"):
            DeepNetClassifier(**QUICK, encoder="passthrough").fit(rows, y)
