"""Fit and predict on Parquet files: in memory where the rows are few, else in blocks."""

import importlib.util
import sys
import threading
import time
import tracemalloc
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss

import skdnn
from skdnn import DeepNetClassifier
from skdnn.callbacks import Checkpoint, EarlyStopping
from skdnn.estimator import parquet_fit, parquet_stream
from skdnn.estimator.fit_data import FitArguments
from skdnn.estimator.parameters import settings_of
from skdnn.estimator.parquet_stream import RowStream, fill, read_ahead, shuffle
from skdnn.tabular import parquet_files, table_statistics
from skdnn.tabular.parquet_files import are_paths, open_parquet

needs_callbacks = pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is None,
    reason="scikit-learn has callbacks since 1.9",
)

pq = pytest.importorskip("pyarrow.parquet")
N_ROWS, N_SAMPLED = 3000, 600
SMALL = {"n_members": 2, "hidden_layer_sizes": (16,), "max_iter": 2, "random_state": 0}


@pytest.fixture
def in_blocks(monkeypatch):
    """Let a few hundred rows be too many for the memory."""
    monkeypatch.setattr(table_statistics, "SAMPLE_ROWS", N_SAMPLED)
    monkeypatch.setattr(parquet_stream, "BLOCK_ROWS", 500)
    monkeypatch.setattr(parquet_stream, "BUFFER_ROWS", 1000)
    monkeypatch.setattr(parquet_files, "BATCH_ROWS", 250)


def make_frame(n_rows=N_ROWS, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=n_rows),
            "count": rng.integers(0, 9, n_rows),
            "flag": rng.random(n_rows) < 0.5,
            "text": rng.choice(["x", "y", "z"], n_rows),
            "category": pd.Categorical(rng.choice(["p", "q", "r"], n_rows)),
            "date": pd.Timestamp("2020") + pd.to_timedelta(rng.integers(0, 900, n_rows), "D"),
            "city": [f"city {number}" for number in rng.integers(0, 50, n_rows)],
        }
    )
    score = 3 * frame["number"] + frame["count"] - 4 + 2 * (frame["text"] == "x") - frame["flag"]
    frame["target"] = np.where(score + rng.logistic(size=n_rows) > 0, "yes", "no")
    frame.loc[::11, "number"] = np.nan
    return frame


def split(frame):
    return frame.drop(columns="target"), frame["target"]


@pytest.fixture
def frame():
    return make_frame()


@pytest.fixture
def path(frame, tmp_path):
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=300)
    return tmp_path / "rows.parquet"


def learnt(net):
    return np.concatenate([array.ravel() for array in (*net.coefs_, *net.intercepts_)])


def statistics_of(table):
    batches = table.read(table.files.plan())
    return parquet_fit.read_statistics(table, batches, table_statistics.SAMPLE_ROWS)


def stream_of(path, **parameters):
    """Return the RowStream of a fit, its FitData and its TableStatistics."""
    net = DeepNetClassifier(**SMALL | parameters)
    settings = settings_of(net, None)
    table = parquet_fit.open_table(settings, FitArguments(path, "target"))
    statistics = statistics_of(table)
    made = []
    blocks = RowStream.blocks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            RowStream, "blocks", lambda self, data: made.append(self) or blocks(self, data)
        )
        fit_data = parquet_fit.learn_stream(net, settings, table, statistics, None)
    return made[0], fit_data, statistics


def test_few_rows_are_fitted_as_a_dataframe_is(frame, path):
    of_file = DeepNetClassifier(**SMALL).fit(path, "target")
    of_frame = DeepNetClassifier(**SMALL).fit(*split(frame))
    np.testing.assert_array_equal(learnt(of_file), learnt(of_frame))
    np.testing.assert_array_equal(of_file.classes_, of_frame.classes_)
    np.testing.assert_array_equal(of_file.feature_names_in_, of_frame.feature_names_in_)
    of_file, of_frame = (
        DeepNetClassifier(**SMALL | {"random_state": np.random.RandomState(3)}).fit(*given)
        for given in ((path, "target"), split(frame))
    )
    np.testing.assert_array_equal(learnt(of_file), learnt(of_frame))
    weighted = DeepNetClassifier(**SMALL).fit(path, "target", sample_weight="count")
    X, y = split(frame)
    expected = DeepNetClassifier(**SMALL).fit(X.drop(columns="count"), y, frame["count"])
    np.testing.assert_array_equal(learnt(weighted), learnt(expected))


IN_ORDER = [(np.arange(1000, 3000), np.arange(1000)), (np.arange(2000), np.arange(2000, 3000))]


@pytest.mark.parametrize(
    ("parameters", "groups"),
    [({}, None), ({"cv": IN_ORDER}, None), ({}, np.arange(N_ROWS) // 100)],
    ids=["folds", "cv", "groups"],
)
def test_rows_of_weight_0_of_few_rows_keep_their_places(frame, tmp_path, parameters, groups):
    frame["weight"] = np.arange(N_ROWS) // 7 % 3
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=500)
    net = DeepNetClassifier(**SMALL, store_oof=True, **parameters)
    of_file = clone(net).fit(tmp_path, "target", sample_weight="weight", groups=groups)
    X, y = split(frame)
    of_frame = clone(net).fit(X.drop(columns="weight"), y, frame["weight"], groups=groups)
    np.testing.assert_array_equal(learnt(of_file), learnt(of_frame))
    np.testing.assert_array_equal(of_file.oof_proba_, of_frame.oof_proba_)
    assert of_file.oof_proba_.shape == (N_ROWS, 2)


@pytest.mark.usefixtures("in_blocks")
def test_many_rows_are_learnt_about_as_well_as_in_memory(frame, path):
    parameters = SMALL | {"max_iter": 20}
    test = make_frame(2000, seed=1)
    of_file = DeepNetClassifier(**parameters).fit(str(path), "target")
    of_frame = DeepNetClassifier(**parameters).fit(*split(frame))
    losses = [
        log_loss(test["target"], net.predict_proba(split(test)[0])) for net in (of_file, of_frame)
    ]
    of_classes = log_loss(test["target"], np.tile((frame["target"] == "yes").mean(), len(test)))
    assert losses[1] < 0.8 * of_classes
    assert losses[0] < 1.05 * losses[1]
    assert of_file.n_iter_ == len(of_file.validation_loss_curve_)
    # All rows but the held-out ones, a twentieth, in each epoch.
    assert of_file.t_ == of_file.n_iter_ * (N_ROWS - N_ROWS // 20)
    assert of_file.temperature_ > 0


@pytest.mark.usefixtures("in_blocks")
def test_an_epoch_has_every_row_once_but_those_held_out(path):
    stream, fit_data, statistics = stream_of(path)
    everything = pd.read_parquet(path)
    hashes = np.concatenate(
        [part.hashes(len(y)) for _, y, _, part in stream.table.read(stream.table.files.plan())]
    )
    held_out = hashes < statistics.held_out_below
    assert held_out.sum() == len(fit_data.valid.samples.y)
    encoded = fit_data.schema.encoder.encode(split(everything[~held_out])[0])
    expected = np.sort(encoded[:, 1])
    epochs = []
    for epoch in range(2):
        data = list(stream.shuffled(epoch))
        epochs.append(np.concatenate([chunk.rows.array[:, 1] for chunk in data]))
        np.testing.assert_array_equal(np.sort(epochs[-1]), expected)
        targets = np.concatenate([chunk.targets[:, 0] for chunk in data])
        assert targets.sum() == (everything["target"][~held_out] == "yes").sum()
    assert (epochs[0] != epochs[1]).mean() > 0.9
    again = np.concatenate([chunk.rows.array[:, 1] for chunk in stream.shuffled(1)])
    np.testing.assert_array_equal(again, epochs[1])


@pytest.mark.usefixtures("in_blocks")
def test_target_statistics_of_a_row_do_not_depend_on_its_own_label(path):
    stream, fit_data, statistics = stream_of(path)
    n_numbers = fit_data.schema.encoder.level_statistics_.n_numbers
    assert n_numbers == 1
    sample = statistics.sample
    trained = np.flatnonzero(sample.hashes >= statistics.held_out_below)
    rows = sample.take(trained)
    of_fit, elsewhere = (
        stream.encoder.encode(
            rows.X,
            rows.y,
            rows.weights,
            SimpleNamespace(key=0, first_row=0, hashes=lambda n_rows, hashes=hashes: hashes),
        ).rows.array[:, 0]
        for hashes in (rows.hashes, ~rows.hashes)
    )
    is_yes = rows.y == "yes"
    # Statistics with the own label in them are larger where it is "yes"; ordered ones are not.
    gap = elsewhere[is_yes].mean() - elsewhere[~is_yes].mean()
    ordered_gap = of_fit[is_yes].mean() - of_fit[~is_yes].mean()
    assert gap > 0.1
    assert abs(ordered_gap) < gap / 2


@pytest.mark.usefixtures("in_blocks")
def test_predictions_for_files_are_those_for_their_rows(frame, path, tmp_path):
    net = DeepNetClassifier(**SMALL).fit(path, "target")
    X, _ = split(frame)
    np.testing.assert_allclose(net.predict_proba(path), net.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(net.predict([path, path]), np.tile(net.predict(X), 2))
    np.testing.assert_allclose(
        net.predict_proba_members(path), net.predict_proba_members(X), atol=1e-6
    )
    np.testing.assert_allclose(net.decision_function(path), net.decision_function(X), atol=1e-4)
    np.testing.assert_allclose(net.predict_log_proba(path), net.predict_log_proba(X), atol=1e-4)
    X[X.columns[::-1]].to_parquet(tmp_path / "other.parquet")  # without y, in another order
    np.testing.assert_allclose(
        net.predict_proba(tmp_path / "other.parquet"), net.predict_proba(X), atol=1e-6
    )
    X.drop(columns="text").to_parquet(tmp_path / "fewer.parquet")
    with pytest.raises(ValueError, match=r"fewer.parquet: columns are missing: \['text'\]"):
        net.predict(tmp_path / "fewer.parquet")
    assert net.score(path, "target") == net.score(X, frame["target"])
    weighted = net.score(path, "target", sample_weight="count")
    assert weighted == pytest.approx(net.score(X, frame["target"], frame["count"]))
    net.save(tmp_path / "net.skdnn")
    loaded = skdnn.load(tmp_path / "net.skdnn")
    np.testing.assert_array_equal(loaded.predict_proba(path), net.predict_proba(path))


def test_files_to_predict_may_differ_in_columns_that_fit_has_not_seen(frame, path, tmp_path):
    net = DeepNetClassifier(**SMALL).fit(path, "target")
    X, y = split(frame)
    X[X.columns[::-1]].to_parquet(tmp_path / "test.parquet")  # without y
    X.assign(target=1, row=np.arange(N_ROWS)).to_parquet(tmp_path / "more.parquet")
    paths = [path, tmp_path / "test.parquet", tmp_path / "more.parquet"]
    for files in (paths, paths[::-1]):
        np.testing.assert_array_equal(net.predict(files), np.tile(net.predict(X), 3))
    X.assign(target=y).drop(columns="text").to_parquet(tmp_path / "fewer.parquet")
    with pytest.raises(ValueError, match=r"fewer.parquet: columns are missing: \['text'\]"):
        net.predict([path, tmp_path / "fewer.parquet"])
    with pytest.raises(ValueError, match=r"test.parquet: columns are missing: \['target'\]"):
        net.score(paths, "target")


@pytest.mark.usefixtures("in_blocks")
def test_the_result_does_not_depend_on_how_fast_files_are_read(path, monkeypatch):
    expected = learnt(DeepNetClassifier(**SMALL).fit(path, "target"))
    read, rng = parquet_files.ParquetFiles.read, np.random.default_rng(0)

    def slowly(self, pieces):
        for item in read(self, pieces):
            time.sleep(0.005 * rng.random() * (rng.random() < 0.3))
            yield item

    monkeypatch.setattr(parquet_files.ParquetFiles, "read", slowly)
    found = DeepNetClassifier(**SMALL, n_jobs=1).fit(path, "target")
    np.testing.assert_array_equal(learnt(found), expected)
    other = DeepNetClassifier(**SMALL | {"random_state": 1}).fit(path, "target")
    assert (learnt(other) != expected).any()


def test_lists_of_strings_are_rows_unless_all_are_names_of_parquet_files(path):
    assert are_paths(path)
    assert are_paths("folder")
    assert are_paths(["a.parquet", path])
    for rows in (["a", "b.parquet"], [], [["a.parquet"]], ("a",), [1], np.array(["a.parquet"])):
        assert not are_paths(rows)


@pytest.mark.usefixtures("in_blocks")
def test_validation_rows_may_be_given(frame, path):
    X_val, y_val = split(make_frame(500, seed=1))
    net = DeepNetClassifier(**SMALL).fit(path, "target", X_val=X_val, y_val=y_val)
    assert net.t_ == net.n_iter_ * N_ROWS  # no rows are held out
    assert len(net.validation_loss_curve_) == net.n_iter_
    without = DeepNetClassifier(**SMALL, early_stopping=False).fit(path, "target")
    assert without.t_ == without.n_iter_ * N_ROWS
    assert without.validation_loss_curve_ is None


def break_off_in_the_second_epoch(net, path, monkeypatch):
    """Fit until an error; return a list of the epochs that are read, also by later fits."""
    load, epochs = parquet_stream.fill, []

    def interrupted(*given):
        epochs.append(given)
        if len(epochs) == 2:
            raise OSError("the power fails")
        yield from load(*given)

    monkeypatch.setattr(parquet_stream, "fill", interrupted)
    with pytest.raises(OSError, match="power"):
        net.fit(path, "target")
    return epochs


class PassedRows:
    """A callback that keeps what it is called with."""

    def setup(self, estimator, context):
        self.passed = []

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.passed.append((X, y, metadata))

    def on_fit_task_end(self, estimator, context):
        pass


@needs_callbacks
@pytest.mark.parametrize("sample_size", [N_ROWS, N_SAMPLED])
@pytest.mark.usefixtures("in_blocks")
def test_callbacks_are_called_without_rows_which_is_said(path, monkeypatch, sample_size):
    from sklearn.callback import ScoringMonitor

    monkeypatch.setattr(table_statistics, "SAMPLE_ROWS", sample_size)
    callback = PassedRows()
    net = DeepNetClassifier(**SMALL)
    net.set_callbacks(callback, ScoringMonitor(scoring="accuracy"), EarlyStopping())
    with pytest.warns(UserWarning, match="is called without X and y") as caught:
        net.fit(path, "target", sample_weight="count")
    assert [str(each.message).split()[0] for each in caught] == ["PassedRows", "ScoringMonitor"]
    assert callback.passed == [(None, None, {})] * 3  # the fit, and two epochs
    assert net.n_iter_ == 2


@needs_callbacks
@pytest.mark.usefixtures("in_blocks")
def test_a_fit_to_files_goes_on_from_its_checkpoint(path, tmp_path, monkeypatch):
    expected = learnt(DeepNetClassifier(**SMALL).fit(path, "target"))
    net = DeepNetClassifier(**SMALL)
    net.set_callbacks(Checkpoint(tmp_path / "fit.checkpoint", every_epochs=1))
    epochs = break_off_in_the_second_epoch(net, path, monkeypatch)
    np.testing.assert_array_equal(learnt(net.fit(path, "target")), expected)
    assert len(epochs) == 3  # the second one again, but not the first


def change_labels(rows, other):
    flipped = rows["target"].map({"yes": "no", "no": "yes"})
    return rows.assign(target=rows["target"].where(~other, flipped))


def change_order(rows, other):
    there = np.flatnonzero(other)
    order = np.arange(len(rows))
    order[there] = there[::-1]
    return rows.iloc[order]


@needs_callbacks
@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("change", [None, change_labels, change_order])
def test_a_checkpoint_is_of_all_rows_also_those_that_are_not_in_the_sample(
    path, frame, tmp_path, monkeypatch, change
):
    _, _, statistics = stream_of(path)
    is_other = np.ones(N_ROWS, bool)
    is_other[statistics.sample.positions[:, 1]] = False
    net = DeepNetClassifier(**SMALL)
    net.set_callbacks(Checkpoint(tmp_path / "fit.checkpoint", every_epochs=1))
    epochs = break_off_in_the_second_epoch(net, path, monkeypatch)
    rows = frame if change is None else change(frame, is_other)
    rows.to_parquet(path, row_group_size=300)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = learnt(net.fit(path, "target"))
    if change is None:
        assert caught == []
    else:
        assert ["the training rows changed" in str(each.message) for each in caught] == [True]
    assert len(epochs) == 2 + (1 if change is None else 2)
    np.testing.assert_array_equal(found, learnt(DeepNetClassifier(**SMALL).fit(path, "target")))


@pytest.mark.usefixtures("in_blocks")
def test_what_is_doubtful_of_a_batch_but_not_of_the_table_is_not_warned_of(
    path, frame, monkeypatch
):
    monkeypatch.setattr(parquet_files, "BATCH_ROWS", 10)
    monkeypatch.setattr(table_statistics, "SAMPLE_ROWS", 200)
    frame = frame[:1000].copy()
    frame.to_parquet(path, row_group_size=300)
    _, _, statistics = stream_of(path)
    sampled = np.bincount(statistics.sample.positions[:, 1] // 10, minlength=100)
    batch = np.repeat(sampled == 0, 10)
    assert 20 <= batch.sum() < 300
    frame.loc[batch, "text"] = frame["text"].str.upper()  # in these batches, no known category
    frame.to_parquet(path, row_group_size=300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = DeepNetClassifier(**SMALL).fit(path, "target")
        net.predict(path)
    renamed = split(frame.assign(text=frame["text"].str.upper()))[0]
    renamed.to_parquet(path)
    with pytest.warns(UserWarning, match="'text' of X holds no category of fit") as caught:
        net.predict(path)
    assert len(caught) == 1


def test_paths_where_no_files_are_read_are_an_error_that_says_so(frame, path):
    X, y = split(frame)
    net = DeepNetClassifier(**SMALL)
    for given in (path, str(path), [path, path]):
        with pytest.raises(ValueError, match="X_val is a path"):
            net.fit(X, y, X_val=given, y_val="target")
        with pytest.raises(ValueError, match=r"X is a path.*partial_fit"):
            net.partial_fit(given, "target", classes=["no", "yes"])


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "skdnn-read-ahead"]


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_the_thread_that_reads_ends_with_the_fit(path, monkeypatch, error):
    seen, train_block = [], parquet_stream.fill

    def failing(data, chunks, sizes):
        for number, _ in enumerate(train_block(data, chunks, sizes)):
            seen.append(len(readers()))
            if error is not None and number == 3:
                raise error("now")
            yield

    monkeypatch.setattr(parquet_stream, "fill", failing)
    net = DeepNetClassifier(**SMALL)
    if error is None:
        net.fit(path, "target")
    else:
        with pytest.raises(error, match="now"):
            net.fit(path, "target")
    assert seen[0] == 1
    assert max(seen) == 1
    assert readers() == []


@pytest.mark.usefixtures("in_blocks")
def test_an_interrupt_after_the_first_epoch_keeps_what_was_learnt(path, monkeypatch):
    load = parquet_stream.fill
    calls = []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        yield from load(*given)

    monkeypatch.setattr(parquet_stream, "fill", interrupted)
    with pytest.warns(UserWarning, match="interrupted after 1 of 2 epochs"):
        net = DeepNetClassifier(**SMALL).fit(path, "target")
    assert net.n_iter_ == 1
    assert readers() == []


@pytest.mark.usefixtures("in_blocks")
def test_files_that_change_during_the_fit_are_an_error(path, frame, monkeypatch):
    learn = parquet_fit.learn_from_sample

    def then_shorten(*given):
        result = learn(*given)
        fit_data, encoder = result
        return fit_data, encoder._replace(n_rows=encoder.n_rows + 1000)

    monkeypatch.setattr(parquet_fit, "learn_from_sample", then_shorten)
    with pytest.raises(ValueError, match="fewer rows than when fit began"):
        DeepNetClassifier(**SMALL).fit(path, "target")
    assert readers() == []


@pytest.mark.usefixtures("in_blocks")
def test_an_invalid_value_is_an_error_that_names_the_file_and_the_column(frame, tmp_path):
    frame[:1500].to_parquet(tmp_path / "1.parquet")
    frame.loc[2000, "number"] = np.inf
    frame[1500:].to_parquet(tmp_path / "2.parquet")
    with pytest.raises(ValueError, match=r"2.parquet: .*infinity.*'number'"):
        DeepNetClassifier(**SMALL).fit(tmp_path, "target")


@pytest.mark.usefixtures("in_blocks")
def test_rows_sorted_by_class_in_a_large_row_group_are_warned_of(frame, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_files, "READ_TOGETHER", 4)
    in_order = frame.sort_values("target")
    in_order.to_parquet(tmp_path / "sorted.parquet")
    with pytest.warns(UserWarning, match="sorted by class"):
        DeepNetClassifier(**SMALL).fit(tmp_path / "sorted.parquet", "target")
    frame.assign(number=np.sort(frame["count"] + np.arange(N_ROWS) / N_ROWS)).to_parquet(
        tmp_path / "by_value.parquet"
    )
    frame.sort_values("date").to_parquet(tmp_path / "by_date.parquet")
    for name in ("by_value", "by_date"):
        with pytest.warns(UserWarning, match="sorted by the values of a column"):
            DeepNetClassifier(**SMALL).fit(tmp_path / f"{name}.parquet", "target")


@pytest.mark.parametrize("n_classes", [1, 2, 5])
def test_the_share_of_classes_between_groups_is_that_of_their_columns(n_classes):
    rng = np.random.default_rng(n_classes)
    groups = rng.integers(0, 4, 500)
    groups[groups == 2] = 3  # an empty group
    targets = (groups + rng.integers(0, 3, 500)) % n_classes
    columns = (targets[:, None] == np.arange(n_classes)).T
    expected = max(parquet_fit.share_between(groups, column, 5) for column in columns)
    assert parquet_fit.share_of_classes(groups, targets, 5) == pytest.approx(expected)
    # The F test: under independence, the ratio of mean squares has mean 1, and the share mean 0.
    shuffled = [
        parquet_fit.share_of_classes(rng.permutation(groups), targets, 5) for _ in range(200)
    ]
    assert abs(np.mean(shuffled)) < 0.01


@pytest.mark.usefixtures("in_blocks")
def test_the_warning_about_order_takes_little_memory_for_many_classes(frame, tmp_path):
    frame = frame[["number"]].assign(target=np.arange(N_ROWS) % 200)
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=300)
    stream, fit_data, statistics = stream_of(tmp_path / "rows.parquet")
    tracemalloc.start()
    parquet_fit._warn_of_order(stream, fit_data.prepared, statistics)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * N_SAMPLED * 200


@pytest.mark.usefixtures("in_blocks")
def test_labels_that_may_be_missing_are_warned_of_also_of_many_rows(frame, tmp_path):
    frame.loc[::50, "target"] = "nan"
    frame.to_parquet(tmp_path / "rows.parquet")
    with pytest.warns(UserWarning, match="y has the class 'nan'"):
        DeepNetClassifier(**SMALL).fit(tmp_path, "target")


@pytest.mark.usefixtures("in_blocks")
def test_an_identifier_as_y_is_refused(frame, tmp_path, monkeypatch):
    monkeypatch.setattr(table_statistics, "MOST_CLASSES", 600)
    frame.assign(target=np.arange(N_ROWS)).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match="y has more than 600 different values"):
        DeepNetClassifier(**SMALL).fit(tmp_path, "target")


@pytest.mark.parametrize("sample_size", [N_ROWS, N_SAMPLED])
@pytest.mark.usefixtures("in_blocks")
def test_the_scale_of_weights_does_not_change_a_bit(frame, tmp_path, monkeypatch, sample_size):
    monkeypatch.setattr(table_statistics, "SAMPLE_ROWS", sample_size)
    weights, nets = np.random.default_rng(0).uniform(0, 3, N_ROWS).round(2), []
    for scale in (1, 2.0**1020, 2.0**-1000):
        frame.assign(weight=weights * scale).to_parquet(tmp_path / "rows.parquet")
        net = DeepNetClassifier(**SMALL, class_weight="balanced")
        nets.append(net.fit(tmp_path, "target", sample_weight="weight"))
    for net in nets[1:]:
        np.testing.assert_array_equal(learnt(net), learnt(nets[0]))


@pytest.mark.usefixtures("in_blocks")
def test_one_row_group_in_random_order_and_many_in_any_order_are_not_warned_of(frame, tmp_path):
    frame.to_parquet(tmp_path / "one.parquet")
    frame.sort_values("target").to_parquet(tmp_path / "many.parquet", row_group_size=20)
    test = make_frame(2000, seed=1)
    losses = []
    for name in ("one", "many"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            net = DeepNetClassifier(**SMALL | {"max_iter": 4}).fit(
                tmp_path / f"{name}.parquet", "target"
            )
        losses.append(log_loss(test["target"], net.predict_proba(split(test)[0])))
    assert losses[1] < 1.05 * losses[0]


@pytest.mark.usefixtures("in_blocks")
def test_weights_of_0_leave_rows_out_and_class_weights_are_those_of_all_rows(frame, tmp_path):
    rng = np.random.default_rng(3)
    frame["weight"] = rng.integers(0, 3, N_ROWS)
    frame.to_parquet(tmp_path / "rows.parquet")
    net = DeepNetClassifier(**SMALL, class_weight="balanced")
    settings = settings_of(net, None)
    arguments = FitArguments(tmp_path / "rows.parquet", "target", "weight")
    table = parquet_fit.open_table(settings, arguments)
    statistics = statistics_of(table)
    assert statistics.n_rows == (frame["weight"] > 0).sum()
    fit_data = parquet_fit.learn_stream(net, settings, table, statistics, None)
    weights = []
    ensemble = SimpleNamespace(
        train_block=lambda *_: weights.append(fit_data.split.data.weights.copy())
    )
    fit_data.split.blocks.train(ensemble, 0, None)
    weights = np.concatenate(weights)
    assert np.count_nonzero(weights) == fit_data.split.n_rows
    n_blocks = fit_data.split.blocks.number
    assert weights.sum() / fit_data.split.n_rows == pytest.approx(1)
    totals = frame.groupby("target")["weight"].sum()
    expected = np.sort(np.outer([1, 2], totals.sum() / (2 * totals)).ravel())
    found = np.unique(weights[weights > 0])
    np.testing.assert_allclose(found / found[0], expected / expected[0])
    assert len(weights) == n_blocks * len(fit_data.split.data.targets)


@pytest.mark.parametrize("sample_size", [N_ROWS, N_SAMPLED])
@pytest.mark.usefixtures("in_blocks")
def test_all_weights_of_a_batch_may_be_0(frame, tmp_path, monkeypatch, sample_size):
    monkeypatch.setattr(table_statistics, "SAMPLE_ROWS", sample_size)
    weights = np.where(np.arange(N_ROWS) // 500 % 2, 1.0, 0.0)  # two batches, and 0 in the first
    frame.assign(weight=weights).to_parquet(tmp_path / "rows.parquet", row_group_size=500)
    net = DeepNetClassifier(**SMALL, early_stopping=False)
    net.fit(tmp_path, "target", sample_weight="weight")
    assert net.t_ == net.n_iter_ * np.count_nonzero(weights)
    frame.assign(weight=0.0).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match="no rows of positive weight"):
        net.fit(tmp_path, "target", sample_weight="weight")


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("encoder", ["auto", "passthrough"])
def test_what_rows_of_weight_0_hold_does_not_matter_but_their_classes_are_known(
    frame, tmp_path, encoder
):
    rows = frame[["number", "count", "target"]].fillna(0).assign(weight=1.0)
    rows.loc[::4, "weight"] = 0
    rows.loc[500:999, "weight"] = 0  # two batches
    path, nets = tmp_path / "rows.parquet", []
    for number in (0, np.inf):
        rows.loc[rows["weight"] == 0, "number"] = number
        rows.to_parquet(path, row_group_size=500)
        net = DeepNetClassifier(**SMALL, encoder=encoder)
        nets.append(net.fit(path, "target", sample_weight="weight"))
    np.testing.assert_array_equal(learnt(nets[0]), learnt(nets[1]))
    rows.loc[4, "target"] = "other"
    rows.to_parquet(path, row_group_size=500)
    net.fit(path, "target", sample_weight="weight")
    assert net.classes_.tolist() == ["no", "other", "yes"]


@pytest.mark.usefixtures("in_blocks")
def test_classes_and_missing_values_that_the_sample_lacks_are_known(frame, tmp_path):
    frame["rare"] = 1.0
    frame.loc[0, "target"], frame.loc[1, "rare"] = "never", 5.0
    frame.loc[2, "count"] = np.nan
    frame.to_parquet(tmp_path / "rows.parquet")
    with pytest.warns(
        UserWarning, match=r"'count' \(1 missing value\), 'rare' \(numbers from 1 to 5"
    ):
        net = DeepNetClassifier(**SMALL).fit(tmp_path / "rows.parquet", "target")
    assert net.classes_.tolist() == ["never", "no", "yes"]
    assert np.isfinite(net.predict_proba(tmp_path)).all()


def test_files_may_differ_in_types_and_order_of_columns_and_be_empty(frame, tmp_path):
    first, second = frame[:1500], frame[1500:]
    first.to_parquet(tmp_path / "1.parquet", row_group_size=100)
    second = second.astype({"count": float, "number": np.float32}).assign(text=None)
    second[second.columns[::-1]].to_parquet(tmp_path / "2.parquet")
    frame[:0].to_parquet(tmp_path / "3.parquet")
    net = DeepNetClassifier(**SMALL).fit(tmp_path, "target")
    files = [tmp_path / f"{number}.parquet" for number in (1, 2, 3)]
    assert net.predict_proba(files).shape == (N_ROWS, 2)
    expected = pd.concat([first, second])
    expected["number"] = expected["number"].astype(float)
    of_frame = DeepNetClassifier(**SMALL).fit(*split(expected))
    np.testing.assert_array_equal(learnt(net), learnt(of_frame))


def test_other_columns_or_types_are_errors_that_name_the_file(frame, tmp_path):
    frame.to_parquet(tmp_path / "1.parquet")
    cases = {
        r"'text' \(not here\)": frame.drop(columns="text"),
        r"'more' \(only here\)": frame.assign(more=1),
        "count": frame.assign(count="many"),
    }
    for message, other in cases.items():
        other.to_parquet(tmp_path / "2.parquet")
        with pytest.raises((ValueError, TypeError), match=rf"2.parquet: .*{message}"):
            DeepNetClassifier(**SMALL).fit(tmp_path, "target")


def test_what_is_no_parquet_file_is_an_error_that_says_so(frame, path, tmp_path):
    net = DeepNetClassifier(**SMALL)
    with pytest.raises(FileNotFoundError, match=r"no file or folder 'nowhere\.parquet'"):
        net.fit("nowhere.parquet", "target")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no files that end in"):
        net.fit(tmp_path / "empty", "target")
    (tmp_path / "text.parquet").write_text("no Parquet")
    with pytest.raises(ValueError, match=r"text\.parquet: "):
        net.fit(tmp_path / "text.parquet", "target")
    with pytest.raises(ValueError, match="y must be the name of a column"):
        net.fit(path, frame["target"])
    with pytest.raises(ValueError, match="y must be the name of a column"):
        net.fit("no path", frame["target"])
    with pytest.raises(ValueError, match="sample_weight='heavy' is no column"):
        net.fit(path, "target", sample_weight="heavy")
    (tmp_path / "parts" / "year=2020").mkdir(parents=True)
    frame.to_parquet(tmp_path / "parts" / "year=2020" / "0.parquet")
    with pytest.raises(ValueError, match=r"\['year'\] are in the names of folders"):
        net.fit(tmp_path / "parts", "target")
    frame[:0].to_parquet(tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="no rows"):
        net.fit(tmp_path / "none.parquet", "target")
    with pytest.raises(ValueError, match=r'pass df\["target"\] as y'):
        net.fit(frame, "target")


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize(
    "parameters",
    [{"solver": "lbfgs", "dropout": 0}, {"cv": 3}, {"shuffle": False}, {"store_oof": True}],
    ids=str,
)
def test_what_needs_all_rows_at_once_is_an_error(path, parameters):
    with pytest.raises(ValueError, match=f"{next(iter(parameters))}.*not available for Parquet"):
        DeepNetClassifier(**SMALL, **parameters).fit(path, "target")


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize(
    ("parameters", "given", "message"),
    [
        ({"cv": 3}, {}, "cv is not available"),
        ({"solver": "gd"}, {}, "solver='gd' is not available"),
        ({}, {"groups": np.zeros(N_ROWS)}, "groups is not available"),
        ({}, {"X_val": "rows.parquet", "y_val": "target"}, "X_val is a path"),
        ({}, {"X_val": make_frame(9)}, "X_val and y_val go together"),
        ({}, {"X_val": make_frame(9), "y_val": np.arange(9)}, "unseen at fit time:\n- target"),
    ],
    ids=["cv", "solver", "groups", "path", "no labels", "columns"],
)
def test_arguments_are_refused_before_the_rows_are_read(
    path, monkeypatch, parameters, given, message
):
    n_read, read = [], parquet_files.ParquetFiles.read

    def counting(self, pieces):
        for item in read(self, pieces):
            n_read.append(len(item[1]))
            yield item

    monkeypatch.setattr(parquet_files.ParquetFiles, "read", counting)
    with pytest.raises(ValueError, match=message):
        DeepNetClassifier(**SMALL, **parameters).fit(path, "target", **given)
    assert sum(n_read) <= 250  # a batch, which tells how large rows are


@needs_callbacks
@pytest.mark.usefixtures("in_blocks")
def test_cells_are_hashed_for_checkpoints_only(path, monkeypatch, tmp_path):
    tables, hash_rows = [], pd.util.hash_pandas_object

    def hash_and_note(table, **options):
        tables.append(len(table))
        return hash_rows(table, **options)

    monkeypatch.setattr(pd.util, "hash_pandas_object", hash_and_note)
    net = DeepNetClassifier(**SMALL).fit(path, "target")
    assert tables == []
    net.set_callbacks(Checkpoint(tmp_path / "fit.checkpoint")).fit(path, "target")
    assert sum(tables) >= len(pd.read_parquet(path))


@pytest.mark.parametrize("others", [{}, {"sample_weight": "count"}], ids=["y", "y and weights"])
def test_files_without_a_column_of_features_are_refused(frame, tmp_path, others):
    frame[["target", *others.values()]].to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=r"rows\.parquet has no columns of features: target"):
        DeepNetClassifier(**SMALL).fit(tmp_path, "target", **others)


def test_the_index_of_a_dataframe_is_no_column(frame, tmp_path):
    frame.sample(frac=0.5, random_state=0).to_parquet(tmp_path / "rows.parquet")
    assert "__index_level_0__" in pq.read_schema(tmp_path / "rows.parquet").names
    files = open_parquet(tmp_path / "rows.parquet")
    assert files.schema.names == frame.columns.tolist()
    _, rows = next(files.read(files.plan()))
    np.testing.assert_array_equal(rows["number"], frame["number"].sample(frac=0.5, random_state=0))


def test_pieces_are_read_in_another_order_and_cover_all_rows(path, monkeypatch):
    monkeypatch.setattr(parquet_files, "BATCH_ROWS", 128)
    files = open_parquet(path)
    in_order, mixed = files.plan(), files.plan(np.random.default_rng(0))
    assert sorted(mixed) == in_order
    assert mixed != in_order
    groups = [piece.group for piece in mixed]
    assert len(set(groups[:16])) > 4  # several row groups at a time
    rows = pd.read_parquet(path)
    for piece, frame in files.read(mixed):
        expected = rows[piece.first_row : piece.first_row + piece.n_rows]
        pd.testing.assert_frame_equal(frame, expected.reset_index(drop=True))


def test_the_work_for_a_row_group_does_not_grow_with_their_number(frame, tmp_path):
    class Counted(tuple):
        n_passes = 0

        def __iter__(self):
            Counted.n_passes += 1
            return super().__iter__()

    numbers = []
    for n_groups in (3, 30):
        file = tmp_path / f"{n_groups}.parquet"
        frame.to_parquet(file, row_group_size=N_ROWS // n_groups)
        table = open_parquet(file)
        assert len(table.groups) == n_groups
        table = table._replace(groups=Counted(table.groups))
        Counted.n_passes = 0
        for rng in (None, np.random.default_rng(0)):
            assert sum(len(rows) for _, rows in table.read(table.plan(rng))) == N_ROWS
        numbers.append(Counted.n_passes)
    assert numbers[0] == numbers[1] > 0


def test_places_of_rows_in_the_order_of_reading(path, monkeypatch):
    monkeypatch.setattr(parquet_files, "BATCH_ROWS", 128)
    files = open_parquet([path, path])
    pieces = files.plan(np.random.default_rng(0))
    order = [(piece.file, piece.first_row + row) for piece in pieces for row in range(piece.n_rows)]
    found = parquet_fit.places_in_stream(pieces, np.array(order))
    np.testing.assert_array_equal(found, np.arange(2 * N_ROWS))


def test_shuffled_rows_are_near_uniform_within_the_buffer():
    chunks = (
        parquet_stream.Data(
            parquet_stream.DenseRows(np.arange(k, k + 50.0)[:, None]),
            np.zeros((50, 1), int),
            np.ones(50),
        )
        for k in range(0, 5000, 50)
    )
    out = np.concatenate(
        [c.rows.array[:, 0] for c in shuffle(chunks, 1000, np.random.default_rng(0))]
    )
    np.testing.assert_array_equal(np.sort(out), np.arange(5000))
    moved = out - np.arange(5000)
    # A row stays in the buffer for a geometric time of mean 1000 rows.
    assert 500 < np.abs(moved).mean() < 1500
    assert abs(np.corrcoef(out[:-1], out[1:])[0, 1]) < 0.9


def test_blocks_are_filled_one_after_the_other_whatever_the_chunks():
    sizes, rows = [7, 7, 6], np.arange(20.0)
    chunks = iter(
        parquet_stream.Data(
            parquet_stream.DenseRows(part[:, None]), part[:, None].astype(int), np.ones(len(part))
        )
        for part in np.split(rows, [0, 3, 3, 15])
    )
    data, seen = parquet_stream._empty(7, 1, float), []
    for _ in fill(data, chunks, sizes):
        seen.append(data.rows.array[data.weights > 0, 0].copy())
    np.testing.assert_array_equal(np.concatenate(seen), rows)
    assert [len(block) for block in seen] == sizes


def test_reading_ahead_keeps_the_order_and_raises_errors_where_they_are_met():
    def items():
        yield from range(5)
        raise OSError("broken")

    with read_ahead(items(), 2) as taken:
        assert [next(taken) for _ in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(OSError, match="broken"):
            next(taken)
    assert readers() == []
    made = []
    with read_ahead((made.append(n) for n in range(100)), 3) as taken:
        next(taken)
        time.sleep(0.2)
        assert len(made) <= 6
    assert readers() == []


@pytest.mark.parametrize("module", ["pyarrow.parquet", "pandas"])
def test_without_a_library_for_parquet_the_error_names_the_extra(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"skdnn\[arrow\]"):
        DeepNetClassifier().fit("rows.parquet", "label")
