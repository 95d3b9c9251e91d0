import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - enables the import below
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import DeepNetClassifier, search_space, suggest_params
from skdnn.estimator.search_space import FIRST, SPACE, Range

X, y = load_iris(return_X_y=True)
every_parameter = pytest.mark.parametrize("name", SPACE)


def quick(**kwargs):
    return DeepNetClassifier(**{"max_iter": 2, "n_members": 2, "random_state": 0, **kwargs})


@every_parameter
def test_every_value_of_the_grid_trains(name):
    assert len(SPACE[name].grid) > 1
    for value in SPACE[name].grid:
        quick(**{name: value}).fit(X, y)


@every_parameter
def test_the_grid_lies_within_the_space(name):
    entry = SPACE[name]
    if isinstance(entry, Range):
        assert entry.low <= min(entry.grid) < max(entry.grid) <= entry.high
    else:
        assert set(entry.grid) <= set(entry.options)


def test_what_auto_becomes_is_within_the_space():
    resolved = quick().fit(X, y).resolved_params_
    for name, entry in SPACE.items():
        value = resolved[name]
        if isinstance(entry, Range):
            assert entry.low <= value <= entry.high
        else:
            assert value in entry.options or set(value) <= set(entry.options)


def test_distributions_fill_their_ranges():
    drawn = list(ParameterSampler(search_space(names=list(SPACE)), 300, random_state=0))
    for name, entry in SPACE.items():
        values = [params[name] for params in drawn]
        if isinstance(entry, Range):
            middle = np.sqrt(entry.low * entry.high) if entry.log else (entry.low + entry.high) / 2
            assert entry.low <= min(values) <= max(values) <= entry.high
            assert 0.4 < np.mean(np.array(values) < middle) < 0.6
        else:
            assert set(values) == set(entry.options)


def test_the_grid_is_as_large_as_documented():
    assert len(ParameterGrid(search_space("grid"))) == 36
    assert len(ParameterGrid(search_space("grid", names=FIRST[:2]))) == 9
    assert f"{len(ParameterGrid(search_space('grid')))} points" in search_space.__doc__


def test_the_documentation_has_a_row_for_every_parameter():
    page = Path(__file__).parents[2] / "docs" / "tuning.md"
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", page.read_text("utf-8"), re.MULTILINE)
    shown = {name: (space, grid) for name, space, grid in rows}
    assert list(shown) == list(SPACE)
    for name, entry in SPACE.items():
        space, grid = shown[name]
        if isinstance(entry, Range):
            scale = ", logarithmic" if entry.log else ""
            assert space == f"{entry.low:g} to {entry.high:g}{scale}"
            assert grid == ", ".join(f"{value:g}" for value in entry.grid)
        else:
            assert space == ", ".join(map(str, entry.options))
            assert grid == ", ".join(map(str, entry.grid))


def test_scikit_learns_searches_take_the_space():
    search = RandomizedSearchCV(quick(), search_space(), n_iter=2, cv=2, random_state=0).fit(X, y)
    assert set(search.best_params_) == set(FIRST)
    pipeline = make_pipeline(StandardScaler(), quick())
    grid = search_space("grid", names=["dropout"], prefix="deepnetclassifier__")
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_params_["deepnetclassifier__dropout"] in SPACE["dropout"].grid
    grid = search_space("grid", names=["learning_rate_init"])
    search = HalvingGridSearchCV(
        quick(), grid, resource="max_iter", max_resources=6, min_resources=2, cv=2, random_state=0
    ).fit(X, y)
    assert search.n_resources_ == [2, 6]


class Recorder:
    """A trial that takes the highest of everything, and remembers what it was asked."""

    def __init__(self):
        self.asked = {}

    def suggest_float(self, name, low, high, *, log=False):
        self.asked[name] = (low, high, log)
        return high

    def suggest_categorical(self, name, choices):
        self.asked[name] = choices
        return choices[-1]


def test_a_trial_is_asked_for_the_same_space():
    trial = Recorder()
    params = suggest_params(trial, names=list(SPACE))
    for name, entry in SPACE.items():
        if isinstance(entry, Range):
            assert (params[name], trial.asked[name]) == (entry.high, (*entry[:2], entry.log))
        else:
            assert params[name] == entry.options[-1]
            assert all(isinstance(option, str) for option in trial.asked[name])
    quick(**params).fit(X, y)


@pytest.mark.filterwarnings("ignore")
def test_optuna_prunes_between_epochs():
    optuna = pytest.importorskip("optuna", reason="optuna is not installed")
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        net = quick(**suggest_params(trial))
        for epoch in range(3):
            net.partial_fit(X, y, classes=[0, 1, 2])
            trial.report(trial.number, epoch)  # every trial looks worse than the one before
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(trial.number)

    pruner = optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=0)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner)
    study.optimize(objective, n_trials=4)
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "PRUNED", "PRUNED", "PRUNED"]
    assert len(study.trials[1].intermediate_values) == 1
    again = suggest_params(study.best_trial)
    assert again["learning_rate_init"] == study.best_params["learning_rate_init"]
    assert again["hidden_layer_sizes"] in SPACE["hidden_layer_sizes"].options


def test_unknown_names_and_kinds_are_refused():
    with pytest.raises(
        ValueError, match=r"names has unknown .'depth'.; choose from .'learning_rate"
    ):
        search_space(names=["depth"])
    with pytest.raises(ValueError, match='kind must be "distributions" or "grid", got \'random\''):
        search_space("random")
