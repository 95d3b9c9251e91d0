"""Which networks train by compiled loops.

The loops of :mod:`skdnn.core.fused` take a whole epoch at a time. They know dense rows, and the
networks of :mod:`skdnn.core.drafting`; :func:`fuse` alone decides whether a crew is such a case.
All others take their steps layer by layer.
"""

from skdnn.core import compiling
from skdnn.core.batches import DenseRows
from skdnn.core.c_functions import product
from skdnn.core.drafting import Draft
from skdnn.core.fused_rules import CONSTANTS
from skdnn.core.fused_steps import FusedSteps
from skdnn.core.steps import LayerSteps


def make_steps(crew):
    """Return what trains the crew: compiled loops if they know all its pieces, else layers."""
    draft = fuse(crew) if compiling.is_compiled() else None
    return LayerSteps(crew) if draft is None else FusedSteps(crew, draft)


def fuse(crew):
    """Return the Draft of a crew that compiled loops can train, else None."""
    dtype = crew.params.dtype
    tables = [crew.data] if crew.valid_data is None else [crew.data, crew.valid_data]
    is_known = (
        all(_are_plain(data.rows, dtype) for data in tables)
        and type(crew.rule) in CONSTANTS
        and crew.plan.loss.code is not None
        and product(dtype) is not None
    )
    if not is_known:
        return None
    draft = Draft(crew)
    return draft if draft.add_all(crew.network.layers) else None


def _are_plain(rows, dtype):
    """Tell whether rows lie one after the other, in the type of the parameters."""
    if type(rows) is not DenseRows or rows.array.dtype != dtype:
        return False
    return rows.array.flags.c_contiguous and rows.array.flags.aligned
