"""Progress is shown where somebody sees it, as one line, and changes nothing else."""

import contextlib
import io
import logging
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from skdnn import DeepNetClassifier
from skdnn.estimator import progress

X, y = load_iris(return_X_y=True)
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 6, "random_state": 0, "n_members": 2}


def quick(**kwargs):
    return DeepNetClassifier(**{**QUICK, **kwargs})


class Terminal(io.StringIO):
    """A stream on which a person looks."""

    def isatty(self):
        return True

    def screen(self):
        """Return what can be read in the end."""
        lines = []
        for line in self.getvalue().split("\n"):
            shown = ""
            for part in line.split("\r"):
                shown = part + shown[len(part) :]
            lines.append(shown.rstrip())
        return "\n".join(lines)


class ClosedTerminal(Terminal):
    def write(self, text):
        raise OSError(5, "Input/output error")


Notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})


@contextlib.contextmanager
def session(monkeypatch, stderr=None, stdout=None, long=-1.0):
    """As in an interactive session in which fits of more than ``long`` seconds are long."""
    with monkeypatch.context() as patch:
        patch.setattr(logging.getLogger("skdnn"), "disabled", True)  # "compiling ..."
        patch.setattr(sys, "stderr", stderr or io.StringIO())
        patch.setattr(sys, "stdout", stdout or io.StringIO())
        for name, value in (("LONG", long), ("FIRST_LOOK", 0.0), ("PAUSE", 0.0)):
            patch.setattr(progress, name, value)
        yield


def test_a_long_fit_shows_one_line_on_a_terminal_and_removes_it(monkeypatch):
    terminal = Terminal()
    with session(monkeypatch, terminal):
        net = quick().fit(X, y)
        assert sys.stdout.getvalue() == ""
    shown = [part.rstrip() for part in terminal.getvalue().split("\r") if part.strip()]
    number = r"\d\.\d{4}"
    pattern = rf"epoch (\d)/6  loss {number}  validation loss {number}  (\d+ min )?\d+ s left"
    assert [re.fullmatch(pattern, line)[1] for line in shown] == list("123456")
    assert f"loss {net.loss_:.4f}" in shown[-1]
    assert "\n" not in terminal.getvalue()
    assert terminal.screen() == ""


def test_a_long_fit_shows_one_line_in_a_notebook(monkeypatch):
    notebook = Notebook()
    with session(monkeypatch, stdout=notebook):
        quick().fit(X, y)
        assert sys.stderr.getvalue() == ""
    assert notebook.getvalue().count("\repoch ") == 6


@pytest.mark.parametrize("kind", ["not interactive", "short", "silenced", "no stream"])
def test_no_line_is_shown_where_none_is_wanted(kind, monkeypatch):
    stream = io.StringIO() if kind == "not interactive" else Terminal()
    with session(monkeypatch, stream, long=np.inf if kind == "short" else -1.0):
        if kind == "no stream":
            monkeypatch.setattr(sys, "stderr", None)  # as in pythonw
        quick(verbose=False if kind == "silenced" else "auto").fit(X, y)
        assert sys.stdout.getvalue() == ""
    assert stream.getvalue() == ""


def test_no_line_is_shown_in_threads(monkeypatch):
    terminal = Terminal()
    with session(monkeypatch, terminal), ThreadPoolExecutor(1) as pool:
        pool.submit(quick().fit, X, y).result()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_progress_does_not_change_a_bit(solver, n_members, monkeypatch):
    net = quick(solver=solver, n_members=n_members)
    expected = clone(net).set_params(verbose=False).fit(X, y)
    with session(monkeypatch, Terminal()):
        for verbose in ("auto", True):
            found = clone(net).set_params(verbose=verbose).fit(X, y)
            assert found.loss_curve_ == expected.loss_curve_
            np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))


def test_a_terminal_that_was_closed_does_not_end_a_fit(monkeypatch):
    with session(monkeypatch, ClosedTerminal()):
        assert quick().fit(X, y).n_iter_ == 6


def test_the_line_is_removed_when_training_ends_in_an_error(monkeypatch):
    def fail(estimator, X, y):
        terminal.n_calls += 1
        if terminal.n_calls > 4:  # two members, third epoch
            raise RuntimeError("no score")
        return 0.5

    terminal = Terminal()
    terminal.n_calls = 0
    with session(monkeypatch, terminal), pytest.raises(RuntimeError, match="no score"):
        quick(scoring=fail, n_jobs=1).fit(X, y)
    assert terminal.getvalue().count("epoch") == 2
    assert terminal.screen() == ""


@pytest.mark.skipif(find_spec("sklearn.callback") is None, reason="new in scikit-learn 1.9")
def test_the_line_is_left_to_callbacks_that_show_something(monkeypatch, tmp_path):
    from skdnn.callbacks import Checkpoint, EarlyStopping, LossProgress

    for callbacks, n_lines in [
        ([EarlyStopping(), Checkpoint(tmp_path / "file")], 6),
        ([LossProgress(io.StringIO())], 0),
    ]:
        terminal = Terminal()
        with session(monkeypatch, terminal):
            quick().set_callbacks(*callbacks).fit(X, y)
        assert terminal.getvalue().count("epoch") == n_lines


@pytest.mark.skipif(find_spec("sklearn.callback") is None, reason="new in scikit-learn 1.9")
def test_the_line_is_left_to_the_callbacks_of_a_search(monkeypatch):
    class Silent:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context): ...

    for callbacks, n_lines in ([], 3 * 6), ([Silent()], 0):
        terminal = Terminal()
        search = GridSearchCV(quick(), {"alpha": [0.0]}, cv=2).set_callbacks(*callbacks)
        with session(monkeypatch, terminal):
            search.fit(X, y)
        assert terminal.getvalue().count("epoch") == n_lines


def test_a_long_line_is_cut_to_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    progress.write_over(terminal, "x" * 50)
    progress.write_over(terminal, "short")
    assert terminal.screen() == "short"
    assert max(map(len, terminal.getvalue().split("\r"))) == 19


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(progress, "monotonic", lambda: self.now)


@pytest.mark.parametrize(
    ("seconds_an_epoch", "n_epochs", "first"),
    [
        (0.6, 20, 4),  # 12 s, and 2 s have passed after four
        (0.45, 20, None),  # 9 s
        (3.0, 5, 1),
        (11.0, 1, None),  # nothing is left to wait for
        (0.01, 900, None),
        (0.01, 1200, 200),
    ],
)
def test_a_fit_of_more_than_ten_seconds_is_long_and_two_tell(
    seconds_an_epoch, n_epochs, first, monkeypatch
):
    clock, terminal = Clock(monkeypatch), Terminal()
    line, time_left = progress.ProgressLine(terminal), progress.RemainingTime(n_epochs)
    shown_first = None
    for number in range(n_epochs):
        clock.now += seconds_an_epoch * (1 + 1e-9)
        line.show(number, n_epochs, np.ones((3, 2)), time_left.after(number))
        if shown_first is None and terminal.getvalue():
            shown_first = number + 1
    line.close()
    assert shown_first == first
    assert terminal.screen() == ""


def test_the_encoding_of_the_table_counts_too(monkeypatch):
    clock, terminal = Clock(monkeypatch), Terminal()
    line = progress.ProgressLine(terminal)
    clock.now += 9
    time_left = progress.RemainingTime(3)
    clock.now += 1
    line.show(0, 3, np.ones((3, 2)), time_left.after(0))
    assert "epoch 1/3  loss 1.0000  validation loss 1.0000  2 s left" in terminal.getvalue()


def test_the_line_is_written_a_few_times_a_second(monkeypatch):
    clock, terminal = Clock(monkeypatch), Terminal()
    line = progress.ProgressLine(terminal)
    for number in range(300):
        clock.now += 0.01
        line.show(number, 10**6, np.ones((3, 2)), 1e4)
    assert 5 <= terminal.getvalue().count("epoch") <= 11


def test_the_time_left_is_that_of_the_recent_epochs(monkeypatch):
    clock = Clock(monkeypatch)
    time_left = progress.RemainingTime(20)
    found = []
    for number, seconds in enumerate([30, 2, 2, 2, 2, 7, 7]):
        clock.now += seconds
        found.append(time_left.after(number))
    assert found[:2] == [30 * 19, 2 * 18]  # the first may compile
    assert found[-1] == (2 * 3 + 7 * 2) / 5 * 13


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7500, "2 h 05 min")],
)
def test_times_are_written_as_people_read_them(seconds, text):
    assert progress.duration(seconds) == text


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_table_has_the_same_columns_if_training_diverges(early_stopping, capsys):
    rate = {"solver": "sgd", "learning_rate_init": 1e3, "alpha": 0}
    given = {"early_stopping": early_stopping, "n_members": 1, "max_iter": 12}
    quick(**rate, **given, verbose=1).fit(X, y)
    rows = [re.split("  +", line.strip()) for line in capsys.readouterr().out.splitlines()]
    assert "nan" in [row[1] for row in rows]
    assert {len(row) for row in rows} == {5 if early_stopping else 3}


def test_a_table_of_losses_that_are_all_nan_has_a_column_of_them(capsys):
    table = progress.LossTable()
    table.show(0, 9, np.full((3, 2), np.nan), 1.0)
    table.show(1, 9, np.ones((3, 2)), 1.0)
    lines = [re.split("  +", line.strip()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["Iteration", "loss", "time left"]
    assert [line[1] for line in lines[1:]] == ["nan", "1.000000"]


def test_lines_of_parallel_fits_in_threads_are_labelled(capsys):
    fits = [delayed(quick(verbose=1, random_state=seed).fit)(X, y) for seed in (0, 1)]
    Parallel(n_jobs=2, backend="threading")(fits)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 7
    labels = {re.match(r"\[(.+?)\] +(Iteration|\d/6) ", line)[1] for line in lines}
    assert labels.isdisjoint({threading.main_thread().name, ""})


def test_lines_of_a_search_in_processes_are_labelled_and_automatic_ones_are_not_shown():
    code = """
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skdnn import DeepNetClassifier
from skdnn.estimator import progress

def fit(verbose):
    progress.LONG, progress.FIRST_LOOK, progress._is_terminal = -1, 0, lambda stream: True
    net = DeepNetClassifier((8,), max_iter=2, n_members=2, random_state=0, verbose=verbose)
    return net.fit(*load_iris(return_X_y=True)).n_iter_

from joblib import Parallel, delayed
Parallel(n_jobs=2)(delayed(fit)(verbose) for verbose in (True, True, "auto", "auto"))
"""
    environment = {**os.environ, "SKDNN_NUMBA": "0"}  # compiles nothing, and says nothing
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    lines = result.stdout.splitlines()
    assert len(lines) == 2 * 3
    assert all(re.match(r"\[process \d+\] +(Iteration|\d/2) ", line) for line in lines)
    assert result.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_script_in_a_real_terminal_shows_the_line_and_leaves_what_it_prints():
    import pty

    code = """
from sklearn.datasets import load_iris
from skdnn import DeepNetClassifier
from skdnn.estimator import progress
progress.LONG, progress.FIRST_LOOK = -1, 0
net = DeepNetClassifier((8,), max_iter=20, n_members=2, random_state=0)
print(net.fit(*load_iris(return_X_y=True)).n_iter_)
"""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "SKDNN_NUMBA": "0"}  # compiles nothing, and says nothing
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    written = b""
    with contextlib.suppress(OSError):  # at the end
        while part := os.read(ours, 4096):
            written += part
    os.close(ours)
    assert process.wait() == 0
    terminal = Terminal()
    terminal.write(written.decode().replace("\r\n", "\n"))
    assert re.search(r"\repoch \d+/20  loss ", terminal.getvalue())
    assert terminal.screen().splitlines() == ["20"]
