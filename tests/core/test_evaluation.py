from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from backends import compiled
from gradient_checks import random_targets
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import accuracy_score, log_loss

from skdnn.core.batches import Data, DenseRows, SparseRows
from skdnn.core.compiling import has_numba
from skdnn.core.evaluation import Evaluation, blocks, held_out_logits
from skdnn.core.losses import LOSSES
from skdnn.core.network import build, build_sparse
from skdnn.core.prediction import LARGEST_BLOCK, predict_logits
from skdnn.core.training import Plan, Split, make_job
from skdnn.core.workers import ALONE

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
ENGINES = pytest.mark.parametrize(
    "is_compiled", [False, pytest.param(True, marks=needs_numba)], ids=["numpy", "numba"]
)
N_ROWS = 5000  # more than two blocks


def make(loss, sparse=False):
    rng = np.random.default_rng(0)
    n_outputs = 1 if loss == "sigmoid" else 3
    network = (build_sparse if sparse else build)((4, n_outputs), [])
    params = rng.normal(size=(3, network.n_parameters))
    array = rng.normal(size=(N_ROWS, 4))
    targets = random_targets(rng, loss, (N_ROWS,), n_outputs)
    weights = rng.exponential(size=N_ROWS)
    rows = SparseRows(sp.csr_array(array)) if sparse else DenseRows(array)
    member_rows = [rng.permutation(N_ROWS)[:count] for count in (4800, 10, 2048)]
    logits = [array @ w + b for w, b in zip(*network.dense(params)[0], strict=True)]
    return network, params, Data(rows, targets, weights), member_rows, logits


def evaluation(network, params, data, member_rows, loss, smoothing=0.0, temperatures=()):
    plan = Plan(LOSSES[loss], None, None, 0.1, 1, 100, temperatures=temperatures)
    split = Split(data, member_rows, data, member_rows)
    job = make_job(network, split, plan, ALONE, is_alone=False)
    return Evaluation(job, params, np.full(3, smoothing), member_rows)


@ENGINES
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_loss_and_accuracy_equal_those_of_scikit_learn(loss, sparse, is_compiled):
    network, params, data, member_rows, logits = make(loss, sparse)
    with compiled(is_compiled):
        losses, scores = evaluation(network, params, data, member_rows, loss)()
    for k, rows in enumerate(member_rows):
        targets, weights, own = data.targets[rows], data.weights[rows], logits[k][rows]
        if loss == "softmax":
            predicted = own.argmax(axis=1)
            expected = log_loss(
                targets, softmax(own, axis=1), sample_weight=weights, labels=[0, 1, 2]
            )
        else:
            predicted = (expit(own) > 0.5).astype(int)
            expected = sum(
                log_loss(column, p, sample_weight=weights, labels=[0, 1])
                for column, p in zip(targets.T, expit(own).T, strict=True)
            )
        np.testing.assert_allclose(losses[k], expected, rtol=1e-10)
        accuracy = accuracy_score(targets, predicted, sample_weight=weights)
        np.testing.assert_allclose(scores[k], accuracy, rtol=1e-10)


def test_large_sums_of_float32_losses_are_taken_in_float64():
    network, params, data, _, logits = make("softmax")
    single = data._replace(rows=data.rows.astype(np.float32))
    everything = [np.arange(N_ROWS)] * 3
    losses, _ = evaluation(network, params.astype(np.float32), single, everything, "softmax")()
    for k in range(3):
        rows = -np.take_along_axis(log_softmax(logits[k], axis=1), data.targets, axis=1)[:, 0]
        np.testing.assert_allclose(losses[k], np.average(rows, weights=data.weights), rtol=1e-6)


def test_parameters_are_read_anew_at_every_call():
    network, params, data, member_rows, _ = make("softmax")
    evaluate = evaluation(network, params, data, member_rows, "softmax")
    evaluate()
    params[...] = 0
    # Without weights all three classes are as likely as each other.
    np.testing.assert_allclose(evaluate()[0], np.log(3))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_is_smoothed_as_in_training(smoothing):
    network, params, data, member_rows, logits = make("softmax")
    losses, _ = evaluation(network, params, data, member_rows, "softmax", smoothing)()
    for k, rows in enumerate(member_rows):
        log_proba = log_softmax(logits[k][rows], axis=1)
        soft = np.eye(3)[data.targets[rows, 0]] * (1 - smoothing) + smoothing / 3
        of_rows = -(soft * log_proba).sum(axis=1)
        np.testing.assert_allclose(losses[k], np.average(of_rows, weights=data.weights[rows]))


@ENGINES
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_at_a_temperature_are_those_of_divided_logits(loss, is_compiled):
    network, params, data, member_rows, _ = make(loss)
    given = data, member_rows, loss, 0.3
    with compiled(is_compiled):
        report = evaluation(network, params, *given, (2.0, 0.5))()
        for row, temperature in ((2, 2.0), (3, 0.5)):
            expected = evaluation(network, params / temperature, *given)()
            np.testing.assert_allclose(report[row], expected[0], rtol=1e-9)
            assert report.shape == (4, 3)
            assert expected.shape == (2, 3)


@pytest.mark.parametrize("sparse", [False, True])
def test_held_out_logits_are_those_of_each_member_for_its_own_rows(sparse):
    network, params, data, member_rows, logits = make("softmax", sparse)
    with ThreadPoolExecutor(2) as executor:
        for run in (map, executor.map):
            held_out = held_out_logits(network, params, data, member_rows, run)
            for k, rows in enumerate(member_rows):
                np.testing.assert_allclose(held_out[k], logits[k][rows], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
def test_held_out_logits_are_those_of_a_prediction_to_the_bit(sparse):
    network, params, data, _, _ = make("softmax", sparse)
    params, rows = params.astype(np.float32), data.rows.astype(np.float32)
    # Few rows are computed in float64; a rest of few is not.
    member_rows = [np.random.default_rng(1).permutation(N_ROWS)[:n] for n in (4096, 4500, 900)]
    held_out = held_out_logits(network, params, data._replace(rows=rows), member_rows)
    for member, own in enumerate(member_rows):
        together = type(rows)(rows.array[own])
        predicted = predict_logits(network, params[[member]], together, len(own))
        np.testing.assert_array_equal(
            held_out[member], np.concatenate([logits[0] for _, logits in predicted])
        )


@given(
    seed=st.integers(0, 2**32 - 1),
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    size=st.integers(1, 45),
    extra=st.integers(0, 3),
)
def test_blocks_go_through_all_rows_in_order_with_weights_that_sum_to_one(
    seed, counts, size, extra
):
    rng = np.random.default_rng(seed)
    member_rows = [rng.choice(max(counts) + 3, count, replace=False) for count in counts]
    weights = rng.exponential(size=max(counts) + 3) + 0.01
    width = max(counts) + extra
    seen, total, end = [[] for _ in counts], np.zeros(len(counts)), 0
    for rows, block_weights in blocks(member_rows, weights, width, size):
        assert rows.shape == block_weights.shape
        assert rows.shape[1] <= size
        end += rows.shape[1]
        for k in range(len(counts)):
            kept = block_weights[k] > 0
            seen[k].extend(rows[k][kept])
            relative = weights[rows[k][kept]] / weights[member_rows[k]].sum()
            np.testing.assert_allclose(block_weights[k][kept], relative, rtol=1e-12)
        total += block_weights.sum(axis=1)
    assert end == width
    assert [list(own) for own in seen] == [rows.tolist() for rows in member_rows]
    np.testing.assert_allclose(total, 1)


@pytest.mark.parametrize("n_rows", [1, 2047, 2048, 4095, 4096, 6144, 9999])
def test_held_out_rows_are_read_in_blocks_and_a_rest_together_with_the_last(n_rows, monkeypatch):
    def recorded(network, params, source, n):
        read.append(source.array[:, 0])
        return predict_logits(network, params, source, n)

    read = []
    monkeypatch.setattr("skdnn.core.evaluation.predict_logits", recorded)
    network, params, data, _, _ = make("softmax")
    rows = np.resize(np.arange(N_ROWS), n_rows)
    held_out_logits(network, params[:1], data, [rows])
    np.testing.assert_array_equal(np.concatenate(read), data.rows.array[rows, 0])
    *whole, last = map(len, read)
    assert whole == [LARGEST_BLOCK] * max(n_rows // LARGEST_BLOCK - 1, 0)
    assert last < 2 * LARGEST_BLOCK
