"""Write docs/accuracy.md and its picture: ``python -m benchmarks.accuracy.report [FILES]``.

Files of results are merged, a later row replacing one of the same fit; without any, those of
``benchmarks/accuracy/results`` are read. Every number on the page comes from them, and so do those
that README.md shows between two marks.
"""

import argparse
from pathlib import Path

from benchmarks.accuracy import compare, results
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

Defaults against defaults: every model gets the raw frame of a public table, is constructed with a
seed and nothing else, and is judged on rows that it has not seen. A split is 75 % of a table for
training (at most 5,000 rows) and 25 % for testing (at most 20,000), stratified, without classes of
fewer than eight rows; its number is the seed of all that is random. MLPClassifier and logistic
regression get the pipeline of a careful user: imputed, scaled, one-hot. Boosting is told which
columns are categories.

Log-loss is that of probabilities clipped to 1e-7; ROC AUC of several classes is the mean of each
against the rest. Figures compare models on the splits that all of those compared have finished.

This page is written by `python -m benchmarks.accuracy.report`, from the files in
[benchmarks/accuracy/results](../benchmarks/accuracy/results). The tables are not part of the
project; a folder of Parquet files with a column `target` is all that a run needs.

```sh
pip install -e ".[bench]" && pip install catboost lightgbm xgboost pytabkit  # the last if wanted
python -m benchmarks.accuracy.run --data folder_of_parquet_files --models skdnn catboost mlp
python -m benchmarks.accuracy.run --data folder_of_parquet_files --timed  # times, side by side
python -m benchmarks.accuracy.report
```

What parts of the recipe are worth is on the page about [changes to the defaults](ablation.md).
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
    has_picture = draw(compare.finished(rows), options.docs / PICTURE)
    page = options.docs / "accuracy.md"
    page.write_text(write_page(rows, has_picture), encoding="utf-8")
    readme = options.docs.parent / "README.md"
    if readme.exists():
        text = readme.read_text(encoding="utf-8")
        readme.write_text(show(text, SECTIONS[SHOWN](rows)), encoding="utf-8")
    print(f"Page: {page}")


def show(text, section):
    """Return the text of README.md with the section between the marks."""
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return f"{before}{MARKS[0]}{section}{MARKS[1]}{after}"


def write_page(rows, has_picture):
    """Return the page as Markdown."""
    parts = [INTRODUCTION, coverage(rows), summary(verdicts(rows))]
    if has_picture:
        alt = "On each data set, skdnn's log-loss over those of CatBoost and MLPClassifier"
        parts.append(f"![{alt}]({PICTURE.as_posix()})\n")
    found = {title: section(rows) for title, section in SECTIONS.items()}
    parts += [f"## {title}\n\n{text}" for title, text in found.items() if text]
    return "\n".join(parts)


def summary(judged):
    """Return the table of all targets."""
    states = [verdict.is_met() for verdict in judged]
    words = {True: "met", False: "**not met**", None: "not measured"}
    rows = [
        (v.text, v.wanted(), "-" if v.figure is None else f"{v.figure:.3g}", words[state])
        for v, state in zip(judged, states, strict=True)
    ]
    count = f"{states.count(True)} targets are met, {states.count(False)} are not, "
    count += f"{states.count(None)} were not measured."
    return f"## Targets\n\n{count}\n\n{table(('', 'wanted', 'reached', ''), rows)}"


if __name__ == "__main__":
    main()
