"""Write docs/benchmarks.md and its picture: ``python -m benchmarks.report``.

Every number on the page comes from the file of measurements, or from the table of cases.
"""

import argparse
from pathlib import Path
from textwrap import fill

from benchmarks import results
from benchmarks.cases import CASES
from benchmarks.machine import FACTS
from benchmarks.picture import draw
from benchmarks.targets import MB
from benchmarks.verdicts import LABELS, verdicts

DOCS = Path(__file__).parents[1] / "docs"
PICTURE = Path("images") / "benchmarks.png"
INTRODUCTION = """\
# Benchmarks

Time and memory of skdnn compared with other libraries that train the same network. "Matrix products
alone" is a lower bound: the matrix products of the network, with BLAS on all cores, and nothing
else. All times are medians, measured in one process, in which the libraries take turns after a
warm-up of each. In the picture, a ratio below 1 means that skdnn is faster.
"""
HOW_TO_RUN = """\
## Repeat the benchmarks

This page is written by `python -m benchmarks.report`, from the raw measurements in
[measurements.csv](../benchmarks/results/measurements.csv).

```sh
pip install -e ".[bench]" && pip install torch skorch catboost  # the last three are optional
python -m benchmarks.run --mnist mnist.npz --data folder_of_parquet_files
python -m benchmarks.report
```

`--rows 1 3` selects benchmarks by number, `--quick` runs all with tiny sizes. Without `--mnist`,
images are replaced by noise of the same shape; without `--data`, scikit-learn's own data sets are
used.
"""
ELSEWHERE = """\
Ratios depend on the processor: where vector instructions are narrower, matrix products take a
larger share of the time. Results of another machine are at [the end](#on-another-machine).
"""
UNITS = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def main():
    """Read the measurements; write the page and the picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument(
        "measurements",
        nargs="*",
        type=Path,
        default=results.paths(),
        help="what the page is about, then what other machines measured",
    )
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder to write to")
    options = parser.parse_args()
    lines, *others = map(results.read, options.measurements)
    (options.docs / PICTURE).parent.mkdir(parents=True, exist_ok=True)
    has_picture = draw(verdicts(lines), options.docs / PICTURE)
    page = options.docs / "benchmarks.md"
    page.write_text(write_page(lines, has_picture, others), encoding="utf-8")
    print(f"Page: {page}")


def write_page(lines, has_picture, others=()):
    """Return the page as Markdown; what other machines measured has a table of targets each."""
    parts = [INTRODUCTION]
    if others:
        parts.append(ELSEWHERE)
    if any(line["sizes"] == "quick" for line in lines):
        parts.append("**These are measurements at tiny sizes: they mean nothing.**\n")
    if has_picture:
        alt = "Ratios of skdnn's times to those of other libraries, with the targets"
        parts.append(f"![{alt}]({PICTURE.as_posix()})\n")
    parts += [describe_case(lines, name) for name in CASES]
    if lines:
        parts += ["## Measured on\n", describe_machines(lines)]
    parts += [HOW_TO_RUN, "## Targets\n", summary(verdicts(lines))]
    for other in others:
        parts += ["## On another machine\n", summary(verdicts(other)), describe_machines(other)]
    return "\n".join(parts)


def summary(judged):
    """Return the table of all targets."""
    n_met = sum(verdict.is_met is True for verdict in judged)
    n_missed = sum(verdict.is_met is False for verdict in judged)
    count = f"Targets met: {n_met}; not met: {n_missed}; not measured: "
    count += f"{len(judged) - n_met - n_missed}."
    rows = [
        (v.case, v.against, v.wanted, _number(v.figure), _word(v.is_met), _number(v.without_numba))
        for v in judged
    ]
    header = ("number", "skdnn's time / that of", "target", "reached", "", "without numba")
    return f"{count}\n\n{table(header, rows)}"


def _word(is_met):
    return {True: "met", False: "**not met**", None: "not measured"}[is_met]


def _number(figure):
    return "-" if figure is None else f"{figure:.3g}"


def table(header, rows):
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def paragraph(text):
    """Return text in lines of a Markdown file."""
    return fill(text, 98, break_long_words=False, break_on_hyphens=False) + "\n"


def describe_case(lines, name):
    """Return the section of a case: what each contender took, and who is missing."""
    case, medians = CASES[name], results.medians_of(lines, name)
    parts = [f"## {name}. {case.heading()}\n"]
    if case.remark:
        parts.append(paragraph(case.remark))
    if case.of_memory:
        parts.append(_memory_table(medians))
    elif len({variant for _, variant in medians}) > 1:
        parts.append(_table_of_variants(medians, case.unit))
    elif medians:
        parts.append(_table_of_adapters(medians, case.unit))
    notes = results.notes_of(lines, name)
    parts += [f"Not measured: {LABELS[adapter]} ({note}).\n" for adapter, note in notes]
    if not medians and not notes:
        parts.append("Not measured yet.\n")
    return "\n".join(part for part in parts if part)


def _table_of_adapters(medians, unit):
    rows = [
        (
            LABELS[adapter],
            duration(median.seconds),
            duration(median.seconds_per_unit),
            f"{duration(median.fastest)} to {duration(median.slowest)}",
            str(median.n_repetitions),
        )
        for (adapter, _), median in _slowest_last(medians)
    ]
    n_units = next(iter(medians.values())).n_units
    header = ("", f"{n_units:,g} x {unit}", f"1 {unit}", "range", "repetitions")
    if n_units == 1:  # the two columns of times would be the same
        header, rows = header[:1] + header[2:], [row[:1] + row[2:] for row in rows]
    return table(header, rows)


def _slowest_last(medians):
    return sorted(medians.items(), key=lambda item: item[1].seconds)


def _table_of_variants(medians, unit):
    adapters = list(dict.fromkeys(adapter for adapter, _ in medians))
    variants = list(dict.fromkeys(variant for _, variant in medians))
    rows = []
    for variant in variants:
        found = [medians.get((adapter, variant)) for adapter in adapters]
        rows.append([variant, *(duration(m.seconds_per_unit) if m else "-" for m in found)])
    n_repetitions = max(median.n_repetitions for median in medians.values())
    times = f"Medians of {n_repetitions}" if n_repetitions > 1 else "One measurement each"
    header = ("", *(LABELS[adapter] for adapter in adapters))
    return f"{times}, for one {unit}.\n\n{table(header, rows)}"


def _memory_table(medians):
    columns = ("peak_bytes", "start_bytes", "array_bytes")
    rows = [
        [LABELS[name], *(f"{getattr(median, column) / MB:,.0f} MB" for column in columns)]
        for (name, _), median in medians.items()
    ]
    header = ("", "peak memory of the process", "in use before", "size of the input or result")
    return table(header, rows) if rows else ""


def duration(seconds):
    """Return a time in the unit that suits it, with three digits."""
    size, unit = next((u for u in UNITS if seconds >= u[0]), UNITS[-1])
    return f"{float(f'{seconds / size:.3g}'):g} {unit}"


def describe_machines(lines):
    """Return what was measured on and with, for each group of rows that had the same."""
    groups = {}
    for line in lines:
        facts = tuple(line[fact] for fact in FACTS)
        groups.setdefault(facts, {})[line["case"]] = None
    parts = []
    for facts, cases in groups.items():
        known = zip(FACTS, facts, strict=True)
        listed = "\n".join(f"- {name}: {value or 'not installed'}" for name, value in known)
        parts.append(f"Benchmarks {', '.join(cases)}:\n\n{listed}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    main()
