"""Parameters are the same if they do the same, also in another process."""

import os
import subprocess
import sys
import threading
import types
from functools import lru_cache, partial

import numpy as np
import pytest
from sklearn.metrics import make_scorer

from skdnn.estimator.parameter_hashes import described


def function_of(source):
    """Return the function ``custom`` of a module with this source; the name never changes."""
    found = {"__name__": "custom_functions", "np": np}
    exec(source, found)
    return found["custom"]


LEAKY = "def custom(z):\n    return np.where(z > 0, z, 0.1 * z)"
NESTED = "def custom(z):\n    return [(lambda: 0.1 * each)() for each in z]"
WITH_DEFAULT = (
    "def custom(z, slope=0.1, *, shift=0.5):\n    return np.maximum(slope * z, z) + shift"
)
CLOSURE = "def make(slope):\n    return lambda z: np.maximum(slope * z, z)\ncustom = make(0.1)"
OF_A_SET = "def custom(z):\n    return z in {'a', 'b', 'c', 'd', 'e0.1'}"
CHANGES = [
    *((source, source.replace("0.1", "0.2")) for source in (LEAKY, NESTED, WITH_DEFAULT, CLOSURE)),
    (WITH_DEFAULT, WITH_DEFAULT.replace("0.5", "0.6")),
    (LEAKY, LEAKY.replace("z > 0", "z < 0")),
    (LEAKY, LEAKY.replace("np.where", "np.choose")),
    (OF_A_SET, OF_A_SET.replace("0.1", "0.2")),
]
WRAPPERS = {
    "alone": lambda function: function,
    "partial": lambda function: partial(function, 1),
    "in a list": lambda function: [function],
    "attribute": lambda function: make_scorer(function),
    "cached": lambda function: lru_cache(function),
    "closure": lambda function: lambda z: function(z),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(("before", "after"), CHANGES, ids=range(len(CHANGES)))
def test_a_custom_function_is_compared_by_its_content(before, after, wrapper, monkeypatch):
    module = types.ModuleType("custom_functions")  # as after editing the module that is imported
    monkeypatch.setitem(sys.modules, "custom_functions", module)
    descriptions = []
    for source in (before, before, after):
        module.custom = function_of(source)
        descriptions.append(described(WRAPPERS[wrapper](module.custom)))
    same, again, changed = descriptions
    assert same == again
    assert same != changed


def test_a_custom_function_is_the_same_in_another_process():
    lines = ["import numpy as np", "from skdnn.estimator.parameter_hashes import described"]
    for source in (LEAKY, CLOSURE, OF_A_SET):
        lines += [source, "print(described(custom))"]
    found = {
        subprocess.run(
            [sys.executable, "-c", "\n".join(lines)],
            env={**os.environ, "PYTHONHASHSEED": seed},  # the order of sets
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_function_that_cannot_be_compared_is_always_another_one():
    def repeated(z):
        return repeated(z) + other(z)

    def other(z):
        return repeated(z) + other(z)

    lock = threading.Lock()
    for function in (repeated, lambda z: (lock, z)):
        assert described(function) != described(function)


@pytest.mark.parametrize(
    ("value", "same"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.bool_(True), True),
        (np.str_("adamw"), "adamw"),
        ((np.int64(3), np.int32(4)), (3, 4)),
    ],
)
def test_numpy_scalars_are_compared_by_their_value(value, same):
    assert described(value) == described(same)
    assert described(np.int64(3)) != described(4)
