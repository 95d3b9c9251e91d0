"""TableEncoder gives frames where it is asked to, with scikit-learn's set_output."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from encoder_tables import people
from scipy.sparse import csr_array

from skdnn import DeepNetClassifier, TableEncoder

FRAME = people()
FRAME.index = FRAME.index + 100
PLAIN = TableEncoder().fit(FRAME)
LABELS = np.arange(len(FRAME)) % 2


@pytest.mark.parametrize("given", [FRAME, pl.from_pandas(FRAME)], ids=["pandas", "polars"])
@pytest.mark.parametrize("wanted", ["pandas", "polars"])
def test_frames_hold_what_arrays_do_under_the_names_of_the_inputs(given, wanted):
    encoder = TableEncoder().set_output(transform=wanted).fit(given)
    found = encoder.transform(given)
    assert isinstance(found, {"pandas": pd.DataFrame, "polars": pl.DataFrame}[wanted])
    assert list(found.columns) == PLAIN.get_feature_names_out().tolist()
    np.testing.assert_array_equal(found.to_numpy(), PLAIN.transform(FRAME))


def test_a_frame_of_pandas_keeps_its_index():
    found = TableEncoder().set_output(transform="pandas").fit_transform(FRAME)
    pd.testing.assert_index_equal(found.index, FRAME.index)


def test_a_sparse_result_does_not_become_a_frame():
    encoder = TableEncoder().set_output(transform="pandas")
    with pytest.raises(ValueError, match="sparse"):
        encoder.fit_transform(csr_array(np.eye(3)))


@pytest.mark.parametrize("wanted", ["pandas", "polars"])
def test_a_network_is_the_same_whatever_transformers_give(wanted):
    few = {"max_iter": 2, "n_members": 2, "random_state": 0}
    expected = DeepNetClassifier(**few).fit(FRAME, LABELS).predict_proba(FRAME)
    with sklearn.config_context(transform_output=wanted):
        found = DeepNetClassifier(**few).fit(FRAME, LABELS).predict_proba(FRAME)
    np.testing.assert_array_equal(found, expected)
