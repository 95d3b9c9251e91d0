import math

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core.compiling import Kernel, has_numba
from skdnn.core.elementary import (
    FORMATS,
    SCALARS,
    _parts_of_exponential,
    exp,
    expit,
    expm1,
    softplus,
    tanh,
)

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
DTYPES = [np.float32, np.float64]
# In float128 where there is one: better than both.
EXACT = {
    "exp": np.exp,
    "expm1": np.expm1,
    "expit": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(x * 0, x),
    "erf": lambda x: np.vectorize(math.erf, otypes=[float])(x),
}
NAMES = {function.__name__: function for function in SCALARS}
N_ULPS = {"exp": 4, "expm1": 5, "expit": 5, "tanh": 6, "softplus": 5, "erf": 4}


def map_with(function):
    """Return a Kernel that applies a function to every number."""

    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    def twin(x, out):
        out[...] = function(x)

    return Kernel(loop, twin, (function,), is_cached=False)


KERNELS = {name: map_with(function) for name, function in NAMES.items()}


def compiled(name, x):
    out = np.empty_like(x)
    KERNELS[name].compiled_for((x, out))(x, out)
    return out


def test_every_function_is_tested():
    assert set(NAMES) == set(EXACT)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_compiled_functions_are_exact_to_a_few_units_in_the_last_place(name, dtype):
    rng = np.random.default_rng(0)
    highest = 80 if dtype == np.float32 else 700
    x = np.concatenate([rng.uniform(-highest, highest, 20_000), rng.normal(size=20_000)])
    x = np.concatenate([x, rng.normal(size=20_000) * 10.0 ** -rng.integers(0, 30, 20_000)])
    x = x.astype(dtype)
    with np.errstate(over="ignore", under="ignore"):
        exact = EXACT[name](x.astype(np.longdouble))
    rtol = N_ULPS[name] * np.finfo(dtype).eps
    # Of numbers below the smallest normal one nothing is promised.
    atol = 4 * np.finfo(dtype).tiny
    np.testing.assert_allclose(compiled(name, x), exact.astype(dtype), rtol=rtol, atol=atol)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
@given(x=st.floats(-80, 80))
def test_functions_of_single_numbers_mean_the_same_when_python_runs_them(name, dtype, x):
    scalar = SCALARS[NAMES[name]](np.dtype(dtype).name)
    found, exact = scalar(dtype(x)), EXACT[name](np.longdouble(dtype(x)))
    np.testing.assert_allclose(
        found, float(exact), rtol=8 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).tiny
    )


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@given(x=st.floats(-80, 80))
def test_the_parts_of_an_exponential_are_a_power_of_two_and_a_small_rest(dtype, x):
    power, rest = _parts_of_exponential(np.dtype(dtype).name).py_func(dtype(x))
    assert np.frexp(power)[0] == 0.5
    assert abs(rest) < 0.5
    exact = float(np.exp(np.longdouble(dtype(x))))
    np.testing.assert_allclose(power * (1 + rest), exact, rtol=4 * np.finfo(dtype).eps)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_numpys_functions_are_exact_in_their_own_type(name, dtype):
    x = np.random.default_rng(1).normal(size=1000).astype(dtype)
    value = NAMES[name](x)
    assert value.dtype == dtype
    exact = EXACT[name](x.astype(np.longdouble)).astype(dtype)
    np.testing.assert_allclose(value, exact, rtol=1e-6 if dtype == np.float32 else 1e-14)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_extremes_have_their_limits_and_nan_stays_nan(name, dtype):
    big = np.finfo(dtype).max
    x = np.array([-np.inf, -big, -1e4, 1e4, big, np.inf, 0.0, -0.0, np.nan], dtype)
    with np.errstate(over="ignore"):
        expected = NAMES[name](x)
    value = compiled(name, x)
    assert np.isnan(value[-1])
    assert np.isfinite(value[:3]).all()
    tiny = 4 * np.finfo(dtype).tiny
    is_finite = np.isfinite(expected)
    np.testing.assert_allclose(value[is_finite], expected[is_finite], rtol=1e-6, atol=tiny)
    # The exponential of what is too large is enormous, though not infinite.
    assert (value[expected == np.inf] > 1e38).all()


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_compiled_functions_rise_where_they_should(name, dtype):
    low, high = (-87, 88) if dtype == np.float32 else (-708, 709)
    x = np.linspace(low, high, 100_001).astype(dtype)
    value = compiled(name, x)
    steps = np.diff(value)
    slack = 4 * np.finfo(dtype).eps * np.abs(value[1:])
    assert (steps >= -slack).all()


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@given(x=st.floats(-50, 50))
def test_identities_hold_compiled(dtype, x):
    x = np.array([x, -x], dtype)
    eps = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(compiled("expit", x).sum(), 1, rtol=eps)
    np.testing.assert_allclose(compiled("tanh", x).sum(), 0, atol=eps)
    np.testing.assert_allclose(np.prod(compiled("exp", x)), 1, rtol=eps)
    difference = np.subtract(*compiled("softplus", x))
    np.testing.assert_allclose(difference, x[0], rtol=eps, atol=50 * eps)
    np.testing.assert_allclose(
        compiled("expm1", x), compiled("exp", x) - 1, rtol=eps, atol=eps * 10
    )


def test_functions_of_arrays_are_those_of_numpy_and_scipy():
    x = np.linspace(-3, 3, 7)
    np.testing.assert_array_equal(exp(x), np.exp(x))
    np.testing.assert_array_equal(expm1(x), np.expm1(x))
    np.testing.assert_array_equal(tanh(x), np.tanh(x))
    np.testing.assert_array_equal(expit(x), scipy.special.expit(x))
    np.testing.assert_allclose(softplus(x), np.log(1 + np.exp(x)), rtol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bounds_of_the_exponential_are_the_last_numbers_that_have_a_normal_one(dtype):
    _, _, n_bits, _, low, high = FORMATS[np.dtype(dtype).name]
    info = np.finfo(dtype)
    assert n_bits == info.nmant
    with np.errstate(over="ignore"):
        assert info.tiny <= np.exp(dtype(low)) < 4 * info.tiny
        assert info.max / 4 < np.exp(dtype(high)) <= info.max


@needs_numba
def test_compiled_exponentials_become_vector_instructions():
    kernel = map_with(exp)
    x = np.zeros(100, np.float32)
    dispatcher = kernel.compiled_for((x, x))
    (assembly,) = dispatcher.inspect_llvm().values()
    assert "x float>" in assembly  # as in <8 x float>
    assert "@expf" not in assembly
