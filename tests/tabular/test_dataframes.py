"""Frames of pandas and polars, whole and by groups."""

import numpy as np
import pandas as pd
import polars as pl
from encoder_tables import people

from skdnn import DeepNetClassifier

FRAME = pd.concat([people()] * 3, ignore_index=True)
FRAME["age"] += np.arange(len(FRAME)) % 5
CODES = (FRAME["age"] > 48).to_numpy().astype(int)


def quick(**kwargs):
    few = {"hidden_layer_sizes": (8,), "max_iter": 5, "n_members": 2, "random_state": 0}
    return DeepNetClassifier(**{**few, **kwargs})


def fit(part):
    return quick().fit(part.drop(columns="label"), part["label"])


def test_groupby_apply_fits_a_network_for_each_group():
    frame = FRAME.assign(label=np.where(CODES, "old", "young"), shop=np.arange(len(FRAME)) % 3)
    nets = frame.groupby("shop")[[*FRAME.columns, "label"]].apply(fit)
    assert nets.index.tolist() == [0, 1, 2]
    for shop, net in nets.items():
        part = frame[frame["shop"] == shop].drop(columns="shop")
        expected = fit(part).predict_proba(FRAME)
        np.testing.assert_array_equal(net.predict_proba(FRAME), expected)


def test_a_frame_and_a_series_of_polars_give_what_those_of_pandas_do():
    labels = pd.Series(np.where(CODES, "old", "young"))
    expected = quick().fit(FRAME, labels)
    twin = pl.from_pandas(FRAME)
    found = quick().fit(twin, pl.from_pandas(labels))
    np.testing.assert_array_equal(found.predict_proba(twin), expected.predict_proba(FRAME))
    np.testing.assert_array_equal(found.predict(FRAME), expected.predict(twin))
    assert found.feature_names_in_.tolist() == expected.feature_names_in_.tolist()
    assert found.oof_score_ == expected.oof_score_
