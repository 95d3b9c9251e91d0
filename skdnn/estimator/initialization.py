"""Initial weights and biases, from ``init``, ``coefs_init``, ``intercepts_init`` and the labels."""

import numpy as np

from skdnn.core.activations import as_activation
from skdnn.core.network import connect, initialize
from skdnn.estimator.auto_parameters import OUTPUT_SCALE
from skdnn.estimator.fitted_model import overwrite
from skdnn.estimator.solvers import solver_of
from skdnn.estimator.variants import connection_shares


def member_generators(seed, n_epochs_before, n_members):
    """Return a random generator for each member; continued training has other ones."""
    seeds = np.random.SeedSequence([seed, n_epochs_before]).spawn(n_members)
    return [np.random.Generator(np.random.SFC64(member_seed)) for member_seed in seeds]


def initial_params(settings, fit_data, network, resolved, rngs):
    """Return initial weights and biases, shape (n_members, n_parameters)."""
    params = np.zeros((len(rngs), network.n_parameters), fit_data.schema.dtype)
    n_layers, is_auto = len(resolved["activation"]) + 1, settings.init == "auto"
    init = ["glorot_uniform" if is_auto else settings.init] * n_layers
    scale = [settings.init_scale] * n_layers
    if is_auto and solver_of(settings).adapts:
        init = [as_activation(item).init for item in resolved["activation"]] + ["he_normal"]
        scale[-1] *= OUTPUT_SCALE
    with np.errstate(over="ignore"):  # an infinite weight makes the first loss infinite
        initialize(network, params, rngs, init, scale)
    if resolved["connectivity"] is not None:
        shares = connection_shares(settings, resolved, fit_data.variants, fit_data.expansion)
        connect(network, params, rngs, np.repeat(shares, len(rngs) // len(shares), axis=0))
    if is_auto and settings.intercepts_init is None:
        data, labels = fit_data.prepared.data, fit_data.schema.labels
        network.dense(params)[-1][1][...] = prior_logits(data, labels)
    overwrite(network, params, settings.coefs_init, "coefs_init", 0)
    overwrite(network, params, settings.intercepts_init, "intercepts_init", 1)
    return params


def prior_logits(data, labels):
    """Return the output biases with which a network without inputs predicts class frequencies."""
    # The sum of integers does not depend on the order of the rows; rows of weight 0 are duplicates.
    n_distinct = int(np.count_nonzero(data.weights))
    n_bits = 52 - n_distinct.bit_length() - np.frexp(data.weights.max())[1]
    weights = np.rint(np.ldexp(data.weights, n_bits))
    return labels.loss.prior_logits(data.targets, weights, labels.n_outputs)
