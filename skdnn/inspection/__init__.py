"""Pictures of a fitted network, in the manner of scikit-learn's displays.

Conventions: ``from_estimator`` takes a fitted DeepNetClassifier, a pipeline that ends in one or a
search for one, computes what is to be seen, and draws it; ``plot`` draws it again. Both draw into
``ax`` or a new figure; ``ax_`` and ``figure_`` tell where. matplotlib is imported when drawing.
"""

from skdnn.inspection.architecture_display import ArchitectureDisplay
from skdnn.inspection.loss_curve_display import LossCurveDisplay
from skdnn.inspection.uncertainty_display import UncertaintyDisplay
from skdnn.inspection.weights_display import WeightsDisplay

__all__ = ["ArchitectureDisplay", "LossCurveDisplay", "UncertaintyDisplay", "WeightsDisplay"]
