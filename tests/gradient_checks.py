"""The one numerical check of every gradient, and small random problems to check it on."""

from contextlib import nullcontext
from copy import copy
from typing import NamedTuple
from unittest import mock

import numpy as np
from hypothesis import strategies as st

from skdnn.core.activations import ACTIVATIONS, Activation
from skdnn.core.encoded_rows import Expansion
from skdnn.core.losses import LOSSES, Loss
from skdnn.core.network import Network, build
from skdnn.core.tape import Tape

FROM_KINKS = 1e-3  # distance to zero that a step of the check cannot cross


def assert_gradient(func, x, grad, rng, step=1e-5, rtol=1e-6):
    """Check ``grad`` against a central difference along one random direction."""
    direction = rng.normal(size=x.shape)
    direction /= np.linalg.norm(direction)
    numeric = (func(x + step * direction) - func(x - step * direction)) / (2 * step)
    np.testing.assert_allclose(np.vdot(grad, direction), numeric, rtol=rtol, atol=1e-9)


class Played(NamedTuple):
    """What a forward and a backward pass have written."""

    logits: np.ndarray
    values: np.ndarray
    grads: np.ndarray
    grad_inputs: np.ndarray | None


def draw_keys(tape, seed):
    """Write the random keys of a tape; the same seed drops the same units."""
    for number, key in enumerate(tape.keys):
        key[...] = np.random.default_rng((seed, number)).integers(0, 2**64, len(key), np.uint64)


def forward_once(network, params, inputs, is_compiled=False, seed=None):
    """Return the logits of one forward pass; with a seed, as in training."""
    grads = None if seed is None else np.zeros_like(params)
    tape = Tape(params, grads, is_compiled)
    logits, _ = network.forward(tape, inputs)
    draw_keys(tape, seed)
    tape.play()
    return logits


class Problem(NamedTuple):
    """A network with parameters, a batch and a loss; dropout draws the same keys every time."""

    network: Network
    params: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    loss: Loss
    smoothing: float
    seed: int = 0

    def play(self, params=None, inputs=None, is_compiled=False, wants_inputs=False):
        """Record a forward and a backward pass, play them, and return what they have written."""
        params = self.params if params is None else params
        inputs = self.inputs if inputs is None else inputs
        tape = Tape(params, np.full_like(params, np.nan), is_compiled)
        outputs, backs = inputs, []
        for layer, start in zip(self.network.layers, self.network.starts, strict=True):
            outputs, back = layer.forward(tape, start, outputs)
            backs.append(back)
        logits, values = np.empty_like(outputs), np.empty(len(params))
        tape.call(np.copyto, logits, outputs)
        loss = self.loss.value_and_gradient
        smoothing = np.full(len(self.params), self.smoothing)
        tape.call(loss, outputs, self.targets, self.weights, smoothing, values)
        grad = outputs
        for index in range(len(backs) - 1, -1, -1):
            grad = backs[index](grad, index > 0 or wants_inputs)
        draw_keys(tape, self.seed)
        tape.play()
        return Played(logits, values, tape.grads, grad)

    def assert_gradients(self, rng, is_compiled=False, wants_inputs=False):
        """Compare the gradients of the parameters, and of the inputs, with differences."""
        played = self.play(is_compiled=is_compiled, wants_inputs=wants_inputs)

        def total(**changed):
            return self.play(is_compiled=is_compiled, **changed).values.sum()

        assert_gradient(lambda x: total(params=x), self.params, played.grads, rng)
        if wants_inputs:
            assert_gradient(lambda x: total(inputs=x), self.inputs, played.grad_inputs, rng)

    def is_smooth(self):
        """Tell whether every hidden unit is far enough from a kink."""
        nearest = [np.inf]

        def spying(activation):
            def value(z, real):
                nearest.append(np.abs(z).min(initial=np.inf))
                return activation.value(z, real)

            return Activation(value, activation.slope, is_compiled=False)

        layers = [copy(layer) for layer in self.network.layers]
        for layer in layers[:-1]:
            layer.activation = spying(layer.activation)
        self._replace(network=Network(layers)).play()
        return min(nearest) > FROM_KINKS


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


def encoded_rows(rng, expansion, shape):
    """Return numbers, knot coordinates (some outside their bins) and codes (some unknown)."""
    n_bins, n_categories = np.array(expansion.n_bins, int), np.array(expansion.n_categories, int)
    return np.concatenate(
        [
            rng.normal(size=(*shape, expansion.n_numbers)),
            rng.uniform(-1, n_bins + 1, (*shape, len(n_bins))),
            rng.integers(-1, n_categories + 1, (*shape, len(n_categories))),
        ],
        axis=-1,
    )


def expansions(max_columns=3):
    """Draw layouts of encoded rows that have at least one column."""
    widths = st.lists(st.integers(1, 6), max_size=max_columns)
    return st.builds(
        lambda n_numbers, n_categories, n_bins: Expansion(
            n_numbers, tuple(n_categories), tuple(n_bins)
        ),
        st.integers(0, max_columns),
        widths,
        widths,
    ).filter(lambda expansion: expansion.n_inputs > 0)


@st.composite
def problems(draw, activation=None, loss=None, dropout=False, encoded=False):
    """Draw a problem; biases are random, or a dead layer would sit on the next one's kink."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    loss = loss or draw(st.sampled_from(sorted(LOSSES)))
    n_members, n_rows = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    n_outputs = 1 if loss == "sigmoid" else draw(st.integers(2, 4))
    hidden = draw(st.lists(st.integers(1, 5), max_size=3))
    names = st.just(activation) if activation else st.sampled_from(sorted(ACTIVATIONS))
    activations = [draw(names) for _ in hidden]
    rate = draw(st.floats(0.1, 0.7)) if dropout else 0.0
    options, is_compact = {}, False
    expansion = Expansion(draw(st.integers(1, 4)))
    if encoded:
        expansion = draw(expansions())
        options["input_dropout"] = draw(st.sampled_from([0.0, 0.4])) if dropout else 0.0
        options["is_scaled"], is_compact = draw(st.booleans()), draw(st.booleans())
    widths = (expansion.n_outputs, *hidden, n_outputs)
    with all_compact() if is_compact else nullcontext():
        network = build(widths, activations, rate, expansion, **options)
    params = rng.normal(size=(n_members, network.n_parameters))
    return Problem(
        network,
        # Factors of columns are 1 + 10 times a parameter.
        params * (0.3 if options.get("is_scaled") else 1.0),
        encoded_rows(rng, expansion, (n_members, n_rows)),
        random_targets(rng, loss, (n_members, n_rows), n_outputs),
        random_weights(rng, n_members, n_rows),
        LOSSES[loss],
        draw(st.sampled_from([0.0, 0.1])),
        draw(st.integers(0, 1000)),
    )


def all_compact():
    """Let first layers take encoded rows as they are, however few inputs they stand for."""
    return mock.patch("skdnn.core.layers.FEWEST_INPUTS", 0)
