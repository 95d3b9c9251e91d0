"""The table of README.md by number of rows says what was measured."""

import json
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from benchmarks import sizes

FACTS = {
    "cpu": "a processor",
    "cores": "2",
    "python": "3.11",
    "numpy": "2.4",
}
SECONDS = {"default": (4.0, 1.0, 2.25), "cheap": (0.1, 0.2, 0.3), "boosting": (61.0, 62.0, 63.0)}


def rows_by_hand():
    return [
        {
            "contender": name,
            "rows": 1000,
            "seed": seed,
            "seconds": SECONDS[name][seed],
            "accuracy": 0.8 + 0.01 * seed + (name == "default") / 20,
            "log_loss": 0.4,
            "best_accuracy": 0.9,
            "load": 2.1,
            "machine": {**FACTS, "numba": ""},
        }
        for name in sizes.CONTENDERS
        for seed in range(3)
    ]


def test_the_readme_gets_means_and_medians_between_its_marks(tmp_path, monkeypatch):
    readme, results = tmp_path / "README.md", tmp_path / "sizes.jsonl"
    readme.write_text(f"Before.\n{sizes.MARKS[0]}old\n{sizes.MARKS[1]}After.\n", "utf-8")
    results.write_text("".join(json.dumps(row) + "\n" for row in rows_by_hand()), "utf-8")
    arguments = ["sizes", "--write", "--readme", str(readme), "--results", str(results)]
    monkeypatch.setattr(sys, "argv", arguments)
    sizes.main()
    text = readme.read_text("utf-8")
    assert "| 1,000 | 86.0 % | 81.0 % | 81.0 % | 90.0 % | 2.2 s | 200 ms | 62 s |" in text
    assert "of 3 fits (cpu a processor, cores 2, python 3.11, numpy 2.4)." in text
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")
    assert "old" not in text


def test_the_readme_says_if_nothing_was_measured():
    assert sizes.report([]).startswith("Not measured yet")


def test_fits_that_were_not_measured_have_a_dash():
    rows = [row for row in rows_by_hand() if row["contender"] != "cheap"]
    assert "| 1,000 | 86.0 % | - | 81.0 % | 90.0 % | 2.2 s | - | 62 s |" in sizes.report(rows)


def test_times_on_a_busy_machine_are_not_shown_without_a_word():
    rows = rows_by_hand()
    assert "too long" not in sizes.report(rows)
    assert "too long" in sizes.report([*rows[:-1], rows[-1] | {"load": 7.5}])


def test_a_fit_that_is_measured_again_is_replaced(tmp_path):
    path, rows = tmp_path / "sizes.jsonl", rows_by_hand()
    for row in [*rows, rows[0] | {"seconds": 7.0}]:
        sizes.replace(path, row)
    assert len(sizes.read(path)) == len(rows)
    assert [row["seconds"] for row in sizes.read(path) if row["seconds"] == 7.0] == [7.0]


def test_no_model_is_better_than_the_true_probabilities():
    X, y, true_proba = sizes.make_table(20_000, seed=0)
    assert y.mean() == pytest.approx(true_proba.mean(), abs=0.01)
    ranked = np.argsort(true_proba)
    for part in np.array_split(ranked, 10):
        assert y[part].mean() == pytest.approx(true_proba[part].mean(), abs=0.04)
    numbers = X.select_dtypes("number").fillna(0)
    linear = LogisticRegression().fit(numbers, y).score(numbers, y)
    assert linear < np.maximum(true_proba, 1 - true_proba).mean() - 0.05


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("contender", ["cheap", "boosting"])
def test_a_measurement_is_of_a_model_that_learns(contender, monkeypatch):
    monkeypatch.setattr(sizes, "N_TEST", 500)
    row = sizes.measure(contender, 400, seed=0)
    assert 0.5 < row["accuracy"] < row["best_accuracy"] + 0.03
    assert row["seconds"] > 0
