"""The categories of a column of text: ranked by frequency, and one-hot encoded."""

from typing import NamedTuple

from skdnn.tabular.scaling import weighted_shares


class Categories(NamedTuple):
    """The one-hot block of a text column.

    Attributes
    ----------
    names : list of str
        Kept levels, most frequent first; then "infrequent" and "missing" if there are any.
    codes : dict of str to int
        Code of each kept level.
    unknown : int
        Code of any other text: the infrequent level, or -1 for a block of zeros.
    missing : int
        Code of a gap: the missing level, or -1 for a block of zeros.
    """

    names: list
    codes: dict
    unknown: int
    missing: int

    def encode(self, column):
        """Return the code of each row of a text Column."""
        return column.encode(self.codes, self.unknown, self.missing)


def rank_categories(column, weights):
    """Return (-share, text) of each level of a text Column, the most frequent first."""
    shares = weighted_shares(column.values, weights, len(column.strings)).tolist()
    ranked = zip(shares, column.strings, strict=True)
    return sorted((-share, text) for share, text in ranked if share > 0)


def learn_categories(ranked, has_missing, limits):
    """Return the Levels of a text column, given its ranked levels."""
    frequent = [text for share, text in ranked if -share >= limits.min_frequency]
    names = frequent[: limits.max_categories]
    codes = {text: code for code, text in enumerate(names)}
    unknown = missing = -1
    if len(names) < len(ranked):
        unknown = len(names)
        names.append("infrequent")
    if has_missing:
        missing = len(names)
        names.append("missing")
    return Categories(names, codes, unknown, missing)
