"""Write docs/accuracy.md and its picture: ``python -m benchmarks.accuracy.report [FILES]``.

Files of results are merged, a later row replacing one of the same fit; without any, those of
``benchmarks/accuracy/results`` are read. Every number on the page comes from them, and so do those
that README.md shows between two marks.
"""

import argparse
from pathlib import Path

from benchmarks.accuracy import results
from benchmarks.accuracy.picture import draw
from benchmarks.accuracy.sections import SECTIONS, coverage
from benchmarks.accuracy.targets import verdicts
from benchmarks.report import table

DOCS = Path(__file__).parents[2] / "docs"
PICTURE = Path("images") / "accuracy.png"
SHOWN = "Mean ranks"  # the section that README.md shows, between the marks
MARKS = ("<!-- written by benchmarks.accuracy.report -->\n", "<!-- end -->")
INTRODUCTION = """\
# Accuracy

skdnn compared with other models on public tables, all with their default hyperparameters: log-loss,
ROC AUC, accuracy, calibration and time. [Ablation](ablation.md) shows the effect of each default.
"""
PROTOCOL = """\
## Protocol

- A split is 75 % of a table for training (at most 5,000 rows) and 25 % for testing (at most
  20,000), stratified, without classes of fewer than eight rows. The split number is the seed of the
  split and of the model.
- Every model gets the unprocessed DataFrame. MLPClassifier and logistic regression are in a
  pipeline that imputes, scales and one-hot encodes; the boosting models are told which columns are
  categories.
- Log-loss is computed from probabilities clipped to 1e-7. ROC AUC for several classes is the mean
  of one class against the rest.
- Models are compared on the splits that all of the models in the comparison have finished.

This page is written by `python -m benchmarks.accuracy.report`, from the files in
[benchmarks/accuracy/results](../benchmarks/accuracy/results). The tables are not part of the
project; to repeat the benchmark, a folder of Parquet files with a column `target` is needed.

```sh
pip install -e ".[bench]" && pip install catboost lightgbm xgboost pytabkit  # pytabkit is optional
python -m benchmarks.accuracy.run --data folder_of_parquet_files --models skdnn catboost mlp
python -m benchmarks.accuracy.run --data folder_of_parquet_files --timed  # times, side by side
python -m benchmarks.accuracy.report
```
"""


def main():
    """Read the results; write the page and the picture."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Older results first: what was run last replaces them.
    parser.add_argument("results", nargs="*", type=Path, help="JSONL files, the newest last")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder to write to")
    options = parser.parse_args()
    rows = results.read(options.results or results.committed())
    (options.docs / PICTURE).parent.mkdir(parents=True, exist_ok=True)
    has_picture = draw(rows, options.docs / PICTURE)
    page = options.docs / "accuracy.md"
    page.write_text(write_page(rows, has_picture), encoding="utf-8")
    readme = options.docs.parent / "README.md"
    if readme.exists():
        text = readme.read_text(encoding="utf-8")
        readme.write_text(show(text, SECTIONS[SHOWN](rows)), encoding="utf-8")
    print(f"Page: {page}")


def show(text, section, marks=MARKS):
    """Return the text of a page with the section between the marks."""
    before, rest = text.split(marks[0])
    _, after = rest.split(marks[1], 1)
    return f"{before}{marks[0]}{section}{marks[1]}{after}"


def write_page(rows, has_picture):
    """Return the page as Markdown."""
    parts = [INTRODUCTION, coverage(rows)]
    if has_picture:
        alt = "Ratio of skdnn's log-loss to those of CatBoost and MLPClassifier on each data set"
        parts.append(f"![{alt}]({PICTURE.as_posix()})\n")
    found = {title: section(rows) for title, section in SECTIONS.items()}
    parts += [f"## {title}\n\n{text}" for title, text in found.items() if text]
    parts += [PROTOCOL, summary(verdicts(rows))]
    return "\n".join(parts)


def summary(judged):
    """Return the table of all targets."""
    states = [verdict.is_met() for verdict in judged]
    words = {True: "met", False: "**not met**", None: "not measured"}
    rows = [
        (v.text, v.wanted(), "-" if v.figure is None else f"{v.figure:.3g}", words[state])
        for v, state in zip(judged, states, strict=True)
    ]
    count = f"Targets met: {states.count(True)}; not met: {states.count(False)}; "
    count += f"not measured: {states.count(None)}."
    return f"## Targets\n\n{count}\n\n{table(('', 'target', 'reached', ''), rows)}"


if __name__ == "__main__":
    main()
