from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from gradients import random_targets
from hypothesis import given, settings
from hypothesis import strategies as st

from skdnn.core.activations import ACTIVATIONS, Activation
from skdnn.core.batches import Data, DenseRows, SparseRows, plan_batches
from skdnn.core.codes import Layer
from skdnn.core.compiling import compiled, has_numba
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
    dtype=np.float64,
    batch_size=16,
    is_alone=False,
    n_threads=1,
    run=map,
    **options,
):
    rng = np.random.default_rng(seed)
    array = rng.normal(size=(n_rows, 6)) if expansion is None else encoded_rows(rng, n_rows)
    shares_of_nonzeros = np.ones(6)
    for column in sparse_columns:
        # Loops are told what to expect; whatever there is, they must not take it for zero.
        shares_of_nonzeros[column] = 0
        array[:, column] *= rng.random(n_rows) < 0.4
    n_outputs = 1 if loss == "sigmoid" else 3
    n_inputs = array.shape[1] if expansion is None else expansion.n_outputs
    widths = (n_inputs, *hidden, n_outputs)
    network = build(
        widths, [activation] * len(hidden), dropout, input_dropout, expansion, False, selective
    )
    data = Data(
        DenseRows(array.astype(dtype), shares_of_nonzeros if sparse_columns else None),
        random_targets(rng, loss, (n_rows,), n_outputs),
        rng.exponential(size=n_rows),
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
        valid_rows=[member_rows[: 20 - 4 * k] for k, member_rows in enumerate(rows)],
        valid_width=20,
        is_alone=is_alone,
        run=run,
        n_threads=n_threads,
    )


def train_and_evaluate(steps, n_epochs=2):
    """Return losses, validation and parameters after some epochs."""
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


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_and_loss_trains_as_layer_by_layer(activation, loss):
    options = {"activation": activation, "loss": loss, "dropout": 0.3, "label_smoothing": 0.1}
    assert_agree(**options, weight_decay=0.1)
    assert_agree(**options, dtype=np.float32, rtol=1e-4)


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
    is_alone=st.booleans(),
)
def test_networks_of_any_shape_train_as_layer_by_layer(**options):
    # Rows of all kinds have six columns.
    expansion, fewest = options.pop("widens"), options.pop("fewest_inputs")
    patches = mock.patch("skdnn.core.drafting.FEWEST_INPUTS", fewest)
    with patches, mock.patch("skdnn.core.zeros.LEAST", 0):
        assert_agree(**options, expansion=expansion, rtol=1e-8)


@pytest.mark.parametrize("selective", [False, True])
@pytest.mark.parametrize("expansion", [None, EXPANSION])
@pytest.mark.parametrize("sparse_columns", [{0}, {1}, {0, 1}, {0, 2, 3, 5}, set(range(6))])
def test_columns_that_are_mostly_zero_are_taken_number_by_number(
    sparse_columns, expansion, selective, monkeypatch
):
    monkeypatch.setattr("skdnn.core.drafting.FEWEST_INPUTS", 0)
    monkeypatch.setattr("skdnn.core.zeros.LEAST", 0)
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
    assert_agree(**options, dtype=np.float32, rtol=1e-4)


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
    expansion, selective, sparse_columns, monkeypatch
):
    monkeypatch.setattr("skdnn.core.drafting.SHARES", ((0, 8),))
    monkeypatch.setattr("skdnn.core.drafting.FEWEST_INPUTS", 0)
    options = {
        "hidden": (70, 40),
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
                results.append(train_and_evaluate(steps))
    for several in results[1:]:
        for ours, alone in zip(several, results[0], strict=True):
            np.testing.assert_array_equal(ours, alone)
    assert_agree(**options)


@pytest.mark.parametrize("planted", ["params", "inputs", "weights"])
@pytest.mark.parametrize("expansion", [None, EXPANSION])
@pytest.mark.parametrize("fewest_inputs", [0, 99])
@pytest.mark.parametrize("sparse_columns", [set(), {0, 2}])
def test_nan_is_never_hidden(planted, expansion, fewest_inputs, sparse_columns, monkeypatch):
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


def test_arrays_of_the_scratch_are_apart_and_begin_lines_of_the_cache():
    with compiled(True):
        steps = make_steps(make_crew(sparse_columns={0, 1, 3}, selective=True, hidden=(7, 5)))
    net, n_rows = steps.net, steps.n_rows
    assert net.n_sparse == 3
    assert steps.members.scratch.ctypes.data % 64 == 0
    sizes = {
        net.inputs: n_rows * net.n_inputs,
        net.entries: n_rows * (1 + 2 * net.n_sparse),
        net.scaled: net.n_numbers * 7,
    }
    for layer in net.layers:
        places = set(layer[[Layer.OUTPUTS, Layer.SLOPES, Layer.GRADS]].tolist())
        sizes |= dict.fromkeys(places, n_rows * layer[Layer.FAN_OUT])
        sizes[layer[Layer.SUMS]] = net.n_shares * layer[Layer.FAN_OUT]
    places = sorted(sizes)
    assert len(places) == 3 + 4 + 4 + 3  # the logits' gradients are in the place of the logits
    for place, following in zip(places, [*places[1:], steps.members.scratch.size], strict=True):
        assert place % 16 == 0
        assert place + sizes[place] <= following


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
