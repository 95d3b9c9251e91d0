"""Frames of pandas and polars in, labels of the same type out."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from encoding_tables import people

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


NAMES = np.array(["young", "old"])[CODES]
LABELS = {
    "int8": (CODES.astype(np.int8), np.int8),
    "bool": (CODES.astype(bool), bool),
    "float32": (CODES.astype(np.float32), np.float32),
    "text": (NAMES, "U5"),
    "objects": (NAMES.astype(object), "U5"),
    "list": (NAMES.tolist(), "U5"),
    "pandas text": (pd.Series(NAMES, dtype="str"), "U5"),
    "pandas category": (pd.Series(NAMES, dtype="category"), "U5"),
    "pandas Int64": (pd.Series(CODES, dtype="Int64"), np.int64),
    "pandas boolean": (pd.Series(CODES, dtype="boolean"), bool),
    "polars text": (pl.Series(NAMES), "U5"),
    "polars category": (pl.Series(NAMES, dtype=pl.Categorical), "U5"),
    "polars int16": (pl.Series(CODES.astype(np.int16)), np.int16),
}


@pytest.mark.parametrize("kind", LABELS)
def test_predicted_labels_have_the_type_of_y(kind):
    labels, dtype = LABELS[kind]
    net = quick(max_iter=60, learning_rate_init=0.02).fit(FRAME, labels)
    predicted = net.predict(FRAME)
    assert predicted.dtype == net.classes_.dtype == np.dtype(dtype)
    assert (predicted == np.asarray(labels)).mean() > 0.8
