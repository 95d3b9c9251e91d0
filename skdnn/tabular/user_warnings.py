"""Warnings that point to the line of the user's code, names in errors, and lists of columns."""

import inspect
import warnings
from contextlib import contextmanager

OURS = ("skdnn", "sklearn", "joblib")  # packages whose frames are passed over
MAX_NAMED = 10  # columns listed in a message


def warn_user(message, category=UserWarning):
    """Warn of something at the nearest caller outside this package and scikit-learn."""
    frame, level = inspect.currentframe().f_back, 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in OURS:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextmanager
def about(name):
    """Begin the messages of errors with the name of what they are about, such as a file."""
    try:
        yield
    except (MemoryError, OSError):
        raise
    except Exception as error:  # of any library
        kind = TypeError if isinstance(error, TypeError) else ValueError
        lacks = "not implemented: " * isinstance(error, NotImplementedError)  # for a type
        raise kind(f"{name}{getattr(error, 'joined', ':')} {lacks}{error}") from error


class ColumnWarnings:
    """Warnings about columns of a table that is read in blocks of rows, one for each column."""

    def __init__(self):
        self._messages = {}

    def add(self, position, message):
        """Add a warning about a column."""
        self._messages.setdefault(position, message)

    def suppress(self, position):
        """Give no warning about a column, even if one is added for other blocks."""
        self._messages[position] = None

    def warn(self):
        """Warn of the columns, in their order."""
        for _, message in sorted(self._messages.items()):
            if message is not None:
                warn_user(message)


def listed(names):
    """Return the first of some names for a message, in brackets, and whether there are more."""
    return f"{list(names)[:MAX_NAMED]}{' and more' * (len(names) > MAX_NAMED)}"


def joined(items):
    """Return the first of some strings for a message, with commas, and whether there are more."""
    return f"{', '.join(items[:MAX_NAMED])}{' and more' * (len(items) > MAX_NAMED)}"
