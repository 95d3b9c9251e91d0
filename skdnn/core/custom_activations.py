"""Custom activations, made to fit, and checked numerically.

What may stand where the name of an activation does, besides an :class:`Activation`:

- a function of ``z`` that returns ``(a, slope)``, two arrays of its shape, or ``a`` alone,
  whose slope then is a central difference;
- two functions, a tuple ``(value, slope)`` or an object with these attributes: ``value(z)``,
  and ``slope(z)`` or ``slope(z, a)``.
"""

import inspect
from functools import partial

import numpy as np

from skdnn.core.activations import ACTIVATIONS, Activation

STEP = 1e-5  # of differences in float64: errors of the order of 1e-10
POINTS = np.linspace(-3, 3, 61) + 0.0123  # beside where kinks usually are
TOLERANCE, KINK = 1e-4, 1e-3


def is_activation(item):
    """Tell whether something can be one activation (a name, or a custom one)."""
    return isinstance(item, str | Activation) or callable(item) or _is_pair(item)


def _is_pair(item):
    if isinstance(item, tuple):
        return len(item) == 2 and all(map(callable, item))
    return hasattr(item, "value") and hasattr(item, "slope")


def as_activation(item):
    """Return the Activation of a name, or of what :func:`is_activation` allows."""
    if isinstance(item, str):
        return ACTIVATIONS[item]
    if isinstance(item, Activation):
        return item
    if _is_pair(item):
        value, slope = item if isinstance(item, tuple) else (item.value, item.slope)
        takes_output = len(inspect.signature(slope).parameters) > 1
        value, slope = partial(_value, value), partial(_slope_of_pair, slope, takes_output)
    else:
        value, slope = partial(_value, item), partial(_slope_of_function, item)
    return Activation(value, slope, is_compiled=False)


def _value(function, z, real):
    return _value_and_slope(function(z))[0]


def _slope_of_pair(slope, takes_output, z, a, real):
    return slope(z, a) if takes_output else slope(z)


def _slope_of_function(function, z, a, real):
    _, slope = _value_and_slope(function(z))
    return _difference(function, z) if slope is None else slope


def _value_and_slope(result):
    if not isinstance(result, tuple):
        return result, None
    if len(result) != 2:
        raise ValueError(f"it returns {len(result)} things.")
    return result


def _difference(function, z):
    z = z.astype(np.float64)
    step = STEP * np.maximum(np.abs(z), 1)
    return (function(z + step) - function(z - step)) / (2 * step)


def check_activation(item):
    """Compare a custom activation with its slope.

    Raises
    ------
    ValueError
        If its shapes are wrong, it does not work element by element, changes its input, is not
        finite, or has another slope.
    """
    z = POINTS[None, :, None]
    activation = as_activation(item)
    value, slope = activation.value, activation.slope
    a, given = _evaluate(item, value, slope, z)
    above, below = value(z + STEP, np.float64), value(z - STEP, np.float64)
    left, right = (a - below) / STEP, (above - a) / STEP
    numeric = (left + right) / 2
    allowed = 1 + np.abs(numeric)
    wrong = ~(np.abs(given - numeric) <= TOLERANCE * allowed)
    wrong &= ~(np.abs(right - left) > KINK * allowed)
    if wrong.any():
        where = np.unravel_index(wrong.argmax(), z.shape)
        raise ValueError(
            f"the slope of activation {item!r} is wrong: at z={z[where]:.4g} it gives "
            f"{given[where]:.6g}, but the value there rises by {numeric[where]:.6g}. Return the "
            "derivative of the value (a tuple of two functions is a value and its slope; give a "
            "list to have one activation for each layer)."
        )


def _evaluate(item, value, slope, z):
    """Return the values and slopes at z, after simple checks."""
    seen, a, given = z.copy(), np.empty_like(z), np.empty_like(z)
    try:
        a[...] = value(seen, np.float64)
        part = value(z[:, :7].copy(), np.float64)
        given[...] = slope(z.copy(), a.copy(), np.float64)
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"activation {item!r} must return its value, or its value and its slope, in the shape "
            f"of z, here {z.shape}: {error}"
        ) from error
    if not np.array_equal(seen, z):
        raise ValueError(f"activation {item!r} changes its input; it must return a new array.")
    if not np.isfinite(a).all():
        raise ValueError(f"activation {item!r} is not finite at z={z[~np.isfinite(a)][0]:.4g}.")
    if not np.allclose(part, a[:, :7]):
        raise ValueError(f"activation {item!r} must work on each element by itself.")
    return a, given
