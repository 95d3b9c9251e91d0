"""More threads than cores: ``python -m benchmarks.reliability.oversubscription``.

Fits the same networks with as many threads as there are cores, and with four times as many, in
turn. Prints the shortest times and the medians of the ratios, also of the time of all processors:
this one hardly depends on what else is running.
"""

import argparse
import warnings
from time import perf_counter, process_time

import numpy as np
from joblib import cpu_count

from skdnn import DeepNetClassifier

N_COLUMNS, FACTOR = 20, 4
CASES = {"2,000 rows": (2000, {"max_iter": 20}), "20,000 rows": (20_000, {"max_iter": 3})}


def seconds(n_jobs, X, y, params):
    """Return how long a fit and a prediction take, by the clock and on all processors."""
    start = np.array([perf_counter(), process_time()])
    DeepNetClassifier(n_jobs=n_jobs, random_state=0, **params).fit(X, y).predict_proba(X)
    return np.array([perf_counter(), process_time()]) - start


def main():
    """Measure and print a line a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    few, many = cpu_count(), FACTOR * cpu_count()
    for title, (n_rows, params) in CASES.items():
        X = np.random.default_rng(0).normal(size=(n_rows, N_COLUMNS))
        y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
        seconds(few, X[:500], y[:500], params)  # what is compiled or imported once
        times = [[seconds(n, X, y, params) for n in (few, many)] for _ in range(options.repeats)]
        (usual, _), (crowded, _) = np.min(times, axis=0)
        ratio, of_processors = np.median([after / before for before, after in times], axis=0)
        print(
            f"{title}: n_jobs={few} {usual:.2f} s, n_jobs={many} {crowded:.2f} s, ratio "
            f"{ratio:.2f}, of processor time {of_processors:.2f}"
        )


if __name__ == "__main__":
    main()
