"""The memory that training takes: bounded for many inputs, and a warning before it is too much."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array, random

from skdnn import DeepNetClassifier
from skdnn.core.optimizers import Adam, GradientDescent
from skdnn.estimator import memory
from skdnn.estimator.auto_parameters import AT_MOST, DataSize, count_members, resolve
from skdnn.estimator.memory import free_memory, training_bytes

X, Y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}


def test_free_memory_is_that_of_the_system_where_it_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "none")
    (tmp_path / "info").write_text("MemTotal: 9 kB\nMemFree: 2 kB\nMemAvailable:       5 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "info")
    assert free_memory() == 5 * 1024
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "missing")
    sizes = {"SC_AVPHYS_PAGES": 7, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(memory, "os", SimpleNamespace(sysconf=sizes.__getitem__))
    assert free_memory() == 7 * 4096

    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr(memory, "os", SimpleNamespace(sysconf=unknown))
    assert free_memory() is None
    monkeypatch.setattr(memory, "os", SimpleNamespace())  # Windows has no sysconf
    assert free_memory() is None


MIB = 2**20
UNLIMITED = {1: 2**63 - 4096, 2: "max"}


def write_group(folder, version, limit, use, cache):
    names = {1: memory.VERSION_1, 2: memory.VERSION_2}[version]
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in zip(names, (limit, use, None), strict=True):
        if text is not None:
            (folder / name).write_text(f"{text}\n")
    (folder / "memory.stat").write_text(f"anon 7\n{names[2]} {cache}\n")


@pytest.mark.parametrize(
    ("version", "own", "limits", "free"),
    [
        (2, "0::/", {"": (50 * MIB, 20 * MIB, 5 * MIB)}, 35 * MIB),  # a container
        (2, "0::/a/b", {"a": (50 * MIB, 20 * MIB, 0), "a/b": ("max", 9, 0)}, 30 * MIB),
        (2, "0::/a/b", {"a": (50 * MIB, 20 * MIB, 0), "a/b": (40 * MIB, 15 * MIB, 0)}, 25 * MIB),
        (2, "0::/../other", {"": (8 * MIB, 9 * MIB, 0)}, 0),
        (2, "0::/", {}, 100 * MIB),
        (1, "3:cpu:/x\n4:memory:/docker/f1", {"": (50 * MIB, 20 * MIB, MIB)}, 31 * MIB),
        (1, "4:hugetlb,memory:/a", {"a": (30 * MIB, 20 * MIB, 0)}, 10 * MIB),
        (1, "4:memory:/", {"": (UNLIMITED[1], 20 * MIB, 0)}, 100 * MIB),
        (1, "4:cpu:/", {"": (30 * MIB, 20 * MIB, 0)}, 100 * MIB),
    ],
)
def test_free_memory_is_what_the_limit_of_a_container_leaves(
    tmp_path, monkeypatch, version, own, limits, free
):
    (tmp_path / "info").write_text(f"MemAvailable: {100 * 1024} kB\n")
    (tmp_path / "own").write_text(f"{own}\n")
    root = tmp_path / "groups"
    for path, numbers in limits.items():
        write_group((root / "memory" if version == 1 else root) / path, version, *numbers)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "info")
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(memory, "GROUPS", root)
    assert free_memory() == free


def test_the_estimate_counts_arrays_of_the_size_of_all_parameters():
    plan = SimpleNamespace(rule=GradientDescent(), keep_best=False, keep_memory=False)
    assert training_bytes((3, 10), "float32", plan, False, 1) == 3 * 10 * 4 * 6
    plan.rule, plan.keep_best = Adam(), True
    assert training_bytes((3, 10), "float64", plan, False, 1) == 3 * 10 * 8 * 9
    assert training_bytes((3, 10), "float64", plan, True, 1) == 3 * 10 * 8 * 8
    plan.keep_memory = True
    assert training_bytes((3, 10), "float64", plan, True, 1) == 3 * 10 * 8 * 10
    plan.rule = None
    assert training_bytes((3, 10), "float32", plan, True, 2) == 2 * 3 * 10 * 4 + 2 * 10 * 240


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
def test_a_warning_says_how_much_is_needed_and_free_and_what_to_set(monkeypatch, solver):
    net = DeepNetClassifier(**QUICK, solver=solver, n_members=2, encoder="passthrough")
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    with pytest.warns(UserWarning, match="GiB are free") as found:
        net.fit(X, Y)
    (message,) = [str(item.message) for item in found if "free" in str(item.message)]
    for part in ("2 member(s) of 4", "hidden_layer_sizes", "n_members", "cv", "dtype"):
        assert part in message
    assert "SelectKBest" in message
    assert {item.filename for item in found} == {__file__}


@pytest.mark.parametrize("free", [2**30, None])
def test_there_is_no_warning_if_there_is_enough_memory_or_nobody_knows(monkeypatch, free):
    monkeypatch.setattr(memory, "free_memory", lambda: free)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        DeepNetClassifier(**QUICK).fit(X, Y)
    assert [str(warning.message) for warning in caught] == []


def test_the_warning_comes_before_training(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 1)
    # Initialization would raise a TypeError.
    monkeypatch.setattr("skdnn.estimator.fit_ensemble.initial_params", None)
    with pytest.raises(UserWarning, match="GiB are free"):  # warnings are errors in all tests
        DeepNetClassifier(**QUICK).fit(X, Y)


# The values of "auto"


def auto(n_inputs, n_rows=500, n_members=16):
    settings = SimpleNamespace(**DeepNetClassifier().get_params())
    size = DataSize(n_rows, True, n_inputs, 0, n_inputs, True, n_members)
    return resolve(settings, size, True)["hidden_layer_sizes"]


@pytest.mark.parametrize("n_rows", [500, 2000, 60_000])
def test_networks_of_up_to_4096_inputs_are_not_bounded(n_rows):
    net = DeepNetClassifier()
    assert auto(4096, n_rows) == auto(10, n_rows)
    assert count_members(net, n_rows, 4096) == count_members(net, n_rows)
    assert count_members(net, None, 4096) == count_members(net)


@pytest.mark.parametrize("n_inputs", [8192, 16_384, 32_768, 65_536, 2**17])
def test_the_first_layer_of_all_members_has_a_bounded_number_of_weights(n_inputs):
    for n_rows in (500, 2000, 10_000):
        n_members = count_members(DeepNetClassifier(), n_rows, n_inputs)
        assert n_members >= 2
        assert n_inputs * auto(n_inputs, n_rows)[0] * n_members <= 2**24


def test_more_inputs_never_have_more_units_or_members():
    limits, bounds = zip(*AT_MOST, strict=True)
    assert list(limits) == sorted(limits)
    assert list(bounds) == sorted(bounds, reverse=True)


def test_values_that_are_given_are_not_bounded():
    rows = random(60, 20_000, 0.01, format="csr", random_state=0)
    net = DeepNetClassifier((70,), n_members=10, max_iter=1).fit(csr_array(rows), np.arange(60) % 2)
    assert net.resolved_params_["n_members"] == 10
    assert net.resolved_params_["hidden_layer_sizes"] == (70,)


def test_partial_fit_bounds_members_by_the_columns_of_the_first_call():
    rows = random(20, 40_000, 0.001, format="csr", random_state=0)
    net = DeepNetClassifier().partial_fit(csr_array(rows), np.arange(20) % 2, classes=[0, 1])
    assert net.resolved_params_["n_members"] == 4
    assert net.resolved_params_["hidden_layer_sizes"] == (64, 64)
