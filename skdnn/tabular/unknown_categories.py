"""Later strings of which none is a category of fit, and what a message says of them."""

import numpy as np

from skdnn.tabular.categories import ignoring_case_and_spaces
from skdnn.tabular.column_types import AGAIN
from skdnn.tabular.kinds import KINDS, kind_of
from skdnn.tabular.text_formats import is_missing_word
from skdnn.tabular.user_warnings import MANY_UNKNOWN, SEVERAL, UnknownCells

CLOCKS = {"duration", "time of day"}  # "9:00" and "10:00" may be either
MOST_COMPARED = 1000  # categories of fit up to which the spelling of fewer rows is compared


def unknown_cells(column, ranks, kept, fitted):
    """Return the UnknownCells of a block of a string Column; None if all cells are missing.

    ``ranks`` are those of all categories, or None; ``kept`` are the Categories, or None;
    ``fitted`` is the ColumnType.
    """
    are_all = ranks is not None or kept.unknown < 0
    known = ranks or kept.codes
    texts = [text for text in column.strings if text.strip()]
    if any(text in known for text in texts):
        return UnknownCells()  # no warning, whatever other blocks hold
    kinds = {text: kind_of(text) for text in texts if not is_missing_word(text)}
    if not kinds:
        return None
    n = np.count_nonzero(column.encode(dict.fromkeys(texts, True), False, False))
    cells = _of_another_kind(n, column, kinds, fitted)
    if cells is not None:
        return cells
    # Where fit had strings only, numbers are hardly new categories.
    are_many = column.kind == "number" and not (fitted.is_categorical or fitted.has_numbers)
    return _new_categories(texts, known, are_all, are_many or n >= MANY_UNKNOWN)


def _of_another_kind(n, column, kinds, fitted):
    """Return the UnknownCells if none of ``n`` cells is of a kind of fit, else None."""
    is_typed = column.kind != "text"
    found = {*kinds.values(), column.kind} if is_typed else {*kinds.values()}
    # A period is a date, but "2024Q1" is not: fit may have had it as a category.
    found -= {"text"} if is_typed and not fitted.is_categorical else set()
    found |= CLOCKS if found & CLOCKS else set()
    if not fitted.kinds or found & {*fitted.kinds}:
        return None
    before = " and ".join(KINDS[name].plural for name in fitted.kinds)
    new, kind = min(kinds.items())
    now, example = (KINDS[column.kind].plural, new) if is_typed else (KINDS[kind].plural, repr(new))
    message = (
        f"held {before} in fit, but now holds {now} such as {example}, which are no categories of "
        f"fit. {AGAIN}"
    )
    # A type tells that even one cell is no new category.
    n, others = (max(n, MANY_UNKNOWN), [new, now]) if is_typed else (n, [*kinds][:SEVERAL])
    return UnknownCells(n, n, (message,), others=frozenset(others))


def _new_categories(texts, known, are_all, are_many):
    """Return the UnknownCells of new categories: a reason to warn if many or misspelled."""
    # One call: a dict of the spellings takes longer than predicting a row.
    spelled = ignoring_case_and_spaces("\0".join(known)) if len(known) <= MOST_COMPARED else ""
    if not (are_many or any(ignoring_case_and_spaces(text) in spelled for text in texts)):
        return UnknownCells(0, 0)
    meant = {ignoring_case_and_spaces(text): text for text in known if text.strip()}
    new = min(texts, key=lambda text: ignoring_case_and_spaces(text) not in meant)
    old = meant.get(ignoring_case_and_spaces(new))
    if not meant or (old is None and not (are_many and are_all)):
        return UnknownCells(0, 0)
    message = (
        f"holds no {'' if are_all else 'frequent '}category of fit: now it has {new!r}, in "
        f"fit it had {old or next(iter(meant.values()))!r}. All are encoded as unknown categories. "
        "Spell them as in fit, or fit again."
    )
    return UnknownCells(1, 1, (message,))
