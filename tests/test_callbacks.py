import copy
import importlib.util
import io
import pickle
import re
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from skdnn import DeepNetClassifier
from skdnn.callbacks import Checkpoint, EarlyStopping, LossProgress

X, y = load_iris(return_X_y=True)
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 6, "random_state": 0, "n_members": 2}


def quick(**kwargs):
    return DeepNetClassifier(**{**QUICK, **kwargs})


class Recorder:
    """Keeps (hook, task, number, thread) and what the estimator shows."""

    def __init__(self, max_propagation_depth=None, stop_after=None):
        self.events, self.shown, self.threads, self.stop_after = [], [], set(), stop_after

    def __getstate__(self):
        return {**vars(self), "threads": set()}

    def _note(self, hook, context):
        self.threads.add(threading.current_thread())
        self.events.append((hook, context.task_name, context.task_id))

    def setup(self, estimator, context):
        self._note("setup", context)

    def teardown(self, estimator, context):
        self._note("teardown", context)

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self._note("begin", context)
        self.passed = X, y, metadata

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self._note("end", context)
        self.shown.append((estimator.n_iter_, list(estimator.loss_curve_), fitted_estimator))
        return context.task_name == "epoch" and estimator.n_iter_ == self.stop_after


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Keep(Recorder):
    """Keeps the fitted estimator of the last epoch, as a pickle."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.saved = pickle.dumps(fitted_estimator)


class Propagated(Recorder):
    max_propagation_depth = None


needs_callbacks = pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is None,
    reason="scikit-learn has callbacks since 1.9",
)


@needs_callbacks
def test_hooks_are_called_around_the_fit_and_every_epoch_on_the_main_thread():
    recorder = Recorder()
    net = quick(n_jobs=2).set_callbacks(recorder).fit(X, y, sample_weight=np.ones(150))
    epochs = [(hook, "epoch", i) for i in range(6) for hook in ("begin", "end")]
    around = [("setup", "fit", 0), ("begin", "fit", 0)], [("end", "fit", 0), ("teardown", "fit", 0)]
    assert recorder.events == [*around[0], *epochs, *around[1]]
    assert recorder.threads == {threading.main_thread()}
    assert recorder.passed[0] is X
    assert recorder.passed[1] is y
    assert list(recorder.passed[2]) == ["sample_weight"]
    assert [n_iter for n_iter, *_ in recorder.shown] == [1, 2, 3, 4, 5, 6, 6]
    for n_iter, curve, _ in recorder.shown:
        assert curve == pytest.approx(net.loss_curve_[:n_iter])


@needs_callbacks
@pytest.mark.parametrize("early_stopping", [True, False])
def test_the_fitted_estimator_after_an_epoch_is_that_of_a_fit_that_stopped_there(early_stopping):
    recorder = Recorder()
    kwargs = {"early_stopping": early_stopping, "learning_rate": "constant", "tol": 0}
    kwargs["refit_fraction"] = 0
    quick(**kwargs).set_callbacks(recorder).fit(X, y)
    for n_epochs in (2, 5):
        short = quick(**kwargs)
        short.set_params(max_iter=n_epochs).fit(X, y)
        short.temperature_ = 1.0
        found = recorder.shown[n_epochs - 1][2].predict_proba(X)
        np.testing.assert_allclose(found, short.predict_proba(X), rtol=1e-6)


@needs_callbacks
@pytest.mark.parametrize("n_members", [1, 2])
def test_the_fitted_estimator_after_an_epoch_can_be_saved_shown_and_trained_further(n_members):
    keep = Keep()
    quick(n_members=n_members).set_callbacks(keep).fit(X, y)
    loaded = [pickle.loads(keep.saved).set_callbacks() for _ in range(3)]
    assert len(str(loaded[0].summary()).splitlines()) > 3
    assert "<svg" in loaded[0]._repr_html_()
    assert len(loaded[1].partial_fit(X, y).loss_curve_) == 7
    assert len(loaded[2].set_params(warm_start=True).fit(X, y).loss_curve_) == 12


@needs_callbacks
@pytest.mark.parametrize("solver", ["adamw", "gd", "lbfgs"])
def test_a_callback_that_returns_true_ends_training(solver):
    recorder = Recorder(stop_after=3)
    net = quick(solver=solver, n_members=1).set_callbacks(recorder).fit(X, y)
    assert net.n_iter_ == len(net.loss_curve_) == 3
    assert recorder.events[-1] == ("teardown", "fit", 0)


@needs_callbacks
def test_callbacks_do_not_change_the_result():
    plain = quick().fit(X, y)
    watched = quick(n_jobs=1).set_callbacks(Recorder(), EarlyStopping()).fit(X, y)
    np.testing.assert_array_equal(plain.predict_proba(X), watched.predict_proba(X))
    assert plain.loss_curve_ == watched.loss_curve_


@needs_callbacks
def test_curves_start_anew_with_every_fit_and_go_on_under_warm_start():
    recorder = Recorder()
    net = quick(max_iter=2).set_callbacks(recorder).fit(X, y).fit(X, y)
    assert [len(curve) for _, curve, _ in recorder.shown] == [1, 2, 2, 1, 2, 2]
    net.set_params(warm_start=True).fit(X, y)
    assert [len(curve) for _, curve, _ in recorder.shown[6:]] == [3, 4, 4]
    assert [n_iter for n_iter, *_ in recorder.shown[6:]] == [1, 2, 2]


@needs_callbacks
def test_an_error_in_a_callback_leaves_the_estimator_as_it_was_and_tears_down():
    class Failing(Recorder):
        def on_fit_task_end(self, estimator, context):
            raise RuntimeError("full disk")

    net = quick().fit(X, y)
    before = set(vars(net)), net.predict_proba(X)
    failing = Failing()
    with pytest.raises(RuntimeError, match="full disk"):
        net.set_callbacks(failing).fit(X[:100], y[:100])
    assert failing.events[-1] == ("teardown", "fit", 0)
    assert set(vars(net.set_callbacks())) == before[0]
    np.testing.assert_array_equal(net.predict_proba(X), before[1])


@needs_callbacks
def test_propagated_callbacks_see_epochs_through_a_search_and_a_pipeline():
    recorder = Propagated()
    recorder.on_fit_task_end = lambda estimator, context: recorder._note("end", context)
    pipeline = make_pipeline(StandardScaler(), quick(max_iter=3))
    search = GridSearchCV(pipeline, {"deepnetclassifier__alpha": [0, 1]}, cv=2)
    search.set_callbacks(recorder).fit(X, y)
    ends = [event for event in recorder.events if event[:2] == ("end", "epoch")]
    assert [number for *_, number in ends] == [0, 1, 2] * 5  # 2 x 2 fits, and the refit
    assert not hasattr(search.best_estimator_[-1], "_parent_callback_ctx")


@needs_callbacks
def test_the_progress_bar_of_scikit_learn_shows_epochs(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    quick(max_iter=3).set_callbacks(ProgressBar()).fit(X, y)
    assert re.search(r"DeepNetClassifier - fit .*100%", capsys.readouterr().out)
    pipeline = make_pipeline(StandardScaler(), quick(max_iter=3))
    search = GridSearchCV(pipeline, {"deepnetclassifier__alpha": [0, 1]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    assert capsys.readouterr().out.count("DeepNetClassifier") >= 5


@needs_callbacks
def test_the_scoring_monitor_of_scikit_learn_scores_every_epoch():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    net = quick(n_members=1, n_iter_no_change=6).set_callbacks(monitor).fit(X, y)
    log = monitor.get_logs().data
    epochs = [row for row in log if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in epochs] == [0, 1, 2, 3, 4, 5]
    assert log[0]["accuracy"] == net.score(X, y)  # of the whole fit
    assert epochs[-1]["neg_log_loss"] > epochs[0]["neg_log_loss"]


@needs_callbacks
def test_early_stopping_stops_when_its_monitor_has_not_become_better():
    fast = {"learning_rate_init": 0.1, "max_iter": 200, "learning_rate": "constant"}
    for monitor, name, sign in [
        ("loss", "loss_curve_", 1),
        ("validation_loss", "validation_loss_curve_", 1),
        ("validation_score", "validation_scores_", -1),
    ]:
        stopping = EarlyStopping(monitor, patience=4)
        net = quick(**fast, n_iter_no_change=200, tol=0).set_callbacks(stopping).fit(X, y)
        curve = sign * np.array(getattr(net, name))
        assert net.n_iter_ < 200
        assert net.n_iter_ == curve.argmin() + 1 + 4


@needs_callbacks
def test_early_stopping_counts_nothing_below_min_delta():
    net = quick().set_callbacks(EarlyStopping("loss", patience=2, min_delta=100.0)).fit(X, y)
    assert net.n_iter_ == 3


@pytest.mark.parametrize(("min_delta", "stops"), [(0.0, False), (0.2, False), (0.3, True)])
@pytest.mark.parametrize(
    ("monitor", "name", "curve"),
    [
        ("loss", "loss_curve_", [1.0, 0.5, 0.25]),
        ("validation_loss", "validation_loss_curve_", [1.0, 0.5, 0.25]),
        ("validation_score", "validation_scores_", [0.0, 0.5, 0.75]),
    ],
)
def test_min_delta_is_the_smallest_change_of_any_monitor(monitor, name, curve, min_delta, stops):
    # The last epoch is better by a quarter.
    fit = SimpleNamespace(n_iter_=3, **{name: curve})
    stopping = EarlyStopping(monitor, patience=1, min_delta=min_delta)
    assert stopping.on_fit_task_end(fit, SimpleNamespace(task_name="epoch")) is stops


def stops(curve, **params):
    """Return whether EarlyStopping stops after a training loss curve."""
    shown = SimpleNamespace(loss_curve_=curve, n_iter_=len(curve))
    epoch = SimpleNamespace(task_name="epoch")
    return EarlyStopping("loss", **params).on_fit_task_end(shown, epoch)


def test_early_stopping_stops_neither_before_its_patience_ends_nor_for_a_nan_that_is_overcome():
    nan = np.nan
    going_on = [1.0], [1, 2], [3, 2, 1], [1, 1, 0.5], [nan, 0.6, 0.5], [nan, nan, 0.6]
    going_on += [0.6, nan, 0.5], [0.6, 0.5, nan], [nan, nan]
    assert [stops(curve, patience=2) for curve in going_on] == [False] * len(going_on)
    ended = [1, 1, 1], [1, 2, 3], [nan, nan, nan], [0.5, nan, nan], [0.5, nan, 0.6], [nan, 1, 2, 3]
    assert [stops(curve, patience=2) for curve in ended] == [True] * len(ended)
    assert stops([1, 0.9, 0.8], patience=2, min_delta=0.2)
    assert not stops([1, 0.9, 0.7], patience=2, min_delta=0.2)


@needs_callbacks
@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("monitor", ["auto", "loss"])
def test_callbacks_are_called_after_an_epoch_in_which_every_member_diverged(
    monitor, early_stopping
):
    recorder = Recorder()
    diverging = {"n_members": 1, "solver": "sgd", "learning_rate_init": 1e30, "max_iter": 40}
    net = quick(**diverging, batch_size=20, early_stopping=early_stopping)
    net.set_callbacks(EarlyStopping(monitor, patience=100), recorder, LossProgress(io.StringIO()))
    with pytest.raises(ValueError, match="diverged from the first epoch"):
        net.fit(X, y)
    assert len(recorder.shown) > 5
    assert np.isnan(recorder.shown[0][1]).all()
    assert np.isnan(recorder.shown[0][2].loss_)


@needs_callbacks
def test_early_stopping_chooses_its_monitor_and_says_what_it_lacks():
    plain = quick(early_stopping=False)
    assert plain.set_callbacks(EarlyStopping(patience=100)).fit(X, y).n_iter_ == 6
    with pytest.raises(ValueError, match="needs validation rows"):
        plain.set_callbacks(EarlyStopping("validation_loss")).fit(X, y)


@needs_callbacks
@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (
            EarlyStopping("speed"),
            "'monitor' parameter .* must be a str among .*'auto'.* Got 'speed'",
        ),
        (EarlyStopping(patience=0), "'patience' parameter .* must be an int .* Got 0"),
        (EarlyStopping(patience=1.5), "'patience' parameter .* must be an int .* Got 1.5"),
        (EarlyStopping(min_delta=-1.0), "'min_delta' parameter .* must be a float .* Got -1"),
        (EarlyStopping(min_delta="1"), "'min_delta' parameter .* must be a float .* Got '1'"),
    ],
    ids=lambda item: item if isinstance(item, str) else type(item).__name__,
)
def test_what_a_callback_cannot_do_is_refused_before_the_first_epoch(callback, message):
    seen = Recorder()
    with pytest.raises(ValueError, match=message):
        quick().set_callbacks(seen, callback).fit(X, y)
    assert "epoch" not in [task for _, task, _ in seen.events]


@needs_callbacks
def test_loss_progress_writes_one_line_over_and_over():
    out = Terminal()
    net = quick().set_callbacks(LossProgress(out)).fit(X, y)
    *lines, last = out.getvalue().split("\r")[1:]
    assert len(lines) == 5
    assert last.endswith("\n")
    assert "\n" not in "".join(lines)
    expected = f"epoch 6/6  loss {net.loss_:.4f}  validation loss "
    assert last.startswith(expected)


@needs_callbacks
def test_loss_progress_writes_a_line_for_each_epoch_to_a_file():
    out = io.StringIO()
    quick().set_callbacks(LossProgress(out)).fit(X, y)
    assert "\r" not in out.getvalue()
    epochs = [line.split()[1] for line in out.getvalue().splitlines()]
    assert epochs == [f"{number}/6" for number in range(1, 7)]


@needs_callbacks
def test_callbacks_survive_cloning_and_pickling():
    net = quick().set_callbacks(EarlyStopping("loss", patience=2, min_delta=100.0))
    assert clone(net).fit(X, y).n_iter_ == 3
    assert pickle.loads(pickle.dumps(net.fit(X, y))).fit(X, y).n_iter_ == 3


@needs_callbacks
@pytest.mark.parametrize("kind", ["open file", "stream of text", "standard error"])
def test_a_stream_to_show_losses_on_does_not_keep_a_network_from_being_copied(kind, tmp_path):
    opened = {"stream of text": io.StringIO, "standard error": lambda: sys.stderr}
    file = opened.get(kind, lambda: (tmp_path / "losses.txt").open("w"))()
    net = quick().set_callbacks(LossProgress(file)).fit(X, y)
    loaded, copied = pickle.loads(pickle.dumps(net)), copy.deepcopy(net)
    for other in (loaded, copied, clone(net).fit(X, y)):
        np.testing.assert_array_equal(other.predict_proba(X), net.predict_proba(X))
    assert copied._skl_callbacks[0].file is file
    assert loaded._skl_callbacks[0].file is None
    if kind == "open file":
        file.close()


@needs_callbacks
def test_losses_of_a_loaded_network_go_to_the_standard_output(capsys):
    stream = io.StringIO()
    net = pickle.loads(pickle.dumps(quick().set_callbacks(LossProgress(stream))))
    copy.deepcopy(net).fit(X, y)
    assert stream.getvalue() == ""
    assert capsys.readouterr().out.count("epoch ") == 6


@needs_callbacks
def test_searches_in_processes_take_callbacks_along():
    net = quick().set_callbacks(EarlyStopping("loss", patience=2, min_delta=100.0))
    search = GridSearchCV(net, {"alpha": [0, 1]}, cv=2, n_jobs=2).fit(X, y)
    assert search.best_estimator_.n_iter_ == 3


@needs_callbacks
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_it_passes_every_check_of_scikit_learn_with_callbacks_set(tmp_path):
    from sklearn.callback import ScoringMonitor

    net = DeepNetClassifier(n_members=2, random_state=0)
    net.set_callbacks(
        EarlyStopping(patience=100),
        LossProgress(io.StringIO()),
        Checkpoint(tmp_path, every_epochs=5),
        ScoringMonitor(scoring="accuracy"),
    )
    results = check_estimator(net, on_skip=None, on_fail=None)
    failed = [r for r in results if r["status"] not in ("passed", "skipped")]
    assert [(r["check_name"], r["exception"]) for r in failed] == []


@needs_callbacks
def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match="FitCallback"):
        quick().set_callbacks(print)


def test_without_scikit_learns_callbacks_it_fits_prints_and_says_what_is_needed():
    code = """
import sys
import numpy as np
import skdnn  # and with it what it needs of scikit-learn
for name in [name for name in sys.modules if name.split(".")[0] == "skdnn"]:
    del sys.modules[name]
sys.modules["sklearn.callback"] = None  # as before scikit-learn 1.9
from skdnn import DeepNetClassifier
from skdnn.callbacks import EarlyStopping
net = DeepNetClassifier(n_members=2, max_iter=2, verbose=1).set_callbacks()
net.fit(np.eye(8), [0, 1] * 4)
try:
    net.set_callbacks(EarlyStopping())
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    head, first, second, message = result.stdout.splitlines()
    assert head.split()[:4] == ["Iteration", "loss", "validation", "loss"]
    assert len(head) == len(first) == len(second)
    assert [line.split()[0] for line in (first, second)] == ["1/2", "2/2"]
    assert message.startswith("set_callbacks needs scikit-learn 1.9 or later, but this is")
