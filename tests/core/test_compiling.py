import hashlib
import importlib
import importlib.util
import inspect
import logging
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from itertools import count

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skdnn import DeepNetClassifier
from skdnn.core import compiling, elementary, layer_kernels
from skdnn.core.activations import ACTIVATIONS, Activation
from skdnn.core.compiling import Kernel, backend, has_numba
from skdnn.core.dropout import NO_KEYS, draw
from skdnn.core.layer_kernels import finisher
from skdnn.core.tape import Tape

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
needs_alarms = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no alarms")
NUMBERS = count()


def double(array):
    for i in range(array.size):
        array[i] *= 2


def triple(array):
    array *= 3


def result_of(kernel, dtype=np.float64):
    """Return what the compiled loop makes of a 1."""
    array = np.ones(3, dtype)
    kernel.compiled_for((array,))(array)
    return array[0]


def run_python(code, **environment):
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@needs_numba
def test_a_kernel_is_its_loop_when_compiled_and_its_twin_otherwise():
    kernel, array = Kernel(double, triple, is_cached=False), np.ones(3)
    kernel(array)
    assert array.tolist() == [3, 3, 3]
    assert result_of(kernel) == 2
    assert kernel.__name__ == "double"


@needs_numba
def test_a_kernel_is_compiled_once_for_each_kind_of_arguments():
    kernel = Kernel(double, triple, is_cached=False)
    dispatcher = kernel.compiled_for((np.ones(3),))
    assert kernel.compiled_for((np.ones((3, 4))[0],)) is dispatcher
    assert len(dispatcher.overloads) == 1
    for dtype in (np.float32, np.float64):
        assert result_of(kernel, dtype) == 2
    assert len(dispatcher.overloads) == 2
    with_calls = dispatcher.stats
    assert sum(with_calls.cache_hits.values()) == 0


@needs_numba
def test_a_call_compiles_nothing(monkeypatch):
    kernel, array = Kernel(double, triple, is_cached=False), np.ones(3)
    function = kernel.compiled_for((array,))
    monkeypatch.setattr(type(function), "compile", None)
    function(array)
    assert array[0] == 2


FIT = """
import logging
from sklearn.datasets import load_iris
from skdnn import DeepNetClassifier
from skdnn.core import compiling
X, y = load_iris(return_X_y=True)
net = DeepNetClassifier((4,), max_iter=2, n_members=2, random_state=0).fit(X, y)
print(compiling.backend(), net.predict_proba(X).shape)
"""
BROKEN_NUMBA = """
import sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "numba":
            raise {error}("libsvml.so: cannot open shared object file")
sys.meta_path.insert(0, Broken())
"""


@pytest.mark.parametrize(
    "error",
    [
        "OSError",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("ImportError", "KeyError")),
    ],
)
def test_a_numba_that_cannot_be_loaded_means_numpy(error):
    assert run_python(BROKEN_NUMBA.format(error=error) + FIT) == "numpy (150, 3)"


def test_an_environment_variable_switches_compiling_off():
    assert run_python(FIT, SKDNN_NUMBA="0") == "numpy (150, 3)"


@pytest.mark.parametrize(
    ("value", "is_wanted"),
    [("0", False), ("Off", False), ("no", False), ("FALSE", False), ("", True), ("1", True)],
)
def test_values_of_the_environment_variable(value, is_wanted, monkeypatch):
    monkeypatch.setattr(compiling, "_backend", None)
    monkeypatch.setenv("SKDNN_NUMBA", value)
    assert backend() == ("numba" if is_wanted and has_numba() else "numpy")
    monkeypatch.setenv("SKDNN_NUMBA", "0" if is_wanted else "1")
    assert backend() == ("numba" if is_wanted and has_numba() else "numpy")  # decided once


@needs_numba
def test_where_numba_may_not_compile_kernels_are_those_of_numpy(monkeypatch):
    import numba

    monkeypatch.setattr(compiling, "_backend", None)
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    assert backend() == "numpy"


def test_importing_the_package_does_not_import_numba():
    assert run_python("import sys, skdnn; print('numba' in sys.modules)") == "False"


def test_predicting_in_a_new_process_does_not_import_numba(tmp_path):
    X, y = load_iris(return_X_y=True)
    net = DeepNetClassifier(max_iter=2, n_members=2, random_state=0).fit(X, y)
    path = tmp_path / "net.pkl"
    path.write_bytes(pickle.dumps((net, X)))
    code = f"""
    import hashlib, pickle, sys
    with open({str(path)!r}, "rb") as file:
        net, X = pickle.load(file)
    print("numba" in sys.modules, hashlib.sha256(net.predict_proba(X).tobytes()).hexdigest())
    """
    ours = hashlib.sha256(net.predict_proba(X).tobytes()).hexdigest()
    assert run_python(code) == f"False {ours}"


@pytest.fixture
def on_disk(tmp_path, monkeypatch):
    """Return a function that makes kernels which are kept in a folder of the test's own."""
    import numba

    monkeypatch.setattr(compiling, "_is_cached", True)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    source = tmp_path / "loops.py"
    source.write_text("def loop(array):\n    for i in range(array.size):\n        array[i] *= 2\n")

    def make():
        """Load the loop anew, as another process would."""
        spec = importlib.util.spec_from_file_location(f"loops_{next(NUMBERS)}", source)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return Kernel(module.loop, triple)

    return make


def cached_files(tmp_path, suffix=""):
    return sorted(path for path in tmp_path.rglob(f"*{suffix}") if path.suffix in (".nbi", ".nbc"))


def was_found(kernel):
    return sum(kernel._dispatcher.stats.cache_hits.values())


@needs_numba
def test_what_is_compiled_is_kept_on_disk(on_disk, tmp_path):
    first, second = on_disk(), on_disk()
    assert result_of(first) == result_of(second) == 2
    assert (was_found(first), was_found(second)) == (0, 1)
    assert len(cached_files(tmp_path)) == 2
    assert compiling._is_cached


@needs_numba
@pytest.mark.parametrize("content", [b"", b"damaged", None])
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_damaged_files_are_compiled_anew(suffix, content, on_disk, tmp_path):
    result_of(on_disk())
    (path,) = cached_files(tmp_path, suffix)
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    damaged = on_disk()
    assert result_of(damaged) == 2
    assert result_of(damaged, np.float32) == 2


@needs_numba
@pytest.mark.parametrize("where", ["save_overload", "load_overload"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), EOFError(), KeyError()])
def test_a_full_or_broken_disk_does_not_keep_kernels_from_being_compiled(
    error, where, on_disk, monkeypatch
):
    from numba.core import caching

    def fail(*args):
        raise error

    monkeypatch.setattr(caching.FunctionCache, where, fail)
    kernel = on_disk()
    assert result_of(kernel) == 2
    assert result_of(kernel, np.float32) == 2
    assert not compiling._is_cached
    other = on_disk()
    assert result_of(other) == 2  # without another try


@needs_numba
def test_after_a_broken_disk_all_kinds_of_arguments_are_still_compiled(on_disk, monkeypatch):
    from numba.core import caching

    def fail(*args):
        raise OSError(5, "Input/output error")

    kernel, array = on_disk(), np.ones(3)
    first = kernel.compiled_for((array,))
    monkeypatch.setattr(caching.FunctionCache, "load_overload", fail)
    assert result_of(kernel, np.float32) == 2
    first(array)
    function = kernel.compiled_for((array,))
    monkeypatch.setattr(type(function), "compile", None)  # a call compiles nothing
    function(array)
    assert array[0] == 4


@needs_numba
def test_without_a_folder_for_what_is_compiled_it_is_compiled_all_the_same(
    on_disk, tmp_path, monkeypatch
):
    import numba

    def refuse(*args, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*args, **options)

    njit = numba.njit
    monkeypatch.setattr(numba, "njit", refuse)
    kernel = on_disk()
    assert result_of(kernel) == result_of(kernel, np.float32) == 2
    assert not compiling._is_cached
    assert cached_files(tmp_path) == []


@needs_numba
def test_what_cannot_be_compiled_is_an_error_that_says_so():
    def loop(array):
        array.nothing_of_the_kind()

    kernel = Kernel(loop, triple, is_cached=False)
    for _ in range(2):
        with pytest.raises(Exception, match="nothing_of_the_kind"):
            result_of(kernel)


@needs_numba
def test_a_loop_that_cannot_be_compiled_does_not_keep_others_from_disk(on_disk, monkeypatch):
    def loop(array):
        array.nothing_of_the_kind()

    with pytest.raises(Exception, match="nothing_of_the_kind"):
        result_of(Kernel(loop, triple, is_cached=False))
    result_of(on_disk())
    again = on_disk()
    result_of(again)
    assert was_found(again) == 1


@pytest.fixture
def messages(monkeypatch, caplog):
    """Return the messages of compiling, however short it is."""
    monkeypatch.setattr(compiling, "_seconds", 0.0)
    monkeypatch.setattr(compiling, "SILENT_SECONDS", 0.0)
    caplog.set_level(logging.WARNING, "skdnn")
    return caplog


@needs_numba
def test_a_message_says_once_that_compiling_takes_long(on_disk, messages):
    result_of(on_disk())
    assert [record.levelname for record in messages.records] == ["WARNING"]
    (text,) = messages.messages
    assert "a few seconds once" in text
    assert "logging.getLogger('skdnn').setLevel('ERROR')" in text
    result_of(on_disk(), np.float32)
    assert len(messages.messages) == 1


@needs_numba
def test_the_message_names_the_folder_to_set_where_nothing_is_kept(messages, monkeypatch):
    monkeypatch.setattr(compiling, "_is_cached", False)
    result_of(Kernel(double, triple))
    assert "in each process: set NUMBA_CACHE_DIR" in messages.messages[0]


@needs_numba
def test_nothing_is_said_of_short_compiling_or_of_what_is_on_disk(on_disk, messages, monkeypatch):
    monkeypatch.setattr(compiling, "SILENT_SECONDS", 1e9)
    result_of(on_disk())
    monkeypatch.setattr(compiling, "SILENT_SECONDS", compiling._seconds)
    result_of(on_disk())
    assert messages.messages == []


@needs_numba
def test_silence_is_a_level_of_the_logger(on_disk, messages):
    messages.set_level(logging.ERROR, "skdnn")
    result_of(on_disk())
    assert messages.messages == []


class Timeout(BaseException):
    """As a library's that sets an alarm."""


@pytest.fixture(params=[Timeout, TimeoutError, KeyboardInterrupt])
def alarm(request):
    """Return the exception of an alarm, and a function that sets one."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals are handled on the main thread only")

    def handle(number, frame):
        raise request.param

    before = signal.signal(signal.SIGALRM, handle)
    yield request.param, lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@needs_alarms
def test_an_exception_of_a_signal_while_numba_is_imported_reaches_the_caller(alarm, monkeypatch):
    error, set_alarm = alarm
    import_module, go_on = importlib.import_module, threading.Event()

    def import_slowly(name):
        go_on.wait(60)
        return import_module(name)

    before = has_numba()
    monkeypatch.setattr(compiling.importlib, "import_module", import_slowly)
    set_alarm(0.05)
    with pytest.raises(error):
        has_numba()
    go_on.set()
    assert has_numba() == before


@needs_numba
@needs_alarms
def test_an_exception_of_a_signal_while_kernels_compile_reaches_the_caller(alarm, monkeypatch):
    error, set_alarm = alarm
    compile_it, done, go_on = Kernel._compile, [], threading.Event()

    def compile_slowly(kernel, *args):
        go_on.wait(60)
        compile_it(kernel, *args)
        done.append(True)

    monkeypatch.setattr(Kernel, "_compile", compile_slowly)
    monkeypatch.setattr(compiling, "_is_cached", True)
    kernel = Kernel(double, triple, is_cached=False)
    set_alarm(0.05)
    with pytest.raises(error):
        result_of(kernel)
    assert done == []  # it does not wait for the compiler
    go_on.set()
    # What was begun is finished, the disk is not blamed, and the kernel can be used.
    assert result_of(kernel) == 2
    assert len(done) == 2
    assert len(kernel._dispatcher.overloads) == 1
    assert compiling._is_cached


@needs_numba
@needs_alarms
@pytest.mark.parametrize("seconds", [0.001, 0.01, 0.05, 0.2])
@pytest.mark.slow
def test_an_alarm_at_any_moment_of_compiling_is_raised_and_leaves_a_kernel_that_works(
    seconds, alarm, monkeypatch
):
    error, set_alarm = alarm
    monkeypatch.setattr(compiling, "_is_cached", True)
    activation = ACTIVATIONS["mish"]
    kernel = layer_kernels._finish_kernel.__wrapped__(activation.value, activation.slope)
    kernel.is_cached = False
    z, slopes = np.ones((1, 2, 3)), np.empty((1, 2, 3))
    args = z, np.zeros((1, 3)), 0, slopes, NO_KEYS, 0
    set_alarm(seconds)
    with pytest.raises(error):
        kernel.compiled_for(args)
    kernel.compiled_for(args)(*args)
    np.testing.assert_allclose(z, activation.value(np.ones((1, 2, 3)), np.float64))
    assert compiling._is_cached


def spin(array, n_steps):
    """Take so many steps, each of which has to wait for the one before."""
    x = array[0]
    for _ in range(n_steps):
        x = np.sqrt(x + 2.0)
    array[0] = x


@needs_numba
@needs_alarms
def test_an_exception_of_a_signal_while_a_kernel_runs_reaches_the_caller(alarm):
    error, set_alarm = alarm
    tape, array, after = Tape(np.zeros((1, 1)), is_compiled=True), np.ones(1), []
    tape.call(Kernel(spin, spin, is_cached=False), array, 100_000_000)
    tape.call(after.append, True)
    set_alarm(0.02)
    with pytest.raises(error):
        tape.play()
    assert after == []
    assert array[0] == pytest.approx(2)  # the kernel has ended


@needs_numba
def test_threads_may_ask_for_the_same_kernel_at_once():
    kernel, results = Kernel(double, triple, is_cached=False), []
    threads = [threading.Thread(target=lambda: results.append(result_of(kernel))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [2] * 8
    assert len(kernel._dispatcher.overloads) == 1


@needs_numba
def test_where_no_thread_can_be_started_kernels_are_compiled_by_the_caller(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert has_numba()
    assert result_of(Kernel(double, triple, is_cached=False)) == 2


@needs_numba
def test_where_processes_cannot_wait_for_each_other_they_compile_side_by_side(monkeypatch):
    monkeypatch.setattr(compiling.tempfile, "gettempdir", lambda: "/nowhere/at/all")
    assert result_of(Kernel(double, triple, is_cached=False)) == 2


LOOPS = """
import time
import numpy as np
from skdnn.core import compiling

def loop(array):
    for i in range(len(array)):
        array[i] *= 2

def other_loop(array):
    for i in range(len(array)):
        array[i] *= 3

def twin(array):
    pass

kernel, other = compiling.Kernel(loop, twin), compiling.Kernel(other_loop, twin)

def hits():
    array = np.ones(3)
    kernel.compiled_for((array,))(array)
    assert array[0] == 2
    return sum(kernel._dispatcher.stats.cache_hits.values())
"""


@pytest.fixture
def loops(tmp_path):
    """Return environment variables with which processes can import LOOPS."""
    (tmp_path / "loops.py").write_text(LOOPS)
    paths = os.pathsep.join([str(tmp_path), os.getcwd()])
    return {"PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}


@needs_numba
def test_processes_compile_one_after_the_other(loops):
    command = [sys.executable, "-c", "import loops; print(loops.hits())"]
    environment = {**os.environ, **loops}
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = sorted(process.communicate()[0].strip() for process in processes)
    # The first compiles, the other finds it on disk.
    assert outputs == ["0", "1"]


@needs_numba
@needs_fork
def test_a_child_forked_while_another_thread_compiles_can_compile(loops):
    code = """
    import os, signal, threading, time, warnings
    import loops, numba
    import numpy as np
    from skdnn.core.compiling import Kernel

    warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads
    compile_it, begun = Kernel._compile, threading.Event()

    def compile_slowly(kernel, args):
        begun.set()
        time.sleep(0.2)
        compile_it(kernel, args)

    Kernel._compile = compile_slowly
    thread = threading.Thread(target=loops.hits)
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that waits for good is killed
        array = np.ones(3)
        loops.other.compiled_for((array,))(array)
        loops.hits()
        os._exit(0 if array[0] == 3 else 1)
    thread.join()
    print(os.waitpid(child, 0)[1], loops.hits() in (0, 1))
    """
    assert run_python(code, **loops) == "0 True"


def cube(z, real):
    return z * z * z


def cube_slope(z, a, real):
    return real(3) * z * z


@needs_numba
def test_kernels_of_added_activations_are_compiled_but_not_kept_on_disk(tmp_path, monkeypatch):
    import numba

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    kernel = finisher(Activation(cube, cube_slope))
    z = np.full((1, 2, 3), 2.0)
    slopes = np.empty_like(z)
    args = z, np.ones((1, 3)), 0, slopes, NO_KEYS, 0
    kernel.compiled_for(args)(*args)
    assert (z == 27).all()
    assert (slopes == 27).all()
    assert cached_files(tmp_path) == []
    assert all(finisher(activation).is_cached for activation in ACTIVATIONS.values())


def test_an_activation_that_is_not_to_be_compiled_has_no_kernel():
    assert not isinstance(finisher(Activation(cube, cube_slope, is_compiled=False)), Kernel)


@needs_numba
@pytest.mark.parametrize(
    "edited",
    [ACTIVATIONS["silu"].value, ACTIVATIONS["silu"].slope, draw, elementary.exp],
    ids=["value", "slope", "draw", "exp"],
)
def test_editing_the_file_of_what_a_kernel_calls_names_its_loop_anew(edited, tmp_path, monkeypatch):
    source = tmp_path / "edited.py"

    def file_of(function):
        return str(source) if function is edited else inspect.getsourcefile(function)

    monkeypatch.setattr(compiling, "getsourcefile", file_of)
    names, kernel = [], finisher(ACTIVATIONS["silu"])
    for text in ("a", "b", "a"):
        source.write_text(text)
        names.append(kernel._with_calls().__qualname__)
    assert names[0] == names[2] != names[1]
    assert all(name.startswith("finish_silu_") and name.isidentifier() for name in names)
    source.unlink()
    assert kernel._with_calls().__qualname__ == "finish_silu_unknown"
    assert kernel.__name__ == "finish_silu"


def test_every_activation_has_a_kernel_of_its_own_name():
    names = {finisher(activation).__name__ for activation in ACTIVATIONS.values()}
    assert len(names) == len(ACTIVATIONS)
    assert all(name.isidentifier() for name in names)


def test_activations_of_users_do_not_drive_those_of_the_table_out_of_memory():
    before = finisher(ACTIVATIONS["relu"])
    for number in range(200):
        finisher(Activation(cube, cube_slope, init=f"user_{number}", is_compiled=False))
    assert finisher(ACTIVATIONS["relu"]) is before


@pytest.mark.slow
@needs_numba
@needs_fork
@needs_alarms
def test_a_child_forked_after_compiling_was_interrupted_can_compile(loops):
    code = """
    import os, signal, time, warnings
    import loops, numba
    import numpy as np
    from numba.core.compiler_lock import global_compiler_lock

    warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads
    compile_it, delay = numba.core.dispatcher.Dispatcher.compile, [1.0]

    def compile_slowly(dispatcher, types):
        with global_compiler_lock:
            time.sleep(delay[0])
            return compile_it(dispatcher, types)

    class Timeout(BaseException):
        pass

    def handle(number, frame):
        raise Timeout

    numba.core.dispatcher.Dispatcher.compile = compile_slowly
    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        loops.hits()
    except Timeout:
        print("interrupted")
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)  # a child that waits for good is killed
        delay[0], array = 0.0, np.ones(3)
        loops.other.compiled_for((array,))(array)
        os._exit(0 if array[0] == 3 else 1)
    print(os.waitpid(child, 0)[1])
    """
    assert run_python(code, **loops).split() == ["interrupted", "0"]


@pytest.mark.parametrize("disabled", [False, True])
def test_numba_is_found_where_it_is_installed_unless_its_compiler_is_disabled(disabled):
    pytest.importorskip("numba")
    code = "from skdnn.core.compiling import has_numba; print(has_numba())"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": str(int(disabled))}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(not disabled)
