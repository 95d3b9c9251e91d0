"""Make the golden model file of a release: ``python tests/golden_model.py``.

It writes ``tests/data/model-<version>.skdnn`` and, beside it, the probabilities that the network
predicts for ``golden_rows()``, as JSON. Once a version is released, its files are never made again:
the tests of all later versions load them. So the rows must not change either.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import skdnn

DATA = Path(__file__).parent / "data"
N_ROWS = 60


def golden_rows():
    """Return numbers, categories, strings, dates and missing values, and their labels."""
    n = np.arange(N_ROWS)
    age = np.where(n % 7 == 3, np.nan, 20 + n * 37 % 53)
    town = np.array(["Rome", "Oslo", "Lima", None], object)[n * 5 % 9 % 4]
    hours = pd.to_datetime("2024-03-30", utc=True) + pd.to_timedelta(n, unit="h")
    days = pd.to_datetime("2024-02-28") + pd.to_timedelta(n * 17 % 41, unit="D")
    frame = pd.DataFrame(
        {
            "age": age,
            "is_member": n % 3 == 0,
            "size": pd.Categorical(np.array(["small", "large", "größer"])[n * 7 % 11 % 3]),
            "town": town,
            "street": [f"street {number % 35}" for number in n],
            "price": [f"{number * 31 % 97},50 €" for number in n],
            "day": days.where(n != 5),
            "at": hours.tz_convert("Europe/Rome"),
            "joined": [f"{number % 28 + 1:02}.{number % 9 + 1:02}.2024" for number in n],
            "wait": pd.to_timedelta(n * 13 % 29, unit="min"),
            "same": 1.0,
        }
    )
    return frame, np.array(["no", "perhaps", "yes"])[(n % 3 + (age > 50)) % 3]


def make(version):
    """Write the files of a version."""
    X, y = golden_rows()
    net = skdnn.DeepNetClassifier(
        (3,), n_members=2, max_iter=30, encoder=skdnn.TableEncoder(n_bins=4), random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of strings that are read as numbers, and few epochs
        net.fit(X, y)
    net.save(DATA / f"model-{version}.skdnn")
    proba = json.dumps(net.predict_proba(X).round(12).tolist())
    (DATA / f"model-{version}.json").write_text(proba.replace("], ", "],\n") + "\n", "utf-8")


if __name__ == "__main__":
    make(skdnn.__version__)
