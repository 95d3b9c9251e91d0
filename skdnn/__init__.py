"""A scikit-learn-compatible deep neural network in Python and NumPy."""

from skdnn import callbacks as callbacks
from skdnn import export as export
from skdnn.estimator.classifier import DeepNetClassifier
from skdnn.estimator.model_files import VERSION, ModelFileError
from skdnn.estimator.search_space import search_space, suggest_params
from skdnn.inspection.architecture_display import ArchitectureDisplay
from skdnn.inspection.attribution_displays import ImportanceDisplay, WaterfallDisplay
from skdnn.inspection.attributions import input_gradients, integrated_gradients
from skdnn.inspection.loss_curve_display import LossCurveDisplay
from skdnn.inspection.uncertainty_display import UncertaintyDisplay
from skdnn.inspection.weights_display import WeightsDisplay
from skdnn.tabular.column_types import UnreadableWarning
from skdnn.tabular.encoder import TableEncoder

__version__ = VERSION
load = DeepNetClassifier.load
__all__ = [
    "ArchitectureDisplay",
    "DeepNetClassifier",
    "ImportanceDisplay",
    "LossCurveDisplay",
    "ModelFileError",
    "TableEncoder",
    "UncertaintyDisplay",
    "UnreadableWarning",
    "WaterfallDisplay",
    "WeightsDisplay",
    "input_gradients",
    "integrated_gradients",
    "load",
    "search_space",
    "suggest_params",
]
