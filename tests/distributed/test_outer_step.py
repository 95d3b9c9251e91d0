"""The outer step, against PyTorch's formula by hand."""

import numpy as np
import pytest

from skdnn.distributed.epochs import outer_step


@pytest.mark.parametrize(("rate", "momentum"), [(1.0, 0.0), (0.7, 0.9)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outer_steps_match_nesterov_by_hand(rate, momentum, dtype):
    rng = np.random.default_rng(0)
    params = rng.normal(size=(2, 5)).astype(dtype)
    expected, of_momentum = params.astype(float), np.zeros((2, 5))
    velocity = np.zeros_like(params)
    for _ in range(3):
        change = rng.normal(size=(2, 5)).astype(dtype)
        outer_step(params, change.copy(), velocity, rate, momentum)
        # torch.optim.SGD(nesterov=True), whose gradient is the negative difference.
        of_momentum = momentum * of_momentum - change
        expected -= rate * (-change + momentum * of_momentum)
        np.testing.assert_allclose(params, expected, rtol=10 * np.finfo(dtype).eps, atol=1e-6)
        np.testing.assert_allclose(velocity, -rate * of_momentum, rtol=1e-5, atol=1e-6)


def test_without_momentum_and_at_rate_1_parameters_become_the_mean():
    params, mean = np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]])
    outer_step(params, mean - params, np.zeros((1, 2)), rate=1.0, momentum=0.0)
    np.testing.assert_allclose(params, mean)
