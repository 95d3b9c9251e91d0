"""Raw tables as people have them; run where SKDNN_DATA names a folder that has them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from public_data import public_path

from skdnn import DeepNetClassifier

TABLES = ("titanic", "adult", "soybean", "amazon_access")


def load(name, n_rows=1500):
    frame = pd.read_parquet(public_path(f"{name}.parquet")).iloc[:n_rows]
    return frame, frame.pop("target")


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_a_raw_table_gives_probabilities_without_a_warning(name):
    frame, labels = load(name)
    net = DeepNetClassifier(random_state=0, max_iter=10).fit(frame, labels)
    proba = net.predict_proba(frame)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-9)
    assert net.score(frame, labels) >= labels.value_counts(normalize=True).max()


@pytest.mark.parametrize("name", TABLES)
def test_missing_values_everywhere_and_unseen_categories_predict(name):
    frame, labels = load(name)
    rng = np.random.default_rng(0)
    gappy = frame.astype(object).mask(rng.random(frame.shape) < 0.3)
    net = DeepNetClassifier(random_state=0, max_iter=2).fit(gappy[:700], labels[:700])
    text = frame.select_dtypes(exclude="number").columns
    odd = frame.astype(object)
    odd.loc[::3, text] = "never seen"
    proba = net.predict_proba(odd)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("name", TABLES)
def test_polars_gives_what_pandas_gives(name):
    frame, labels = load(name, 600)
    kwargs = {"random_state": 0, "max_iter": 2}
    from_pandas = DeepNetClassifier(**kwargs).fit(frame, labels)
    from_polars = DeepNetClassifier(**kwargs).fit(pl.from_pandas(frame), labels.to_numpy())
    np.testing.assert_array_equal(
        from_pandas.predict_proba(frame), from_polars.predict_proba(pl.from_pandas(frame))
    )
