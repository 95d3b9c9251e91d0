"""The members, their average and the labels as a part of an ONNX graph."""

import numpy as np
from scipy.special import expit

from skdnn.core.activations import as_activation
from skdnn.export.encoding import ROWS
from skdnn.export.graph import Value


def add_members(graph, fitted, inputs):
    """Return the calibrated logits of all members, (n_members, n_rows, n_outputs), in double."""
    shape, activations = (fitted.n_members, -1), fitted.resolved["activation"]
    layers = zip(fitted.layer_arrays(0), fitted.layer_arrays(1), strict=True)
    signals = inputs
    for (weights, bias), activation in zip(layers, [*activations, "identity"], strict=True):
        weights = graph.constant(weights.reshape(*shape, weights.shape[-1]), inputs.dtype)
        bias = bias.reshape(fitted.n_members, 1, bias.shape[-1])
        signals = _activate(activation, signals.node("MatMul", weights) + bias)
    divisors, _ = fitted.calibration
    return signals.astype(np.float64) / divisors


def _activate(item, z):
    """Return the activation of a Value; a custom one must be made of elementwise functions."""
    problem = "it must return its value, made of NumPy's elementwise functions of z"
    try:
        value = as_activation(item).value(z, z.dtype.type)
    except Exception as error:  # of the user's function
        value, problem = None, error
    if not isinstance(value, Value):
        raise ValueError(f"activation {item!r} cannot be expressed in ONNX: {problem}")
    return value


def add_probabilities(graph, fitted, logits):
    """Return the weighted mean of the members' probabilities, (n_rows, n_classes)."""
    labels = fitted.schema.labels
    if labels.loss.out_activation == "softmax":
        proba = logits.node("Softmax", axis=-1)
    elif labels.is_multilabel:
        proba = expit(logits)
    else:
        proba = graph.concatenate([expit(-logits), expit(logits)], axis=-1)
    _, weights = fitted.calibration
    axes = graph.constant([0], np.int64)
    return (proba * weights[:, None, None]).node("ReduceSum", axes, keepdims=0)


def add_outputs(graph, labels, proba):
    """Add the outputs: labels, and probabilities."""
    names, shape = labels.classes, [ROWS, len(labels.classes)]
    if labels.is_multilabel:
        label, of_label = np.greater(proba, 0.5).astype(np.int64), shape
    else:
        best, of_label = proba.node("ArgMax", dtype=np.int64, axis=1, keepdims=0), [ROWS]
        table = graph.constant(names, _type_of(names))
        label = table.node("Gather", best, axis=0)
    graph.output("label", label, of_label, "the most probable class, or labels above 1/2")
    listed = ", ".join(map(str, names))
    graph.output("probabilities", proba, shape, f"of the classes {listed}")


def _type_of(classes):
    """Return the type of the labels in ONNX; raise a TypeError if it has none."""
    kind = classes.dtype.kind
    if kind == "O" and {*map(type, classes.tolist())} <= {str, np.str_}:
        kind = "U"
    types = {"i": np.int64, "u": np.int64, "b": np.bool_, "f": np.float64, "U": object}
    if kind not in types:
        raise TypeError(
            f"classes such as {classes[0]!r} cannot be expressed in ONNX. Fit with strings, "
            "integers, floats or booleans as labels."
        )
    return types[kind]
