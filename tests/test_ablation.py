"""The ablation changes one default at a time, and says what that does."""

import numpy as np
import pytest
from accuracy_rows import row
from numpy.testing import assert_allclose

from benchmarks.ablation import report, run
from benchmarks.ablation.changes import CHANGES, DEFAULTS, make
from benchmarks.accuracy import compare, results
from skdnn import DeepNetClassifier

FACTS = {"caps": [50, 20], "versions": {"skdnn": "1"}, "machine": "a machine"}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_what_its_name_says(name):
    model, plain = make(name, 7), DeepNetClassifier(random_state=7)
    model._validate_params()
    differing = {
        key
        for key, value in plain.get_params(deep=False).items()
        if repr(value) != repr(model.get_params(deep=False)[key])
    }
    assert differing == set(CHANGES[name])
    assert name == DEFAULTS or all(f"{key}=" in name for key in differing)


def scored(data, model, rep, logloss, acc, auc, cpu_fit):
    found = {"logloss": logloss, "acc": acc, "auc": auc, "cpu_fit": cpu_fit}
    return row(data, model, rep, **found, **FACTS)


# Ratios 2 and 2 on a (1 set), 0.5 on b: the mean over sets is 1; over splits it would be more.
ROWS = [
    scored("a", DEFAULTS, 10, 0.09, 0.8, 0.8, 1),
    scored("a", DEFAULTS, 11, 0.19, 0.8, 0.8, 1),
    scored("b", DEFAULTS, 10, 0.19, 0.8, 0.8, 1),
    scored("b", DEFAULTS, 11, 0.19, 0.8, 0.8, 1),
    scored("a", "n_members=1", 10, 0.19, 0.7, 0.9, 2),
    scored("a", "n_members=1", 11, 0.39, 0.7, 0.9, 2),
    scored("b", "n_members=1", 10, 0.09, 0.8, 0.6, 2),
    row("b", "n_members=1", 11, error="failed", **FACTS),
]


def test_an_effect_is_the_one_worked_by_hand():
    of = report.effect(compare.finished(ROWS), "n_members=1")
    assert_allclose([of.ratio, of.acc, of.auc, of.time], [1, -0.05, -0.05, 2])
    assert_allclose([of.low, of.high], [0.5, 2])
    assert (compare.n_sets(of.splits), len(of.splits)) == (2, 3)
    assert of.word() == ""
    assert report.effect(compare.finished(ROWS), "n_members=8") is None


def test_the_interval_holds_ninety_percent_of_means_of_sets_drawn_again():
    logs = np.random.default_rng(0).normal(0.1, 1, 400)
    half = 1.645 * logs.std() / 20  # of a normal distribution, which means of many are near
    wanted = np.exp([logs.mean() - half, logs.mean() + half])
    assert_allclose(report.interval(logs), wanted, rtol=0.01)


@pytest.mark.parametrize(
    ("low", "high", "word"), [(1.01, 2, "worse"), (0.5, 0.99, "better"), (0.9, 1.1, "")]
)
def test_a_word_stands_where_the_interval_is_on_one_side_of_1(low, high, word):
    splits = [(data, 10) for data in "abcdefgh"]
    assert report.Effect(1, low, high, 0, 0, 1, splits).word() == word
    assert report.Effect(1, low, high, 0, 0, 1, splits[1:]).word() == ""


def test_the_page_says_what_was_measured_and_what_was_not():
    page = report.write_page(ROWS)
    line = "| `n_members=1` | 1.000 | 0.500 to 2.000 |  | -0.0500 | -0.0500 | 2.00 | 2, 3 |"
    assert line in page
    assert "`n_members=8`" in page.partition("Not measured:")[2]
    assert "Failed: `n_members=1` on b, split 11 (failed)." in page
    assert "- maximum number of rows, for training and for testing: 50 and 20" in page
    assert "Not measured" in report.write_page([])


def test_the_page_says_when_it_is_of_a_part():
    fits = run.fits(run.SETS, list(CHANGES), run.SPLITS, takes_turns=False)
    rows = [scored(*fit, 0.1, 0.9, 0.9, 1) for fit in fits]
    assert "partial" not in report.write_page(rows)
    page = report.write_page(rows[1:])
    assert f"**These are partial results:** {len(rows) - 1} of {len(rows)} fits." in page


def test_changes_are_chosen_by_parameter():
    assert run.chosen(["n_members"]) == [DEFAULTS, "n_members=1", "n_members=8"]
    assert run.chosen(None) == list(CHANGES)


def test_results_of_other_caps_are_not_mixed(tmp_path):
    path = tmp_path / "results.jsonl"
    run.check_caps(path, (1, 1))
    results.append(path, ROWS[0])
    run.check_caps(path, (50, 20))
    with pytest.raises(ValueError, match="--out"):
        run.check_caps(path, (60, 20))
