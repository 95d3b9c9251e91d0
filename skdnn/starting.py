"""Where training starts: the network, its first weights, and the members' generators."""

import numpy as np
from scipy.sparse import issparse

from skdnn.core.custom_activations import as_activation
from skdnn.core.network import build, connect, initialize
from skdnn.parameters import OUTPUT_SCALE, Extent
from skdnn.reading import expansion_of
from skdnn.solvers import SOLVERS


def member_generators(seed, n_epochs_before, n_members):
    """Return a generator for each member, which later epochs do not repeat."""
    seeds = np.random.SeedSequence([seed, n_epochs_before]).spawn(n_members)
    return [np.random.Generator(np.random.SFC64(member_seed)) for member_seed in seeds]


def count_inputs(encoded, encoder):
    """Return the number of inputs of the network that encoded rows go into."""
    expansion = expansion_of(encoder)
    return encoded.shape[1] if expansion is None or issparse(encoded) else expansion.n_outputs


def measure(split, encoder, has_all_rows):
    """Return the Extent of the rows of a split."""
    encoded, expansion = split.data.rows.array, expansion_of(encoder)
    n_inputs = count_inputs(encoded, encoder)
    if expansion is not None and not issparse(encoded):
        n_inputs -= sum(expansion.n_bins)
    n_rows = max(map(len, split.train_rows))
    n_members = len(split.train_rows)
    return Extent(n_rows, has_all_rows, encoded.shape[1], n_inputs, issparse(encoded), n_members)


def make_network(encoded, resolved, labels, encoder):
    """Return the network for encoded rows."""
    sparse = issparse(encoded)
    widths = (count_inputs(encoded, encoder), *resolved.hidden_layer_sizes, labels.n_outputs)
    return build(
        widths,
        resolved.activation,
        resolved.dropout,
        resolved.input_dropout,
        None if sparse else expansion_of(encoder),
        sparse,
        resolved.connectivity is not None,
    )


def check_same_shape(estimator, n_members, network):
    """Refuse to go on with parameters of another network.

    Raises
    ------
    ValueError
        If the number of members or a width has changed.
    """
    before, now = (len(estimator._params), estimator._widths), (n_members, network.widths)
    if before != now:
        raise ValueError(
            f"training so far had {before[0]} members of widths {before[1]}; now there are "
            f"{now[0]} of {now[1]}. Keep n_members, hidden_layer_sizes and encoder as they were, "
            "or fit anew with warm_start=False."
        )


def starting_params(estimator, network, resolved, split, rngs):
    """Return starting weights and biases, shape (n_members, n_parameters)."""
    params = np.zeros((len(rngs), network.n_parameters), estimator._dtype)
    n_hidden = len(resolved.activation)
    init, scale = [estimator.init] * (n_hidden + 1), [1.0] * (n_hidden + 1)
    starts_small = estimator.init == "auto" and SOLVERS[estimator.solver].starts_small
    if estimator.init == "auto":
        init = ["glorot_uniform"] * (n_hidden + 1)
    if starts_small:
        init = [as_activation(item).init for item in resolved.activation] + ["he_normal"]
        scale[-1] = OUTPUT_SCALE
    scale = [factor * estimator.init_scale for factor in scale]
    initialize(network, params, rngs, init, scale)
    if resolved.connectivity is not None:
        connect(network, params, rngs, resolved.connectivity)
    if estimator.init == "auto" and estimator.intercepts_init is None:
        network.dense(params)[-1][1][...] = _prior_logits(split.data, estimator._labels)
    overwrite(network, params, estimator.coefs_init, "coefs_init", 0)
    overwrite(network, params, estimator.intercepts_init, "intercepts_init", 1)
    assigned = vars(estimator).pop("_assigned", {})
    overwrite(network, params, assigned.get("coefs_"), "coefs_", 0)
    overwrite(network, params, assigned.get("intercepts_"), "intercepts_", 1)
    return params


def _prior_logits(data, labels):
    """Return the biases with which a network without inputs predicts the class shares."""
    # Whole numbers have the same sum in whatever order the rows come.
    n_bits = 52 - len(data.weights).bit_length() - np.frexp(data.weights.max())[1]
    weights = np.rint(np.ldexp(data.weights, n_bits))
    if labels.loss == "softmax":
        totals = np.bincount(data.targets[:, 0], weights, len(labels.classes))
        return np.log(np.maximum(totals / weights.sum(), 1e-4))
    shares = np.einsum("i,ij->j", weights, data.targets) / weights.sum()
    shares = np.clip(shares, 1e-4, 1 - 1e-4)
    return np.log(shares / (1 - shares))


def overwrite(network, params, given, name, which):
    """Write arrays of the user's into weights (0) or biases (1); None leaves them as they are.

    Raises
    ------
    ValueError
        If a shape is not that of the layer, or a number not finite.
    """
    if given is None:
        return
    layers = network.dense(params)
    if len(given) != len(layers):
        raise ValueError(f"{name} must have {len(layers)} arrays, one a layer; got {len(given)}.")
    for number, (values, views) in enumerate(zip(given, layers, strict=True)):
        view, values = views[which], np.asarray(values)
        if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            raise ValueError(f"{name}[{number}] must hold finite numbers.")
        wanted = view.shape[1:] if which == 0 else view.shape[2:]
        if values.shape not in (wanted, (len(params), *wanted)):
            raise ValueError(
                f"{name}[{number}] must have the shape {wanted}, with or without the "
                f"{len(params)} members in front; got {values.shape}."
            )
        view[...] = values if which == 0 or values.ndim == 1 else values[:, None]
