"""The weights and biases of the dense layers, to look at and to replace."""

from skdnn.core.network import build
from skdnn.predicting import fitted_network, forward_passes, plain_params
from skdnn.starting import overwrite

WHICH = {"coefs_": 0, "intercepts_": 1}


def layer_arrays(estimator, name):
    """Return the weights or biases of all layers, members in front if there are several.

    Parameters
    ----------
    estimator : DeepNetClassifier
    name : {"coefs_", "intercepts_"}

    Returns
    -------
    list of ndarray
        Read-only views; before the first fit, what was assigned.

    Raises
    ------
    AttributeError
        If there is neither.
    """
    if not hasattr(estimator, "_params"):
        if name in vars(estimator).get("_assigned", ()):
            return estimator._assigned[name]
        raise AttributeError(f"this {type(estimator).__name__} is not fitted yet.")
    # A change of these would not reach their copies in float64, which small tables see.
    params = plain_params(estimator).view()
    params.flags.writeable = False
    network = build(estimator._widths, estimator.resolved_params_["activation"])
    arrays = [views[WHICH[name]] for views in network.dense(params)]
    if name == "intercepts_":
        arrays = [bias[:, 0] for bias in arrays]
    return [array[0] if len(array) == 1 else array for array in arrays]


def assign_layer_arrays(estimator, name, arrays):
    """Replace the weights or biases of all layers; before the first fit, keep them for it.

    Raises
    ------
    ValueError
        If a shape is not that of the layer, or a number not finite.
    """
    if not hasattr(estimator, "_params"):
        vars(estimator).setdefault("_assigned", {})[name] = arrays
        return
    network, params = fitted_network(estimator), estimator._params.copy()
    if name == "coefs_":
        for views in network.views(params):
            for factors in views[2:]:
                factors[...] = 0  # what is assigned has them in it
    overwrite(network, params, arrays, name, WHICH[name])
    estimator._params = params
    estimator._passes = forward_passes(estimator)
