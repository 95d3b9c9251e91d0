"""ONNX graphs, written as NumPy expressions: a Value is the result of a node, not yet computed.

NumPy's elementwise functions, and operators, add a node to the graph where they meet a Value. So
formulas written for arrays, such as those of activations, also describe graphs.
"""

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from scipy.special import erf, expit

OPSETS = {"": 19, "ai.onnx.ml": 3}
IR_VERSION = 9  # the format of files that came with opset 19

OPERATORS = {
    np.absolute: "Abs",
    np.add: "Add",
    np.divide: "Div",
    np.exp: "Exp",
    np.log: "Log",
    np.maximum: "Max",
    np.minimum: "Min",
    np.multiply: "Mul",
    np.negative: "Neg",
    np.power: "Pow",
    np.remainder: "Mod",  # of integers; the sign is that of the divisor, as in NumPy
    np.sign: "Sign",
    np.sqrt: "Sqrt",
    np.subtract: "Sub",
    np.tanh: "Tanh",
}
TESTS = {np.equal: "Equal", np.greater: "Greater", np.isnan: "IsNaN", np.less: "Less"}


def _expm1(x):
    return np.exp(x) - 1


def _log1p(x):
    return np.log(x + 1)


def _floor_divide(a, b):
    return (a - a % b).node("Div", a.graph.constant(b, a.dtype))


def _expit(x):
    # Some versions of onnxruntime replace z * Sigmoid(z) by a node that they lack in double.
    return 1 / (np.exp(-x) + 1)


def _erf(x):
    # onnxruntime has no error function in double precision.
    return x.astype(np.float32).node("Erf").astype(x.dtype)


COMPOSED = {
    np.expm1: _expm1,
    np.floor_divide: _floor_divide,
    np.log1p: _log1p,
    erf: _erf,
    expit: _expit,
}


class Value(NDArrayOperatorsMixin):
    """An input of a graph, or the result of one of its nodes; its name is unique in the graph.

    The type of strings is that of objects.
    """

    def __init__(self, graph, name, dtype):
        self.graph, self.name, self.dtype = graph, name, np.dtype(dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        values = [value for value in inputs if isinstance(value, Value)]
        dtype = np.result_type(*(value.dtype for value in values))
        is_known = ufunc in OPERATORS or ufunc in TESTS or ufunc in COMPOSED
        if not is_known or method != "__call__" or options or dtype.kind not in "if":
            return NotImplemented
        if ufunc in COMPOSED:
            return COMPOSED[ufunc](*inputs)
        inputs = [self.graph.as_value(value, dtype) for value in inputs]
        if ufunc in TESTS:
            return self.graph.node(TESTS[ufunc], inputs, np.bool_)
        return self.graph.node(OPERATORS[ufunc], inputs, dtype)

    def __bool__(self):
        raise TypeError("a node of a graph has no value yet, so that no branch can depend on it")

    def node(self, operator, *others, dtype=None, **attributes):
        """Return the result of a node whose first input this is; by default of the same dtype."""
        dtype = self.dtype if dtype is None else dtype
        return self.graph.node(operator, [self, *others], dtype, **attributes)

    def astype(self, dtype):
        """Return the numbers as another type."""
        same = np.dtype(dtype) == self.dtype
        return self if same else self.node("Cast", dtype=dtype, to=element_type(dtype))

    def take(self, columns):
        """Return some columns."""
        return self.node("Gather", self.graph.constant(columns, np.int64), axis=1)


class Graph:
    """An ONNX graph in the making. Inputs are added first, as they have the names of columns."""

    def __init__(self):
        self._taken, self._nodes, self._constants = set(), [], []
        self._inputs, self._outputs = [], []

    def node(self, operator, inputs, dtype, **attributes):
        """Add a node with one result, and return that."""
        from onnx.helper import make_node

        output = self._free_name(f"{operator}_{len(self._nodes)}")
        names = [value.name for value in inputs]
        self._nodes.append(make_node(operator, names, [output], output, **attributes))
        return Value(self, output, dtype)

    def constant(self, array, dtype):
        """Return an array as a Value."""
        from onnx.helper import make_tensor
        from onnx.numpy_helper import from_array

        name, array = self._free_name(f"constant_{len(self._constants)}"), np.asarray(array, dtype)
        if array.dtype.kind == "O":
            tensor = make_tensor(name, element_type(object), array.shape, array.ravel().tolist())
        else:
            tensor = from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        self._constants.append(tensor)
        return Value(self, name, dtype)

    def as_value(self, item, dtype):
        """Return a Value, or a number or array, as a Value of a type."""
        return item.astype(dtype) if isinstance(item, Value) else self.constant(item, dtype)

    def where(self, condition, values, others):
        """Return ``values`` where a condition is true, and ``others`` elsewhere."""
        dtype = next(item.dtype for item in (values, others) if isinstance(item, Value))
        values, others = (self.as_value(item, dtype) for item in (values, others))
        return self.node("Where", [condition, values, others], dtype)

    def concatenate(self, values, axis=1):
        """Return values of one type, joined along an axis."""
        if len(values) == 1:
            return values[0]
        return self.node("Concat", values, values[0].dtype, axis=axis)

    def input(self, name, dtype, shape, description):
        """Add an input, and return it."""
        self._taken.add(name)
        self._inputs.append(_value_info(name, dtype, shape, description))
        return Value(self, name, dtype)

    def output(self, name, value, shape, description):
        """Make a value an output, with this name or, if it is taken, underscores after it."""
        from onnx.helper import make_node

        name = self._free_name(name)
        self._nodes.append(make_node("Identity", [value.name], [name], name))
        self._outputs.append(_value_info(name, value.dtype, shape, description))

    def model(self, **properties):
        """Return the model, an ``onnx.ModelProto``."""
        from onnx import helper

        nodes, constants = self._used()
        graph = helper.make_graph(
            nodes, "DeepNetClassifier", self._inputs, self._outputs, constants
        )
        opsets = [helper.make_opsetid(*opset) for opset in OPSETS.items()]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="skdnn", **properties
        )

    def _used(self):
        """Return the nodes and constants that outputs depend on: not all parts of dates are."""
        nodes, needed = [], {output.name for output in self._outputs}
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                nodes.append(node)
        return nodes[::-1], [tensor for tensor in self._constants if tensor.name in needed]

    def _free_name(self, name):
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def element_type(dtype):
    """Return ONNX's number of a NumPy type."""
    from onnx import TensorProto, helper

    dtype = np.dtype(dtype)
    return TensorProto.STRING if dtype.kind == "O" else helper.np_dtype_to_tensor_dtype(dtype)


def _value_info(name, dtype, shape, description):
    from onnx.helper import make_tensor_value_info

    return make_tensor_value_info(name, element_type(dtype), shape, description)
