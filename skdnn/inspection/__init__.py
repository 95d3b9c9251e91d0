"""Inspection of a fitted network: attributions of predictions, and displays like scikit-learn's.

Conventions: ``from_estimator`` of a display takes a fitted DeepNetClassifier, or a fitted pipeline
or hyperparameter search with one, and plots it; ``plot`` plots the display again. Both use ``ax``
or a new figure, and set ``ax_`` and ``figure_``. matplotlib is imported when plotting.
"""

from skdnn.inspection.architecture_display import ArchitectureDisplay
from skdnn.inspection.attribution_displays import ImportanceDisplay, WaterfallDisplay
from skdnn.inspection.loss_curve_display import LossCurveDisplay
from skdnn.inspection.uncertainty_display import UncertaintyDisplay
from skdnn.inspection.weights_display import WeightsDisplay

__all__ = [
    "ArchitectureDisplay",
    "ImportanceDisplay",
    "LossCurveDisplay",
    "UncertaintyDisplay",
    "WaterfallDisplay",
    "WeightsDisplay",
]
