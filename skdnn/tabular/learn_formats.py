"""Find the format of strings that are numbers or dates, as CSV files and databases give them.

A column of strings is read as another kind only if one format reads nearly all of its cells and,
where another reads some of them differently, cells that only one of the two can read decide. Cells
that it does not read become missing values.
"""

import re
from itertools import chain
from typing import NamedTuple

from skdnn.tabular import text_formats
from skdnn.tabular.kinds import KINDS, KindFormat, read_text
from skdnn.tabular.text_formats import MONTHS, is_missing_word, may_be_read, tidy

READABLE = 0.9  # share of the cells, missing values not counted, that a format must read
DOUBTFUL = 0.5  # share from which on there is a warning that strings stay categories
LEAST_RATIO = 9  # a format is meant if share_for > LEAST_RATIO * share_against
SHARE_SLACK = 1e-9  # sums of shares have rounding errors
N_TRIED = 20  # strings of which a format must read one to be tried on all
N_NAMED = 3  # strings named in a warning
# Strings that are all integers may be codes: otherwise the program that read the file would have
# converted them to numbers. They stay categories, with a warning if there are more than N_CODES
# different ones: fewer are learnt as well in one way as in the other.
N_CODES = 20
NUMBERS_OR_CODES = ("numbers", "codes")
# If at least so many strings have commas and all of these can be thousands separators, as in
# "1,234", they are: a tenth of decimal fractions would end in 0, and be written with fewer digits.
N_THOUSANDS = 20
THOUSANDS = (".", ",")
# Dates, and the words beside them: others show that a string, such as a sentence or a path, only
# contains a date. A time zone follows a time, as in "12:30 EST"; Java writes "[Europe/Rome]".
LETTER, NTH = r"[^\W\d_]", "(?:st|nd|rd|th)"
DATE = rf"(?:{MONTHS})[a-z]{{0,6}}[-/. ]\d(?:\d++|{NTH})|(?:\d\d?[-/. ]){{2}}[12]\d{{3}}"
DATE += r"|[12]\d{3}(?:[-/. ]\d\d?){2}"
WORD = rf"(?:{MONTHS}|mon|tue|wed|thu|fri|sat|sun)[a-z]{{0,6}}|{NTH}|[tz]|[ap]m|gmt|utc|of|at"
ZONE = r"(?<=:\d\d |.[ap]m )(?-i:[A-Z]{2,4})"
# What strings that no format reads may be; codes such as "E11.9" are none of these. Repetitions are
# possessive, as in text_formats.
OTHERS = {
    "numbers with units": r"(?:[^\d.,]{0,5}[^\w.,])?\d++[.,]\d++[^\d.,]{0,6}"
    r"|(?:0|[1-9]\d*+)(?: ?[a-z/²³]{2,5}| [a-z]| ?[KMGT]B)",
    "several numbers": r"-?[\d.]++(?>(?:, ?-?[\d.]++)+)|[1-9]\d{0,2}(?>(?:_\d{3})+)"
    r"|\d{1,3}/\d{1,3}",
    "dates in another format": rf"(?i)(?=.{{0,16}}\b(?:{DATE})(?!\d))"
    rf"(?>(?:\[[a-z]++/\w++|[\W\d_]|(?<!{LETTER})(?:{WORD}|{ZONE})(?!{LETTER})){{6,60}})",
}

_has_separator = re.compile(r"\d[.,/-]").search
_is_integer = re.compile(r"[+-]?\d+").fullmatch
_is_code = re.compile(r"0\d+|\d{16,}").fullmatch  # a float has 15 digits


def _shape(text):
    """Return a string with "1" for each number and "a" for each word."""
    return re.sub(r"[^\W\d]+", "a", re.sub(r"\d+", "1", tidy(text)))


def _dates_by_shape():
    """Return the DateFormats that read strings of each shape."""
    formats = {}
    for pattern in text_formats.PATTERNS:
        shape = _shape(re.sub("%[bBp]", "a", re.sub("%[dmyYHIMSf]", "1", tidy(pattern))))
        formats.setdefault(shape, []).append(text_formats.DateFormat(pattern))
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
    example : str
        A string that ``format`` reads, if possible one that another format reads differently.
    in_utc : bool
        Whether dates are read in UTC because their offsets from it differ.
    """

    format: object = None
    unread: float = 0.0
    examples: tuple = ()
    alternatives: tuple = ()
    example: str = ""
    in_utc: bool = False

    def __str__(self):
        """Return what the strings are, and what is lost."""
        examples = ", ".join(map(repr, self.examples))
        if self.alternatives:
            return f"{' or '.join(map(str, self.alternatives))} (such as {examples})"
        value = re.sub(r" 00:00:00$|\.0$", "", str(self.format.parse(self.example)))
        lost = f", {100 * self.unread:.2g} % of the cells, such as {examples}, as missing values"
        zone = ", in UTC because their offsets differ" * self.in_utc
        return f"{self.format}{zone} ({self.example!r} is read as {value}){lost * bool(examples)}"


NO_FORMAT = FormatChoice()


def find_format(ranked):
    """Return the FormatChoice of a column of strings.

    ``ranked`` has pairs of minus the share of a string in the cells, and the string; the most
    frequent first.
    """
    added = _that_read(_of_kinds(), [t for _, t in ranked[:N_TRIED] if not may_be_read(t)])
    texts = [t for _, t in ranked if may_be_read(t) or (added and not is_missing_word(t))]
    shares = {text: -share for share, text in ranked if not is_missing_word(text)}
    total = sum(shares.values())
    if all(_is_integer(text) for _, text in ranked):
        are_clear = len(texts) <= N_CODES or any(map(_is_code, texts))
        return NO_FORMAT if are_clear else _ambiguous(texts, NUMBERS_OR_CODES)
    values = {form: _read(form, texts) for form in _candidates(texts)}
    read = {form: sum(map(shares.get, values[form])) for form in values}
    best = max(read.values(), default=0)
    if not best or best < DOUBTFUL * total:
        return _check_others(shares, total) if len(ranked) > N_CODES else NO_FORMAT
    forms = [form for form in read if read[form] >= best - SHARE_SLACK]
    form = next((form for form in forms if _is_sure(form, values, shares, texts)), None)
    if form is None:
        rival, disputed = next(_disputes(forms[0], values))
        return _ambiguous(disputed, (forms[0], rival))
    known = values[form]
    others = [text for text in shares if text not in known]
    if best < READABLE * total - SHARE_SLACK:
        return _ambiguous(others, (form, "categories")) if len(known) > N_CODES else NO_FORMAT
    if len(others) >= len(known):
        return NO_FORMAT
    unread = {t: -share for share, t in ranked if t not in known and read_text(form, t) is None}
    _, disputed = next(_disputes(form, values), (None, [max(list(known)[:N_TRIED], key=len)]))
    example = disputed[0]
    in_utc = len({getattr(value, "tzinfo", None) for value in known.values()}) > 1
    return FormatChoice(form, sum(unread.values()), tuple(unread)[:N_NAMED], (), example, in_utc)


def _ambiguous(texts, forms):
    return FormatChoice(examples=tuple(texts[:N_NAMED]), alternatives=tuple(forms))


def _check_others(shares, total):
    """Return the FormatChoice of strings that no format reads, but that may be one of OTHERS."""
    tried = list(shares)[:N_TRIED]
    for name, pattern in OTHERS.items():
        if tried and all(re.fullmatch(pattern, text) for text in tried):
            share = sum(shares[text] for text in shares if re.fullmatch(pattern, text))
            if share > READABLE * total - SHARE_SLACK:
                return _ambiguous(tried, (name, "categories"))
    return NO_FORMAT


def _candidates(texts):
    """Return the formats that read some strings, the plainest first."""
    tried = texts[:N_TRIED]
    dates = chain.from_iterable(DATES_BY_SHAPE.get(shape, ()) for shape in {*map(_shape, tried)})
    return _that_read((*_number_formats(texts), text_formats.ISO, *_of_kinds(), *dates), tried)


def _of_kinds():
    return [KindFormat(name) for name in KINDS if name not in ("number", "date", "text")]


def _that_read(forms, texts):
    return [form for form in forms if any(form.parse(text) is not None for text in texts)]


def _number_formats(texts):
    """Return the formats whose separators occur; none if units differ or some are codes ("007")."""
    units = {frozenset(re.findall(text_formats.UNIT, text)) for text in texts}
    n_units = len(units) if frozenset("%") in units else len(units - {frozenset()})
    if n_units > 1 or any(map(_is_code, texts)):
        return []
    found, unit = {*"".join(texts)}, "".join(max(units, key=len, default=()))
    plain, *others = (form._replace(unit=unit) for form in text_formats.NUMBERS)
    return [plain, *(form for form in others if found & {*(form.thousands or form.decimal)})]


def _read(form, texts):
    """Return the values of the strings that are read."""
    values = {text: value for text in texts if (value := form.parse(text)) is not None}
    zones = {value.tzinfo is None for value in values.values()} if form.kind == "date" else ()
    return {} if len(zones) > 1 else values


def _is_sure(form, values, shares, texts):
    """Return whether a format is meant, and none of those that read some strings differently."""
    read, rivals = values[form], [values[other] for other, _ in _disputes(form, values)]
    share_for = min((_share_only(read, others, shares) for others in rivals), default=1)
    share_against = max((_share_only(others, read, shares) for others in rivals), default=0)
    return share_for > LEAST_RATIO * share_against or (not share_against and _is_clear(form, texts))


def _is_clear(form, texts):
    """Return whether numbers have this format if no string decides."""
    # If all strings have one separator, the formats differ by a factor only, which scaling removes.
    if form[:2] == text_formats.SEPARATORS[0]:
        return all("." in text for text in texts)
    n_commas = sum("," in text for text in texts)
    # Thousands of percent are less likely than decimals.
    return form[:2] == THOUSANDS and form.unit != "%" and n_commas >= min(N_THOUSANDS, len(texts))


def _share_only(read, others, shares):
    """Return the share of strings that only one of two formats reads, and that have a separator.

    Spaces are none: they do not tell what a comma is.
    """
    return sum(shares[text] for text in read if text not in others and _has_separator(text))


def _disputes(form, values):
    """Yield the formats that read strings differently, and the strings."""
    for other, others in values.items():
        known = values[form].items()
        if texts := [text for text, value in known if others.get(text, value) != value]:
            yield other, texts
