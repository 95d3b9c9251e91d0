"""Graphs written as NumPy expressions compute what NumPy computes."""

import datetime as dt

import numpy as np
import pytest

from skdnn.core.activations import ACTIVATIONS
from skdnn.export.date_parts import date_parts
from skdnn.export.graph import Graph

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def compute(formula, array):
    """Return a formula of an array, computed by onnxruntime."""
    graph = Graph()
    result = formula(graph.input("x", array.dtype, ["rows"], ""))
    graph.output("result", result, ["rows"], "")
    session = onnxruntime.InferenceSession(
        graph.model().SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": array})[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_the_network(name, dtype):
    z = np.concatenate([np.linspace(-30, 30, 601), [0.0, 1e-6, -1e-6, 500, -500]]).astype(dtype)
    value = ACTIVATIONS[name].value
    found = compute(lambda x: value(x, dtype), z)
    wanted = value(z.astype(np.float64), np.float64)
    assert found.dtype == dtype
    # onnxruntime has the error function of gelu in single precision only.
    tolerance = 1e-6 if dtype == np.float32 or name == "gelu" else 1e-13
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: x // 7,
        lambda x: x % 7,
        lambda x: -x // 4 + 3 - 2 * x,
        lambda x: np.minimum(np.maximum(x, -5), 11),
        lambda x: x.astype(np.float64) / 3,
        lambda x: np.sign(x) * (x > 2),
        lambda x: (x < 2) * x + np.equal(x, 3),
    ],
)
def test_integer_formulas_are_those_of_numpy(formula):
    numbers = np.r_[-50:50]
    np.testing.assert_array_equal(compute(formula, numbers), formula(numbers))


def test_functions_that_are_not_known_are_refused():
    branch = lambda x: x if x > 0 else 0  # noqa: E731
    for formula in (np.sin, np.add.accumulate, lambda x: np.add(x, 1, where=True), branch):
        with pytest.raises(TypeError):
            compute(formula, np.ones(3))


def test_parts_of_dates_are_those_of_the_calendar():
    first, rng = dt.datetime(1, 1, 1), np.random.default_rng(0)
    n_days = (dt.datetime(9999, 12, 31) - first).days
    some = [
        first + dt.timedelta(int(days), microseconds=int(micros))
        for days, micros in zip(
            rng.integers(0, n_days, 3000), rng.integers(0, 86_400 * 10**6, 3000), strict=True
        )
    ]
    every_day = [dt.datetime(1999, 12, 31) + dt.timedelta(n, hours=n % 24) for n in range(1500)]
    ends = [
        dt.datetime(year, month, day)
        for year in (1, 4, 1600, 1900, 9999)
        for month, day in ((1, 1), (2, 28), (3, 1), (12, 31))
    ]
    times = [*some, *every_day, *ends]
    micros = np.array(times, "M8[us]").astype(np.int64)
    found = compute(lambda x: x.graph.concatenate(date_parts(x), axis=0), micros)
    seconds, *parts = found.reshape(5, -1)
    wanted = [(time.month, time.day, time.weekday(), time.hour) for time in times]
    np.testing.assert_array_equal(np.transpose(parts), wanted)
    since_epoch = [(time - dt.datetime(1970, 1, 1)) / dt.timedelta(seconds=1) for time in times]
    np.testing.assert_allclose(seconds, since_epoch, rtol=1e-15)
