"""The floor: the matrix products that a network cannot do without, and nothing else.

BLAS may use all cores. Results are written into arrays made beforehand; there are no biases, no
activations, no loss, no update, and batches are neighboring rows, so that nothing is gathered.
"""

from itertools import pairwise

import numpy as np

PREDICT_ROWS = 2048  # blocks of other sizes, or one of all rows, were no faster


class MatrixProducts:
    """A network that multiplies and learns nothing."""

    def __init__(self, spec):
        self.spec = spec

    def fit(self, X, y):
        """Multiply what an epoch multiplies, for all epochs."""
        rng = np.random.default_rng(0)
        self.weights_ = [
            (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(X.dtype)
            for shape in pairwise(self.spec.widths)
        ]
        grads = [np.empty_like(weights) for weights in self.weights_]
        outputs = self._outputs(self.spec.batch_size, X.dtype)
        grad_outputs = [np.ones_like(output) for output in outputs]
        for _ in range(self.spec.n_epochs):
            for inputs in _blocks(X, self.spec.batch_size):
                self._forward(inputs, outputs)
                self._backward(inputs, outputs, grad_outputs, grads)
        return self

    def _outputs(self, n_rows, dtype):
        return [np.empty((n_rows, width), dtype) for width in self.spec.widths[1:]]

    def _forward(self, inputs, outputs):
        for weights, output in zip(self.weights_, outputs, strict=True):
            inputs = np.matmul(inputs, weights, out=output[: len(inputs)])
        return inputs

    def _backward(self, inputs, outputs, grad_outputs, grads):
        n_rows = len(inputs)
        layer_inputs = [inputs, *(output[:n_rows] for output in outputs)]
        for layer in reversed(range(len(grads))):
            grad = grad_outputs[layer][:n_rows]
            np.matmul(layer_inputs[layer].T, grad, out=grads[layer])
            if layer:  # nobody asks for the gradient of the data
                np.matmul(grad, self.weights_[layer].T, out=grad_outputs[layer - 1][:n_rows])

    def predict_proba(self, X):
        """Return the last products: neither probabilities nor meant to be."""
        outputs = self._outputs(PREDICT_ROWS, X.dtype)
        result = np.empty((len(X), self.spec.widths[-1]), X.dtype)
        for start in range(0, len(X), PREDICT_ROWS):
            block = slice(start, start + PREDICT_ROWS)
            result[block] = self._forward(X[block], outputs)
        return result


def _blocks(X, n_rows):
    for start in range(0, len(X), n_rows):
        yield X[start : start + n_rows]


network = MatrixProducts
