import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from skdnn.core.activations import ACTIVATIONS
from skdnn.core.compiling import has_numba
from skdnn.core.dropout import NO_KEYS
from skdnn.core.initializers import INITIALIZERS
from skdnn.core.layer_kernels import finisher

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")

# Written as in the papers, for arguments that do not overflow.
FORMULAS = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (np.exp(2 * z) - 1) / (np.exp(2 * z) + 1),
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "selu": lambda z: 1.05070098 * np.where(z > 0, z, 1.67326324 * (np.exp(z) - 1)),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "gelu": lambda z: z * stats.norm.cdf(z),
    "mish": lambda z: z * np.tanh(np.log(1 + np.exp(z))),
    "softplus": lambda z: np.log(1 + np.exp(z)),
}
TORCH_NAMES = {"logistic": "sigmoid"}
EXTREME = [-1e4, -800.0, -100.0, -20.0, -1e-30, 0.0, 1e-30, 20.0, 100.0, 800.0, 1e4]


def points(dtype=np.float64):
    """Return points on both sides of zero, none of them on a kink."""
    positive = np.geomspace(1e-3, 12, 40)
    return np.concatenate([-positive[::-1], positive]).astype(dtype)


def value_and_slope(name, z):
    """Return NumPy's; a slope may be a number, or True and False."""
    activation, real = ACTIVATIONS[name], z.dtype.type
    a = activation.value(z, real)
    return a, np.broadcast_to(activation.slope(z, a, real), z.shape).astype(z.dtype)


def compiled_value_and_slope(name, z):
    values = z.reshape(1, 1, -1).copy()
    slopes = np.empty_like(values)
    args = values, np.zeros((1, z.size), z.dtype), 0, slopes, NO_KEYS, 0
    finisher(ACTIVATIONS[name]).compiled_for(args)(*args)
    return values.ravel(), slopes.ravel()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_equals_the_formula_of_the_paper(name):
    z = points()
    np.testing.assert_allclose(value_and_slope(name, z)[0], FORMULAS[name](z), 1e-7, 1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_and_slope_equal_torch(name):
    torch = pytest.importorskip("torch")
    z = points()
    leaf = torch.tensor(z, requires_grad=True)
    function = getattr(torch.nn.functional, TORCH_NAMES.get(name, name), None)
    theirs = leaf * 1 if function is None else function(leaf)
    theirs.sum().backward()
    value, slope = value_and_slope(name, z)
    np.testing.assert_allclose(value, theirs.detach().numpy(), 1e-9, 1e-12)
    np.testing.assert_allclose(slope, leaf.grad.numpy(), 1e-9, 1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(z=st.floats(-9, 9).filter(lambda z: abs(z) > 1e-3))
def test_slope_is_the_derivative_of_the_value(name, z):
    step = 1e-5
    around, slopes = value_and_slope(name, np.array([z - step, z, z + step]))
    np.testing.assert_allclose(slopes[1], (around[2] - around[0]) / (2 * step), 1e-6, 1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_inputs_and_outputs_are_only_read(name):
    z = points()
    a = ACTIVATIONS[name].value(z, np.float64).copy()
    before = a.copy()
    ACTIVATIONS[name].slope(z, a, np.float64)
    np.testing.assert_array_equal(z, points())
    np.testing.assert_array_equal(a, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_arithmetic_stays_in_the_type_of_the_input(name, dtype):
    activation, z = ACTIVATIONS[name], points(dtype)
    a = activation.value(z, dtype)
    assert a.dtype == dtype
    slope = activation.slope(z, a, dtype)
    assert slope.dtype in (dtype, bool)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_compiled_value_and_slope_equal_those_of_numpy(name, dtype):
    z = np.concatenate([points(dtype), np.array(EXTREME, dtype)])
    eps = np.finfo(dtype).eps
    pairs = zip(compiled_value_and_slope(name, z), value_and_slope(name, z), strict=True)
    for compiled, expected in pairs:
        np.testing.assert_allclose(compiled, expected, rtol=20 * eps, atol=4 * eps)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_compiled_values_are_finite_where_those_of_numpy_are(name, dtype):
    z = np.array([np.nan, np.inf, -np.inf, 1.0], dtype)
    with np.errstate(invalid="ignore"):
        expected = value_and_slope(name, z)
    compiled = compiled_value_and_slope(name, z)
    for ours, theirs in zip(compiled, expected, strict=True):
        is_finite = np.isfinite(theirs)
        np.testing.assert_array_equal(np.isfinite(ours), is_finite)
        np.testing.assert_allclose(ours[is_finite], theirs[is_finite], rtol=1e-6, atol=1e-6)
    assert np.isnan(compiled[0][0])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_float32_stays_float32_and_near_float64(name):
    z = points(np.float32)
    single = value_and_slope(name, z)
    double = value_and_slope(name, z.astype(np.float64))
    for ours, exact in zip(single, double, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, exact, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_extreme_inputs_give_the_limits_without_a_warning(name, dtype):
    value, slope = value_and_slope(name, np.array(EXTREME, dtype))
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()
    right = {"logistic": (1, 0), "tanh": (1, 0), "selu": (1.0507010e4, 1.0507010)}
    left = {
        "identity": (-1e4, 1),
        "tanh": (-1, 0),
        "leaky_relu": (-100, 0.01),
        "elu": (-1, 0),
        "selu": (-1.7580993, 0),
    }
    for end, limits in ((-1, right.get(name, (1e4, 1))), (0, left.get(name, (0, 0)))):
        np.testing.assert_allclose((value[end], slope[end]), limits, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_entry_pickles_and_names_an_initializer(name):
    assert pickle.loads(pickle.dumps(ACTIVATIONS[name])) == ACTIVATIONS[name]
    assert ACTIVATIONS[name].init in INITIALIZERS


def test_selu_keeps_mean_zero_and_variance_one():
    # The fixed point of Klambauer et al., 2017, integrated by Gauss-Hermite quadrature.
    nodes, weights = special.roots_hermitenorm(400)
    values, _ = value_and_slope("selu", nodes)
    weights = weights / weights.sum()
    np.testing.assert_allclose([weights @ values, weights @ values**2], [0, 1], atol=2e-3)
