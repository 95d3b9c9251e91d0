"""Frames of columns of every type: nothing but errors that name a column, and no NaN comes out."""

import warnings

import numpy as np
import pytest
from every_type import LIBRARIES, random_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from skdnn import DeepNetClassifier


@st.composite
def frames(draw):
    """Two frames of one library, most of whose columns have the same type, and weights."""
    library = draw(st.sampled_from(sorted(LIBRARIES)))
    kind = st.sampled_from(sorted(LIBRARIES[library][0]))
    kinds = draw(st.lists(kind, min_size=1, max_size=3))
    changed = [draw(kind) if draw(st.integers(0, 9)) < 4 else same for same in kinds]
    n = draw(st.sampled_from([12, 40, 70]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = np.arange(n) // 2 % 3 if draw(st.booleans()) else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (random_frame(rng, library, those, n) for those in (kinds, changed))
    return one, other, np.arange(n) % 2, weights


def result_and_error(function, *args):
    """Return what a function returns, and the message of its TypeError or ValueError."""
    try:
        return function(*args), ""
    except (TypeError, ValueError) as error:
        return None, str(error) or "an error without a message"


def faults(X, changed, y, weights):
    """Return what should not happen in fit, or in predict on the same or on other rows."""
    net = DeepNetClassifier((2,), max_iter=1, n_members=1, random_state=0, early_stopping=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, error = result_and_error(net.fit, X, y, weights)
        if error:
            return [] if "'col" in error else [error]
        found = []
        for later in (X, changed):
            proba, error = result_and_error(net.predict_proba, later)
            # Rows of weight 0, which fit leaves out, may hold what it refuses.
            is_refused_after_fit = error and later is X and weights is None
            if is_refused_after_fit or (error and "'col" not in error):
                found.append(error)
            if not error and not np.isfinite(proba).all():
                found.append("NaN")
        return found


@settings(max_examples=60, deadline=None)
@given(frames())
def test_a_frame_of_any_types_is_read_or_a_column_is_named(case):
    assert faults(*case) == []


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(frames())
def test_many_frames_of_any_types_are_read_or_a_column_is_named(case):
    assert faults(*case) == []
