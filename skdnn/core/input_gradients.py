"""Gradients of a score with respect to the inputs of the first dense layer, and their integrals.

Conventions: ``score(logits, rows)`` returns values (n_points,) and their gradient with respect to
the logits (n_members, n_points, n_outputs); ``rows`` (n_points,) tells which row each point belongs
to. Everything is float64. A score is a number of the whole ensemble: there is one gradient a row.

On a straight line from one input to another the outputs of the first layer are on a straight
line too. So a point of the integral passes through the later layers only, and the backward pass
through the first is taken once a row, however many points there are and however wide a row is.
"""

from typing import NamedTuple

import numpy as np

from skdnn.core.tape import Tape

FEWEST_STEPS = 16  # with fewer, attributions add up to the difference by chance more often
POINTS_AT_A_TIME = 128  # that pass through the layers at a time: they stay in the cache
SMALLEST_DIFFERENCE = 1e-6  # in the score, below which rounding decides


class Integral(NamedTuple):
    """Integrated gradients of some rows.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_inputs)
        Attributions.
    score, start_score : ndarray of shape (n_rows,)
        At the end and at the start of each path.
    residual : ndarray of shape (n_rows,)
        Sum of the attributions - (score - start_score).
    n_steps : ndarray of shape (n_rows,)
        Intervals that the path was cut into.
    """

    values: np.ndarray
    score: np.ndarray
    start_score: np.ndarray
    residual: np.ndarray
    n_steps: np.ndarray


class InputGradient:
    """Compute gradients with respect to the inputs of a network; not changed by calls.

    Parameters
    ----------
    network : Network
        Of dense layers; that rows are widened before the first one is left out.
    params : ndarray of shape (n_members, n_parameters)
    """

    def __init__(self, network, params):
        self._network, self._params = network, params.astype(np.float64, copy=False)
        self._weights = network.weights(self._params)[0]

    def gradient(self, inputs, score):
        """Return the score of each row, and its gradient.

        Parameters
        ----------
        inputs : ndarray of shape (n_rows, n_inputs) or CSR
        score : callable

        Returns
        -------
        values : ndarray of shape (n_rows,)
        grad_inputs : ndarray of shape (n_rows, n_inputs)
        """
        values, grad = self._from_first(self._first(inputs), score, np.arange(inputs.shape[0]))
        return values, self._to_inputs(grad)

    def integrate(self, inputs, start, score, tol, max_steps):
        """Return integrated gradients (Sundararajan et al., 2017, arXiv:1703.01365).

        Steps are doubled for the rows whose attributions do not add up to the difference of the
        scores, until they do.

        Parameters
        ----------
        inputs : ndarray of shape (n_rows, n_inputs) or CSR
            Where paths end.
        start : ndarray of shape (1, n_inputs)
            Where they begin.
        score : callable
        tol : float > 0
            Largest residual, as a share of the difference.
        max_steps : int
            Steps at most.

        Returns
        -------
        Integral
        """
        rows = np.arange(inputs.shape[0])
        begin = self._first(start)
        slope = self._first(inputs) - begin
        start_score, grad_begin = self._from_first(begin.repeat(len(rows), axis=1), score, rows)
        value, grad_end = self._from_first(begin + slope, score, rows)
        difference = value - start_score
        allowed = tol * np.maximum(np.abs(difference), SMALLEST_DIFFERENCE)
        mean = (grad_begin + grad_end) / 2
        residual, n_steps, done = _sums(slope, mean) - difference, np.ones(len(rows), int), 1
        while 2 * done <= max_steps and len(rows):
            some_slope = slope.take(rows, axis=1)
            # The trapezoidal rule of twice as many intervals needs the middles only.
            middle = self._mean_gradient(begin, some_slope, done, score, rows)
            mean[:, rows] = some_mean = (mean.take(rows, axis=1) + middle) / 2
            done *= 2
            residual[rows] = _sums(some_slope, some_mean) - difference[rows]
            n_steps[rows] = done
            if done >= FEWEST_STEPS:
                rows = rows[np.abs(residual[rows]) > allowed[rows]]
        values = self._to_inputs(mean) * (_dense(inputs) - start)
        return Integral(values, value, start_score, residual, n_steps)

    def _mean_gradient(self, begin, slope, n_intervals, score, rows):
        """Return the mean gradient in the middles of intervals, by the first layer's outputs."""
        total = np.zeros_like(slope)
        middles = (np.arange(n_intervals) + 0.5) / n_intervals
        at_a_time = max(POINTS_AT_A_TIME // len(rows), 1)
        for start in range(0, n_intervals, at_a_time):
            places = middles[start : start + at_a_time]
            points = begin[:, None] + places[:, None, None] * slope[:, None]
            flat = points.reshape(len(points), -1, points.shape[-1])
            _, grad = self._from_first(flat, score, np.tile(rows, len(places)))
            total += grad.reshape(points.shape).sum(axis=1)
        return total / n_intervals

    def _first(self, inputs):
        """Return the products of the first layer, shape (n_members, n_rows, width)."""
        return np.stack([inputs @ weights for weights in self._weights])

    def _from_first(self, outputs, score, rows):
        """Return the scores, and the gradient by the first layer's products; overwrite these."""
        tape = Tape(self._params, differentiates=True)
        (first, *later), starts = self._network.layers, self._network.starts[1:]
        back_to_products = first.finish(tape, self._weights[0].size, outputs)
        backs = []
        for layer, start in zip(later, starts, strict=True):
            outputs, back = layer.forward(tape, start, outputs)
            backs.append(back)
        tape.play()
        values, grad = score(outputs, rows)
        tape.calls.clear()
        for back in reversed(backs):
            grad = back(grad, True)
        back_to_products(grad)
        tape.play()
        return values, grad

    def _to_inputs(self, grad):
        result = 0.0
        for of_member, weights in zip(grad, self._weights, strict=True):
            result += of_member @ weights.T
        return result


def _sums(slope, grad):
    """Return the sum of each row's attributions."""
    return np.einsum("mrw,mrw->r", slope, grad)


def _dense(rows):
    return rows if isinstance(rows, np.ndarray) else rows.toarray()
