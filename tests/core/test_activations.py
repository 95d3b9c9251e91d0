import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from skdnn.core.activations import ACTIVATIONS
from skdnn.core.initializers import INITIALIZERS

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
    activation = ACTIVATIONS[name]
    a = activation.value(z, np.empty_like(z))
    return a, activation.slope(z, a, np.empty_like(z))


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
def test_the_output_may_overwrite_the_input_where_the_slope_needs_only_the_output(name):
    activation = ACTIVATIONS[name]
    z = points()
    value, slope = value_and_slope(name, z)
    if activation.from_output:
        given_z = z.copy()
        in_place = activation.value(given_z, given_z)
        assert in_place is given_z
        np.testing.assert_array_equal(in_place, value)
        nothing = np.full_like(z, np.nan)
        np.testing.assert_array_equal(activation.slope(nothing, value, np.empty_like(z)), slope)
    else:
        nothing = np.full_like(z, np.nan)
        assert np.isnan(activation.slope(nothing, value, np.empty_like(z))).any()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_input_and_output_are_only_read_by_the_slope(name):
    z = points()
    value, _ = value_and_slope(name, z)
    kept_z, kept_value = z.copy(), value.copy()
    ACTIVATIONS[name].slope(z, value, np.empty_like(z))
    np.testing.assert_array_equal(z, kept_z)
    np.testing.assert_array_equal(value, kept_value)


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
