"""Accuracy and time by number of rows: ``python -m benchmarks.sizes``, in the project's folder.

Made-up tables of numbers and categories, of which the true probabilities are known. Each fit is in
a process of its own, after a small one that loads the compiled loops. The measurements go to
``benchmarks/results/sizes.jsonl``, and a table of them to README.md, between two marks; ``--write``
only writes the table.
"""

import argparse
import json
import os
import statistics
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss

from benchmarks.machine import describe
from benchmarks.measure import fresh_process
from benchmarks.report import duration, table
from skdnn import DeepNetClassifier

RESULTS = Path(__file__).parent / "results" / "sizes.jsonl"
README = Path(__file__).parents[1] / "README.md"
MARKS = ("<!-- written by benchmarks.sizes -->\n", "<!-- end of benchmarks.sizes -->\n")
SIZES = (1_000, 10_000, 100_000, 1_000_000)
N_TEST, N_WARM_UP = 20_000, 300
CHEAP = {"n_members": 1, "hidden_layer_sizes": (64, 64)}
CONTENDERS = {
    "default": lambda seed: DeepNetClassifier(random_state=seed),
    "cheap": lambda seed: DeepNetClassifier(**CHEAP, random_state=seed),
    "boosting": lambda seed: HistGradientBoostingClassifier(
        categorical_features="from_dtype", random_state=seed
    ),
}
SHOWN = ("cpu", "cores", "python", "numpy", "scikit-learn", "numba")


def main():
    """Measure what is asked for, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--seeds", type=int, default=3, help="fits of each, in other tables")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--readme", type=Path, default=README)
    parser.add_argument("--write", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if not options.write:
        for job in jobs(options):
            replace(options.results, run(*job))
    text = options.readme.read_text(encoding="utf-8")
    options.readme.write_text(show(text, report(read(options.results))), encoding="utf-8")


def jobs(options):
    """Return (contender, number of rows, seed) of all fits; contenders take turns."""
    by_seed = range(options.seeds)
    return [(c, n, seed) for n in options.sizes for seed in by_seed for c in options.contenders]


def run(contender, n_rows, seed):
    """Return the measurement of one fit, in a process of its own."""
    # Of other programs, and of the fits before this one, which use all cores one after the other.
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    with fresh_process(()) as process:
        row = process.submit(measure, contender, n_rows, seed).result()
    print(*row.values(), flush=True)
    return row | {"load": load, "machine": describe()}


def measure(contender, n_rows, seed):
    """Fit and score one classifier."""
    warnings.simplefilter("ignore")
    X, y, true_proba = make_table(n_rows + N_TEST, seed)
    X_train, y_train, X_test, y_test = X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:]
    CONTENDERS[contender](seed).fit(X_train[:N_WARM_UP], y_train[:N_WARM_UP])
    model, start = CONTENDERS[contender](seed), perf_counter()
    model.fit(X_train, y_train)
    seconds = perf_counter() - start
    proba = model.predict_proba(X_test)[:, 1]
    return {
        "contender": contender,
        "rows": n_rows,
        "seed": seed,
        "seconds": seconds,
        "accuracy": accuracy_score(y_test, proba > 0.5),
        "log_loss": log_loss(y_test, proba),
        "best_accuracy": accuracy_score(y_test, true_proba[n_rows:] > 0.5),
    }


def make_table(n_rows, seed):
    """Return columns of numbers and categories, two classes, and the probability of the second.

    Half of what it depends on is smooth, as suits networks, and half changes in steps, as suits
    trees. Three columns tell nothing.
    """
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(10, n_rows))
    city, shop = rng.integers(0, 8, n_rows), rng.integers(0, 100, n_rows)
    of_city, of_shop = rng.normal(size=8), rng.normal(size=100)
    smooth = np.sin(2 * numbers[0]) + numbers[1] * numbers[2] + 0.5 * (numbers[3] ** 2 - 1)
    steps = np.where(numbers[4] > 0.5, of_city[city], -0.5) + (numbers[5] > 0) * (numbers[6] < 0.5)
    true_proba = expit(1.5 * (smooth + steps + 0.5 * of_shop[shop]))
    X = pd.DataFrame({f"number_{k}": column for k, column in enumerate(numbers)})
    X.loc[rng.random(n_rows) < 0.1, "number_7"] = np.nan
    X["city"] = pd.Categorical.from_codes(city, list("abcdefgh"))
    X["shop"] = pd.Categorical.from_codes(shop, [f"shop {k}" for k in range(100)])
    return X, (rng.random(n_rows) < true_proba).astype(int), true_proba


def read(path):
    """Return the measurements of a file, none if there is no such file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def replace(path, row):
    """Write a measurement in place of the one of the same fit."""
    rows = {(r["rows"], r["seed"], r["contender"]): r for r in [*read(path), row]}
    lines = [json.dumps(rows[key]) for key in sorted(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def report(rows):
    """Return the table of all measurements, and where they were made."""
    if not rows:
        return "Not measured yet: `python -m benchmarks.sizes`.\n"
    sizes = sorted({row["rows"] for row in rows})
    n_seeds = max(len({r["seed"] for r in rows if r["rows"] == size}) for size in sizes)
    names = ("skdnn", "cheap setting", "HistGradientBoosting")
    header = ["training rows", *(f"{n}: accuracy" for n in names), "best possible"]
    lines = [_line(size, [row for row in rows if row["rows"] == size]) for size in sizes]
    facts = rows[-1]["machine"]
    where = ", ".join(f"{name} {facts[name]}" for name in SHOWN if facts.get(name))
    text = f"Means of the accuracy and medians of the time of {n_seeds} fits ({where})."
    if max(row["load"] for row in rows) > 1.5 * int(facts["cores"]):
        text += " Other programs ran meanwhile, so the times are too long."
    return f"{table([*header, *(f'{n}: fit' for n in names)], lines)}\n{text}\n"


def _line(size, rows):
    cells = [f"{size:,}"]
    groups = [[row for row in rows if row["contender"] == name] for name in CONTENDERS]
    cells += [_percent([row["accuracy"] for row in group]) for group in groups]
    cells.append(_percent([row["best_accuracy"] for row in rows]))
    return [*cells, *(_median([row["seconds"] for row in group]) for group in groups)]


def _percent(values):
    return f"{100 * statistics.mean(values):.1f} %" if values else "-"


def _median(seconds):
    return duration(float(f"{statistics.median(seconds):.2g}")) if seconds else "-"


def show(text, block):
    """Return the text of README.md with the block between the marks."""
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return f"{before}{MARKS[0]}{block}{MARKS[1]}{after}"


if __name__ == "__main__":
    main()
