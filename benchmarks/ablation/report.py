"""Write docs/ablation.md: ``python -m benchmarks.ablation.report [FILES]``."""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.ablation.changes import CHANGES, DEFAULTS
from benchmarks.ablation.run import PATH, SETS, SPLITS
from benchmarks.accuracy import compare, results
from benchmarks.accuracy.run import fits
from benchmarks.report import table

DOCS = Path(__file__).parents[2] / "docs"
N_RESAMPLES = 10_000
INTERVAL = (5, 95)  # percentiles
FEWEST_SETS = 8  # of which an interval says something
INTRODUCTION = """\
# Ablation

The effect of changing one default hyperparameter and keeping all others. A log-loss ratio above 1
means that the change makes predictions worse.
"""
METHOD = """\
## Method

Models are fitted as in the [accuracy protocol](accuracy.md#protocol), on fewer rows and on other
splits.

- The log-loss ratio is (changed + 0.01) / (default + 0.01), averaged first over the splits of a
  data set, then over data sets (geometric means).
- The 90 % interval is a bootstrap interval over data sets. "worse" or "better" is written where the
  interval is entirely above or below 1 and there are at least eight data sets.
- Differences of ROC AUC and accuracy are changed minus default. Time is the ratio of CPU times.

This page is written by `python -m benchmarks.ablation.report`, from
[ablation.jsonl](../benchmarks/ablation/results/ablation.jsonl).

```sh
pip install -e ".[bench]"
python -m benchmarks.ablation.run --data folder_of_parquet_files
python -m benchmarks.ablation.report
```
"""


class Effect(NamedTuple):
    """What a change does, on the splits that it and the defaults have finished."""

    ratio: float
    low: float
    high: float
    auc: float
    acc: float
    time: float
    splits: list

    def word(self):
        """Say what the interval says, if it is of enough sets."""
        if compare.n_sets(self.splits) < FEWEST_SETS:
            return ""
        if self.low > 1:
            return "worse"
        return "better" if self.high < 1 else ""


def main():
    """Read the results; write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation.report")
    parser.add_argument("results", nargs="*", type=Path, default=[PATH], help="JSONL files")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder to write to")
    options = parser.parse_args()
    page = options.docs / "ablation.md"
    page.write_text(write_page(results.read(options.results)), encoding="utf-8")
    print(f"Page: {page}")


def write_page(rows):
    """Return the page as Markdown."""
    scores = compare.finished(rows)
    found = {name: effect(scores, name) for name in CHANGES if name != DEFAULTS}
    measured = {name: of for name, of in found.items() if of}
    parts = [INTRODUCTION, _coverage(rows)]
    if measured:
        parts.append(_table(measured))
    missing = [f"`{name}`" for name in found.keys() - measured.keys()]
    if missing:
        parts.append(f"Not measured: {', '.join(sorted(missing))}.\n")
    parts += [_failures(rows), METHOD, _about(rows)]
    return "\n".join(part for part in parts if part)


def _coverage(rows):
    """Say whether this is all that a run without options runs."""
    done = {(row["data"], row["model"], row["rep"]) for row in rows}
    n_left = len(set(fits(SETS, list(CHANGES), SPLITS, takes_turns=False)) - done)
    n_all = len(SETS) * len(CHANGES) * len(SPLITS)
    return n_left and f"**These are partial results:** {n_all - n_left} of {n_all} fits.\n"


def effect(scores, name):
    """Return the Effect of a change; None if it and the defaults have no split in common."""
    logs = compare.by_set(compare.log_ratios(scores, DEFAULTS, ours=name))
    if not logs:
        return None
    splits = compare.common(scores, (name, DEFAULTS))
    gains = (compare.advantages(scores, DEFAULTS, key, ours=name) for key in ("auc", "acc"))
    means = (np.mean(list(compare.by_set(gain).values())) for gain in gains)
    times = (compare.values(scores, of, splits, "cpu_fit") for of in (name, DEFAULTS))
    time = np.exp(np.subtract(*map(np.log, times)).mean())
    ratio = np.exp(np.mean(list(logs.values())))
    return Effect(ratio, *interval(list(logs.values())), *means, time, splits)


def interval(logs):
    """Return the limits of the geometric mean over sets drawn again with replacement."""
    drawn = np.random.default_rng(0).choice(logs, (N_RESAMPLES, len(logs)))
    return np.exp(np.percentile(drawn.mean(axis=1), INTERVAL))


def _table(measured):
    lines = [
        (
            f"`{name}`",
            f"{of.ratio:.3f}",
            f"{of.low:.3f} to {of.high:.3f}",
            of.word(),
            f"{of.auc:+.4f}",
            f"{of.acc:+.4f}",
            f"{of.time:.2f}",
            f"{compare.n_sets(of.splits)}, {len(of.splits)}",
        )
        for name, of in measured.items()
    ]
    header = ("change", "log-loss ratio", "90 % interval", "", "ROC AUC", "accuracy", "time")
    return table((*header, "data sets, splits"), lines)


def _failures(rows):
    texts = [
        f"`{row['model']}` on {row['data']}, split {row['rep']} ({row['error'][:80]})"
        for row in rows
        if "error" in row
    ]
    return f"Failed: {'; '.join(texts)}.\n" if texts else ""


def _about(rows):
    """Say what the results are of: data sets, splits, rows, versions."""
    if not rows:
        return ""
    caps = sorted({tuple(row["caps"]) for row in rows})
    of_rows = " or ".join(f"{n_train:,} and {n_test:,}" for n_train, n_test in caps)
    versions = sorted({row["versions"]["skdnn"] for row in rows})
    listed = {
        "data sets": ", ".join(sorted({row["data"] for row in rows})),
        "split numbers": ", ".join(str(number) for number in sorted({row["rep"] for row in rows})),
        "maximum number of rows, for training and for testing": of_rows,
        "skdnn": ", ".join(versions) or "not recorded",
        "machine": " or ".join(sorted({row["machine"] for row in rows})),
    }
    lines = "\n".join(f"- {name}: {value}" for name, value in listed.items())
    return f"## Measured on\n\n{lines}\n"


if __name__ == "__main__":
    main()
