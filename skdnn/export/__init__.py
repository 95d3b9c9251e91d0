"""Export of fitted networks to ONNX, with the encoder, for prediction without Python.

Needs the package ``onnx`` (the extra ``onnx``); to run a model, for instance ``onnxruntime``.
"""

from skdnn.export.inputs import onnx_inputs
from skdnn.export.models import to_onnx
from skdnn.export.pipelines import register_converter

__all__ = ["onnx_inputs", "register_converter", "to_onnx"]
