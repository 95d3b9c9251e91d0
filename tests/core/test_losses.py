import numpy as np
import pytest
from gradient_checks import assert_gradient, random_targets, random_weights
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from sklearn.metrics import log_loss

from skdnn.core.compiling import has_numba
from skdnn.core.losses import LOSSES

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
ENGINES = pytest.mark.parametrize(
    "is_compiled", [False, pytest.param(True, marks=needs_numba)], ids=["numpy", "numba"]
)


def evaluate(name, logits, targets, weights, smoothing, is_compiled=False):
    """Return values and gradients; the logits are left as they are."""
    kernel, grad = LOSSES[name].value_and_gradient, logits.copy()
    args = grad, targets, weights, np.full(len(logits), smoothing), np.empty(len(logits))
    function = kernel.compiled_for(args) if is_compiled else kernel
    function(*args)
    return args[4], grad


def problem(name, seed, n_members=2, n_rows=7, n_outputs=4, spread=3.0):
    rng = np.random.default_rng(seed)
    n_outputs = 1 if name == "sigmoid" else n_outputs
    logits = spread * rng.normal(size=(n_members, n_rows, n_outputs))
    targets = random_targets(rng, name, (n_members, n_rows), n_outputs)
    return rng, logits, targets, random_weights(rng, n_members, n_rows)


def soft_cross_entropy(name, logits, targets, smoothing):
    """Return each row's loss from probabilities, as the textbook has it."""
    if name == "softmax":
        n_classes = logits.shape[-1]
        soft = np.eye(n_classes)[targets[..., 0]] * (1 - smoothing) + smoothing / n_classes
        return -(soft * np.log(special.softmax(logits, axis=-1))).sum(axis=-1)
    soft = targets * (1 - smoothing) + smoothing / 2
    proba = 1 / (1 + np.exp(-logits))
    return -(soft * np.log(proba) + (1 - soft) * np.log(1 - proba)).sum(axis=-1)


@ENGINES
@pytest.mark.parametrize("name", LOSSES)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_members=st.integers(1, 4),
    n_rows=st.integers(1, 6),
    n_outputs=st.integers(2, 5),
    smoothing=st.lists(st.sampled_from([0.0, 0.1, 0.5]), min_size=4, max_size=4),
)
def test_gradient_is_the_derivative_of_the_value(
    name, is_compiled, seed, n_members, n_rows, n_outputs, smoothing
):
    rng, logits, targets, weights = problem(name, seed, n_members, n_rows, n_outputs)
    smoothing = np.array(smoothing[:n_members])

    def total(at):
        return evaluate(name, at, targets, weights, smoothing, is_compiled)[0].sum()

    _, grad = evaluate(name, logits, targets, weights, smoothing, is_compiled)
    assert_gradient(total, logits, grad, rng)


@ENGINES
@pytest.mark.parametrize("smoothing", [(0.0, 0.0), (0.2, 0.2), (0.0, 0.3)])
@pytest.mark.parametrize("name", LOSSES)
def test_value_is_the_weighted_sum_of_each_member(name, smoothing, is_compiled):
    _, logits, targets, weights = problem(name, 0)
    rows = zip(logits, targets, smoothing, strict=True)
    losses = np.stack([soft_cross_entropy(name, *member) for member in rows])
    expected = (losses * weights).sum(axis=1)
    value, _ = evaluate(name, logits, targets, weights, np.array(smoothing), is_compiled)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    assert value.shape == (2,)


@ENGINES
@pytest.mark.parametrize("name", LOSSES)
def test_value_with_weights_that_sum_to_one_equals_log_loss_of_scikit_learn(name, is_compiled):
    _, logits, targets, weights = problem(name, 1, n_members=1, n_rows=30)
    weights /= weights.sum()
    if name == "softmax":
        proba, labels = special.softmax(logits[0], axis=1), np.arange(4)
        expected = log_loss(targets[0, :, 0], proba, sample_weight=weights[0], labels=labels)
    else:
        proba = special.expit(logits[0])
        expected = sum(
            log_loss(column, p, sample_weight=weights[0], labels=[0, 1])
            for column, p in zip(targets[0].T, proba.T, strict=True)
        )
    value, _ = evaluate(name, logits, targets, weights, 0.0, is_compiled)
    np.testing.assert_allclose(value[0], expected, rtol=1e-10)


@ENGINES
def test_softmax_and_its_smoothing_equal_torch(is_compiled):
    torch = pytest.importorskip("torch")
    _, logits, targets, weights = problem("softmax", 2, n_members=1)
    leaf = torch.tensor(logits[0], requires_grad=True)
    rows = torch.nn.functional.cross_entropy(
        leaf, torch.tensor(targets[0, :, 0]), reduction="none", label_smoothing=0.1
    )
    total = (rows * torch.tensor(weights[0])).sum()
    total.backward()
    value, grad = evaluate("softmax", logits, targets, weights, 0.1, is_compiled)
    np.testing.assert_allclose(value[0], total.item(), rtol=1e-12)
    np.testing.assert_allclose(grad[0], leaf.grad.numpy(), rtol=1e-10, atol=1e-14)


@ENGINES
@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_overwrites_the_logits_in_their_own_type(name, is_compiled):
    _, logits, targets, weights = problem(name, 3)
    single = logits.astype(np.float32)
    logits_given = single.copy()
    assert LOSSES[name].evaluate(logits_given, targets, weights, 0.0)[1] is logits_given
    value, grad = evaluate(name, single, targets, weights.astype(np.float32), 0.1, is_compiled)
    assert grad.dtype == np.float32
    assert value.dtype == np.float64
    exact, exact_grad = evaluate(name, logits, targets, weights, 0.1, is_compiled)
    np.testing.assert_allclose(value, exact, rtol=1e-5)
    np.testing.assert_allclose(grad, exact_grad, rtol=1e-3, atol=1e-6)


@ENGINES
@pytest.mark.parametrize("name", LOSSES)
def test_a_row_of_weight_zero_counts_for_nothing(name, is_compiled):
    _, logits, targets, weights = problem(name, 4)
    weights[:, 3] = 0
    value, grad = evaluate(name, logits, targets, weights, 0.0, is_compiled)
    assert (grad[:, 3] == 0).all()
    others = np.arange(7) != 3
    fewer, _ = evaluate(
        name, logits[:, others], targets[:, others], weights[:, others], 0.0, is_compiled
    )
    np.testing.assert_allclose(value, fewer, rtol=1e-12)


@ENGINES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_a_thousand_are_safe_in_a_softmax(dtype, is_compiled):
    logits = np.array([[[1000, -1000, 0], [1000, -1000, 0], [-1000, -1000, -1000]]], dtype)
    targets, weights = np.array([[[0], [1], [2]]]), np.array([[1, 1, 1]], dtype)
    value, grad = evaluate("softmax", logits, targets, weights, 0.0, is_compiled)
    np.testing.assert_allclose(value, [2000 + np.log(3)], rtol=1e-6)
    expected = [[0, 0, 0], [1, -1, 0], [1 / 3, 1 / 3, -2 / 3]]
    np.testing.assert_allclose(grad[0], expected, atol=1e-6)


@ENGINES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sigmoid", "multilabel"])
def test_logits_of_a_thousand_are_safe_in_a_sigmoid(name, dtype, is_compiled):
    logits = np.array([[[1000], [1000], [-1000], [-1000]]], dtype)
    targets, weights = np.array([[[0], [1], [0], [1]]]), np.ones((1, 4), dtype)
    value, grad = evaluate(name, logits, targets, weights, 0.0, is_compiled)
    np.testing.assert_allclose(value, [2000], rtol=1e-6)
    # Compiled exponentials stop at the smallest normal number instead of 0.
    np.testing.assert_allclose(grad[0, :, 0], [1, 0, 0, -1], rtol=0, atol=2e-38)


@pytest.mark.parametrize("name", LOSSES)
def test_log_probabilities_of_a_thousand_are_finite(name):
    logits = np.array([[1000.0, -1000.0]]) if name != "sigmoid" else np.array([[1000.0]])
    log_proba = LOSSES[name].log_proba(logits)
    np.testing.assert_array_equal(
        np.sort(log_proba.ravel())[0], -2000 if name == "softmax" else -1000
    )
    assert np.isfinite(log_proba).all()


def test_log_probabilities_of_a_softmax_equal_those_of_scipy():
    _, logits, _, _ = problem("softmax", 5)
    ours = LOSSES["softmax"].log_proba(logits)
    np.testing.assert_allclose(ours, special.log_softmax(logits, axis=-1), rtol=1e-12)


def test_log_probabilities_of_one_sigmoid_are_a_pair_that_sums_to_one():
    _, logits, _, _ = problem("sigmoid", 6)
    proba = np.exp(LOSSES["sigmoid"].log_proba(logits))
    assert proba.shape == (2, 7, 2)
    np.testing.assert_allclose(proba[..., 1], special.expit(logits[..., 0]), rtol=1e-12)
    np.testing.assert_allclose(proba.sum(axis=-1), 1, rtol=1e-12)


def test_log_probabilities_of_labels_are_one_column_each():
    _, logits, _, _ = problem("multilabel", 7)
    ours = LOSSES["multilabel"].log_proba(logits)
    np.testing.assert_allclose(ours, special.log_expit(logits), rtol=1e-12)


@ENGINES
@pytest.mark.parametrize("name", LOSSES)
def test_value_is_minus_the_log_probability_of_the_target(name, is_compiled):
    _, logits, targets, weights = problem(name, 8)
    log_proba = LOSSES[name].log_proba(logits)
    if name == "multilabel":
        other = np.log1p(-np.exp(log_proba))
        chosen = np.where(targets == 1, log_proba, other).sum(axis=-1)
    else:
        chosen = np.take_along_axis(log_proba, targets, axis=-1)[..., 0]
    value, _ = evaluate(name, logits, targets, weights, 0.0, is_compiled)
    np.testing.assert_allclose(value, -(chosen * weights).sum(axis=1), rtol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_a_hit_is_a_prediction_that_is_right_in_every_column(name):
    _, logits, targets, _ = problem(name, 9, n_rows=60, n_outputs=3)
    if name == "softmax":
        expected = special.softmax(logits, axis=-1).argmax(axis=-1) == targets[..., 0]
    else:
        expected = ((special.expit(logits) > 0.5) == targets).all(axis=-1)
    hits = LOSSES[name].is_hit(logits, targets)
    np.testing.assert_array_equal(hits, expected)
    assert 0 < hits.mean() < 1


def test_only_labels_have_independent_columns():
    assert [name for name in LOSSES if LOSSES[name].columns_are_independent] == ["multilabel"]


@pytest.mark.parametrize("name", ["sigmoid", "multilabel"])
@ENGINES
def test_sigmoids_equal_torch(name, is_compiled):
    torch = pytest.importorskip("torch")
    _, logits, targets, weights = problem(name, 10, n_members=1)
    leaf = torch.tensor(logits[0], requires_grad=True)
    rows = torch.nn.functional.binary_cross_entropy_with_logits(
        leaf, torch.tensor(targets[0], dtype=torch.float64), reduction="none"
    )
    total = (rows.sum(dim=1) * torch.tensor(weights[0])).sum()
    total.backward()
    value, grad = evaluate(name, logits, targets, weights, 0.0, is_compiled)
    np.testing.assert_allclose(value[0], total.item(), rtol=1e-12)
    np.testing.assert_allclose(grad[0], leaf.grad.numpy(), rtol=1e-10, atol=1e-14)
