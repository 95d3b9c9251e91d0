"""The categories of a string column: ranked by frequency, and coded for the one-hot encoding."""

from typing import NamedTuple

from skdnn.tabular.column_types import for_strings, string_column
from skdnn.tabular.read_columns import known_spelling
from skdnn.tabular.scaling import weighted_shares


class Categories(NamedTuple):
    """The categories of a one-hot encoded string column.

    Attributes
    ----------
    names : list of str
        Categories kept, most frequent first; then "infrequent" and "missing" if there are any.
    codes : dict of str to int
        Code of each category that is kept.
    unknown : int
        Code of any other string: that of "infrequent", or -1, encoded as zeros.
    missing : int
        Code of a missing value: that of "missing", or -1, encoded as zeros.
    """

    names: list
    codes: dict
    unknown: int
    missing: int

    def encode(self, column):
        """Return the code of each row of a string Column."""
        return column.encode(self.codes, self.unknown, self.missing)


def rank_categories(column, weights):
    """Return (-share, string) of each category of a string Column, the most frequent first."""
    shares = weighted_shares(column.values, weights, len(column.strings)).tolist()
    ranked = zip(shares, column.strings, strict=True)
    return sorted((-share, text) for share, text in ranked if share > 0)


def learn_categories(ranked, has_missing, max_categories, min_frequency):
    """Return the Categories of a string column, given the result of :func:`rank_categories`."""
    names = [text for share, text in ranked if -share >= min_frequency][:max_categories]
    codes = {text: code for code, text in enumerate(names)}
    unknown = missing = -1
    if len(names) < len(ranked):
        unknown = len(names)
        names.append("infrequent")
    if has_missing:
        missing = len(names)
        names.append("missing")
    return Categories(names, codes, unknown, missing)


def ignoring_case_and_spaces(text):
    """Return a string without its blanks and upper case, which differ among spellings."""
    return "".join(text.split()).casefold()


def as_categories_of_fit(column, ranks, kept, spellings):
    """Return a string Column, of the categories that its strings stand for.

    Of strings that are no categories, " a" stands for "a", "2.0" for "2", or what ``spellings`` has
    for it, and a word for a missing value, such as "nan", for that. A missing value is an empty
    string, if fit had only that. ``kept`` are the Categories; not both may be None.
    """
    known = ranks or kept.codes
    missing = "" if "" in known and kept and kept.missing < 0 else None
    if missing is None and known.keys() >= {*column.strings}:
        return column
    may_be_infrequent = not ranks and kept.unknown >= 0 > kept.missing
    given = known, spellings, "" if may_be_infrequent else missing
    strings = [text if text in known else known_spelling(text, *given) for text in column.strings]
    missing = missing if column.missing.any() else None
    return for_strings(column, string_column([*strings, missing])._replace(kind=column.kind))
