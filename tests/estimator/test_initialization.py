import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from skdnn.core.batches import Data
from skdnn.estimator.initialization import prior_logits
from skdnn.estimator.labels import Labels

LABELS = {
    "binary": Labels(np.arange(2), False),
    "several classes": Labels(np.arange(3), False),
    "several labels": Labels(np.arange(3), True),
}


def make(name, seed):
    rng = np.random.default_rng(seed)
    labels = LABELS[name]
    shape = (40, 3 if labels.is_multilabel else 1)
    targets = rng.integers(0, 2 if labels.is_multilabel else len(labels.classes), shape)
    return Data(None, targets, rng.exponential(size=40) * rng.integers(0, 2, 40)), labels


@given(name=st.sampled_from(sorted(LABELS)), seed=st.integers(0, 2**32 - 1))
def test_a_network_without_inputs_starts_at_the_weighted_class_shares(name, seed):
    data, labels = make(name, seed)
    logits = prior_logits(data, labels)
    if name == "several classes":
        indicators, found = data.targets == np.arange(3), np.exp(logits)
    else:
        indicators, found = data.targets, expit(logits)
    expected = np.average(indicators, axis=0, weights=data.weights)
    np.testing.assert_allclose(found, np.clip(expected, 1e-4, 1 - 1e-4), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", LABELS)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_cannot_be_seen_in_the_shares(name, seed):
    data, labels = make(name, seed)
    order = np.random.default_rng(seed).permutation(40)
    shuffled = Data(None, data.targets[order], data.weights[order])
    np.testing.assert_array_equal(prior_logits(shuffled, labels), prior_logits(data, labels))
