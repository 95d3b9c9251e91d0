"""A scikit-learn-compatible deep neural network in Python and NumPy."""

from skdnn.classifier import DeepNetClassifier
from skdnn.encoding import TableEncoder
from skdnn.explain import input_gradients, integrated_gradients

__version__ = "0.1.0"
__all__ = [
    "DeepNetClassifier",
    "TableEncoder",
    "input_gradients",
    "integrated_gradients",
]
