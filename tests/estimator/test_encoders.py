import numpy as np
import pytest

from skdnn import TableEncoder
from skdnn.estimator.encoders import count_inputs

X = np.random.default_rng(0).normal(size=(200, 3))


@pytest.mark.parametrize("n_bins", [0, 2, 16])
def test_bins_do_not_count_among_the_inputs_that_choose_the_layers(n_bins):
    encoder = TableEncoder(n_bins=n_bins)
    rows = encoder.fit_transform(X)
    assert count_inputs(encoder, rows) == TableEncoder(n_bins=0).fit_transform(X).shape[1]
