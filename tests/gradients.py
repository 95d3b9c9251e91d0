"""The one numerical check of every gradient, and small random problems to check it on."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from skdnn.core.activations import ACTIVATIONS
from skdnn.core.layers import Elementwise
from skdnn.core.losses import LOSSES, Loss
from skdnn.core.network import Network, build

FROM_KINKS = 1e-3  # distance to zero that a step of the check cannot cross


def assert_gradient(func, x, grad, rng, step=1e-5, rtol=1e-6):
    """Check ``grad`` against a central difference along one random direction."""
    direction = rng.normal(size=x.shape)
    direction /= np.linalg.norm(direction)
    numeric = (func(x + step * direction) - func(x - step * direction)) / (2 * step)
    np.testing.assert_allclose(np.vdot(grad, direction), numeric, rtol=rtol, atol=1e-9)


class Problem(NamedTuple):
    """A network with parameters, a batch and a loss; dropout draws the same mask every time."""

    network: Network
    params: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    loss: Loss
    smoothing: float
    seed: int | None

    def forward(self, params=None, inputs=None, depth=None):
        """Return the outputs of the first ``depth`` layers and the way back."""
        params = self.params if params is None else params
        network = Network(self.network.layers[:depth])
        views = self.network.views(params)[:depth]
        rngs = None
        if self.seed is not None:
            rngs = [np.random.default_rng((self.seed, k)) for k in range(len(params))]
        inputs = self.inputs if inputs is None else inputs
        return network.forward(views, inputs, network.workspace(np.float64), rngs)

    def values(self, params=None, inputs=None):
        """Return each member's loss."""
        logits, _ = self.forward(params, inputs)
        return self.loss.value_and_gradient(logits, self.targets, self.weights, self.smoothing)[0]

    def gradients(self):
        """Return the gradients of the parameters and of the inputs."""
        logits, trace = self.forward()
        _, grad = self.loss.value_and_gradient(logits, self.targets, self.weights, self.smoothing)
        grads = np.full_like(self.params, np.nan)
        self.network.backward(trace, grad.copy(), self.network.views(grads))
        for way_back in reversed(trace):
            grad = way_back.to_inputs(grad)
        return grads, grad

    def is_smooth(self):
        """Tell whether every activation is far enough from a kink."""
        places = [
            index
            for index, layer in enumerate(self.network.layers)
            if isinstance(layer, Elementwise)
        ]
        return all(np.abs(self.forward(depth=i)[0]).min() > FROM_KINKS for i in places)


def random_targets(rng, loss, shape, n_outputs):
    """Return targets of the right kind, shape (*shape, n_target_columns)."""
    if loss == "softmax":
        return rng.integers(0, n_outputs, (*shape, 1))
    return rng.integers(0, 2, (*shape, n_outputs))


def random_weights(rng, n_members, n_rows):
    """Return positive weights of very different size, some of them zero."""
    weights = rng.exponential(size=(n_members, n_rows)) / n_rows
    weights[:, 1:][rng.random((n_members, n_rows - 1)) < 0.2] = 0
    return weights


@st.composite
def problems(draw, activation=None, loss=None, dropout=False):
    """Draw a problem; biases are random, or a dead layer would sit on the next one's kink."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    loss = loss or draw(st.sampled_from(sorted(LOSSES)))
    n_members, n_rows = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    n_outputs = 1 if loss == "sigmoid" else draw(st.integers(2, 4))
    widths = (draw(st.integers(1, 4)), *draw(st.lists(st.integers(1, 4), max_size=3)), n_outputs)
    names = st.just(activation) if activation else st.sampled_from(sorted(ACTIVATIONS))
    activations = [draw(names) for _ in widths[1:-1]]
    rate = draw(st.floats(0.1, 0.7)) if dropout else 0.0
    network = build(widths, activations, rate)
    return Problem(
        network,
        rng.normal(size=(n_members, network.n_parameters)),
        rng.normal(size=(n_members, n_rows, widths[0])),
        random_targets(rng, loss, (n_members, n_rows), n_outputs),
        random_weights(rng, n_members, n_rows),
        LOSSES[loss],
        draw(st.sampled_from([0.0, 0.1])),
        draw(st.integers(0, 1000)) if dropout else None,
    )
