"""Targets beside what was reached."""

from typing import NamedTuple

from benchmarks.adapters import ADAPTERS
from benchmarks.cases import CASES
from benchmarks.results import medians_of
from benchmarks.targets import Median

LABELS = {name: adapter.label for name, adapter in ADAPTERS.items()}


class Verdict(NamedTuple):
    """One target of one case; figures are None where nothing was measured."""

    case: str
    against: str
    wanted: str
    limits: tuple  # what is wanted lies between them
    figure: float | None
    without_numba: float | None
    is_met: bool | None
    is_ratio: bool


def verdicts(lines):
    """Return the verdicts of all cases."""
    return [
        _verdict(name, target, medians_of(lines, name))
        for name, case in CASES.items()
        for target in case.targets
    ]


def _verdict(case: str, target, medians: dict[tuple, Median]):
    figure = target.figure(medians, "skdnn")
    return Verdict(
        case,
        target.text(LABELS),
        f"{target.at_least:g} to {target.limit:g}" if target.at_least else f"≤ {target.limit:g}",
        (target.at_least, target.limit),
        figure,
        target.figure(medians, "skdnn_numpy"),
        None if figure is None else target.at_least <= figure <= target.limit,
        target.is_ratio,
    )
