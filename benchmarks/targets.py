"""What the cases are judged by.

A target has a ``text``, ``limit`` and ``at_least`` on either side of what is wanted, and
``figure(medians, name)``: what adapter ``name`` reached, or None if that was not measured.
``is_ratio`` tells whether the figure is one of two times, and fit to be drawn beside others.
``medians`` is a dict of ``(adapter, variant)`` to :class:`Median`.
"""

import statistics
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import NamedTuple

MB = 1e6


class Median(NamedTuple):
    """Medians over the repetitions of one contender."""

    seconds: float
    n_units: int
    fastest: float
    slowest: float
    n_repetitions: int
    array_bytes: float | None = None
    start_bytes: float | None = None
    peak_bytes: float | None = None

    @property
    def seconds_per_unit(self):
        """Seconds for an epoch, a row or a call."""
        return self.seconds / self.n_units


class AgainstPeer(NamedTuple):
    """Seconds divided by a peer's; the median of these ratios if there are several variants."""

    peer: str
    limit: float
    at_least: float = 0.0

    is_ratio = True

    def text(self, labels):
        """Say what is divided by what."""
        return labels[self.peer]

    def figure(self, medians, name):
        """Return the ratio."""
        ratios = [
            median.seconds_per_unit / medians[self.peer, variant].seconds_per_unit
            for (adapter, variant), median in medians.items()
            if adapter == name and (self.peer, variant) in medians
        ]
        return statistics.median(ratios) if ratios else None


class AgainstItself(NamedTuple):
    """Seconds of one variant divided by those of another, so many times."""

    variant: str
    other: str
    limit: float
    at_least: float = 0.0
    times: int = 1

    is_ratio = True

    def text(self, labels):
        """Say what is divided by what."""
        times = f"{self.times} x " if self.times > 1 else ""
        return f"{self.variant} / {times}{self.other}"

    def figure(self, medians, name):
        """Return the ratio."""
        if not {(name, self.variant), (name, self.other)} <= medians.keys():
            return None
        other = medians[name, self.other].seconds_per_unit * self.times
        return medians[name, self.variant].seconds_per_unit / other


class OfItself(NamedTuple):
    """What a contender took, whatever others did; the most of it if there are several variants."""

    meaning: str
    measure: Callable  # of a Median
    limit: float
    at_least: float = 0.0

    is_ratio = False

    def text(self, labels):
        """Say what is meant."""
        return self.meaning

    def figure(self, medians, name):
        """Return the most that was measured."""
        own = [median for (adapter, _), median in medians.items() if adapter == name]
        return max(map(self.measure, own), default=None)


def longest(limit):
    """Return the target for the seconds of the slowest variant."""
    return OfItself("longest fit, in seconds", attrgetter("seconds"), limit)


def peak_memory(allowance, limit):
    """Return the target for the peak of the process less an allowance, over an array."""
    meaning = f"(peak memory - {allowance / MB:g} MB) / the input"
    return OfItself(meaning, partial(_peak_over_array, allowance), limit)


def _peak_over_array(allowance, median):
    return (median.peak_bytes - allowance) / median.array_bytes


def extra_memory(limit):
    """Return the target for the rise of the peak over what was there before, less the result."""
    return OfItself("peak memory beyond the result, in MB", _extra_megabytes, limit)


def _extra_megabytes(median):
    return (median.peak_bytes - median.start_bytes - median.array_bytes) / MB
