"""Initial weights and biases, as ``init``, ``coefs_init`` and the classes' shares have them."""

import numpy as np

from skdnn.core.activations import as_activation
from skdnn.core.network import connect, initialize
from skdnn.estimator.auto_parameters import OUTPUT_SCALE
from skdnn.estimator.fitted_model import overwrite
from skdnn.estimator.solvers import SOLVERS


def member_generators(seed, n_epochs_before, n_members):
    """Return a generator for each member, which later epochs do not repeat."""
    seeds = np.random.SeedSequence([seed, n_epochs_before]).spawn(n_members)
    return [np.random.Generator(np.random.SFC64(member_seed)) for member_seed in seeds]


def initial_params(settings, task, network, resolved, rngs):
    """Return starting weights and biases, shape (n_members, n_parameters)."""
    params = np.zeros((len(rngs), network.n_parameters), task.schema.dtype)
    n_layers, is_auto = len(resolved["activation"]) + 1, settings.init == "auto"
    init = ["glorot_uniform" if is_auto else settings.init] * n_layers
    scale = [settings.init_scale] * n_layers
    if is_auto and SOLVERS[settings.solver].adapts:
        init = [as_activation(item).init for item in resolved["activation"]] + ["he_normal"]
        scale[-1] *= OUTPUT_SCALE
    initialize(network, params, rngs, init, scale)
    if resolved["connectivity"] is not None:
        connect(network, params, rngs, resolved["connectivity"])
    if is_auto and settings.intercepts_init is None:
        network.dense(params)[-1][1][...] = prior_logits(task.split.data, task.schema.labels)
    overwrite(network, params, settings.coefs_init, "coefs_init", 0)
    overwrite(network, params, settings.intercepts_init, "intercepts_init", 1)
    return params


def prior_logits(data, labels):
    """Return the biases with which a network without inputs predicts the class shares."""
    # Whole numbers have the same sum in whatever order the rows come.
    n_bits = 52 - len(data.weights).bit_length() - np.frexp(data.weights.max())[1]
    weights = np.rint(np.ldexp(data.weights, n_bits))
    return labels.loss.prior_logits(data.targets, weights, labels.n_outputs)
