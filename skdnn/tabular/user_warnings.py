"""Warnings that point to the line of the user's code, names in errors, and lists of columns."""

import inspect
import warnings
from contextlib import contextmanager

OURS = ("skdnn", "sklearn", "joblib")  # packages whose frames are passed over
MAX_NAMED = 10  # columns listed in a message
FEW_UNKNOWN = 0.1  # share of unreadable cells up to which there is no warning, as in fit
FEW_NEW = 0.05  # the same of new values or categories
# Reasons to warn of a column. UNKNOWN: it has values that fit could not read, or new categories.
# INFORMATIVE: it has information now, and had none in fit. KIND, an error: no value is a string.
UNKNOWN, INFORMATIVE, KIND = "unknown", "informative", "kind"


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
    except (MemoryError, OSError, Warning):
        raise
    except Exception as error:  # of any library
        kind = TypeError if isinstance(error, TypeError) else ValueError
        lacks = "not implemented: " * isinstance(error, NotImplementedError)  # for a type
        raise kind(f"{name}{getattr(error, 'joined', ':')} {lacks}{error}") from error


class ColumnWarnings:
    """Warnings about unknown values in a table that is read in blocks of rows, one for each column.

    ``table`` is its name in messages. ``warned`` has the (position, reason) of earlier warnings,
    which are not repeated.
    """

    def __init__(self, table="X", warned=()):
        self.warned, self._table, self._found = warned, table, {}

    def add(self, position, name, found, reason=UNKNOWN):
        """Add what a block has of a column: ``(message, n_unknown, n_cells)``.

        The message is a Warning, between whose arguments the numbers of cells are put. It is None,
        and ``n_cells`` infinite, if there is to be no warning. For KIND, add ``(kind, error)``:
        the error, "" if there is none, is raised if all blocks are of this kind.
        """
        self._found.setdefault((int(position), repr(name), reason), []).append(found)

    def warn(self):
        """Warn of the columns, in their order, and add them to ``warned``."""
        for (position, name, reason), found in sorted(self._found.items()):
            if reason == KIND:
                if min(found)[1] and len(dict(found)) == 1:
                    raise ValueError(f"Column {name} of X {min(found)[1]}")
                continue
            _, unknown, cells = zip(*found, strict=True)
            n_unknown, n_cells, key = sum(unknown), sum(cells), (position, UNKNOWN)
            if n_unknown > FEW_UNKNOWN * n_cells and key not in self.warned:
                message = min(found, key=lambda block: (-block[1], block[0].args))[0]
                counted = f"{n_unknown} of {n_cells}".join(message.args)
                warn_user(f"Column {name} of {self._table} {counted}", type(message))
                self.warned = *self.warned, key


def listed(names):
    """Return the first of some names for a message, in brackets, and whether there are more."""
    return f"{list(names)[:MAX_NAMED]}{' and more' * (len(names) > MAX_NAMED)}"


def joined(items, separator=", "):
    """Return the first of some strings for a message, and whether there are more."""
    return f"{separator.join(items[:MAX_NAMED])}{' and more' * (len(items) > MAX_NAMED)}"
