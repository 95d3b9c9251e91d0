"""What the cases are judged by.

A target has a ``text``, ``limit`` and ``at_least`` on either side of what is wanted, and
``figure(medians, name)``: what adapter ``name`` reached, or None if that was not measured.
``is_ratio`` tells whether the figure is one of two times, and fit to be drawn beside others.
``medians`` is a dict of ``(adapter, variant)`` to :class:`Median`.
"""

import statistics
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


class Longest(NamedTuple):
    """Seconds of the slowest variant."""

    limit: float
    at_least: float = 0.0

    is_ratio = False

    def text(self, labels):
        """Say what is meant."""
        return "the longest fit, in seconds"

    def figure(self, medians, name):
        """Return the seconds."""
        seconds = [m.seconds for (adapter, _), m in medians.items() if adapter == name]
        return max(seconds, default=None)


class PeakMemory(NamedTuple):
    """Peak of the process less an allowance, as a multiple of an array."""

    allowance: float
    limit: float
    at_least: float = 0.0

    is_ratio = False

    def text(self, labels):
        """Say what is meant."""
        return f"(peak of the process - {self.allowance / MB:g} MB) / the array"

    def figure(self, medians, name):
        """Return the multiple."""
        median = medians.get((name, ""))
        return median and (median.peak_bytes - self.allowance) / median.array_bytes


class ExtraMemory(NamedTuple):
    """Rise of the peak over what was there before, less the result, in MB."""

    limit: float
    at_least: float = 0.0

    is_ratio = False

    def text(self, labels):
        """Say what is meant."""
        return "peak extra memory beyond the result, in MB"

    def figure(self, medians, name):
        """Return the MB."""
        median = medians.get((name, ""))
        if median is None:
            return None
        return (median.peak_bytes - median.start_bytes - median.array_bytes) / MB
