"""Networks in pipelines that skl2onnx converts: they become the graph that to_onnx makes."""

from types import SimpleNamespace

from skdnn.estimator.classifier import DeepNetClassifier
from skdnn.estimator.fitted_model import fitted_model
from skdnn.export.inputs import takes_matrix
from skdnn.export.models import to_onnx

ALIAS = "SkdnnDeepNetClassifier"


def register_converter():
    """Make skl2onnx convert DeepNetClassifier, as the last step of a pipeline.

    The network must be fitted to one matrix of numbers without column names, which is what the
    steps before it return by default. Probabilities are float, as ``zipmap`` of skl2onnx needs.

    Raises
    ------
    ImportError
        If the package ``skl2onnx`` is not installed.

    See Also
    --------
    to_onnx : Make a model of a network without a pipeline, also of one for mixed columns.
    """
    from skl2onnx import update_registered_converter

    options = {"zipmap": [True, False, "columns"], "nocl": [True, False]}
    update_registered_converter(
        DeepNetClassifier, ALIAS, _set_types, _convert, overwrite=True, options=options
    )


def _set_types(operator):
    """Set the types of the outputs of a network in a pipeline."""
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    calculate_linear_classifier_output_shapes(operator)
    proba = operator.outputs[1]
    proba.set_type(FloatTensorType(proba.type.shape))


def _convert(scope, operator, container):
    """Add the graph of a network to that of a pipeline."""
    fitted = fitted_model(operator.raw_operator)
    if not takes_matrix(fitted) or fitted.schema.labels.is_multilabel:
        raise ValueError(
            "skl2onnx converts a DeepNetClassifier in a pipeline if it was fitted to an array of "
            "numbers, and not to multilabel y. Otherwise, make a model of the network alone: "
            "skdnn.export.to_onnx(net)."
        )
    _add_model(scope, operator, container, to_onnx(operator.raw_operator))


def _add_model(scope, operator, container, model):
    """Add a model, with casts to and from the types that the pipeline has."""
    from onnx import TensorProto
    from skl2onnx.common.data_types import guess_proto_type
    from skl2onnx.helpers import add_onnx_graph

    def connect(source, target, dtype):
        if dtype == TensorProto.STRING:  # cannot be cast
            container.add_node("Identity", source, target, op_version=14)
        else:
            container.add_node("Cast", source, target, to=dtype, op_version=13)

    values = [*model.graph.input, *model.graph.output]
    inner = [scope.get_unique_variable_name(value.name) for value in values]
    named = [SimpleNamespace(onnx_name=name) for name in inner]
    connect(operator.inputs[0].onnx_name, inner[0], values[0].type.tensor_type.elem_type)
    add_onnx_graph(scope, SimpleNamespace(inputs=named[:1], outputs=named[1:]), container, model)
    for name, output in zip(inner[1:], operator.outputs, strict=True):
        connect(name, output.onnx_name, guess_proto_type(output.type))
