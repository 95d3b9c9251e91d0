"""Tables and formulas shared by the tests of TableEncoder."""

import numpy as np
import pandas as pd


def squash(values):
    """The formula of the docstring, on its own."""
    median = np.quantile(values, 0.5, method="inverted_cdf")
    lower, upper = np.quantile(values, [0.25, 0.75], method="inverted_cdf")
    spread = upper - lower or (np.max(values) - np.min(values)) / 2
    scaled = (np.asarray(values, float) - median) / spread
    return scaled / np.sqrt(1 + (scaled / 3) ** 2)


def people():
    """A frame with a column of every kind."""
    n = 24
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2024-02-27 22:00") + pd.to_timedelta(rng.integers(0, 9000, n), "h")
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "height": rng.normal(170, 9, n),
            "sex": pd.Series(rng.choice(["f", "m"], n), dtype=object),
            "town": pd.Series(rng.choice(["Rome", "Oslo", "Bonn"], n), dtype="category"),
            "member": rng.random(n) > 0.5,
            "visits": pd.Series(rng.integers(0, 5, n), dtype="Int64"),
            "score": pd.Series(rng.random(n), dtype="Float64"),
            "joined": days,
            "stay": pd.to_timedelta(rng.integers(1, 99, n), "m"),
            "note": pd.Series(rng.choice(["x", "y"], n), dtype="str"),
        }
    )
    frame.loc[[1, 4], "height"] = np.nan
    frame.loc[2, "sex"] = None
    frame.loc[3, "town"] = None
    frame.loc[5, "visits"] = pd.NA
    frame.loc[6, "joined"] = pd.NaT
    frame.loc[7, "note"] = None
    return frame
