"""Custom losses: converted to a :class:`Loss`, and checked numerically.

A loss is a function ``loss(logits, targets)`` of two arrays (n_rows, n_outputs) that returns
``(values, gradients)``, of shapes (n_rows,) and (n_rows, n_outputs), the latter with respect to
the logits; or ``values`` alone, whose gradient then is a central difference. Targets are
one-hot rows for several classes, and 0 or 1 for each sigmoid; with label smoothing they lie in
between. Sample weights are applied to what the function returns. A :class:`Loss` needs no
conversion.
"""

import numpy as np

from skdnn.core.activations import STEP, TOLERANCE
from skdnn.core.losses import Loss, smoothed


class CustomLoss:
    """A custom loss with the arguments of :attr:`Loss.value_and_gradient`.

    Parameters
    ----------
    function : callable
        ``(logits, targets) -> (values, gradients)`` or ``values``.
    """

    def __init__(self, function):
        self.function = function

    def __call__(self, logits, targets, weights, smoothing, values):
        """Write the weighted sum for each member, and the gradient in place of the logits."""
        shape = logits.shape
        wanted = spread(targets, shape[2], smoothing).astype(logits.dtype)
        rows, wanted = logits.reshape(-1, shape[2]), wanted.reshape(-1, shape[2])
        losses, gradients = self._evaluate(rows, wanted)
        losses = np.asarray(losses, float).reshape(shape[:2])
        np.einsum("kr,kr->k", losses, weights, out=values)
        logits[...] = np.reshape(gradients, shape)
        logits *= weights[..., None]

    def _evaluate(self, logits, targets):
        result = self.function(logits.copy(), targets)
        if isinstance(result, tuple):
            return result
        logits, gradients = logits.astype(np.float64), np.empty(logits.shape)
        for column in range(logits.shape[1]):
            step = np.zeros(logits.shape[1])
            step[column] = STEP
            above, below = (self.function(logits + s, targets) for s in (step, -step))
            gradients[:, column] = (above - below) / (2 * STEP)
        return result, gradients


def spread(targets, n_outputs, smoothing):
    """Return targets with a column for each output, smoothed.

    ``targets`` (n_members, n_rows, n_target_columns) has one column of class indices for several
    outputs, else 0 and 1.
    """
    if targets.shape[2] == n_outputs:
        return smoothed(targets, smoothing, 2)
    return smoothed(np.eye(n_outputs)[targets[..., 0]], smoothing, n_outputs)


def as_loss(item, standard):
    """Return the Loss for a custom loss; ``standard`` says how logits become probabilities."""
    is_ready = isinstance(item, Loss)
    return item if is_ready else standard._replace(value_and_gradient=CustomLoss(item))


def check_loss(item, standard, n_outputs, rng):
    """Compare a custom loss with its gradient, at random logits.

    Parameters
    ----------
    item : callable or Loss
    standard : Loss
    n_outputs : int
    rng : Generator

    Raises
    ------
    ValueError
        If shapes are wrong, values are not finite, the value of a row depends on other rows, or
        the gradient is not that of the values.
    """
    loss = as_loss(item, standard)
    logits = rng.standard_normal((1, 6, n_outputs))
    is_one_of_several = n_outputs > 1 and not loss.columns_are_independent
    shape, n_values = ((1, 6, 1), n_outputs) if is_one_of_several else (logits.shape, 2)
    targets, weights = rng.integers(0, n_values, shape), rng.random((1, 6))

    def evaluate(z, weights=weights):
        value, gradient = loss.evaluate(z.copy(), targets, weights)
        return value[0], gradient.copy()

    try:
        value, gradient = evaluate(logits)
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"loss {item!r} must return values of shape (n_rows,), and perhaps their gradients of "
            f"shape (n_rows, n_outputs), for logits and targets of shape (6, {n_outputs}): {error}"
        ) from error
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        raise ValueError(
            f"loss {item!r} must be finite for any logits and targets, but at random ones its sum "
            f"is {value:.6g}, and that of its gradient {gradient.sum():.6g}. Take no logarithm or "
            "root of what can be 0 or less."
        )
    direction = rng.standard_normal(logits.shape)
    above, below = (evaluate(logits + s * direction)[0] for s in (STEP, -STEP))
    numeric, given = (above - below) / (2 * STEP), float(np.vdot(gradient, direction))
    if not abs(given - numeric) <= TOLERANCE * (1 + abs(numeric)):
        raise ValueError(
            f"the gradient of loss {item!r} is wrong: along a random direction it gives "
            f"{given:.6g}, but the values rise by {numeric:.6g}. Return the derivative of each "
            "row's value with respect to its logits."
        )
    _check_rows(item, logits, evaluate, weights)


def _check_rows(item, logits, evaluate, weights):
    """Refuse values of a row that depend on other rows."""
    only_first = np.where(np.arange(6) == 0, weights, 0)
    others = logits.copy()
    others[:, 1:] += 1
    if not np.isclose(evaluate(logits, only_first)[0], evaluate(others, only_first)[0]):
        raise ValueError(
            f"loss {item!r} must take each row by itself, but the value of the first row changes "
            "with the others. Return one value a row, without sums or means over rows."
        )
