from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from gradients import random_targets
from hypothesis import given, settings
from hypothesis import strategies as st

from skdnn.core.activations import ACTIVATIONS, Activation
from skdnn.core.batches import Data, DenseRows, SparseRows, plan_batches
from skdnn.core.codes import NARROW, Layer
from skdnn.core.compiling import compiled, has_numba
from skdnn.core.drafting import MOST_NARROW_ROWS
from skdnn.core.expansion import Expansion
from skdnn.core.fusing import FusedSteps, fuse, make_steps
from skdnn.core.layers import Elementwise
from skdnn.core.losses import LOSSES
from skdnn.core.network import build, connect
from skdnn.core.optimizers import OPTIMIZERS, Adam
from skdnn.core.steps import Crew, LayerSteps
from skdnn.core.training import Plan

pytestmark = pytest.mark.skipif(not has_numba(), reason="numba is not installed")

EXPANSION = Expansion(2, n_levels=(3, 2), n_bins=(4, 1))


def encoded_rows(rng, n_rows):
    """Return rows of two numbers, two knot coordinates (some outside) and two codes."""
    knots = rng.uniform(-1, 5, (n_rows, 2))
    codes = rng.integers(-1, 4, (n_rows, 2))
    return np.hstack([rng.normal(size=(n_rows, 2)), knots, codes])


def make_crew(
    seed=0,
    n_rows=40,
    hidden=(7, 5),
    activation="relu",
    loss="softmax",
    rule="adam",
    n_members=3,
    expansion=None,
    dropout=0.0,
    input_dropout=0.0,
    selective=False,
    sparse_columns=(),
    n_columns=6,
    n_outputs=3,
    weights=None,
    n_valid=20,
    dtype=np.float64,
    batch_size=16,
    is_alone=False,
    n_threads=1,
    run=map,
    **options,
):
    rng = np.random.default_rng(seed)
    plain = rng.normal(size=(n_rows, n_columns))
    array = plain if expansion is None else encoded_rows(rng, n_rows)
    shares_of_nonzeros = np.ones(array.shape[1])
    for column in sparse_columns:
        # Loops are told what to expect; whatever there is, they must not take it for zero.
        shares_of_nonzeros[column] = 0
        if expansion is None or column < expansion.n_numbers:
            array[:, column] *= rng.choice([0, -0.0, 1, 1e-30], n_rows)
    n_outputs = 1 if loss == "sigmoid" else n_outputs
    n_inputs = array.shape[1] if expansion is None else expansion.n_outputs
    widths = (n_inputs, *hidden, n_outputs)
    network = build(
        widths, [activation] * len(hidden), dropout, input_dropout, expansion, False, selective
    )
    data = Data(
        DenseRows(array.astype(dtype), shares_of_nonzeros if sparse_columns else None),
        random_targets(rng, loss, (n_rows,), n_outputs),
        rng.exponential(size=n_rows) if weights is None else np.resize(weights, n_rows),
    )
    # Members with different numbers of rows: batches of some are not full.
    rows = [rng.permutation(n_rows)[: n_rows - 3 * k] for k in range(n_members)]
    params = 0.5 * rng.normal(size=(n_members, network.n_parameters)).astype(dtype)
    if selective:
        connect(network, params, [rng] * n_members, 0.5)
    plan = Plan(LOSSES[loss], OPTIMIZERS[rule], None, 0.01, 1, batch_size, **options)
    streams = np.random.SeedSequence(seed).spawn(n_members)
    return Crew(
        network=network,
        plan=plan,
        data=data,
        valid_data=data,
        layout=plan_batches(rows, batch_size),
        params=params,
        rates=rng.uniform(0.5, 1, (n_members, 1)).astype(dtype),
        rule=plan.make_rule(params.shape, params.dtype),
        rngs=[np.random.Generator(np.random.SFC64(stream)) for stream in streams],
        train_rows=rows,
        valid_rows=[member_rows[: n_valid - 4 * k] for k, member_rows in enumerate(rows)],
        valid_width=n_valid,
        is_alone=is_alone,
        run=run,
        n_threads=n_threads,
    )


def train_and_evaluate(steps, n_epochs=2):
    """Return losses, validation and parameters after some epochs."""
    if isinstance(steps, FusedSteps):
        steps.members.scratch.fill(np.nan)  # loops must not read what was there before
    n_batches, losses = steps.crew.layout.n_batches, []
    for epoch in range(n_epochs):
        rates = [0.01 / (1 + step) for step in range(n_batches)]
        losses.append(steps.epoch(rates, epoch * n_batches))
    return losses, steps.evaluate(), steps.crew.params


def assert_agree(rtol=1e-9, **options):
    """Compare compiled loops and layers on the same crew."""
    results = []
    for wanted in (True, False):
        with compiled(wanted):
            steps = make_steps(make_crew(**options))
            assert type(steps) is (FusedSteps if wanted else LayerSteps)
            results.append(train_and_evaluate(steps))
    for fused, by_layer in zip(*results, strict=True):
        np.testing.assert_allclose(fused, by_layer, rtol=rtol, atol=rtol)


def test_loops_are_not_compiled_anew_for_read_only_rows_or_for_another_loss():
    import numba

    crews = [make_crew(), make_crew(), make_crew(loss="multilabel")]
    crews[1].data.rows.array.flags.writeable = False
    with compiled(True):
        all_steps = [make_steps(crew) for crew in crews]
    assert len({numba.typeof(steps.rows) for steps in all_steps}) == 1
    assert not crews[1].data.rows.array.flags.writeable
    trained = [train_and_evaluate(steps)[2] for steps in all_steps[:2]]
    np.testing.assert_array_equal(*trained)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_and_loss_trains_as_layer_by_layer(activation, loss):
    options = {"activation": activation, "loss": loss, "dropout": 0.3, "label_smoothing": 0.1}
    assert_agree(**options, weight_decay=0.1)
    assert_agree(**options, dtype=np.float32, rtol=1e-4)


def test_the_loss_of_a_large_batch_of_one_weight_is_as_layer_by_layer():
    # The product of the rows' sums of exponentials, about 1.5 each, is beyond any float64.
    assert_agree(n_rows=4000, batch_size=4000, weights=[2.0])


@pytest.mark.parametrize("weights", [[0.5, 3.0], [0.0, 1.0, 1.0, 2.0, 0.0], [1e-30, 1e3, 1e3]])
def test_rows_of_a_few_weights_train_as_layer_by_layer(weights):
    assert_agree(weights=weights)


def test_a_table_beyond_the_cache_trains_as_layer_by_layer():
    from skdnn.core.fused.rows import NEAR

    n_rows, n_columns = 4000, 40
    assert n_rows * n_columns > NEAR
    assert_agree(n_rows=n_rows, n_columns=n_columns)


@pytest.mark.parametrize("n_shares", [1, 8])
@pytest.mark.parametrize("n_outputs", [15, 16, 17])
@pytest.mark.parametrize("loss", ["softmax", "multilabel"])
def test_few_and_many_logits_train_as_layer_by_layer(loss, n_outputs, n_shares):
    with mock.patch("skdnn.core.drafting.SHARES", ((0, n_shares),)):
        assert_agree(loss=loss, n_outputs=n_outputs, is_alone=True)


@pytest.mark.parametrize("n_shares", [1, 2])
@pytest.mark.parametrize("width", range(1, NARROW + 2))
@pytest.mark.parametrize("batch_size", [3, 16, 17])
def test_narrow_and_wider_layers_train_as_layer_by_layer(width, batch_size, n_shares):
    with compiled(True):
        layers = make_steps(make_crew(hidden=(19, width), n_outputs=width + 1)).net.layers
    assert (layers[:, Layer.BY_UNIT] >= 0).tolist() == [False, width <= NARROW, width + 1 <= NARROW]
    with mock.patch("skdnn.core.drafting.SHARES", ((0, n_shares),)):
        assert_agree(hidden=(19, width), n_outputs=width + 1, batch_size=batch_size, is_alone=True)


@pytest.mark.parametrize("n_rows", [MOST_NARROW_ROWS, MOST_NARROW_ROWS + 1])
def test_narrow_layers_of_large_batches_train_as_layer_by_layer(n_rows):
    with compiled(True):
        net = make_steps(make_crew(n_rows=n_rows, batch_size=n_rows)).net
    assert (net.layers[-1, Layer.BY_UNIT] >= 0) == (n_rows <= MOST_NARROW_ROWS)
    assert_agree(n_rows=n_rows, batch_size=n_rows)


@pytest.mark.parametrize("options", [{}, {"alpha": 3.0}, {"max_grad_norm": 0.1}])
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_every_rule_steps_as_layer_by_layer(rule, options):
    assert_agree(rule=rule, **options)
    assert_agree(rule=rule, weight_decay=0.2, shuffle=False, **options)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(25, 90),
    n_members=st.integers(1, 4),
    hidden=st.lists(st.integers(1, 40), max_size=3),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    loss=st.sampled_from(sorted(LOSSES)),
    rule=st.sampled_from(sorted(OPTIMIZERS)),
    dropout=st.sampled_from([0.0, 0.2, 0.9]),
    widens=st.sampled_from([None, EXPANSION, Expansion(6), Expansion(0, (5, 2), (3, 2, 1, 4))]),
    selective=st.booleans(),
    input_dropout=st.sampled_from([0.0, 0.3]),
    fewest_inputs=st.sampled_from([0, 99]),
    batch_size=st.integers(1, 100),
    sparse_columns=st.sets(st.integers(0, 5)),
    n_shares=st.sampled_from([1, 2, 8]),
)
def test_networks_of_any_shape_train_as_layer_by_layer(**options):
    # Rows of all kinds have six columns.
    expansion = options.pop("widens")
    patches = {
        "skdnn.core.drafting.FEWEST_INPUTS": options.pop("fewest_inputs"),
        "skdnn.core.drafting.SHARES": ((0, options.pop("n_shares")),),
        "skdnn.core.zeros.FEWEST_COLUMNS": 0,
        "skdnn.core.zeros.LEAST": 0,
    }
    with ExitStack() as stack:
        for name, value in patches.items():
            stack.enter_context(mock.patch(name, value))
        # Some two hundred steps of a single row each may magnify rounding that far.
        assert_agree(**options, expansion=expansion, is_alone=True, rtol=1e-6)


@pytest.fixture
def takes_sparse_columns(monkeypatch):
    """Let few columns and small savings be reason enough to take columns number by number."""
    monkeypatch.setattr("skdnn.core.zeros.FEWEST_COLUMNS", 0)
    monkeypatch.setattr("skdnn.core.zeros.LEAST", 0)


@pytest.mark.parametrize("selective", [False, True])
@pytest.mark.parametrize("expansion", [None, EXPANSION])
@pytest.mark.parametrize("sparse_columns", [{0}, {1}, {0, 1}, {0, 2, 3, 5}, set(range(6))])
def test_columns_that_are_mostly_zero_are_taken_number_by_number(
    sparse_columns, expansion, selective, monkeypatch, takes_sparse_columns
):
    monkeypatch.setattr("skdnn.core.drafting.FEWEST_INPUTS", 0)
    options = {
        "sparse_columns": sparse_columns,
        "expansion": expansion,
        "selective": selective,
        "hidden": (33,),
        "dropout": 0.2,
        "alpha": 2.0,
        "weight_decay": 0.3,
    }
    n_plain = 6 if expansion is None else expansion.n_numbers
    n_sparse = len(sparse_columns & set(range(n_plain)))
    with compiled(True):
        assert make_steps(make_crew(**options)).net.n_sparse == n_sparse
    assert_agree(**options)
    # Adam would make much of the rounding of sums that are nearly zero.
    assert_agree(**options, rule="sgd", dtype=np.float32, rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_shares", [1, 3, 8])
@pytest.mark.parametrize("selective", [False, True])
def test_runs_of_any_length_are_taken_number_by_number(
    selective, n_shares, dtype, monkeypatch, takes_sparse_columns
):
    monkeypatch.setattr("skdnn.core.drafting.SHARES", ((0, n_shares),))
    lengths = [1, 7, 2, 8, 1, 9, 30, 17, 5]  # every other run is sparse
    edges = np.cumsum([0, *lengths])
    sparse_columns = {c for k in range(1, 9, 2) for c in range(edges[k], edges[k + 1])}
    options = {
        "n_columns": edges[-1],
        "sparse_columns": sparse_columns,
        "selective": selective,
        "n_rows": 300,  # some are validated on in a second block
        "n_valid": 290,
        "batch_size": 50,
        "input_dropout": 0.3,
        "rule": "sgd",
        "is_alone": True,
        "dtype": dtype,
    }
    with compiled(True):
        net = make_steps(make_crew(**options)).net
        assert (net.n_sparse, net.n_shares) == (41, n_shares)
        assert np.diff(net.runs[:, :2]).ravel().tolist() == lengths
    assert_agree(**options, rtol=1e-9 if dtype == np.float64 else 1e-4)


@pytest.mark.parametrize("selective", [False, True])
@pytest.mark.parametrize("expansion", [None, EXPANSION])
def test_inputs_are_dropped_as_layer_by_layer(expansion, selective):
    assert_agree(expansion=expansion, input_dropout=0.4, dropout=0.2, selective=selective)


@pytest.mark.parametrize("is_compact", [False, True])
@pytest.mark.parametrize("selective", [False, True])
def test_knots_and_codes_are_taken_as_their_wide_inputs_are(selective, is_compact, monkeypatch):
    monkeypatch.setattr("skdnn.core.drafting.FEWEST_INPUTS", 0 if is_compact else 99)
    with compiled(True):
        assert make_steps(make_crew(expansion=EXPANSION)).net.n_compact == 4 * is_compact
    assert_agree(expansion=EXPANSION, dropout=0.2, selective=selective, weight_decay=0.3, alpha=2.0)


@pytest.mark.parametrize("sparse_columns", [set(), {1, 2, 4}])
@pytest.mark.parametrize("selective", [False, True])
@pytest.mark.parametrize("expansion", [None, EXPANSION])
def test_shares_have_the_same_bits_on_any_number_of_threads(
    expansion, selective, sparse_columns, monkeypatch, takes_sparse_columns
):
    monkeypatch.setattr("skdnn.core.drafting.SHARES", ((0, 8),))
    monkeypatch.setattr("skdnn.core.drafting.FEWEST_INPUTS", 0)
    options = {
        "hidden": (70, 40, NARROW),
        "n_members": 1,
        "is_alone": True,
        "dropout": 0.2,
        "expansion": expansion,
        "selective": selective,
        "sparse_columns": sparse_columns,
        "alpha": 1.0,
        "max_grad_norm": 0.5,
        "batch_size": 30,
        "n_rows": 300,
    }
    results = []
    with compiled(True):
        for n_threads in (1, 2, 3):
            with ThreadPoolExecutor(n_threads) as executor:
                crew = make_crew(**options, n_threads=n_threads, run=executor.map)
                steps = make_steps(crew)
                assert steps.net.n_shares == 8
                n_plain = 6 if expansion is None else expansion.n_numbers
                assert steps.net.n_sparse == sum(c < n_plain for c in sparse_columns)
                results.append(train_and_evaluate(steps))
    for several in results[1:]:
        for ours, alone in zip(several, results[0], strict=True):
            np.testing.assert_array_equal(ours, alone)
    assert_agree(**options)


@pytest.mark.parametrize("planted", ["params", "inputs", "weights"])
@pytest.mark.parametrize("expansion", [None, EXPANSION])
@pytest.mark.parametrize("fewest_inputs", [0, 99])
@pytest.mark.parametrize("sparse_columns", [set(), {0, 2}])
def test_nan_is_never_hidden(
    planted, expansion, fewest_inputs, sparse_columns, monkeypatch, takes_sparse_columns
):
    monkeypatch.setattr("skdnn.core.drafting.FEWEST_INPUTS", fewest_inputs)
    with compiled(True):
        crew = make_crew(expansion=expansion, n_members=1, sparse_columns=sparse_columns)
        place = {
            "params": crew.params[0],
            "inputs": crew.data.rows.array[crew.train_rows[0][0]],
            "weights": crew.data.weights,
        }[planted]
        place[2] = np.nan
        losses, _, params = train_and_evaluate(make_steps(crew))
    assert np.isnan(losses[-1]).all()
    assert np.isnan(params).any()


@pytest.mark.parametrize("n_shares", [1, 8])
@pytest.mark.parametrize("expansion", [None, EXPANSION])
def test_arrays_of_the_scratch_are_apart_and_begin_lines_of_the_cache(
    expansion, n_shares, monkeypatch, takes_sparse_columns
):
    monkeypatch.setattr("skdnn.core.drafting.SHARES", ((0, n_shares),))
    monkeypatch.setattr("skdnn.core.drafting.FEWEST_INPUTS", 0)
    options = {"sparse_columns": {0}, "selective": True, "expansion": expansion, "is_alone": True}
    with compiled(True):
        steps = make_steps(make_crew(**options, hidden=(7, 5)))
    net, n_rows, members = steps.net, steps.n_rows, steps.members
    assert net.n_sparse == 1
    for array in (members.scratch, members.grads):
        assert array.ctypes.data % 4096 == 0
    sizes = [
        (net.inputs, n_rows * net.n_inputs),
        (net.entries, n_rows * (1 + 2 * net.n_sparse)),
        (net.scaled, net.n_numbers * 7),
    ]
    if expansion is not None:  # knots of both columns, gradients of the larger one's
        sizes += [(net.knots, (5 + 2) * 7), (net.grad_knots, 5 * 7)]
    for layer in net.layers:
        places = {layer[column] for column in (Layer.OUTPUTS, Layer.SLOPES, Layer.GRADS)}
        sizes += [(place, n_rows * layer[Layer.FAN_OUT]) for place in places]
        assert layer[Layer.SUMS_STEP] >= layer[Layer.FAN_OUT]
        assert layer[Layer.SUMS_STEP] % 32 == 0
        sizes.append((layer[Layer.SUMS], n_shares * layer[Layer.SUMS_STEP]))
        if layer[Layer.BY_UNIT] >= 0:
            assert layer[Layer.BY_UNIT_STEP] >= NARROW * layer[Layer.FAN_IN]
            assert layer[Layer.BY_UNIT_STEP] % 32 == 0
            sizes.append((layer[Layer.BY_UNIT], n_shares * layer[Layer.BY_UNIT_STEP]))
    sizes.append((members.scratch.size, 0))
    sizes.sort()
    for (place, size), (following, _) in pairwise(sizes):
        assert place % 32 == 0
        assert place + size <= following


def test_more_columns_than_float32_can_number_are_not_listed(monkeypatch, takes_sparse_columns):
    monkeypatch.setattr("skdnn.core.drafting.MOST_COLUMNS", 5)
    with compiled(True):
        assert make_steps(make_crew(sparse_columns={0, 1, 2})).net.n_sparse == 0


def unknown_cases():
    crew = make_crew()
    own = Activation(np.positive, np.ones_like, True, "he_normal")
    layers = [
        Elementwise(own) if isinstance(layer, Elementwise) else layer
        for layer in crew.network.layers
    ]
    yield "an activation of one's own", crew._replace(network=type(crew.network)(layers))

    class OwnRule(Adam):
        pass

    yield "a rule of one's own", crew._replace(rule=OwnRule(crew.params.shape, np.float64))
    own_loss = crew.plan.loss._replace(code=None)
    yield "a loss of one's own", crew._replace(plan=crew.plan._replace(loss=own_loss))
    array = crew.data.rows.array
    for name, rows in {
        "sparse rows": SparseRows(sp.csr_array(array)),
        "rows of another type": DenseRows(array.astype(np.float32)),
        "rows in Fortran's order": DenseRows(np.asfortranarray(array)),
    }.items():
        yield name, crew._replace(data=crew.data._replace(rows=rows))
        yield f"{name} to validate on", crew._replace(valid_data=crew.data._replace(rows=rows))
    layers = [*crew.network.layers, crew.network.layers[1]]
    yield "an activation at the end", crew._replace(network=type(crew.network)(layers))


def test_what_compiled_loops_do_not_know_is_left_to_the_layers():
    assert fuse(make_crew()) is not None
    for what, crew in unknown_cases():
        assert fuse(crew) is None, what
