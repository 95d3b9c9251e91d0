"""Every kind of y that tables bring: what is learnt, or the words of the error or the warning."""

import datetime
import io
import warnings
from decimal import Decimal
from enum import Enum
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from attribute_names import attribute_names
from scipy.sparse import csr_array
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import cross_val_score

from skdnn import DeepNetClassifier, integrated_gradients
from skdnn.estimator import label_checks

N = 60
X = np.random.default_rng(0).normal(size=(N, 3))
FRAME = pd.DataFrame(X, columns=list("abc"))
K = np.arange(N) % 3  # the classes as numbers
BITS = np.stack([K > 0, K < 2], axis=1).astype(int)
DAYS = [datetime.date(2020, 1, 1 + k) for k in K]
ONE_HOT = np.eye(3, dtype=int)[K]
WORDS = np.array(["no", "yes", "don't know"])[K]
QUICK = {"max_iter": 2, "hidden_layer_sizes": (4,), "n_members": 2, "random_state": 0}


def from_csv(values, **options):
    """Return a column that went through a CSV file."""
    text = pd.DataFrame({"y": values}).to_csv(index=False)
    return pd.read_csv(io.StringIO(text), **options)["y"]


def fit(y, rows=X, **params):
    return DeepNetClassifier(**QUICK, **params).fit(rows, y)


class Color(Enum):
    RED = 1
    GREEN = 2
    BLUE = 3


ACCEPTED = {
    "strings": [
        WORDS.tolist(),
        from_csv(WORDS),
        pd.Series(WORDS, dtype="string"),
        pd.Series(WORDS, dtype=pd.ArrowDtype(pa.string())),
        pd.Series(WORDS, dtype="category"),
        pl.Series(WORDS),
        pl.Series(WORDS, dtype=pl.Categorical),
        pl.Series(WORDS, dtype=pl.Enum(sorted(set(WORDS)))),
        pa.array(WORDS),
        pa.array(WORDS).dictionary_encode(),
        pa.chunked_array([WORDS[:20], WORDS[20:]]),
    ],
    "numbers": [
        K.tolist(),
        from_csv(K),
        from_csv(K * 1.0),
        K.astype(object),
        pd.Series(K, dtype="Int64"),
        pd.Series(K, dtype="int8[pyarrow]"),
        pd.Series(K, dtype="category"),
        pd.Series(pd.arrays.SparseArray(K)),
        pl.Series(K, dtype=pl.UInt8),
        pl.Series(K * 1.0),
        pa.array(K),
        [float(k) if k else 0 for k in K],
    ],
    "booleans": [
        (K > 0).tolist(),
        from_csv(K > 0),
        pd.Series(K > 0, dtype="boolean"),
        pd.Series(K > 0, dtype="bool[pyarrow]"),
        pl.Series(K > 0),
        pa.array(K > 0),
    ],
}


@pytest.mark.parametrize("kind", ACCEPTED)
def test_labels_of_any_container_are_learnt_and_scored_alike(kind):
    expected = {"strings": WORDS, "numbers": K, "booleans": K > 0}[kind]
    plain = fit(expected)
    for y in ACCEPTED[kind]:
        net = fit(y)
        assert net.classes_.tolist() == sorted(set(expected.tolist()))
        np.testing.assert_array_equal(net.predict(X), plain.predict(X))
        assert net.score(X, y) == plain.score(X, expected)


def lists_of(first, second):
    """Return containers of two labels of a kind, for each of the rows in turn."""
    cells = [first, second] * (N // 2)
    of_objects = np.empty(N, object)
    of_objects[:] = cells
    return [cells, of_objects, pd.Series(cells, dtype=object), pl.Series(cells, dtype=pl.Object)]


SEVERAL = [["a"], ["a", "b"]] * (N // 2)
REFUSED = {
    # the name of a column
    r'df\["target"\].*df\.drop\(columns="target"\)': ["target"],
    r"df\[3\].*df\.drop\(columns=3\)": [3],
    r"must have a label for each row": [iter(K), {1, 2}, {"y": K}, np.array(3), 1.5],
    # several labels a row
    "MultiLabelBinarizer": [
        SEVERAL,
        [("a", "b"), ("c", "d")] * (N // 2),
        [{"a"}, {"a", "b"}] * (N // 2),
        pd.Series(SEVERAL),
        pd.Series(SEVERAL, dtype=pd.ArrowDtype(pa.list_(pa.string()))),
        pl.Series(SEVERAL),
        pa.array(SEVERAL),
        pa.array([[1, 2], [3, 4]] * (N // 2)),
        pd.DataFrame({"u": WORDS, "v": WORDS}),
        pl.DataFrame({"u": K, "v": K}),
    ],
    # real numbers
    r"continuous.*qcut.*regressor": [
        X[:, 0],
        X[:, 0].tolist(),
        X[:, :1],
        from_csv(X[:, 0]),
        pd.Series(X[:, 0], dtype="Float64"),
        pl.Series(X[:, 0], dtype=pl.Float32),
        pa.array(X[:, 0]),
        1e19 * K,
    ],
    # labels that scikit-learn's metrics do not compare
    r"type Decimal.*y\.astype\(str\)": [
        *lists_of(Decimal("0"), Decimal("1.5")),
        pa.array([Decimal(int(k)) for k in K]),
        pl.Series([Decimal(int(k)) for k in K]),
        pd.Series([Decimal(int(k)) for k in K], dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
    ],
    r"type Fraction.*y\.astype\(str\)": lists_of(Fraction(1, 2), Fraction(1)),
    r"type date.*y\.astype\(str\)": [DAYS, pd.Series(DAYS), np.array(DAYS), tuple(DAYS)],
    r"type Timestamp.*y\.astype\(str\)": [
        pd.Series(pd.to_datetime(DAYS)).dt.tz_localize("UTC"),
        pd.to_datetime(DAYS).tolist(),
    ],
    # polars itself replaces members of an Enum by their values
    r"type Color.*y\.astype\(str\)": lists_of(Color.RED, Color.BLUE)[:3],
    r"type Interval.*y\.astype\(str\)": [pd.cut(pd.Series(K), 2)],
    r"type Period.*y\.astype\(str\)": [pd.Series(pd.to_datetime(DAYS)).dt.to_period("D")],
    r"type int.*64 bits.*y\.astype\(str\)": [
        *lists_of(2**70, 2**70 + 1),
        *lists_of(2**63, -1)[:3],
    ],
    r"type bytes.*y\.astype\(str\)": [np.array([b"a", b"b", b"c"])[K], [b"a", b"b"] * (N // 2)],
    r"type complex.*y\.astype\(str\)": [K + 1j],
    # strings beside other labels
    r"type int and str.*y\.astype\(str\)": [
        *lists_of(1, "b"),
        *lists_of("1", 2),
        pd.Series([1, "b"] * (N // 2), dtype="category"),
    ],
    r"type bool and str.*y\.astype\(str\)": lists_of(True, "unknown"),
    # missing labels
    "NaN or None": [
        np.where(K, WORDS, None),
        np.where(K, WORDS, None).tolist(),
        from_csv(np.where(K, WORDS, "")),
        pd.Series(K, dtype="Int64").mask(K == 0),
        pl.Series([None, 1, 2] * (N // 3)),
        pa.array([None, 1, 2] * (N // 3)),
        pa.array([None, "a", "b"] * (N // 3)).dictionary_encode(),
        [np.nan, 1, 2] * (N // 3),
        np.where(K, K, np.nan).astype(np.float32),
        np.array(["NaT", "2020", "2021"] * (N // 3), "M8[D]"),
        np.array(["NaT", 1, 2] * (N // 3), "m8[s]"),
    ],
}


@pytest.mark.parametrize("dtype", [np.float64, "M8[D]", "m8[s]"])
def test_missing_labels_of_one_type_are_counted_at_once(dtype, monkeypatch):
    monkeypatch.setitem(label_checks.refuse_missing.__globals__, "is_missing", None)
    y = K.astype(dtype)
    assert fit(y).classes_.tolist() == np.unique(y).tolist()
    y[::7] = np.array("NaT" if y.dtype.kind in "mM" else "nan", y.dtype)
    with pytest.raises(ValueError, match="NaN or None in 9 of 60 places"):
        fit(y)


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_no_label_is_refused_with_words_that_mend_it(words):
    for y in REFUSED[words]:
        with pytest.raises(ValueError, match=words):
            fit(y, FRAME)


def test_what_the_advice_makes_of_refused_labels_is_learnt():
    days, sums = pd.Series(DAYS), pd.Series(lists_of(Decimal(0), Decimal(1))[0])
    several = pd.Series(pd.cut(pd.Series(K), 2))
    for y in (days.astype(str), sums.astype(str), several.astype(str), list(map(str, DAYS))):
        assert set(fit(y).classes_) == set(map(str, y))
    quarters = pd.qcut(X[:, 0], 4, labels=False)
    assert fit(quarters).classes_.tolist() == [0, 1, 2, 3]


def blank(label):
    """Return labels of which a third is a string that stands for a missing one."""
    labels = np.where(K == 0, label, WORDS)
    return [labels, labels.tolist(), pd.Series(labels), pl.Series(labels), pa.array(labels)]


WARNED = {
    r"one-hot.*y\.argmax\(axis=1\)": [ONE_HOT, ONE_HOT == 1, ONE_HOT * 1.0, csr_array(ONE_HOT)],
    r"one-hot.*y\.idxmax\(axis=1\)": [
        pd.DataFrame(ONE_HOT, columns=list("uvw")),
        pd.get_dummies(WORDS),
        pd.get_dummies(WORDS, dtype="Int64"),
        pd.read_csv(io.StringIO(pd.get_dummies(WORDS).to_csv(index=False))),
    ],
    r"one-hot.*np\.argmax\(y, axis=1\)": [
        ONE_HOT.tolist(),
        pl.DataFrame(ONE_HOT),
        pl.Series("y", WORDS).to_dummies(),
        pa.table({"u": ONE_HOT[:, 0], "v": 1 - ONE_HOT[:, 0]}),
    ],
    "60 classes in 60 rows.*identifier.*regression": [
        np.arange(N),
        np.arange(N).tolist(),
        from_csv(np.arange(N)),
        pd.Series(np.arange(N), dtype="Int64"),
        pl.Series(np.arange(N) * 1.0),
        pa.array([f"customer {k}" for k in range(N)]),
    ],
    "the class '', in 20 of 60 rows.*drop": [
        *blank(""),
        from_csv(np.where(K == 0, "", WORDS), keep_default_na=False),
    ],
    "the class '  ', in 20 of 60 rows.*drop": blank("  "),
    "the class 'nan', in 20 of 60 rows.*drop": [
        *blank("nan"),
        pd.Series(np.where(K == 0, np.nan, K)).astype(object).map(str),
    ],
}


@pytest.mark.filterwarnings("ignore:there are too few distinct rows")
@pytest.mark.parametrize("words", WARNED)
def test_what_may_be_no_label_is_warned_of_once(words):
    for y in WARNED[words]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", "there are too few distinct rows")
            fit(y)
        assert len(caught) == 1
        assert caught[0].category is UserWarning
        assert caught[0].filename == __file__
        with pytest.warns(UserWarning, match=words):
            fit(y)


def test_it_is_not_warned_of_what_is_usual():
    fit(BITS)
    fit(1 - ONE_HOT)
    fit(ONE_HOT[:9], X[:9])  # so few rows may have one label each by accident
    fit(np.arange(N) % 29)
    fit(["none", "nano", "n/a"] * (N // 3))
    net = DeepNetClassifier(**QUICK).partial_fit(X, np.arange(N), classes=np.arange(N))
    assert len(net.classes_) == N


NAMED = {
    "pandas": pd.DataFrame(BITS, columns=["red", "blue"]),
    "nullable": pd.DataFrame(BITS, columns=["red", "blue"]).astype("Int64"),
    "polars": pl.DataFrame(BITS, schema=["red", "blue"]),
    "pyarrow": pa.table({"red": BITS[:, 0], "blue": BITS[:, 1]}),
    "booleans": pd.DataFrame(BITS == 1, columns=["red", "blue"]),
    "csv": pd.read_csv(io.StringIO("red,blue\n" + "\n".join(f"{u},{v}" for u, v in BITS))),
}


@pytest.mark.parametrize("kind", NAMED)
def test_multilabel_classes_are_the_columns_of_the_frame(kind):
    y = NAMED[kind]
    net, plain = fit(y, store_oof=True), fit(BITS, store_oof=True)
    assert net.classes_.dtype == object
    assert net.classes_.tolist() == ["red", "blue"]
    assert plain.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(net.predict(X), plain.predict(X))
    np.testing.assert_array_equal(net.oof_proba_, plain.oof_proba_)
    assert net.score(X, y) == net.score(X, BITS) == plain.score(X, BITS)


def test_numbers_and_tuples_name_labels_too():
    assert fit(pd.DataFrame(BITS, columns=[2019, 2020])).classes_.tolist() == [2019, 2020]
    pairs = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])
    assert fit(pd.DataFrame(BITS, columns=pairs)).classes_.tolist() == [("a", 1), ("a", 2)]


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_labels_may_have_the_names_of_attributes(library):
    names = attribute_names()
    bits = np.random.default_rng(0).integers(0, 2, (N, len(names)))
    y, plain = library(dict(zip(names, bits.T, strict=True))), fit(bits)
    net = fit(y)
    assert net.classes_.tolist() == names
    np.testing.assert_array_equal(net.predict(X), plain.predict(X))
    assert net.score(X, y) == plain.score(X, bits)
    with pytest.raises(ValueError, match="y has the columns"):
        net.score(X, y[names[::-1]])


def test_labels_in_another_order_are_never_taken_for_each_other():
    y = NAMED["pandas"]
    net, swapped = fit(y, warm_start=True), y[["blue", "red"]]
    validated = r"\['blue', 'red'\], but in fit it had \['red', 'blue'\]"
    for call in (
        lambda: net.score(X, swapped),
        lambda: net.fit(X, swapped),
        lambda: net.partial_fit(X, swapped),
        lambda: DeepNetClassifier(**QUICK).fit(X, y, X_val=X, y_val=swapped),
    ):
        with pytest.raises(ValueError, match=validated):
            call()
    assert net.score(X, swapped[net.classes_.tolist()]) == net.score(X, BITS)
    assert net.partial_fit(X, BITS).classes_.tolist() == ["red", "blue"]
    net.fit(X, BITS)
    DeepNetClassifier(**QUICK).fit(X, BITS, X_val=X, y_val=swapped)


def test_scorers_and_attributions_take_named_labels():
    three = pd.DataFrame(1 - ONE_HOT, columns=["red", "green", "blue"])
    plain = three.to_numpy()
    scorers = ["accuracy"]
    if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9):
        # Other scorers of older versions look for a label named 1.
        scorers += ["f1_macro", "roc_auc", make_scorer(f1_score, average="micro")]
    for scoring in scorers:
        named = cross_val_score(DeepNetClassifier(**QUICK), X, three, scoring=scoring, cv=3)
        assert named.tolist() == pytest.approx(
            cross_val_score(DeepNetClassifier(**QUICK), X, plain, scoring=scoring, cv=3).tolist()
        )
        DeepNetClassifier(**QUICK, scoring=scoring).fit(X, three)
    by_name = integrated_gradients(fit(three), X[:4], target="green")
    by_number = integrated_gradients(fit(plain), X[:4], target=1)
    np.testing.assert_array_equal(by_name.values, by_number.values)
