"""A scikit-learn-compatible deep neural network in Python and NumPy."""

from skdnn import callbacks as callbacks
from skdnn.classifier import DeepNetClassifier
from skdnn.display import ArchitectureDisplay, LossCurveDisplay, UncertaintyDisplay, WeightsDisplay
from skdnn.encoding import TableEncoder
from skdnn.explain import input_gradients, integrated_gradients
from skdnn.search import search_space, suggest_params

__version__ = "0.1.0"
__all__ = [
    "ArchitectureDisplay",
    "DeepNetClassifier",
    "LossCurveDisplay",
    "TableEncoder",
    "UncertaintyDisplay",
    "WeightsDisplay",
    "input_gradients",
    "integrated_gradients",
    "search_space",
    "suggest_params",
]
