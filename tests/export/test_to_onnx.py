"""ONNX models give the labels and probabilities of the network; onnxruntime computes them."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
from encoder_tables import people
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from skdnn import DeepNetClassifier, TableEncoder
from skdnn.core.activations import ACTIVATIONS
from skdnn.export import onnx_inputs, to_onnx
from skdnn.tabular.encoder import columns_of

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

TOLERANCE = 2e-6


def run(model, inputs):
    """Return labels and probabilities of a model that is valid ONNX."""
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)


def assert_same(net, X, tolerance=TOLERANCE):
    label, proba = run(to_onnx(net, X), onnx_inputs(net, X))
    np.testing.assert_allclose(proba, net.predict_proba(X), rtol=0, atol=tolerance)
    wanted = net.predict(X)
    assert label.shape == wanted.shape
    np.testing.assert_array_equal(label, wanted)


def small(**parameters):
    return DeepNetClassifier(
        **{"n_members": 2, "hidden_layer_sizes": (8, 6), "max_iter": 3, "random_state": 0}
        | parameters
    )


def table():
    """A frame with a column of every kind, one with many categories, and one that is ignored."""
    frame = pd.concat([people()] * 8, ignore_index=True)
    n, rng = len(frame), np.random.default_rng(1)
    frame["shop"] = pd.Series([f"shop {i}" for i in rng.integers(0, 40, n)], dtype=object)
    frame["seen"] = (frame["joined"] + pd.Timedelta("99D")).dt.tz_localize("UTC")
    frame["seen"] = frame["seen"].dt.tz_convert("America/New_York")
    clock = [dt.time(hour, 30) for hour in rng.integers(0, 24, n)]
    frame["clock"] = pd.Series(clock, dtype=object)
    frame["price"] = pd.Series([f"{v:.2f}" for v in rng.normal(9, 2, n)], dtype=object)
    frame["day"] = pd.Series([f"{d}.11.2023" for d in rng.integers(13, 29, n)], dtype=object)
    frame["constant"] = 1.0
    return frame


def later_rows():
    """Rows with missing values in each column, and categories that training did not see."""
    frame = table().iloc[:60].copy()
    rng = np.random.default_rng(2)
    for name in frame:
        if frame[name].dtype.kind in "iu" and isinstance(frame[name].dtype, np.dtype):
            frame[name] = frame[name].astype(float)
        if name in ("sex", "town", "note", "shop"):
            frame[name] = frame[name].astype(object)
            frame.loc[rng.random(60) < 0.2, name] = "not seen"
        frame[name] = frame[name].mask(rng.random(60) < 0.2)
    frame.loc[3, ["age", "height"]] = -1e300, 1e300
    return frame


@pytest.fixture(scope="module")
def frame():
    return table()


@pytest.fixture(scope="module")
def y(frame):
    return np.random.default_rng(3).choice(["red", "green", "blue"], len(frame))


@pytest.fixture(scope="module")
def net(frame, y):
    return fit(small(), frame, y)


def fit(net, X, y):
    with pytest.warns(UserWarning, match=r"read as numbers or dates|Only one|has not converged"):
        return net.fit(X, y)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"n_members": 1},
        {"n_members": 1, "early_stopping": False, "hidden_layer_sizes": ()},
        {"solver": "lbfgs"},
        {"dtype": "float64"},
        {"dtype": "float64", "encoder": TableEncoder(dtype="float32", n_bins=5)},
        {"encoder": TableEncoder(n_bins=0, max_categories=3)},
        {"target_statistics": None},
        {"target_statistics": 2, "connectivity": 0.5},
    ],
    ids=str,
)
def test_every_kind_of_column_is_encoded_as_by_the_network(frame, y, parameters):
    net = fit(small(**parameters), frame, y)
    assert_same(net, frame)
    assert_same(net, later_rows())


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_missing_numbers_are_estimated_as_by_the_network(share):
    X = np.random.default_rng(0).normal(size=(200, 4))
    X[:, 2] = X[:, 0] - X[:, 1] + 0.1 * X[:, 2]
    gaps = np.where(np.random.default_rng(1).random(X.shape) < share, np.nan, X)
    for given in (gaps, pd.DataFrame(gaps, columns=list("abcd"))):
        net = small().fit(given, X[:, 0] > 0)
        columns = columns_of(net.encoder_)
        assert list(columns.regressions) == [0, 1, 2]
        assert columns.missing == ([3] if share == 0.02 else [0, 1, 2, 3])
        assert_same(net, given)


def test_rows_with_missing_values_and_new_categories_are_among_those_compared(frame):
    later = later_rows()
    assert later.drop(columns="constant").isna().any().all()
    assert all("not seen" in set(later[name]) for name in ("sex", "town", "note", "shop"))
    assert frame["seen"].dt.tz is not None


@pytest.mark.parametrize(
    "classes",
    [
        ["no", "yes"],
        np.array(["no", "yes"], dtype=object),
        [False, True],
        [0, 1],
        [0.0, 1.0],
        [3, -1, 7],
        ["a", "b", "c", "d"],
        [np.uint8(1), np.uint8(2)],
    ],
    ids=str,
)
def test_labels_have_the_type_of_the_classes(classes):
    X, _ = load_iris(return_X_y=True)
    y = np.asarray(classes)[np.random.default_rng(0).integers(0, len(classes), len(X))]
    net = small().fit(X, y)
    assert_same(net, X)
    label, _ = run(to_onnx(net), onnx_inputs(net, X))
    # ONNX has one type of integers for labels here, and strings are objects in NumPy.
    wanted = {"U": "O", "u": "i"}.get(net.classes_.dtype.kind, net.classes_.dtype.kind)
    assert label.dtype.kind == wanted


def test_labels_of_iris_are_right():
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    net = small(max_iter=200, batch_size=16).fit(X, names)
    label, _ = run(to_onnx(net), onnx_inputs(net, X.iloc[[0, 49, 60, 149]]))
    assert label.tolist() == ["setosa", "setosa", "versicolor", "virginica"]


def test_each_label_of_multilabel_y_has_an_output(frame):
    y = pd.DataFrame({"old": frame["age"] > 50, "tall": frame["height"] > 170}).astype(int)
    net = fit(small(), frame, y)
    assert_same(net, later_rows())


def test_weights_and_temperatures_of_members_are_in_the_model(frame, y, net):
    fitted = net._fitted._replace(
        temperature=0.3,
        member_temperatures=np.array([0.5, 2.0]),
        member_weights=np.array([0.9, 0.1]),
    )
    other = fit(small(), frame, y)
    other._fitted = fitted
    assert abs(other.predict_proba(frame) - net.predict_proba(frame)).max() > 0.01
    assert_same(other, frame)


def test_weights_that_are_assigned_are_in_the_model():
    X, y = load_iris(return_X_y=True)
    net = small().fit(X, y)
    net.coefs_ = [3 * weights for weights in net.coefs_]
    assert_same(net, X)


def test_many_rows_differ_by_rounding_only(frame, y, net):
    many = pd.concat([later_rows()] * 20, ignore_index=True)  # computed in float32 from 1,000 on
    assert len(many) > 1000
    assert_same(net, many)


def test_inputs_are_the_columns_that_are_used_by_name(net):
    model = to_onnx(net)
    types = {
        value.name: onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
        for value in model.graph.input
    }
    assert types == {
        **dict.fromkeys(["age", "height", "member", "visits", "score", "stay"], "DOUBLE"),
        **dict.fromkeys(["clock", "price"], "DOUBLE"),
        **dict.fromkeys(["sex", "town", "note", "shop"], "STRING"),
        **dict.fromkeys(["joined", "seen", "day"], "INT64"),
        **dict.fromkeys(["joined_missing", "seen_missing", "day_missing"], "BOOL"),
    }
    for value in model.graph.input:
        rows, one = value.type.tensor_type.shape.dim
        assert (rows.dim_param, one.dim_value) == ("rows", 1)
    documented = {value.name: value.doc_string for value in model.graph.input}
    assert documented["clock"] == "times of day in seconds since midnight; NaN for a missing value"
    assert "America/New_York" in documented["seen"]


def test_all_that_is_in_a_model_is_used(net):
    graph = to_onnx(net).graph
    used = {name for node in graph.node for name in node.input}
    used |= {value.name for value in graph.output}
    assert {value.name for value in graph.input} <= used
    assert {tensor.name for tensor in graph.initializer} <= used
    assert {name for node in graph.node for name in node.output} <= used


def test_inputs_can_be_written_without_skdnn(net):
    row = pd.DataFrame(
        {
            "age": [35.0],
            "height": [np.nan],
            "sex": ["f"],
            "town": ["Rome"],
            "member": [True],
            "visits": [2.0],
            "score": [0.25],
            "joined": [pd.Timestamp("2024-02-29 13:45")],
            "stay": [pd.Timedelta("90min")],
            "note": [None],
            "shop": ["shop 7"],
            "seen": [pd.Timestamp("2024-07-01 12:00", tz="UTC")],
            "clock": [dt.time(6, 15)],
            "price": ["7.5"],
            "day": [None],
            "constant": [1.0],
        }
    )
    new_york = dt.datetime(2024, 7, 1, 8, tzinfo=dt.UTC)  # four hours behind in summer
    seconds = dt.datetime(2024, 2, 29, 13, 45, tzinfo=dt.UTC).timestamp()
    inputs = {
        **{"age": 35.0, "height": np.nan, "member": 1.0, "visits": 2.0, "score": 0.25},
        **{"stay": 5400.0, "clock": 22500.0, "price": 7.5},
        **{"sex": "f", "town": "Rome", "note": "<missing>", "shop": "shop 7"},
        **{"joined": int(seconds) * 10**6, "joined_missing": False},
        **{"seen": int(new_york.timestamp()) * 10**6, "seen_missing": False},
        **{"day": 0, "day_missing": True},
    }
    inputs = {
        name: np.array([[value]], object if isinstance(value, str) else None)
        for name, value in inputs.items()
    }
    found = onnx_inputs(net, row)
    assert found.keys() == inputs.keys()
    for name, array in inputs.items():
        np.testing.assert_array_equal(found[name], array, strict=True, err_msg=name)
    _, proba = run(to_onnx(net), inputs)
    np.testing.assert_allclose(proba, net.predict_proba(row), rtol=0, atol=TOLERANCE)


def test_inputs_of_other_dataframes_are_the_same(y):
    frame = table()[["age", "height", "joined", "sex"]]
    net = small().fit(frame, y)
    wanted, found = onnx_inputs(net, frame), onnx_inputs(net, pl.from_pandas(frame))
    assert wanted.keys() == found.keys()
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_an_encoder_there_is_one_input_of_the_dtype_of_the_network(dtype):
    X, y = load_digits(return_X_y=True)
    X = X[:200] / 16
    net = small(encoder="passthrough", dtype=dtype).fit(X, y[:200])
    inputs = onnx_inputs(net, X)
    assert {name: values.dtype for name, values in inputs.items()} == {"X": dtype}
    assert_same(net, X)


def test_rows_without_names_that_are_all_numbers_are_one_input():
    X, y = load_iris(return_X_y=True)
    X[::7, 1] = np.nan
    net = small().fit(X, y)
    inputs = onnx_inputs(net, X)
    assert inputs["X"].shape == X.shape
    assert_same(net, X)
    # The same numbers as objects are encoded in the same way.
    assert_same(small().fit(X.astype(object), y), X.astype(object))


def test_rows_without_names_that_hold_strings_are_inputs_by_default_names(y):
    rows = table()[["age", "sex"]].to_numpy()
    net = small().fit(rows, y)
    assert set(onnx_inputs(net, rows)) == {"x0", "x1"}
    assert_same(net, rows)


def test_sparse_rows_are_one_input_which_is_dense():
    X, y = load_digits(return_X_y=True)
    X, y = csr_array(X[:200]), y[:200]
    net = small().fit(X, y)
    assert_same(net, X)
    np.testing.assert_array_equal(onnx_inputs(net, X)["X"], X.toarray())


def test_columns_may_have_the_names_of_outputs_and_nodes(y):
    frame = table()[["age", "joined", "height", "score"]]
    frame.columns = ["label", "joined", "joined_missing", "Concat_0"]
    net = small().fit(frame, y)
    model = to_onnx(net)
    assert [value.name for value in model.graph.input] == [
        "label",
        "joined",
        "joined_missing_",
        "joined_missing",
        "Concat_0",
    ]
    assert [value.name for value in model.graph.output] == ["label_", "probabilities"]
    assert_same(net, frame)


def test_every_activation_is_in_networks():
    X, y = load_iris(return_X_y=True)
    activations = sorted(ACTIVATIONS)
    net = small(
        hidden_layer_sizes=(5,) * len(activations), activation=activations, n_members=1
    ).fit(X, y)
    assert_same(net, X)


def arctan_like(z):
    return z / (1 + np.abs(z)), 1 / (1 + np.abs(z)) ** 2


def clipped(z):
    return np.where(z > 1, 1, z), (z <= 1) * 1.0


def test_custom_activations_of_elementwise_functions_are_expressed():
    X, y = load_iris(return_X_y=True)
    assert_same(small(activation=arctan_like).fit(X, y), X)


def test_other_custom_activations_are_refused_by_name():
    X, y = load_iris(return_X_y=True)
    net = small(activation=clipped).fit(X, y)
    with pytest.raises(ValueError, match=r"activation <function clipped .* ONNX"):
        to_onnx(net)


def test_other_encoders_are_refused():
    X, y = load_iris(return_X_y=True)
    net = small(encoder=StandardScaler()).fit(X, y)
    with pytest.raises(TypeError, match=r"encoder=StandardScaler\(\) cannot be expressed"):
        to_onnx(net)


def test_what_cannot_be_expressed_is_refused(y):
    with pytest.raises(TypeError, match="needs a fitted DeepNetClassifier, not StandardScaler"):
        to_onnx(StandardScaler())
    with pytest.raises(NotFittedError):
        to_onnx(small())
    X, of_class = load_iris(return_X_y=True)
    dates = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "M8[D]")
    with pytest.raises(TypeError, match="classes such as"):
        to_onnx(small().fit(X, dates[of_class]))
    words = pd.DataFrame({"word": np.resize(["<missing>", "a", None], len(X))}, dtype=object)
    with pytest.raises(ValueError, match="'word' has a category '<missing>'"):
        to_onnx(small().fit(words, of_class))
    constant = pd.DataFrame({"one": np.ones(len(X))})
    with pytest.raises(ValueError, match=r"uses no column .*'one': 'constant'"):
        to_onnx(small(early_stopping=False).fit(constant, of_class))


def test_other_columns_than_those_of_fit_are_refused(net, frame):
    for call in (to_onnx, onnx_inputs):
        with pytest.raises(ValueError, match="feature names"):
            call(net, frame.drop(columns="age"))
    with pytest.raises(ValueError, match="infinity"):
        onnx_inputs(net, frame.assign(height=np.inf))
