"""Pictures of a fitted network, in the manner of scikit-learn's displays.

Conventions: ``from_estimator`` takes a fitted DeepNetClassifier, a pipeline that ends in one or a
search for one, computes what is to be seen, and draws it; ``plot`` draws it again. Both draw into
``ax`` or a new figure; ``ax_`` and ``figure_`` tell where. matplotlib is imported when drawing.
"""

from skdnn.display.architecture import ArchitectureDisplay
from skdnn.display.curves import LossCurveDisplay
from skdnn.display.uncertainty import UncertaintyDisplay
from skdnn.display.weights import WeightsDisplay

__all__ = ["ArchitectureDisplay", "LossCurveDisplay", "UncertaintyDisplay", "WeightsDisplay"]
