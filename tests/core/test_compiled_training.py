"""Whole trainings: compiled kernels do what NumPy does, to rounding."""

import numpy as np
import pytest
from backends import compiled
from gradient_checks import encoded_rows
from test_training import (
    N_CLASSES,
    N_INPUTS,
    N_ROWS,
    everyone,
    folds,
    generators,
    make_data,
    make_rows,
    plan,
    start,
)

from skdnn.core.batches import Data, DenseRows
from skdnn.core.compiling import has_numba
from skdnn.core.encoded_rows import Expansion
from skdnn.core.network import build, connect
from skdnn.core.optimizers import OPTIMIZERS
from skdnn.core.training import Split, train

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


@needs_numba
@pytest.mark.parametrize("is_alone", [False, True])
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_compiled_training_is_that_of_numpy_to_rounding(rule, is_alone, monkeypatch):
    monkeypatch.setattr("skdnn.core.layers.FEWEST_INPUTS", 0)
    monkeypatch.setattr("skdnn.core.steps.SLICES", ((0, 8),))
    rng = np.random.default_rng(7)
    expansion, n_members = Expansion(2, (3, 4), (5, 12)), 1 if is_alone else 3
    _, targets, weights = make_rows()
    data = Data(DenseRows(encoded_rows(rng, expansion, (N_ROWS,))), targets, weights)
    network = build(
        (expansion.n_outputs, 9, 7, N_CLASSES), ["relu", "mish"], 0.3, expansion, 0.0, True
    )
    our_plan = plan(
        rule,
        "cosine",
        n_epochs=4,
        batch_size=16,
        learning_rate=0.01,
        shuffle=True,
        keep_best=True,
        alpha=0.5,
        weight_decay=0.1,
        label_smoothing=np.linspace(0, 0.2, n_members),
        max_grad_norm=1.0,
    )
    everything = np.arange(N_ROWS)
    split = folds(data, 3) if n_members > 1 else Split(data, [everything], data, [everything])
    begun, trained = start(network, n_members), []
    connect(
        network, begun.params, generators(n_members), np.full((n_members, expansion.n_inputs), 0.5)
    )
    for wanted in (False, True):
        with compiled(wanted):
            trained.append(train(network, split, begun, our_plan, generators(n_members)))
    (numpy_state, numpy_history), (state, history) = trained
    assert not np.array_equal(begun.params, state.params)
    np.testing.assert_allclose(state.params, numpy_state.params, rtol=1e-8, atol=1e-10)
    for name, memory in numpy_state.rule_state.items():
        np.testing.assert_allclose(state.rule_state[name], memory, rtol=1e-7, atol=1e-10)
    for ours, theirs in zip(history[:3], numpy_history[:3], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@needs_numba
def test_large_networks_drop_the_same_units_compiled_or_not():
    network = build((N_INPUTS, 30_000, N_CLASSES), ["relu"], 0.5)
    split = everyone(make_data(np.float32, n_rows=50))
    losses = []
    for wanted in (False, True):
        with compiled(wanted):
            our_plan = plan("adam", batch_size=50, learning_rate=1e-3, n_epochs=3)
            begin = start(network, dtype=np.float32)
            losses.append(train(network, split, begin, our_plan, generators(1))[1].train_loss)
    np.testing.assert_allclose(losses[0], losses[-1], rtol=1e-4)
