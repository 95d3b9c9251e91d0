"""A distributed fit in one process, on lists of partitions."""

import sys
from itertools import chain

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from serial import SMALL, SerialClassifier, SerialExecutor, assert_same_bits, cut, rows
from sklearn.metrics import log_loss
from sklearn.utils import get_tags

from skdnn import DeepNetClassifier
from skdnn.callbacks import Checkpoint, EarlyStopping
from skdnn.core.batches import Data, DenseRows
from skdnn.distributed import (
    DaskDeepNetClassifier,
    epochs,
    executors,
    local_steps,
    read_partitions,
)
from skdnn.distributed.epochs import MOMENTUM
from skdnn.tabular.row_samples import Part, seed_of_hashes

X, y = rows(1200)
SEED = seed_of_hashes(SMALL["random_state"])
SIZES = 500, 0, 150, 30
PARTS, LABELS = cut(X, *SIZES), cut(y, *SIZES)


@pytest.fixture(scope="module")
def net():
    return SerialClassifier(**SMALL).fit(PARTS, LABELS)


@pytest.mark.parametrize("weighted", [False, True])
def test_one_step_of_each_partition_is_a_full_batch_step_with_the_outer_momentum(weighted):
    """The mean of steps along gradients is a step along the gradient of the mean."""
    n_rows, sizes = 140, (60, 0, 15, 40)  # each at most a batch
    numbers, labels = X[list("abcd")].to_numpy()[:n_rows], y.to_numpy()[:n_rows]
    weights = np.random.default_rng(0).uniform(0, 3, n_rows).round(2) if weighted else None
    rng = np.random.default_rng(1)
    start = [rng.normal(size=(4, 6)), rng.normal(size=(6, 1))]
    common = {"hidden_layer_sizes": (6,), "n_members": 1, "early_stopping": False, "alpha": 0.3}
    common |= {"encoder": "passthrough", "dtype": "float64", "coefs_init": start, "max_iter": 5}
    common |= {"learning_rate_init": 0.2, "random_state": 0, "activation": "tanh", "tol": 0.0}
    common |= {"solver": "sgd", "batch_size": 10**6, "n_iter_no_change": 100}
    single = DeepNetClassifier(**common, momentum=MOMENTUM).fit(numbers, labels, weights)
    parts = cut(numbers, *sizes), cut(labels, *sizes)
    if weighted:
        parts += (cut(weights, *sizes),)
    net = SerialClassifier(**common, momentum=0.0).fit(*parts)
    pairs = zip(net.coefs_ + net.intercepts_, single.coefs_ + single.intercepts_, strict=True)
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert not np.allclose(net.coefs_[0], start[0])


class ShuffledExecutor(SerialExecutor):
    """Makes calls in random order, and each of them twice, as if the first result were lost."""

    rng = np.random.default_rng(0)

    def map(self, function, *columns):
        calls = list(zip(*columns, strict=True))
        results = [None] * len(calls)
        for place in [*self.rng.permutation(len(calls)), *self.rng.permutation(len(calls))]:
            results[place] = function(*calls[place])
        return results


def test_the_order_of_calls_and_lost_results_do_not_change_a_bit(net):
    shuffled = SerialClassifier(**SMALL)
    shuffled.executor_type = ShuffledExecutor
    assert_same_bits(shuffled.fit(PARTS, LABELS), net)


class UnalignedExecutor(SerialExecutor):
    """Makes Data that is not aligned, as that which came from another worker may be."""

    def map(self, function, *columns):
        results = super().map(function, *columns)
        return [unaligned(each) if isinstance(each, Data) else each for each in results]


def unaligned(data):
    arrays = []
    for array in (data.rows.array, data.targets, data.weights):
        memory = np.zeros(array.nbytes + 1, np.uint8)
        arrays.append(memory[1:].view(array.dtype).reshape(array.shape))
        arrays[-1][...] = array
    rows = DenseRows(arrays[0])
    rows.array = arrays[0]
    return Data(rows, *arrays[1:])


def test_rows_that_are_not_aligned_are_copied_once_not_at_every_step(net, monkeypatch):
    seen = []

    def make_job(network, split, *others, **more):
        data = split.data
        seen.append([a.flags.aligned for a in (data.rows.array, data.targets, data.weights)])
        return original(network, split, *others, **more)

    original = local_steps.make_job
    monkeypatch.setattr(local_steps, "make_job", make_job)
    other = SerialClassifier(**SMALL)
    other.executor_type = UnalignedExecutor
    assert_same_bits(other.fit(PARTS, LABELS), net)
    assert seen
    assert np.all(seen)


@pytest.mark.parametrize("n_slots", [5, 8, 100])
def test_spreading_the_members_over_workers_does_not_change_a_bit(n_slots):
    spans = set()

    class Many(SerialExecutor):
        def map(self, function, *columns):
            spans.update(str(each) for column in columns for each in column if is_slice(each))
            return super().map(function, *columns)

    Many.n_slots = n_slots
    parameters = {**SMALL, "n_members": 3}
    few = SerialClassifier(**parameters).fit(PARTS[:1], LABELS[:1])
    many = SerialClassifier(**parameters)
    many.executor_type = Many
    assert_same_bits(many.fit(PARTS[:1], LABELS[:1]), few)
    assert len(spans) == 3


def is_slice(value):
    return isinstance(value, slice)


def test_a_fit_learns_nearly_as_well_as_one_on_all_rows():
    test, labels = rows(2000, seed=1)
    parameters = {**SMALL, "max_iter": 40, "steps_per_round": 4}
    parts = cut(X, 300, 300, 300), cut(y, 300, 300, 300)
    net = SerialClassifier(**parameters).fit(*parts)
    del parameters["steps_per_round"]
    single = DeepNetClassifier(**parameters).fit(X, y)
    losses = [log_loss(labels, each.predict_proba(test)) for each in (net, single)]
    prior = log_loss(labels, np.tile([(y == "no").mean(), (y == "yes").mean()], (2000, 1)))
    assert losses[0] < losses[1] + 0.25 * (prior - losses[1])


def test_the_curves_and_attributes_are_those_of_any_fit(net):
    assert net.n_iter_ == len(net.loss_curve_) == len(net.validation_loss_curve_) == 4
    assert net.classes_.tolist() == ["no", "yes"]
    assert net.feature_names_in_.tolist() == list("abcde")
    assert "epochs: 4 run" in str(net.summary())
    assert net.t_ == 4 * (1200 - 60)


def test_a_refit_has_the_same_bits_and_another_seed_others(net):
    assert_same_bits(SerialClassifier(**SMALL).fit(PARTS, LABELS), net)
    other = SerialClassifier(**{**SMALL, "random_state": 1}).fit(PARTS, LABELS)
    assert not np.allclose(other.coefs_[0], net.coefs_[0])


def test_partitions_of_very_different_sizes_are_fitted_to():
    many, labels = rows(8000, seed=2)
    parameters = {**SMALL, "partitions_per_round": 1, "batch_size": 8, "steps_per_round": 8}
    sizes = [3] * 5
    net = SerialClassifier(**parameters).fit(cut(many, *sizes), cut(labels, *sizes))
    assert np.isfinite(net.loss_curve_).all()


@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_the_rate_of_invscaling_falls_from_epoch_to_epoch():
    parameters = {**SMALL, "learning_rate": "invscaling", "early_stopping": False}
    parameters |= {"n_iter_no_change": 100, "n_members": 1}
    steps = {}
    for power_t in (0.0, 2.0):
        nets = (
            SerialClassifier(**{**parameters, "power_t": power_t, "max_iter": n}) for n in (9, 10)
        )
        first, second = (net.fit(PARTS, LABELS).coefs_[0] for net in nets)
        steps[power_t] = np.abs(second - first).max()
    assert steps[2.0] < 0.02 * steps[0.0]


def test_patience_ends_training():
    parameters = {**SMALL, "max_iter": 200, "n_iter_no_change": 2, "learning_rate": "constant"}
    assert SerialClassifier(**parameters).fit(PARTS, LABELS).n_iter_ < 200


def test_members_that_diverge_are_put_back_with_a_warning():
    parameters = {**SMALL, "learning_rate_init": 1e3, "learning_rate": "constant", "max_iter": 20}
    with pytest.warns(UserWarning, match="diverged"):
        net = SerialClassifier(**parameters).fit(PARTS, LABELS)
    assert np.isfinite(net.predict_proba(X)).all()


@pytest.mark.filterwarnings("ignore:Training was interrupted")
def test_an_interrupt_in_an_outer_step_undoes_the_round(monkeypatch):
    take_step, starts = epochs.outer_step, []

    def interrupted(params, change, velocity):
        starts.append(params.copy())
        take_step(params, change, velocity)
        if len(starts) == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(epochs, "outer_step", interrupted)
    net = SerialClassifier(**{**SMALL, "partitions_per_round": 2}, early_stopping=False)
    net.fit(PARTS, LABELS)
    assert net.n_iter_ == 2  # of two rounds each
    np.testing.assert_array_equal(net._fitted.state.params, starts[-1])


def test_members_that_overflow_at_once_are_an_error_and_no_other_warning():
    parameters = {**SMALL, "learning_rate_init": 1e30, "solver": "sgd", "max_iter": 12}
    with pytest.raises(ValueError, match="diverged from the first epoch"):
        SerialClassifier(**parameters, batch_size=20).fit(PARTS, LABELS)


def change(k, frames=None, labels=None):
    """Return the partitions with another X or y in place k."""
    parts, ys = list(cut(X, 400, 400)), list(cut(y, 400, 400))
    if frames is not None:
        parts[k] = frames(parts[k])
    if labels is not None:
        ys[k] = labels(ys[k])
    return parts, ys


WRONG = {
    "a column is missing": (lambda X: X.drop(columns="b"), None, "partition 2.*'b'"),
    "columns in another order": (lambda X: X[list("bacde")], None, "partition 2.*order"),
    "strings for numbers": (lambda X: X.assign(a="many"), None, "'a'.*partition 2"),
    "an infinite number": (lambda X: X.assign(a=np.inf), None, "partition 2:.*'a'"),
    "fewer labels": (None, lambda y: y[:-1], "partition 2: .*inconsistent"),
    "a missing label": (None, lambda y: y.where(y != "no"), "partition 2: .*without one"),
    "numbers for strings": (None, lambda y: (y == "no").astype(int), "partition 2"),
    "real numbers": (None, lambda y: pd.Series(np.linspace(0, 1, len(y))), "partition 2: .*contin"),
    "no rows but labels": (lambda X: X[:0], None, "partition 2: .*inconsistent"),
    "rows but no labels": (None, lambda y: y[:0], "partition 2: .*inconsistent"),
    "rows in another order": (lambda X: X[::-1], None, "partition 2: the index of y"),
    "other rows": (None, lambda y: y.set_axis(y.index + 1), "partition 2: the index of y"),
    "too many classes": (None, lambda y: y + y.index.astype(str), "partition 2: y has more than"),
    "two columns": (None, lambda y: np.zeros((len(y), 2), int), "partition 2: .*one column"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_names_the_partition(name, monkeypatch):
    monkeypatch.setattr("skdnn.tabular.table_statistics.MOST_CLASSES", 300)
    frames, labels, message = WRONG[name]
    with pytest.raises(ValueError, match=f"(?s){message}"):
        SerialClassifier(**SMALL).fit(*change(2, frames, labels))


def test_weights_with_the_index_of_other_rows_are_refused():
    weights = cut(pd.Series(1.0, index=X.index), *SIZES)
    assert_same_bits(
        SerialClassifier(**SMALL).fit(PARTS, LABELS, weights),
        SerialClassifier(**SMALL).fit(PARTS, LABELS, cut(np.ones(1200), *SIZES)),
    )
    weights[2] = weights[2][::-1]
    with pytest.raises(ValueError, match="partition 2: the index of sample_weight is not that"):
        SerialClassifier(**SMALL).fit(PARTS, LABELS, weights)


def test_indexes_that_have_nothing_in_common_are_ignored_as_in_memory(net):
    named = [part.set_axis(part.index + 10_000) for part in LABELS]
    assert_same_bits(SerialClassifier(**SMALL).fit(PARTS, named), net)


def test_sparse_rows_are_refused_with_the_partition():
    parts = [csr_array(part) for part in cut(X[list("abcd")].to_numpy(), 400, 400)]
    with pytest.raises(TypeError, match=r"partition 0: X has sparse rows.*toarray"):
        SerialClassifier(**SMALL).fit(parts, cut(y, 400, 400))
    tags = get_tags(SerialClassifier())
    assert not tags.input_tags.sparse
    assert not tags.classifier_tags.multi_label


def test_labels_that_may_be_missing_are_warned_of():
    labels = y.where(y.index % 50 > 0, "nan")
    with pytest.warns(UserWarning, match="y has the class 'nan'"):
        SerialClassifier(**SMALL).fit(PARTS, cut(labels, *SIZES))


@pytest.mark.parametrize("dtype", ["float32", "Float64", "int64", "bool"])
def test_a_partition_may_have_another_type_of_numbers(dtype):
    cast = X.assign(a=np.where(X["a"] > 0, 1.0, 0.0))
    parts = cut(cast, 400, 400)
    same = SerialClassifier(**SMALL).fit(parts, cut(y, 400, 400))
    parts[1] = parts[1].astype({"a": dtype})
    other = SerialClassifier(**SMALL).fit(parts, cut(y, 400, 400))
    assert_same_bits(other, same)


def test_categories_that_some_partitions_lack_are_learnt():
    parts = [part.assign(e=part["e"].astype("category")) for part in cut(X, 400, 400)]
    parts[0] = parts[0].assign(e=pd.Categorical(["u"] * 400))
    whole = pd.concat([part.assign(e=part["e"].astype(str)) for part in parts])
    as_strings = cut(whole, 400, 400)
    net = SerialClassifier(**SMALL).fit(parts, cut(y, 400, 400))
    assert_same_bits(net, SerialClassifier(**SMALL).fit(as_strings, cut(y, 400, 400)))


def test_dates_with_and_without_time_zones_are_refused_with_both_partitions():
    frames = [part.assign(a=pd.Timestamp("2020-01-01")) for part in cut(X, 400, 400)]
    frames[1] = frames[1].assign(a=pd.Timestamp("2020-01-01", tz="UTC"))
    message = "'a' of X holds .* without a time zone in partition 0, .* with a .* in partition 1"
    with pytest.raises(ValueError, match=message):
        SerialClassifier(**SMALL).fit(frames, cut(y, 400, 400))


LETTERS, NUMBERS = np.array(["1", "2"] * 200, object), np.arange(400) % 2 + 1
CATEGORIES = {
    "no categories": (pd.Series([None] * 400, dtype=object), [LETTERS, LETTERS]),
    "strings and objects": (pd.Series(LETTERS, dtype="string"), [LETTERS, LETTERS]),
    "numbers and strings": (NUMBERS, [LETTERS, LETTERS]),
    "integers and floats": (NUMBERS, [NUMBERS.astype(float)] * 2),
}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_of_several_types_are_those_of_strings(name, place):
    values = list(CATEGORIES[name][1])
    values.insert(place, CATEGORIES[name][0])
    parts, labels = cut(X, 400, 400), cut(y, 400, 400)
    given, strings = (
        [part.assign(e=convert(each)) for part, each in zip(parts, values, strict=True)]
        for convert in (pd.Categorical, as_categories_of_strings)
    )
    net = SerialClassifier(**SMALL).fit(given, labels)
    assert_same_bits(net, SerialClassifier(**SMALL).fit(strings, labels))


def as_categories_of_strings(values):
    strings = [None if value is None else str(value)[:1] for value in values]
    return pd.Categorical(np.array(strings, object), ["1", "2"])


def test_a_class_and_missing_values_of_one_partition_are_learnt():
    parts, labels = change(
        1, lambda X: X.assign(a=np.nan), lambda y: y.where(y.index % 2 == 1, "rare")
    )
    net = SerialClassifier(**SMALL).fit(parts, labels)
    assert net.classes_.tolist() == ["no", "rare", "yes"]
    assert np.isfinite(net.predict_proba(X.assign(a=np.nan))).all()


def test_a_class_that_the_sample_lacks_is_known_from_exact_counts(monkeypatch):
    monkeypatch.setattr("skdnn.tabular.table_statistics.SAMPLE_ROWS", 100)
    labels = y.copy()
    labels.iloc[7] = "one"
    net = SerialClassifier(**SMALL).fit(PARTS, cut(labels, *SIZES))
    assert net.classes_.tolist() == ["no", "one", "yes"]


def test_empty_partitions_do_not_change_a_bit_but_the_numbers_of_partitions_do(net):
    more = [*PARTS, X[:0]], [*LABELS, y[:0]]
    assert_same_bits(SerialClassifier(**SMALL).fit(*more), net)
    with pytest.raises(ValueError, match="no rows of positive weight in its 2 partitions"):
        SerialClassifier(**SMALL).fit([X[:0]] * 2, [y[:0]] * 2)


def test_rows_of_weight_0_do_not_count():
    weights = np.ones(1200)
    weights[650:680] = 0  # a whole partition
    net = SerialClassifier(**SMALL).fit(PARTS, LABELS, cut(weights, *SIZES))
    assert net.t_ == 4 * (1170 - 58)


@pytest.mark.parametrize("encoder", ["auto", "passthrough"])
@pytest.mark.parametrize("is_frame", [True, False])
def test_what_rows_of_weight_0_hold_does_not_matter_but_their_classes_are_known(encoder, is_frame):
    weights = np.where(np.arange(1200) % 4, 1.0, 0.0)
    weights[650:680] = 0  # a whole partition
    labels, nets = y.mask(np.arange(1200) == 660, "other"), []
    for number in (0, np.inf):
        frame = X[list("abcd")].copy()
        frame[weights == 0] = number
        parts = cut(frame if is_frame else frame.to_numpy(), *SIZES)
        net = SerialClassifier(**SMALL, encoder=encoder)
        nets.append(net.fit(parts, cut(labels, *SIZES), cut(weights, *SIZES)))
    assert_same_bits(*nets)
    assert net.classes_.tolist() == ["no", "other", "yes"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (pd.Series([None] * 150), "NaN"),
        (pd.Series([np.nan] * 150), "NaN"),
        (np.zeros((150, 3)), "1D"),
        (np.full(150, -1.0), "Negative"),
    ],
    ids=["None", "NaN", "two-dimensional", "negative"],
)
def test_invalid_weights_of_a_partition_are_refused(wrong, message):
    weights = cut(np.ones(1200), *SIZES)
    weights[2] = wrong
    with pytest.raises(ValueError, match=f"(?s)partition 2: .*{message}"):
        SerialClassifier(**SMALL).fit(PARTS, LABELS, weights)


@pytest.mark.parametrize("scale", [2.0**120, 2.0**1020, 2.0**-140, 2.0**-1000])
def test_the_scale_of_weights_does_not_change_a_bit(scale):
    weights = np.random.default_rng(0).uniform(0, 3, 1200).round(2)
    net, scaled = (
        SerialClassifier(**SMALL).fit(PARTS, LABELS, cut(each, *SIZES))
        for each in (weights, weights * scale)
    )
    assert_same_bits(scaled, net)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_fit_to_so_few_rows_that_the_sample_has_all_is_that_of_these_rows(monkeypatch, weighted):
    monkeypatch.setattr(read_partitions, "IN_MEMORY_ROWS", 1200)
    weights = np.arange(1200) % 3 if weighted else None
    rngs = np.random.RandomState(0), np.random.RandomState(0)
    expected = DeepNetClassifier(**{**SMALL, "random_state": rngs[0]}).fit(X, y, weights)
    passed = (PARTS, LABELS, cut(weights, *SIZES)) if weighted else (PARTS, LABELS)
    net = SerialClassifier(**{**SMALL, "random_state": rngs[1]}).fit(*passed)
    assert_same_bits(net, expected)
    assert net.feature_names_in_.tolist() == list("abcde")
    assert net.oof_score_ == expected.oof_score_
    with pytest.raises(ValueError, match="partition 2"):
        net.fit(*change(2, lambda X: X.drop(columns="b")))


def test_weights_that_only_held_out_rows_have_are_refused():
    hashes = [Part(SEED, k, "a part").hashes(len(part)) for k, part in enumerate(PARTS)]
    held_out = np.concatenate(hashes) <= np.sort(np.concatenate(hashes))[30]
    weights = np.where(held_out, 1e30, 1.0)
    with pytest.raises(ValueError, match="sample_weight is so uneven"):
        SerialClassifier(**SMALL).fit(PARTS, LABELS, cut(weights, *SIZES))
    SerialClassifier(**SMALL, early_stopping=False).fit(PARTS, LABELS, cut(weights, *SIZES))


def test_what_needs_all_rows_in_one_place_is_refused():
    for parameters in ({"solver": "lbfgs"}, {"warm_start": True}, {"cv": 3}, {"store_oof": True}):
        with pytest.raises(ValueError, match="not available for training on partitions"):
            SerialClassifier(**{**SMALL, **parameters}).fit(PARTS, LABELS)


def test_checkpoints_are_refused_as_they_lack_the_outer_momentum(tmp_path):
    pytest.importorskip("sklearn.callback")
    net = SerialClassifier(**SMALL).set_callbacks(Checkpoint(tmp_path / "fit"))
    with pytest.raises(ValueError, match="Checkpoint is not available"):
        net.fit(PARTS, LABELS)


def test_callbacks_get_neither_partitions_nor_do_they_predict_them():
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring="accuracy")
    net = SerialClassifier(**SMALL).set_callbacks(monitor)
    with pytest.warns(UserWarning, match="ScoringMonitor is called without X and y"):
        net.fit(PARTS, LABELS)
    assert net.n_iter_ == 4
    SerialClassifier(**SMALL).set_callbacks(EarlyStopping()).fit(PARTS, LABELS)


def test_a_failed_fit_leaves_the_estimator_as_it_was(net):
    before = net.predict_proba(X)
    with pytest.raises(ValueError, match="partition 2"):
        net.fit(*change(2, lambda X: X.drop(columns="b")))
    np.testing.assert_array_equal(net.predict_proba(X), before)


def test_partitions_that_train_together_share_the_rows_of_a_batch():
    assert epochs.local_batch_size(1024, 8) == 128
    assert epochs.local_batch_size(1024, 1) == 1024
    assert epochs.local_batch_size(100, 8) == epochs.FEWEST_ROWS
    assert epochs.local_batch_size(10, 8) == 10


def test_without_dask_the_error_names_the_extra(monkeypatch):
    for name in ("dask", "distributed"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (lambda: DaskDeepNetClassifier().fit(X, y), executors.DaskExecutor):
        with pytest.raises(ImportError, match=r'pip install "skdnn\[dask\]"'):
            call()


class Drawn:
    """Records which lines of the package draw from which seeds."""

    def __init__(self, monkeypatch):
        self.lines = {}
        for name in ("default_rng", "SeedSequence"):
            self._watch(monkeypatch, name, getattr(np.random, name))

    def _watch(self, monkeypatch, name, original):
        def seeded(entropy=None, **options):
            made = original(entropy, **options)
            sequence = made if name == "SeedSequence" else made.bit_generator.seed_seq
            frame = sys._getframe(1)
            line = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            for each in (sequence, *sequence.spawn(3)):
                self.lines.setdefault(tuple(each.generate_state(4).tolist()), set()).add(line)
            return original(entropy, **options)

        monkeypatch.setattr(np.random, name, seeded)


def test_no_random_numbers_are_those_of_another_purpose(monkeypatch, tmp_path):
    pytest.importorskip("pyarrow")
    drawn = Drawn(monkeypatch)
    SerialClassifier(**SMALL, partitions_per_round=1).fit(PARTS, LABELS)
    monkeypatch.setattr("skdnn.tabular.table_statistics.SAMPLE_ROWS", 300)
    X.assign(label=y).to_parquet(tmp_path / "rows.parquet")
    DeepNetClassifier(**SMALL).fit(tmp_path, "label")
    shared = [lines for lines in drawn.lines.values() if len(lines) > 1]
    new = "rounds.py", "local_steps.py", "parquet_stream.py"
    assert all(any(name in line for line in {*chain(*drawn.lines.values())}) for name in new)
    assert [lines for lines in shared if any(name in line for line in lines for name in new)] == []
