import pickle
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit

from skdnn.core.activations import (
    ACTIVATIONS,
    Activation,
    as_activation,
    check_activation,
    is_activation,
)


def swish(z):
    return z * expit(z)


def swish_and_slope(z):
    s = expit(z)
    return z * s, s + z * s * (1 - s)


def swish_slope(z):
    return swish_and_slope(z)[1]


def swish_slope_from_both(z, a):
    return expit(z) * (1 - a) + a


def hard_tanh(z):
    return np.clip(z, -1, 1)


def hard_tanh_slope(z):
    return (np.abs(z) < 1) * 1.0


def swish_slope_of_a_family(z, beta=1.0):
    s = expit(beta * z)
    return s + beta * z * s * (1 - s)


def swish_slope_from_both_of_a_family(z, a, beta=1.0):
    return expit(beta * z) * (1 - beta * a) + beta * a


class Swish:
    def value(self, z):
        return swish(z)

    def slope(self, z, a):
        return swish_slope_from_both(z, a)


FORMS = {
    "function of the value": swish,
    "function of both": swish_and_slope,
    "pair": (swish, swish_slope),
    "pair that uses the output": (swish, swish_slope_from_both),
    "object": Swish(),
    "slope with an option": (swish, swish_slope_of_a_family),
    "partial slope": (swish, partial(swish_slope_of_a_family, beta=1.0)),
    "slope of both with an option": (swish, swish_slope_from_both_of_a_family),
    "partial slope of both": (swish, partial(swish_slope_from_both_of_a_family, beta=1.0)),
    "namespace": SimpleNamespace(value=swish, slope=swish_slope),
    "Activation": ACTIVATIONS["silu"],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_activation(form):
    assert is_activation(FORMS[form])
    check_activation(FORMS[form])
    activation = as_activation(FORMS[form])
    assert isinstance(activation, Activation)
    z = np.random.default_rng(0).normal(size=(2, 30, 4)).astype(np.float32)
    given = z.copy()
    a = activation.value(given, np.float32)
    kept = a.copy()
    slope = activation.slope(given, a, np.float32)
    np.testing.assert_array_equal(given, z)
    np.testing.assert_array_equal(a, kept)
    np.testing.assert_allclose(a, swish(z), rtol=1e-5)
    np.testing.assert_allclose(slope, swish_slope(z), rtol=1e-4, atol=1e-6)


def exponential_remainder(z):
    return np.exp(z) - z - 1


@pytest.mark.parametrize("pair", [(np.sin, np.cos), (exponential_remainder, np.add)])
def test_a_ufunc_is_called_with_as_many_arrays_as_it_takes(pair):
    # The signature of some versions of NumPy has further positional parameters: an array to write
    # into is the second. The derivative of exp(z) - z - 1 is z plus its value.
    check_activation(pair)
    z, step = np.linspace(-2, 2, 9), 1e-6
    activation = as_activation(pair)
    a = activation.value(z, np.float64)
    slope = activation.slope(z, a, np.float64)
    np.testing.assert_array_equal(a, pair[0](z))
    np.testing.assert_allclose(slope, (pair[0](z + step) - pair[0](z - step)) / (2 * step))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_check_passes_for_every_activation_of_the_table(name):
    check_activation(ACTIVATIONS[name])


def test_a_kink_is_not_an_error():
    check_activation((hard_tanh, hard_tanh_slope))
    check_activation(hard_tanh)


def test_an_adapted_activation_pickles():
    adapted = pickle.loads(pickle.dumps(as_activation(swish)))
    z = np.linspace(-2, 2, 9)
    np.testing.assert_array_equal(adapted.value(z, np.float64), swish(z))


@pytest.mark.parametrize("form", [form for form in FORMS if form != "Activation"])
def test_functions_of_the_user_are_not_compiled(form):
    # They may be anything that NumPy can call.
    assert not as_activation(FORMS[form]).is_compiled


def wrong_slope(z):
    return swish(z), 1.01 * swish_slope(z)


def in_place(z):
    return np.maximum(z, 0, out=z)


def slope_that_changes_its_input(z):
    slope = swish_slope(z)
    z *= 2
    return slope


def slope_that_changes_the_output(z, a):
    return np.add(expit(z) * (1 - a), a, out=a)


def softmax(z):
    return np.exp(z) / np.exp(z).sum()


def mean(z):
    return z.mean(), z


def slope_of_another_shape(z):
    return swish(z), np.ones(3)


def three_results(z):
    return swish(z), swish_slope(z), z


def logarithm(z):
    with np.errstate(invalid="ignore"):
        return np.log(z)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (wrong_slope, "slope of activation .*wrong_slope.* is wrong: at z="),
        ((swish, swish), "give a list to have one activation for each layer"),
        (in_place, "changes an array that it is given"),
        ((swish, slope_that_changes_its_input), "changes an array that it is given"),
        ((swish, slope_that_changes_the_output), "changes an array that it is given"),
        ((swish, max), "slope of activation .* is wrong"),  # it has no signature
        (softmax, "each element by itself"),
        (logarithm, "not finite at z=-2.9"),
        (lambda z: z[:, :3], r"in the shape of z, here \(1, 61, 1\): .*\(1,3,1\)"),
        (slope_of_another_shape, r"in the shape of z, here \(1, 61, 1\): .*\(3,\)"),
        ((swish, lambda z: np.ones(3)), r"in the shape of z, here \(1, 61, 1\): .*\(3,\)"),
        (three_results, "must return its value, or its value.*: it returns a tuple of 3 items"),
        (lambda z: z.nothing(), "has no attribute"),
    ],
)
def test_what_is_wrong_is_said(item, message):
    with pytest.raises((ValueError, AttributeError), match=message):
        check_activation(item)


@pytest.mark.parametrize(
    "item",
    [3, None, ("relu", "tanh"), (swish, "tanh"), [swish, swish], SimpleNamespace(value=1, slope=2)],
)
def test_other_things_are_not_one_activation(item):
    assert not is_activation(item)
