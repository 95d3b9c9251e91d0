"""The file of raw measurements: a line for each repetition of each contender."""

import csv
import statistics
from pathlib import Path

from benchmarks.machine import FACTS
from benchmarks.targets import Median

PATH = Path(__file__).parent / "results" / "measurements.csv"
NUMBERS = ("seconds", "n_units", "array_bytes", "start_bytes", "peak_bytes")
FIELDS = ("case", "adapter", "variant", "repetition", *NUMBERS, "note", "sizes", *FACTS)


def paths():
    """Return the file of measurements, then those on other machines that lie beside it."""
    return [PATH, *sorted(path for path in PATH.parent.glob("*.csv") if path != PATH)]


def read(path):
    """Return the lines as dicts of texts; none if there is no such file."""
    if not Path(path).exists():
        return []
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def replace_case(path, case, lines):
    """Write the lines of a case in place of those that the file has of it."""
    kept = [line for line in read(path) if line["case"] != case]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept + lines)


def medians_of(lines, case):
    """Return a :class:`Median` by (adapter, variant), in the order of the file."""
    groups = {}
    for line in lines:
        if line["case"] == case and line["seconds"]:
            groups.setdefault((line["adapter"], line["variant"]), []).append(line)
    return {contender: _median(group) for contender, group in groups.items()}


def _median(group):
    numbers = {name: [float(line[name]) for line in group if line[name]] for name in NUMBERS}
    middle = {name: statistics.median(values) for name, values in numbers.items() if values}
    seconds = numbers["seconds"]
    return Median(**middle, fastest=min(seconds), slowest=max(seconds), n_repetitions=len(seconds))


def notes_of(lines, case):
    """Return what was not measured, and why, as (adapter, note) without repetitions."""
    notes = ((line["adapter"], line["note"]) for line in lines if line["case"] == case)
    return [pair for pair in dict.fromkeys(notes) if pair[1]]
