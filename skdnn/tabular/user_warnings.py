"""Warnings that point to the line of the user's code, however deep they are raised."""

import inspect
import warnings

OURS = ("skdnn", "sklearn", "joblib")  # packages whose frames are passed over


def warn_user(message, category=UserWarning):
    """Warn of something at the nearest caller outside this package and scikit-learn."""
    frame, level = inspect.currentframe().f_back, 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in OURS:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
