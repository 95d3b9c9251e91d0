"""A scikit-learn-compatible deep neural network in Python and NumPy."""

from skdnn import callbacks as callbacks
from skdnn.classifier import DeepNetClassifier
from skdnn.encoding import TableEncoder

__version__ = "0.1.0"
__all__ = ["DeepNetClassifier", "TableEncoder"]
