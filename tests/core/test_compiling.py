import hashlib
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skdnn import DeepNetClassifier
from skdnn.core import compiling
from skdnn.core.codes import ActivationCode
from skdnn.core.compiling import Kernel, compiled, has_numba, is_compiled

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


def double(array):
    for i in range(array.size):
        array[i] *= 2


def triple(array):
    array *= 3


def result_of(kernel):
    array = np.ones(3)
    kernel(array)
    return array[0]


@needs_numba
def test_a_kernel_is_its_loop_when_compiled_and_its_twin_otherwise():
    kernel = Kernel(double, triple)
    with compiled(True):
        assert result_of(kernel) == 2
    with compiled(False):
        assert result_of(kernel) == 3


@needs_numba
def test_after_blocks_of_compiled_all_is_as_before():
    before = compiling._wanted, is_compiled()
    with compiled(True):
        with compiled(False):
            with compiled(False):
                assert not is_compiled()
            assert not is_compiled()
        assert is_compiled()
    assert (compiling._wanted, is_compiled()) == before
    with pytest.raises(KeyError), compiled(True):
        {}["missing"]
    assert (compiling._wanted, is_compiled()) == before


def test_training_within_a_block_does_not_load_what_is_not_wanted():
    with compiled(False):
        compiling.load()
        assert not is_compiled()


def test_wanting_compiled_loops_without_numba_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match=r"skdnn\[fast\]"), compiled(True):
        pass


@needs_numba
@pytest.mark.parametrize("error", [RuntimeError, OSError, EOFError, pickle.UnpicklingError])
def test_without_a_place_for_the_cache_loops_are_compiled_all_the_same(error, monkeypatch):
    import numba

    njit = numba.njit

    def njit_without_disk(cache=False, **options):
        if not cache:
            return njit(**options)
        if error is RuntimeError:
            raise RuntimeError("cannot cache function: no locator available")

        def fails_at_the_first_call(array):
            raise error("the cache is damaged, or the disk is full")

        return lambda loop: fails_at_the_first_call

    monkeypatch.setattr(numba, "njit", njit_without_disk)
    kernel = Kernel(double, triple)
    with compiled(True):
        assert result_of(kernel) == 2
        assert result_of(kernel) == 2


@needs_numba
def test_processes_compile_one_after_the_other(tmp_path):
    module = tmp_path / "loops.py"
    module.write_text(
        "import numpy as np\n"
        "from skdnn.core import compiling as c\n"
        "def loop(array):\n    for i in range(len(array)):\n        array[i] *= 2\n"
        "code = c.MachineCode(loop)\n"
        "def hits():\n"
        "    code(np.ones(3))\n"
        "    return sum(code._compiled.stats.cache_hits.values())\n"
    )
    command = [sys.executable, "-c", "import loops; print(loops.hits())"]
    paths = os.pathsep.join([str(tmp_path), os.getcwd()])
    environment = {**os.environ, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(tmp_path)}
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    outputs = sorted(process.communicate()[0].strip() for process in processes)
    # The first compiles, the others find it on disk.
    assert outputs == ["0", "1", "1"]


def functions_beside(own_name, library):
    """Return what a library of numba's defines beside the loop of this name and its wrappers."""
    functions = library._get_module_for_linking().functions
    names = [function.name for function in functions if not function.is_declaration]
    assert any(own_name in name for name in names)
    counting = ("NRT_incref", "NRT_decref")  # of references: they round nothing
    return [name for name in names if own_name not in name and name not in counting]


@needs_numba
@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_loops_that_python_calls_have_all_they_call_within_them(name):
    from skdnn.core.fused import epoch  # machine.py says why

    X, y = load_iris(return_X_y=True)
    with compiled(True):
        DeepNetClassifier(max_iter=1, n_members=2, random_state=0).fit(X, y)
    loop = getattr(epoch, name)
    assert loop._compiled.overloads
    for overload in loop._compiled.overloads.values():
        assert functions_beside(loop.loop.__qualname__, overload.library) == []


@needs_numba
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("code", ActivationCode)
def test_loops_of_activations_have_all_they_call_within_them(code, dtype):
    from skdnn.core.fused.elementwise import _loop

    own_name = f"{code.name.lower()}_{dtype}"
    assert functions_beside(own_name, _loop(code, np.dtype(dtype))._library) == []


def run_python(code, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


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


@pytest.mark.parametrize(
    ("value", "expected"), [("0", "False"), ("off", "False"), ("1", str(has_numba()))]
)
def test_an_environment_variable_switches_numba_off(value, expected):
    code = "from skdnn.core import compiling as c; c.load(); print(c.is_compiled())"
    assert run_python(code, SKDNN_NUMBA=value) == expected
