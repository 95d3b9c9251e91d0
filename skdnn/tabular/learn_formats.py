"""Find the format of strings that are numbers or dates, as CSV files and databases give them.

A column of strings is read as another kind only if one format reads nearly all of its cells, and
no other format reads them as well but differently. Cells that it does not read become missing
values.
"""

import re
from itertools import chain, starmap
from typing import NamedTuple

from skdnn.tabular.text_formats import (
    COMMON,
    DATES,
    SEPARATORS,
    SYMBOLS,
    TIMES,
    DateFormat,
    NumberFormat,
    is_missing_word,
    may_be_read,
)

READABLE = 0.9  # share of the cells, missing values not counted, that a format must read
DOUBTFUL = 0.5  # share from which on there is a warning that strings stay categories
SHARE_SLACK = 1e-9  # sums of shares have rounding errors
N_TRIED = 20  # strings of which a format must read one to be tried on all
N_NAMED = 3  # strings named in a warning
# Strings that are all integers may be codes: otherwise the program that read the file would have
# converted them to numbers. They stay categories, with a warning if there are more than N_CODES
# different ones: fewer are learnt as well in one way as in the other.
N_CODES = 20
NUMBERS_OR_CODES = ("numbers", "codes")
_has_unit = re.compile(r"[^\d.,]{0,6}\d+[.,]\d+[^\d.,]{0,6}").fullmatch
# If at least so many strings have commas and all of these can be thousands separators, as in
# "1,234", they are. A tenth of decimal fractions would end in 0, and be written with fewer digits.
N_THOUSANDS = 20
THOUSANDS = NumberFormat(".", ",")

_is_integer = re.compile(r"[+-]?\d+").fullmatch
_is_code = re.compile(r"0\d+|\d{16,}").fullmatch  # a float has 15 digits


def _shape(text):
    """Return a string with "1" for each number and "a" for each word."""
    return re.sub(r"[^\W\d]+", "a", re.sub(r"\d+", "1", text.strip()))


def _dates_by_shape():
    """Return the DateFormats that read strings of each shape."""
    formats = {}
    for pattern in (date + time for date in DATES for time in ("", *TIMES)):
        shape = _shape(re.sub("%[bBp]", "a", re.sub("%[dmyYHIMSf]", "1", pattern)))
        formats.setdefault(shape, []).append(DateFormat(pattern))
    return formats


DATES_BY_SHAPE = _dates_by_shape()  # trying all formats on a string takes milliseconds


class FormatChoice(NamedTuple):
    """How a column of strings is read.

    Attributes
    ----------
    format : object or None
        A format of :mod:`skdnn.tabular.text_formats`; None if the strings stay categories.
    unread : float
        Share of the cells that become missing values.
    examples : tuple of str
        Some of these cells or, without ``format``, some that several formats read.
    alternatives : tuple
        Formats that read the strings as well, but differently: the reason for no ``format``.
    """

    format: object = None
    unread: float = 0.0
    examples: tuple = ()
    alternatives: tuple = ()

    def __str__(self):
        """Return what the strings are, and what is lost."""
        examples = ", ".join(map(repr, self.examples))
        if self.alternatives:
            return f"{' or '.join(map(str, self.alternatives))} (such as {examples})"
        lost = f"{100 * self.unread:.2g} % of the cells, such as {examples}, as missing values"
        return f"{self.format}, {lost}" if self.examples else str(self.format)


NO_FORMAT = FormatChoice()


def find_format(ranked):
    """Return the FormatChoice of a column of strings.

    ``ranked`` has pairs of minus the share of a string in the cells, and the string; the most
    frequent first.
    """
    texts = [text for _, text in ranked if may_be_read(text)]
    if not texts:
        return _check_units(ranked)
    shares = {text: -share for share, text in ranked if not is_missing_word(text)}
    total = sum(shares.values())
    if sum(map(shares.get, texts)) < DOUBTFUL * total:
        return _check_units(ranked)
    if all(_is_integer(text) for _, text in ranked):
        are_clear = len(texts) <= N_CODES or any(map(_is_code, texts))
        return NO_FORMAT if are_clear else _ambiguous(texts, NUMBERS_OR_CODES)
    values = {form: _read(form, texts) for form in _candidates(texts)}
    read = {form: _share_read(shares, texts, values[form]) for form in values}
    best = max(read.values(), default=0)
    if best < DOUBTFUL * total:
        return _check_units(ranked)
    forms = [form for form in read if read[form] >= best - SHARE_SLACK]
    form = _choose(forms, values, texts)
    if form is None:
        return _ambiguous(texts, forms)
    known = {text for text, value in zip(texts, values[form], strict=True) if value is not None}
    unread = {text: -share for share, text in ranked if text not in known}
    n_read, n_others = len(ranked) - len(unread), len(unread) - (len(ranked) - len(shares))
    if best < READABLE * total - SHARE_SLACK:
        others = [text for text in unread if text in shares]
        return _ambiguous(others, (form, "categories")) if n_read > N_CODES else NO_FORMAT
    if n_others >= n_read:
        return NO_FORMAT
    return FormatChoice(form, sum(unread.values()), tuple(unread)[:N_NAMED])


def _ambiguous(texts, forms):
    return FormatChoice(examples=tuple(texts[:N_NAMED]), alternatives=tuple(forms))


def _check_units(ranked):
    """Return the FormatChoice of strings that are no numbers, but fractions with units perhaps."""
    tried = [text for _, text in ranked[:N_TRIED] if not is_missing_word(text)]
    has_units = len(ranked) > N_CODES and all(map(_has_unit, tried))
    return _ambiguous(tried, ("numbers with units", "categories")) if has_units else NO_FORMAT


def _candidates(texts):
    """Return the formats that read some strings, the plainest first."""
    _, iso, *others = COMMON.values()
    numbers = starmap(NumberFormat, SEPARATORS) if _are_numbers(texts) else ()
    tried = texts[:N_TRIED]
    dates = chain.from_iterable(DATES_BY_SHAPE.get(shape, ()) for shape in {*map(_shape, tried)})
    forms = (*numbers, iso, *others, *dates)
    return [form for form in forms if any(form.parse(text) is not None for text in tried)]


def _are_numbers(texts):
    """Return whether strings may be numbers: of one unit, and none is a code such as "007"."""
    units = {frozenset(text).intersection(SYMBOLS) for text in texts}
    n_units = len(units) if frozenset("%") in units else len(units - {frozenset()})
    return n_units <= 1 and not any(map(_is_code, texts))


def _read(form, texts):
    """Return the value of each string, None if it is not read."""
    values = list(map(form.parse, texts))
    zones = {value.tzinfo is None for value in values if value} if form.kind == "date" else ()
    return [None] * len(values) if len(zones) > 1 else values


def _share_read(shares, texts, values):
    pairs = zip(texts, values, strict=True)
    return sum(shares[text] for text, value in pairs if value is not None)


def _choose(forms, values, texts):
    """Return the format among those that read equally many cells, None if they contradict."""
    first, *others = forms
    if all(values[first] == values[other] for other in others):
        return first
    # If all strings have one separator, the formats differ by a factor only, which scaling removes.
    if first == COMMON["number"] and all("." in text for text in texts):
        return first
    with_comma = [text for text in texts if "," in text]
    if THOUSANDS in forms and len(with_comma) >= min(N_THOUSANDS, len(texts)):
        return THOUSANDS
    return None
