"""Wide sparse tables: ``python -m benchmarks.sparse``, in the project's folder.

Time, peak memory and quality of default classifiers, each fit in a fresh process. Documents are
made here: words by Zipf's law, some of them more frequent in the documents of a class.
"""

import argparse
import warnings
from time import perf_counter
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.neural_network import MLPClassifier

from benchmarks.measure import fresh_process
from benchmarks.memory import forget_peak, peak_bytes
from benchmarks.report import duration, table
from benchmarks.targets import MB
from skdnn import DeepNetClassifier

N_TEST, N_CLASSES, N_WORDS = 1000, 4, 100_000
ENTRIES = 50  # of a row that is not made of text


class Case(NamedTuple):
    """Rows, columns, and what is to be measured."""

    title: str
    n_rows: int
    n_columns: int
    is_text: bool = True
    options: dict = {}  # noqa: RUF012 - of both networks; never written to


CASES = (
    Case("HashingVectorizer(2**16), 300 documents", 300, 2**16),
    Case("HashingVectorizer(2**18), 300 documents", 300, 2**18),
    Case("HashingVectorizer(2**20), 1,000 documents", 1000, 2**20),
    Case("CSR of 20,000 x 50,000, three epochs", 20_000, 50_000, False, {"max_iter": 3}),
)
CLASSIFIERS = {
    "skdnn": DeepNetClassifier,
    "MLPClassifier": MLPClassifier,
    "LogisticRegression": LogisticRegression,
}


def main():
    """Measure what is asked for, and print a table a case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sparse", description=__doc__)
    parser.add_argument("--cases", type=int, nargs="+", default=range(len(CASES)))
    parser.add_argument("--quick", action="store_true", help="few rows, to try things out")
    options = parser.parse_args()
    for number in options.cases:
        case = CASES[number]
        if options.quick:
            case = case._replace(n_rows=100, options={"max_iter": 2})
        print(f"## {case.title}\n\n{report(case)}", flush=True)


def report(case):
    """Return the table of a case, a line for each classifier."""
    rows = []
    for name in CLASSIFIERS:
        with fresh_process(()) as process:
            line = process.submit(measure, name, case).result()
        memory = (f"{line[key] / MB:,.0f} MB" for key in ("peak_bytes", "start_bytes"))
        quality = (f"{line[key]:.3f}" for key in ("accuracy", "log_loss"))
        rows.append([name, duration(line["seconds"]), *memory, *quality])
    return table(["", "fit", "peak memory", "in use before", "accuracy", "log-loss"], rows)


def measure(name, case):
    """Return the time, memory and quality of a classifier."""
    warnings.simplefilter("ignore")
    X, y = (make_text if case.is_text else make_counts)(case)
    given = case.options if name != "LogisticRegression" else {"max_iter": 1000}
    classifier = CLASSIFIERS[name](**given)
    if name != "LogisticRegression":
        classifier.set_params(random_state=0)
    forget_peak()
    start_bytes, start = peak_bytes(), perf_counter()
    classifier.fit(X[: case.n_rows], y[: case.n_rows])
    seconds, peak = perf_counter() - start, peak_bytes()
    proba, true = classifier.predict_proba(X[case.n_rows :]), y[case.n_rows :]
    return {
        "seconds": seconds,
        "start_bytes": start_bytes,
        "peak_bytes": peak,
        "accuracy": accuracy_score(true, classifier.classes_[proba.argmax(axis=1)]),
        "log_loss": log_loss(true, proba, labels=classifier.classes_),
    }


def make_text(case):
    """Return hashed documents of some 110 words, and their classes."""
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(1, N_WORDS + 1)
    of_class = frequency**0.7 * (rng.random((N_CLASSES, N_WORDS)) < 0.05)
    draws = [np.cumsum(weights / weights.sum()) for weights in (frequency, *of_class)]
    classes, documents = rng.integers(0, N_CLASSES, case.n_rows + N_TEST), []
    for label in classes:
        n_words = int(np.clip(rng.lognormal(np.log(110), 0.6), 5, 3000))
        source = np.where(rng.random(n_words) < 0.5 * rng.random(), label + 1, 0)
        points = rng.random(n_words)
        words = [np.searchsorted(draws[k], point) for k, point in zip(source, points, strict=True)]
        documents.append(" ".join(f"w{word}" for word in words))
    return HashingVectorizer(n_features=case.n_columns).transform(documents), classes


def make_counts(case):
    """Return rows with entries in some columns, and two classes, linear but for noise."""
    rng = np.random.default_rng(0)
    n_rows = case.n_rows + N_TEST
    frequency = 1 / (np.arange(case.n_columns) + 50.0)
    points = rng.random(n_rows * ENTRIES)
    columns = np.searchsorted(np.cumsum(frequency / frequency.sum()), points)
    columns = np.minimum(columns, case.n_columns - 1)
    ends = np.arange(n_rows + 1) * ENTRIES
    X = csr_array((np.ones(len(columns)), columns, ends), (n_rows, case.n_columns))
    X.sum_duplicates()
    scores = X @ rng.normal(size=case.n_columns) / np.sqrt(ENTRIES)
    return X, (scores + rng.normal(size=n_rows) / 2 > 0).astype(int)


if __name__ == "__main__":
    main()
