"""An interrupted fit goes on from its checkpoint, and ends with the same bits."""

import importlib.util
import os
import pickle
import threading
import time
import types
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.preprocessing import StandardScaler

from benchmarks.reliability.same_bits import assert_same_fit, fitted_values
from skdnn import DeepNetClassifier
from skdnn.callbacks import Checkpoint, EarlyStopping, LossProgress
from skdnn.estimator import checkpoint_file, training_checkpoint

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("sklearn.callback") is None,
        reason="scikit-learn has callbacks since 1.9",
    ),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, y = load_iris(return_X_y=True)
QUICK = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0, "n_members": 2}
N_FILES = 5  # one after each epoch, and the result
X_SPARSE = sp.csr_array(np.where(X > 2.5, X, 0))
X_MANY, Y_MANY = make_multilabel_classification(100, n_labels=2, random_state=0)


def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"number": rng.normal(size=150), "word": rng.choice(list("abc"), 150)})
    frame["code"] = np.array([f"c{number}" for number in rng.integers(0, 50, 150)])
    return frame


def square_loss(logits, targets, sample_weight):
    wrong = logits - targets
    return (wrong**2).mean(axis=1), 2 * wrong / wrong.shape[1]


def leaky(z):
    return np.where(z > 0, z, 0.1 * z)


CASES = {
    "members": ({}, ()),
    "one network": ({"n_members": 1}, ()),
    "default layers": ({"hidden_layer_sizes": "auto", "max_iter": 3}, ()),
    "all rows": ({"early_stopping": False}, ()),
    "members that stop": (
        {"n_members": 4, "n_iter_no_change": 1, "tol": 0.05, "max_iter": 12, "solver": "sgd"},
        (),
    ),
    "adaptive": (
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.1},
        (),
    ),
    "momentum": ({"solver": "sgd", "learning_rate": "invscaling"}, ()),
    "full batch": ({"solver": "gd", "shuffle": False}, ()),
    "lbfgs": ({"solver": "lbfgs", "n_jobs": 1}, ()),
    "lbfgs on threads": ({"solver": "lbfgs", "n_jobs": 2}, ()),
    "one network by lbfgs": ({"solver": "lbfgs", "n_members": 1, "early_stopping": False}, ()),
    "sparse": ({}, (X_SPARSE, y)),
    "sparse by lbfgs": ({"solver": "lbfgs", "n_jobs": 1}, (X_SPARSE, y)),
    "cv": ({"cv": KFold(3, shuffle=True, random_state=1), "store_oof": True}, ()),
    "groups": ({}, (X, y, None, None, None, None, np.arange(150) % 5)),
    "validation rows": ({}, (X[::2], y[::2], None, X[1::2], y[1::2])),
    "scoring": ({"scoring": "roc_auc_ovr"}, ()),
    "weights": ({"class_weight": "balanced"}, (X, y, np.arange(150) % 3)),
    "multilabel": ({}, (X_MANY, Y_MANY)),
    "dataframe": ({"target_statistics": 10}, (table(), y)),
    "float64": ({"dtype": "float64", "alpha": 1.0, "max_grad_norm": 0.5}, ()),
    "transformer": ({"encoder": StandardScaler()}, ()),
    "custom activation": ({"activation": leaky}, ()),
}
QUICKLY = "members", "one network", "members that stop", "one network by lbfgs", "sparse", "cv"


def quick(**kwargs):
    return DeepNetClassifier(**{**QUICK, **kwargs})


class BrokenOff(BaseException):
    pass


@pytest.fixture
def writes(monkeypatch):
    """Count the files that are written, and interrupt the fit after ``writes.last`` of them."""

    class Writes:
        last, number = None, 0

        def save(self, path, contents):
            checkpoint_file.save(path, contents)
            self.number += 1
            if self.number == self.last:
                raise BrokenOff

    found = Writes()
    monkeypatch.setattr(training_checkpoint, "save", found.save)
    return found


def fit(path, given=(), callbacks=(), every=0, **params):
    net = quick(**params).set_callbacks(Checkpoint(path, every), *callbacks)
    return net.fit(*(given or (X, y)))


@pytest.mark.parametrize(
    "case",
    [
        *QUICKLY,
        *(pytest.param(name, marks=pytest.mark.slow) for name in CASES if name not in QUICKLY),
    ],
)
def test_a_fit_broken_off_after_any_file_ends_with_the_bits_of_the_unbroken_one(
    case, tmp_path, writes
):
    params, given = CASES[case]
    rows = (given or (X, y))[0]
    plain = fitted_values(quick(**params).fit(*(given or (X, y))), rows)
    unbroken = fit(tmp_path / "unbroken", given, **params)
    assert_same_fit(fitted_values(unbroken, rows), plain)
    n_files, writes.number = writes.number, 0
    assert n_files >= 3
    for last in range(1, n_files + 1):
        path, writes.number, writes.last = tmp_path / f"after {last}", 0, last
        with pytest.raises(BrokenOff):
            fit(path, given, **params)
        writes.number, writes.last = 0, None
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of a checkpoint that does not fit
            warnings.simplefilter("ignore", ConvergenceWarning)
            resumed = fit(path, given, **params)
        assert_same_fit(fitted_values(resumed, rows), plain)
        # It went on, and did not start anew. Another thread may have written more before it ended.
        assert writes.number <= n_files - last
        assert writes.number == n_files - last or case == "lbfgs on threads"
        assert [found.name for found in tmp_path.glob("after*")] == [path.name]
        path.unlink()


def test_warm_start_goes_on_from_its_checkpoint(tmp_path, writes):
    def fit_twice(path, *callbacks):
        net = quick(warm_start=True).set_callbacks(Checkpoint(path, 0), *callbacks)
        return net.fit(X, y).set_params(max_iter=5).fit(X, y)

    (tmp_path / "plain").mkdir()
    plain = fitted_values(fit_twice(tmp_path / "plain"), X)
    assert len(plain["loss_curve_"]) == 9
    n_files = writes.number
    for last in range(1, n_files):
        folder, writes.number, writes.last = tmp_path / str(last), 0, last
        folder.mkdir()
        with pytest.raises(BrokenOff):
            fit_twice(folder)
        writes.number, writes.last = 0, None
        assert_same_fit(fitted_values(fit_twice(folder), X), plain)
        assert writes.number == n_files - last


def test_callbacks_see_the_epochs_that_are_left_and_all_of_the_curve(tmp_path, writes):
    class Recorder:
        def __init__(self):
            self.epochs = []

        def setup(self, estimator, context):
            pass

        teardown = on_fit_task_begin = setup

        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                self.epochs.append((context.task_id, estimator.n_iter_, len(estimator.loss_curve_)))

    for solver in ("adamw", "lbfgs"):
        params = {"n_members": 1, "max_iter": 5, "solver": solver}
        writes.number, writes.last = 0, 2
        with pytest.raises(BrokenOff):
            fit(tmp_path / solver, **params)
        writes.last, recorder = None, Recorder()
        fit(tmp_path / solver, (), [recorder, LossProgress()], **params)
        assert recorder.epochs == [(2, 3, 3), (3, 4, 4), (4, 5, 5)]
        assert fit(tmp_path / solver, (), [recorder], **params).n_iter_ == 5
        assert len(recorder.epochs) == 3  # the file had the result


def test_early_stopping_by_a_callback_stops_a_resumed_fit_at_the_same_epoch(tmp_path, writes):
    params = {"learning_rate_init": 0.1, "max_iter": 50, "learning_rate": "constant", "tol": 0}
    params |= {"n_iter_no_change": 50}

    def stopped(path):
        return fit(path, (), [EarlyStopping(patience=3)], **params)

    plain = fitted_values(stopped(tmp_path / "plain"), X)
    n_epochs = int(plain["n_iter_"][0])
    assert 5 < n_epochs < 50
    for last in (1, n_epochs // 2, n_epochs - 1):
        path, writes.number, writes.last = tmp_path / str(last), 0, last
        with pytest.raises(BrokenOff):
            stopped(path)
        writes.last = None
        assert_same_fit(fitted_values(stopped(path), X), plain)


def test_an_interrupted_fit_goes_on(tmp_path):
    class Interrupt:
        def setup(self, estimator, context):
            pass

        teardown = on_fit_task_begin = setup

        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch" and estimator.n_iter_ == 3:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted after 3 of 6"):
        fit(tmp_path / "file", (), [Interrupt()], max_iter=6)
    resumed = fit(tmp_path / "file", max_iter=6)
    assert_same_fit(fitted_values(resumed, X), fitted_values(quick(max_iter=6).fit(X, y), X))


def test_a_table_of_losses_is_complete_after_it_goes_on(tmp_path, writes, capsys):
    def printed():
        lines = capsys.readouterr().out.splitlines()
        return [line[: -len("   time left")].rstrip() for line in lines]

    unbroken = fit(tmp_path / "unbroken", verbose=True)
    table_of_all = printed()
    assert len(table_of_all) == 1 + unbroken.n_iter_
    for path, last in ((tmp_path / "broken", 6), (tmp_path / "unbroken", None)):
        writes.last = last
        if last is not None:
            with pytest.raises(BrokenOff):
                fit(path)
            writes.last = None
        fit(path, verbose=True)
        assert printed() == table_of_all


def broken_off(path, writes, last=2, **params):
    """Leave the checkpoint of an interrupted fit."""
    writes.number, writes.last = 0, last
    with pytest.raises(BrokenOff):
        fit(path, **params)
    writes.number, writes.last = 0, None


@pytest.mark.parametrize(
    ("params", "given", "reason"),
    [
        ({"max_iter": 5}, (), "the parameter max_iter was 4 and is 5"),
        ({"solver": "adam"}, (), 'the parameter solver was "adamw" and is "adam"'),
        ({"activation": leaky}, (), "the parameter activation changed"),
        ({"activation": lambda z: leaky(z)}, (), "the parameter activation changed"),
        ({"random_state": 1}, (), "random_state or the initial parameters changed"),
        ({}, (X + np.arange(150)[:, None] % 7, y), "the training rows changed"),
        ({}, (X, y, np.arange(150) + 1), "the training rows changed"),
        ({}, (X, (y + 1) % 3), "the training rows changed"),
        ({}, (X, y, None, X[::2], y[::2]), "the folds changed"),
        ({"cv": 2}, (), "the parameter cv was null and is 2"),
    ],
)
def test_another_fit_is_told_by_a_warning_and_starts_anew(params, given, reason, tmp_path, writes):
    broken_off(tmp_path / "file", writes)
    with pytest.warns(
        UserWarning, match=f"of another fit: .*{reason}.*Training starts anew"
    ) as told:
        net = fit(tmp_path / "file", given, **params)
    assert len([each for each in told if "checkpoint" in str(each.message)]) == 1
    assert told[0].filename == __file__
    rows = (given or (X, y))[0]
    expected = quick(**params).fit(*(given or (X, y)))
    assert_same_fit(fitted_values(net, rows), fitted_values(expected, rows))


@pytest.mark.parametrize("name", ["skdnn", "numpy", "scipy", "sklearn"])
def test_other_versions_start_anew(name, tmp_path, writes, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in (tmp_path / "file", folder):
        broken_off(path, writes)
        with monkeypatch.context() as patch:
            patch.setattr(f"{name}.__version__", "0.0.0")
            with pytest.warns(UserWarning, match=f"the version of {name} was .* and is 0.0.0"):
                fit(path)


def test_threads_and_what_is_printed_may_be_others(tmp_path, writes):
    broken_off(tmp_path / "file", writes)
    fit(tmp_path / "file", n_jobs=2, verbose=True, store_oof=True)
    assert writes.number == N_FILES - 2


def test_the_file_of_a_fit_that_is_done_gives_way_without_a_warning(tmp_path):
    fit(tmp_path / "file")
    assert_same_fit(
        fitted_values(fit(tmp_path / "file", max_iter=3), X),
        fitted_values(quick(max_iter=3).fit(X, y), X),
    )


def test_the_same_call_returns_the_result_of_a_fit_that_is_done(tmp_path, writes):
    done = fitted_values(fit(tmp_path / "file", warm_start=True), X)
    writes.number = 0
    again = fit(tmp_path / "file", warm_start=True)
    assert writes.number == 0
    assert_same_fit(fitted_values(again, X), done)
    plain = quick(warm_start=True).fit(X, y).fit(X, y)
    assert_same_fit(fitted_values(again.fit(X, y), X), fitted_values(plain, X))  # with its memory


def test_without_a_fixed_random_state_nothing_is_written_and_a_warning_says_so(tmp_path):
    with pytest.warns(UserWarning, match="Set random_state to an integer"):
        fit(tmp_path / "file", random_state=None)
    assert list(tmp_path.iterdir()) == []
    drawn = fit(tmp_path / "file", random_state=np.random.RandomState(0))
    again = fit(tmp_path / "file", random_state=np.random.RandomState(0))
    assert_same_fit(fitted_values(again, X), fitted_values(drawn, X))


def test_a_damaged_file_falls_back_to_the_previous_one(tmp_path, writes):
    plain = fitted_values(quick().fit(X, y), X)
    path = tmp_path / "file"
    broken_off(path, writes, last=3)
    complete = path.read_bytes()
    rng = np.random.default_rng(0)
    flipped = bytearray(complete)
    flipped[rng.integers(len(complete))] ^= 4
    damages = {"nothing": b"", "half": complete[: len(complete) // 2], "a bit": bytes(flipped)}
    damages |= {"the end": complete[:-1], "more": complete + b"x"}
    previous = checkpoint_file.previous_of(path).read_bytes()
    names = ["file.unreadable", *(f"file.unreadable-{number}" for number in range(2, 10))]
    for name, (damage, content) in zip(names, damages.items(), strict=False):
        path.write_bytes(content)
        checkpoint_file.previous_of(path).write_bytes(previous)
        writes.number = 0
        with pytest.warns(UserWarning, match="cannot be used: .* resumes from the previous"):
            net = fit(path)
        assert writes.number == N_FILES - 2, damage  # the previous one was the second
        assert_same_fit(fitted_values(net, X), plain)
        assert path.with_name(name).read_bytes() == content
    for name, content in zip(names, damages.values(), strict=False):  # none replaced another
        assert path.with_name(name).read_bytes() == content


def test_two_damaged_files_are_said_and_training_starts_anew(tmp_path, writes):
    path = tmp_path / "file"
    broken_off(path, writes)
    for each in (path, checkpoint_file.previous_of(path)):
        each.write_bytes(each.read_bytes()[:-5])
    with pytest.warns(UserWarning, match="it is truncated.*it is truncated.* starts anew"):
        net = fit(path)
    assert_same_fit(fitted_values(net, X), fitted_values(quick().fit(X, y), X))


@pytest.mark.parametrize("name", ["file", "file.previous"])
@pytest.mark.parametrize("content", [b"my own file, which is longer than that", b"short"])
def test_a_file_that_never_was_a_checkpoint_is_refused_and_left_alone(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is not a checkpoint.*another path"):
        fit(tmp_path / "file")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [(name, content)]


def cannot_be_renamed(path, monkeypatch):
    original = os.replace

    def replace(source, target):
        if ".unreadable" in str(target):
            raise PermissionError(13, "Permission denied")
        original(source, target)

    monkeypatch.setattr("os.replace", replace)


def cannot_be_read(path, monkeypatch):
    original = training_checkpoint.load

    def load(given):
        if given == path:
            raise OSError(5, "Input/output error")
        return original(given)

    monkeypatch.setattr(training_checkpoint, "load", load)


@pytest.mark.parametrize("trouble", [cannot_be_renamed, cannot_be_read])
@pytest.mark.parametrize("name", ["file", "file.previous"])
def test_a_file_that_can_be_neither_read_nor_set_aside_is_not_overwritten(
    trouble, name, tmp_path, writes, monkeypatch
):
    broken_off(tmp_path / "file", writes)
    (tmp_path / "file").write_bytes((tmp_path / "file").read_bytes()[:-1])
    if name == "file.previous":
        os.replace(tmp_path / "file", tmp_path / name)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    trouble(tmp_path / name, monkeypatch)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        net = fit(tmp_path / "file")
    (message,) = [str(each.message) for each in told if "heckpoint" in str(each.message)]
    assert "No checkpoint is written" in message
    assert writes.number == 0
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
    assert_same_fit(fitted_values(net, X), fitted_values(quick().fit(X, y), X))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("order.0", lambda order: np.where(order == order[0], 10**9, order)),
        ("order.1", lambda order: np.where(order == order[0], order[1], order)),
        ("order.1", lambda order: order[:-1]),
        ("order.1", lambda order: order.astype(np.float64)),
        ("members", lambda members: members + 1),
        ("members", lambda members: members - 1),
        ("members", lambda members: members[::-1]),
        ("members", lambda members: members * 0),
        ("members", lambda members: members.astype(np.float64)),
        ("members", lambda members: members[:, None]),
    ],
)
def test_row_and_member_numbers_of_a_checkpoint_are_checked(name, change, tmp_path, writes):
    path = tmp_path / "file"
    broken_off(path, writes)
    contents = checkpoint_file.load(path)
    name = f"ensemble.{name}"
    forged = {**contents.arrays, name: change(contents.arrays[name])}
    checkpoint_file.save(path, contents._replace(arrays=forged))
    with pytest.raises(ValueError, match="of the checkpoint"):
        fit(path)


def test_the_saved_state_is_not_kept_while_training_goes_on(tmp_path, writes):
    identity = {"fit": "1"}
    contents = checkpoint_file.Contents(identity, False, {"a": np.zeros(3)})
    checkpoint_file.save(tmp_path / "file", contents)
    checkpoint = training_checkpoint.TrainingCheckpoint(tmp_path / "file", identity, 3600, None)
    assert checkpoint.saved.keys() == {"a"}
    checkpoint.offer(dict)
    assert checkpoint.saved is None


def test_where_only_the_previous_file_is_left_it_is_used(tmp_path, writes):
    path = tmp_path / "file"
    broken_off(path, writes)
    os.replace(path, checkpoint_file.previous_of(path))  # killed between the two renames
    net = fit(path)
    assert writes.number == N_FILES - 2
    assert_same_fit(fitted_values(net, X), fitted_values(quick().fit(X, y), X))


def without_disk(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    return tmp_path / "file"


def without_folder(tmp_path, monkeypatch):
    return tmp_path / "missing" / "file"


def a_file_as_folder(tmp_path, monkeypatch):
    (tmp_path / "taken").write_bytes(b"")
    return tmp_path / "taken" / "file"


@pytest.mark.parametrize("trouble", [without_disk, without_folder, a_file_as_folder])
@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
def test_a_file_that_cannot_be_written_gives_one_warning_and_the_fit_ends_well(
    trouble, solver, tmp_path, monkeypatch
):
    plain = fitted_values(quick(solver=solver).fit(X, y), X)
    path = trouble(tmp_path, monkeypatch)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        net = fit(path, solver=solver, n_jobs=2)
    messages = [str(each.message) for each in told if each.category is UserWarning]
    assert len([message for message in messages if "could not be written" in message]) == 1
    assert_same_fit(fitted_values(net, X), plain)
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_full_disk_leaves_the_file_of_before(tmp_path, writes, monkeypatch):
    path = tmp_path / "file"
    broken_off(path, writes)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        without_disk(tmp_path, patch)
        with pytest.warns(UserWarning, match="No space left"):
            fit(path)
    assert path.read_bytes() == before
    assert_same_fit(fitted_values(fit(path), X), fitted_values(quick().fit(X, y), X))


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        (Checkpoint(None), "'path' parameter of Checkpoint must be an instance of 'str' or"),
        (Checkpoint(3), "'path' parameter of Checkpoint"),
        (Checkpoint("never", every=None), "'every' parameter of Checkpoint"),
        (Checkpoint("never", every=-1), "'every' parameter of Checkpoint"),
        (Checkpoint("never", every_epochs=0), "'every_epochs' parameter of Checkpoint"),
        (Checkpoint("never", every_epochs=1.5), "'every_epochs' parameter of Checkpoint"),
    ],
)
def test_what_a_checkpoint_cannot_be_is_refused_at_the_start(checkpoint, message):
    with pytest.raises(ValueError, match=message):
        quick().set_callbacks(checkpoint).fit(X, y)


def test_a_checkpoint_of_a_search_is_told_to_go_to_the_network(tmp_path):
    search = GridSearchCV(quick(), {"alpha": [0]}).set_callbacks(Checkpoint(tmp_path))
    with pytest.raises(TypeError, match="not of GridSearchCV: set it on the network inside"):
        search.fit(X, y)


def test_one_checkpoint_is_enough(tmp_path):
    both = Checkpoint(tmp_path / "1"), Checkpoint(tmp_path / "2")
    with pytest.raises(ValueError, match="one Checkpoint"):
        quick().set_callbacks(*both).fit(X, y)


def test_every_counts_seconds_and_every_epochs_counts_epochs(tmp_path, writes, monkeypatch):
    fit(tmp_path / "1", every=3600)
    assert writes.number == 1  # the result
    writes.number = 0
    quick(max_iter=7).set_callbacks(Checkpoint(tmp_path / "2", every_epochs=3)).fit(X, y)
    assert writes.number == 3  # after the epochs 3 and 6, and the result
    now = [0]
    clock = types.SimpleNamespace(monotonic=lambda: now[0])

    class Tick(EarlyStopping):  # an epoch takes ten seconds
        def on_fit_task_end(self, estimator, context):
            now[0] += 10 * (context.task_name == "epoch")

    monkeypatch.setattr(training_checkpoint, "time", clock)
    writes.number = 0
    fit(tmp_path / "3", (), [Tick()], every=20, max_iter=9, n_iter_no_change=9)
    assert writes.number == 5  # after 20, 40, 60 and 80 seconds, and the result


@pytest.mark.parametrize(
    ("is_folder", "backend"),
    [
        (False, "threading"),
        (True, "threading"),
        pytest.param(False, "loky", marks=pytest.mark.slow),
        pytest.param(True, "loky", marks=pytest.mark.slow),
    ],
)
def test_a_search_whose_fits_share_a_path_loses_no_candidate(is_folder, backend, tmp_path):
    import joblib

    path = tmp_path / "path"
    if is_folder:
        path.mkdir()
    grid = {"alpha": [0, 0.1, 1]}
    plain = GridSearchCV(quick(), grid, cv=2).fit(X, y)
    net = quick().set_callbacks(Checkpoint(path, 0))
    search = GridSearchCV(net, grid, cv=2, n_jobs=2, error_score="raise")
    with warnings.catch_warnings(), joblib.parallel_config(backend):
        warnings.simplefilter("ignore")  # of files of other fits
        search.fit(X, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(search.predict_proba(X), plain.predict_proba(X))
    if is_folder:
        assert len(list(path.iterdir())) == 7  # 3 x 2 fits and the last one on all rows
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_search_that_was_broken_off_goes_on(tmp_path, writes):
    def search():
        net = quick().set_callbacks(Checkpoint(tmp_path, 0))
        return GridSearchCV(net, {"alpha": [0, 0.1]}, cv=2).fit(X, y)

    writes.last = 2 * N_FILES + 3
    with pytest.raises(BrokenOff):
        search()
    writes_before, writes.last, writes.number = writes.number, None, 0
    found = search()
    assert writes.number == 5 * N_FILES - writes_before
    plain = GridSearchCV(quick(), {"alpha": [0, 0.1]}, cv=2).fit(X, y)
    np.testing.assert_array_equal(found.predict_proba(X), plain.predict_proba(X))


def test_threads_that_fit_the_same_share_a_file(tmp_path):
    fits, plain = [], fitted_values(quick().fit(X, y), X)

    def work():
        fits.append(fitted_values(fit(tmp_path, n_jobs=1), X))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fits) == 4
    for each in fits:
        assert_same_fit(each, plain)


def test_a_checkpoint_can_be_copied_and_pickled(tmp_path):
    checkpoint = Checkpoint(tmp_path / "file", 5, 2)
    assert vars(pickle.loads(pickle.dumps(checkpoint))) == vars(checkpoint)


def test_partial_fit_writes_none(tmp_path):
    net = quick().set_callbacks(Checkpoint(tmp_path / "file", 0))
    net.partial_fit(X, y, classes=[0, 1, 2])
    assert list(tmp_path.iterdir()) == []


def test_unfinished_files_of_processes_killed_long_ago_are_removed_and_no_others(tmp_path):
    digits = "0123456789abcdef"
    old, new = (tmp_path / f"file.{name}.tmp" for name in (digits, digits[::-1]))
    names = "other.tmp", "file.a.tmp", "file.notes.tmp", f"file.{digits}.more.tmp"
    names += f"file.{digits.upper()}.tmp", f"file.{digits}0.tmp", f"a.file.{digits}.tmp", "file.tmp"
    others = [tmp_path / name for name in names]
    for path in (old, new, *others):
        path.write_bytes(b"")
    for path in (old, *others):
        os.utime(path, (0, time.time() - 10_000))
    fit(tmp_path / "file")
    assert {*tmp_path.iterdir()} == {tmp_path / "file", new, *others}


def test_a_done_file_without_an_array_is_set_aside(tmp_path, writes):
    path = tmp_path / "file"
    expected = fitted_values(fit(path), X)
    contents = checkpoint_file.load(path)
    for name in ("params", "n_steps", "train_loss", "has_converged"):
        forged = {key: array for key, array in contents.arrays.items() if key != name}
        checkpoint_file.save(path, contents._replace(arrays=forged))
        checkpoint_file.previous_of(path).unlink()
        with pytest.warns(UserWarning, match=rf"no arrays \['{name}'\].*It is kept as.*anew"):
            assert_same_fit(fitted_values(fit(path), X), expected)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_checkpoints_at_a_symbolic_link_are_where_it_leads_to(tmp_path, writes):
    there, link = tmp_path / "there", tmp_path / "link"
    there.mkdir()
    link.symlink_to(there / "file")
    unbroken = fit(tmp_path / "unbroken")
    broken_off(link, writes, last=3)
    assert link.is_symlink()
    assert sorted(each.name for each in there.iterdir()) == ["file", "file.previous"]
    assert_same_fit(fitted_values(fit(link), X), fitted_values(unbroken, X))
    assert [each.name for each in there.iterdir()] == ["file"]
    assert not (tmp_path / "link.previous").exists()
