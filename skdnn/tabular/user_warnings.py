"""Warnings that point to the line of the user's code, names in errors, and lists of columns."""

import inspect
import warnings
from contextlib import contextmanager
from typing import NamedTuple

OURS = ("skdnn", "sklearn", "joblib")  # packages whose frames are passed over
MAX_NAMED = 10  # columns listed in a message
FEW_UNKNOWN = 0.1  # share of unreadable cells up to which there is no warning, as in fit
FEW_NEW = 0.05  # the same of new values or categories
# Cells, and distinct values in them, from which on it is unlikely that all are unknown by chance.
MANY_UNKNOWN, SEVERAL = 20, 2
# Reasons to warn of a column. UNKNOWN: it has values that fit could not read, or new categories.
# INFORMATIVE: it has information now, and had none in fit.
UNKNOWN, INFORMATIVE = "unknown", "informative"


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


class UnknownCells(NamedTuple):
    """Cells that differ from those of fit, in one column and one block of rows.

    ``n_unknown`` of ``n_cells`` cannot be read, or are new categories: if they are a large share of
    all blocks together, there is a warning. It is an error if they are at least MANY_UNKNOWN, and
    all blocks have ``others`` or no values. A block of fit's kind without a reason to warn has 0 of
    0 cells. Without arguments, a block has known categories: no warning.

    Attributes
    ----------
    n_unknown : int
    n_cells : int or inf
        Infinity if there is to be no warning, whatever other blocks hold.
    message : tuple of str
        What comes after "Column ... of X"; between two parts, the numbers of cells are put.
    category : type
        Of the warning.
    others : frozenset of str or None
        The values of some cells, if all are of a kind that fit did not have, or empty. None if all
        are missing.
    """

    n_unknown: int = 0
    n_cells: float = float("inf")
    message: tuple = ()
    category: type = UserWarning
    others: frozenset | None = frozenset()


class ColumnWarnings:
    """Warnings about columns of a table that is read in blocks of rows, one for each column.

    ``table`` is its name in messages. ``warned`` has the (position, reason) of earlier warnings,
    which are not repeated.
    """

    def __init__(self, table="X", warned=()):
        self.warned, self._table, self._found = warned, table, {}

    def add(self, position, name, unknown):
        """Add the UnknownCells of a block of rows of a column."""
        self._found.setdefault((int(position), repr(name)), []).append(unknown)

    def warn(self):
        """Warn of the columns, in their order, and add them to ``warned``."""
        for (position, name), found in sorted(self._found.items()):
            n_unknown, n_cells = (sum(block[n] for block in found) for n in range(2))
            others = [block.others for block in found if block.others is not None]
            is_error = n_unknown >= MANY_UNKNOWN and all(others)
            is_error = is_error and len(frozenset().union(*others)) >= SEVERAL
            if n_unknown <= FEW_UNKNOWN * n_cells and not is_error:
                continue
            most = min(found, key=lambda block: (-block.n_unknown, block.message))
            message = f"{n_unknown} of {n_cells}".join(most.message)
            if is_error:
                error = most.category if issubclass(most.category, ValueError) else ValueError
                raise error(f"Column {name} of X {message}")
            if (position, UNKNOWN) not in self.warned:
                warn_user(f"Column {name} of {self._table} {message}", most.category)
                self.warned = *self.warned, (position, UNKNOWN)


def listed(names):
    """Return the first of some names for a message, in brackets, and whether there are more."""
    return f"{list(names)[:MAX_NAMED]}{' and more' * (len(names) > MAX_NAMED)}"


def joined(items, separator=", "):
    """Return the first of some strings for a message, and whether there are more."""
    return f"{separator.join(items[:MAX_NAMED])}{' and more' * (len(items) > MAX_NAMED)}"
