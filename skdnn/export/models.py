"""to_onnx: a fitted network as an ONNX model: its encoder, members, their average, and labels."""

import numpy as np
from scipy.special import expit

from skdnn.core.activations import as_activation
from skdnn.estimator.classifier import DeepNetClassifier
from skdnn.estimator.encoder_adapters import TableAdapter, adapted
from skdnn.estimator.fitted_model import fitted_model
from skdnn.estimator.model_files import VERSION
from skdnn.export.encoding import ROWS, add_encoder, add_matrix
from skdnn.export.graph import Graph, Value
from skdnn.tabular.dataframes import check_table


def to_onnx(net, X=None):
    """Return a fitted network as an ONNX model: its encoder, all members, and their average.

    Parameters
    ----------
    net : DeepNetClassifier
        A fitted network, with ``encoder="auto"``, a TableEncoder or ``"passthrough"``.
    X : {frame, array-like, sparse matrix} of shape (n_samples, n_features), optional
        Rows, whose columns are checked to be those of fit. The model does not depend on them.

    Returns
    -------
    onnx.ModelProto
        To be saved with ``onnx.save(model, path)``. Opset 19, ai.onnx.ml 3.

    Raises
    ------
    ImportError
        If the package ``onnx`` is not installed.
    TypeError
        If ``net`` is no DeepNetClassifier, or its encoder or its labels cannot be expressed.
    ValueError
        If a custom activation or an added kind of column cannot be expressed, the network uses no
        column, or a category has the name of missing values.

    See Also
    --------
    onnx_inputs : Make the inputs of the model from a table.

    Notes
    -----
    The inputs are the columns that the network uses, each with its name and the shape (n_rows, 1):

    - numbers as double, NaN if missing; durations in seconds, times of day in seconds since
      midnight. Strings that ``fit`` read as numbers or dates are numbers or dates here.
    - categories as strings, ``"<missing>"`` if missing. Numbers among them are written as Python
      writes them, whole floats as integers: "1", "2.5"; booleans are "True" and "False".
    - dates as int64, microseconds since 1970 in local time, for dates with a time zone in that of
      fit. A second input ``<name>_missing`` tells by true which are missing.

    Rows without column names that are all numbers are one input ``X`` of double, of shape (n_rows,
    n_features); so are rows for ``encoder="passthrough"``, but in the ``dtype`` of the network.

    The outputs are ``label``, of shape (n_rows,) or, for multilabel y, (n_rows, n_labels), and
    ``probabilities`` in double, (n_rows, n_classes). The probabilities are those of
    ``predict_proba`` to about 1e-6: the network is computed in its own ``dtype``, while
    ``predict_proba`` computes few rows in double. Infinite numbers are not refused.
    """
    if not isinstance(net, DeepNetClassifier):
        raise TypeError(f"to_onnx needs a fitted DeepNetClassifier, not {type(net).__name__}.")
    fitted = fitted_model(net)
    if X is not None:
        check_table(net, X, reset=False)
    graph = Graph()
    logits = _add_members(graph, fitted, _add_inputs(graph, net, fitted))
    _add_outputs(graph, fitted.schema.labels, _add_probabilities(graph, fitted, logits))
    return graph.model(producer_version=VERSION)


def _add_inputs(graph, net, fitted):
    """Add the inputs of the model, and return those of the network."""
    adapter = adapted(fitted.schema.encoder)
    if isinstance(adapter, TableAdapter):
        return add_encoder(graph, fitted, adapter)
    if adapter.reads_blocks:
        return add_matrix(graph, fitted.schema.dtype, net.n_features_in_)
    raise TypeError(
        f"encoder={adapter.encoder!r} cannot be expressed in ONNX. Make it a step of a pipeline, "
        "before a network with encoder='passthrough'."
    )


def _add_members(graph, fitted, inputs):
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


def _add_probabilities(graph, fitted, logits):
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


def _add_outputs(graph, labels, proba):
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
