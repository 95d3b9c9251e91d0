"""to_onnx: a fitted network as an ONNX model."""

from skdnn.classifier import DeepNetClassifier
from skdnn.estimator.encoder_adapters import TableAdapter, adapted
from skdnn.estimator.fitted_model import fitted_model
from skdnn.estimator.model_files import VERSION
from skdnn.export.encoding import add_encoder, add_matrix
from skdnn.export.graph import Graph
from skdnn.export.members import add_members, add_outputs, add_probabilities
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
        If a custom activation cannot be expressed, the network uses no column, or a category has
        the name of missing values.

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
    logits = add_members(graph, fitted, _add_inputs(graph, net, fitted))
    add_outputs(graph, fitted.schema.labels, add_probabilities(graph, fitted, logits))
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
