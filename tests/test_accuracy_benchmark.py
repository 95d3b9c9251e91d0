"""The accuracy benchmark splits, scores, resumes and compares as it says."""

import json
import os
import sys
from functools import partial
from multiprocessing import active_children

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn
from accuracy_rows import ROWS, TIMED, row, scored
from numpy.testing import assert_allclose
from PIL import Image
from process_work import end_at_once, environment, fail, never_end, pieces
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

import skdnn
from benchmarks.accuracy import compare, picture, report, results, run
from benchmarks.accuracy.fitting import Job, fit_and_score
from benchmarks.accuracy.peers import PEERS, USUAL, Peer, make, networks, versions_of
from benchmarks.accuracy.process import run_alone
from benchmarks.accuracy.protocol import (
    Caps,
    calibration_error,
    find_tables,
    read_table,
    scores,
    split,
)
from benchmarks.accuracy.targets import Verdict, verdicts

LONG = 300  # seconds that nothing here takes
INSTALLED = [name for name, peer in PEERS.items() if not peer.is_missing()]


def labelled(n_rows=200):
    """Return a frame of its row numbers, and labels: 7 "rare", 12 "few", others alternating."""
    y = pd.Series(["x", "y"] * (n_rows // 2))
    y[:12], y[12:19] = "few", "rare"
    y = y.sample(frac=1, random_state=0, ignore_index=True)
    return pd.DataFrame({"row": np.arange(n_rows)}), y


@pytest.mark.parametrize("number", [0, 2])
def test_a_small_table_is_split_as_train_test_split_does(number):
    X, y = labelled()
    X, y = X[y != "rare"], y[y != "rare"]
    wanted = train_test_split(X, y, test_size=0.25, stratify=y, random_state=100 + number)
    X_train, y_train, X_test, y_test = split(*labelled(), number)
    for part, other in zip((X_train, X_test, y_train, y_test), wanted, strict=True):
        assert part.to_numpy().tolist() == other.to_numpy().tolist()
        assert part.index.tolist() == list(range(len(part)))


def test_a_large_table_is_capped_and_keeps_four_rows_of_each_class():
    # The protocol once more, label by label, from the rows of the split without caps.
    whole = split(*labelled(), 3)
    rng = np.random.default_rng(3)
    kept = [
        number
        for label in ("few", "x", "y")
        for number in rng.permutation(whole.X_train["row"][whole.y_train == label])[:4]
    ]
    left = rng.permutation(sorted(set(whole.X_train["row"]) - set(kept)))
    train = np.array([*kept, *left[: 30 - len(kept)]])
    rng.shuffle(train)
    test = rng.choice(whole.X_test["row"], 20, replace=False)
    parts = split(*labelled(), 3, Caps(30, 20))
    assert parts.X_train["row"].tolist() == train.tolist()
    assert parts.X_test["row"].tolist() == test.tolist()
    assert parts.y_train.tolist() == labelled()[1][train].tolist()
    assert parts.y_train.value_counts().min() >= 4
    assert parts.facts() == {"n": 30, "p": 1, "k": 3}


@pytest.mark.parametrize("n_classes", [2, 4])
def test_scores_are_those_of_scikit_learn(n_classes):
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(n_classes), 300)
    truth = rng.integers(0, n_classes, 300)
    labels = np.array(list("abcd"))[:n_classes]
    found = scores(proba, labels, pd.Series(labels[truth]))
    area = roc_auc_score(truth, proba[:, 1] if n_classes == 2 else proba, multi_class="ovr")
    assert_allclose(found["logloss"], log_loss(truth, proba), rtol=1e-6)
    assert_allclose(found["auc"], area)
    assert found["acc"] == (proba.argmax(axis=1) == truth).mean()
    assert ("ece" in found) == (n_classes == 2)


def test_a_sure_mistake_costs_the_logarithm_of_the_clip():
    found = scores([[1.0, 0.0]] * 2, ["a", "b"], pd.Series(["b", "a"]))
    assert_allclose(found["logloss"], -np.log(1e-7) / 2, rtol=1e-5)
    with pytest.raises(ValueError, match="not finite"):
        scores([[np.nan, 1.0]], ["a", "b"], pd.Series(["b"]))


def test_the_calibration_error_is_that_worked_by_hand():
    # Sorted, .1 .2 | .6 .9: means .15 and .75, shares .5 and 1; (.35 + .25) / 2.
    proba, truth = np.array([0.9, 0.2, 0.6, 0.1]), np.array([1, 1, 1, 0])
    assert_allclose(calibration_error(proba, truth, n_bins=2), 0.3)
    assert_allclose(calibration_error(proba, truth), np.mean([0.1, 0.8, 0.4, 0.1]))
    honest, exact = np.repeat([0.25, 0.75], 40), np.tile([0, 0, 0, 1], 10)
    assert_allclose(calibration_error(honest, np.r_[exact, 1 - exact], n_bins=20), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("then", "error"),
    [(None, None), (fail, "nothing works"), (end_at_once, "ended with code 3")],
)
def test_what_a_process_found_before_it_failed_is_kept(then, error):
    found = run_alone(partial(pieces, {"n": 1}, {"t_fit": 2.0}, then=then), LONG)
    assert (found["n"], found["t_fit"]) == (1, 2.0)
    assert error in found["error"] if error else "error" not in found


def test_a_process_that_takes_too_long_is_ended():
    before = set(active_children())  # of other tests
    found = run_alone(partial(pieces, then=never_end), 0.5)
    assert found == {"error": "no result in 0.5 s"}
    assert set(active_children()) <= before


def test_a_process_measures_the_library_as_it_is_installed(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    found = run_alone(partial(environment, "OPENBLAS_CORETYPE"), LONG)
    assert found == {"OPENBLAS_CORETYPE": None}


def test_a_run_goes_on_where_it_was_stopped(tmp_path):
    path, started = tmp_path / "results.jsonl", []

    def start(data, model, rep):
        started.append((data, model, rep))
        if model == "bad":
            return {"error": "no"}
        return {"logloss": 0.123456789, "t_fit": 1.0}

    wanted = run.fits(["a", "b"], ["good", "bad"], [0, 1], takes_turns=False)
    run.run(wanted[:3], start, path)
    with path.open("a") as file:
        file.write('{"data": "b", "mod')  # stopped in the middle of a line
    run.run(wanted, start, path)
    assert started == wanted
    assert [json.loads(line)["data"] for line in path.read_text().splitlines()] == [
        data for data, _, _ in wanted
    ]
    assert results.read([path])[0]["logloss"] == 0.1234568
    run.run(wanted, start, path, retries_failures=True)
    assert started == wanted + [fit for fit in wanted if fit[1] == "bad"]


def test_results_say_which_versions_they_are_of():
    found = run.about("skdnn")
    assert found["versions"]["skdnn"].startswith(skdnn.__version__)
    assert found["versions"]["scikit-learn"] == sklearn.__version__
    assert "cores" in found["machine"]


def test_the_revision_tells_whether_the_package_was_edited(monkeypatch):
    answers = {"rev-parse": "abc1234", "status": ""}
    monkeypatch.setattr(run, "_git", lambda command, *_: answers[command])
    assert run.revision() == "abc1234"
    answers["status"] = "M skdnn/__init__.py"
    assert run.revision() == "abc1234-edited"
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "")  # without Git
    assert run.revision() == ""


def test_a_model_that_is_not_installed_is_left_out(monkeypatch, capsys):
    monkeypatch.setitem(PEERS, "tabm", Peer("TabM-D", networks.tabm, "no_such_package"))
    assert run.tell_if_missing("tabm")
    assert "no_such_package is not installed" in capsys.readouterr().out
    assert not run.tell_if_missing("mlp")


def test_timed_models_take_turns():
    firsts = [model for _, model, _ in run.fits("abcd", ["p", "q"], [0], True)[::2]]
    assert firsts == ["p", "q", "p", "q"]
    assert {model for _, model, _ in run.fits("abcd", ["p", "q"], [0], False)[::2]} == {"p"}


def test_files_are_merged_and_later_rows_replace_earlier_ones(tmp_path):
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    for path, name, logloss in ((first, "cat", 0.3), (second, "catboost", 0.2)):
        results.append(path, row("a", name, logloss=logloss))
    results.append(second, row("a", "catboost", logloss=0.9, timed=True))
    rows = results.read([first, second, tmp_path / "none.jsonl"])
    assert [entry["logloss"] for entry in rows] == [0.2, 0.9]
    assert compare.finished(rows) == {"catboost": {("a", 0): rows[0]}}
    assert compare.timed(rows) == {"catboost": {("a", 0): rows[1]}}


def test_committed_results_can_be_read():
    rows = results.read(results.committed())
    assert {entry["model"] for entry in rows} <= PEERS.keys()
    assert {entry["model"] for entry in rows} >= set(USUAL)


def test_ranks_are_those_worked_by_hand():
    # Log-loss: 1 2 3 on a, 2 1 3 on b 0, 2.5 2.5 1 on b 1; z is left out, CatBoost failed there.
    ranks = compare.mean_ranks(compare.finished(ROWS), ("skdnn", "catboost", "mlp"), "logloss")
    assert_allclose([ranks["skdnn"], ranks["catboost"], ranks["mlp"]], [5.5 / 3, 5.5 / 3, 7 / 3])
    ranks = compare.mean_ranks(compare.finished(ROWS), ("skdnn", "catboost", "mlp"), "auc")
    assert ranks == {"skdnn": 2, "catboost": 1, "mlp": 3}
    assert compare.mean_ranks(compare.finished(ROWS), USUAL, "auc") == {}


def test_ratios_wins_and_shares_are_those_worked_by_hand():
    found = compare.finished(ROWS)
    # (.1 / .2 * .4 / .2 * .2 / .2) and (.1 / .4 * .4 / .8 * .2 / .11 * 1).
    assert_allclose(compare.ratio(found, "catboost"), 1)
    assert_allclose(compare.ratio(found, "mlp"), (0.25 * 0.5 * 0.2 / 0.11) ** 0.25)
    assert compare.wins_and_losses(found, "catboost", "logloss") == (1, 1)
    assert compare.wins_and_losses(found, "mlp", "logloss") == (2, 1)
    # On b the mean difference is (.4 - .09) / 2, although one of its splits is lost.
    assert compare.sets_behind(found, "mlp", "logloss", 0.002) == ([], 3)
    assert compare.sets_behind(found, "mlp", "acc", 0.002) == ([], 3)
    assert compare.sets_behind(found, "mlp", "acc", 0.0005) == (["a", "b", "z"], 3)
    assert_allclose(compare.mean_advantage(found, "catboost", "auc"), -0.1)
    assert_allclose(list(compare.out_of_fold_excess(found).values()), -0.01)


def test_targets_are_met_or_not_as_worked_by_hand():
    found = {verdict.text: verdict for verdict in verdicts(ROWS + TIMED)}
    wanted = {
        "log-loss / that of CatBoost, geometric mean": (1.0, False),
        "share of data sets with log-loss at most 0.002 above MLPClassifier's": (1.0, True),
        "mean calibration error on binary data sets, minus CatBoost's": (-0.03, True),
        "time of a fit / that of CatBoost, median over splits": (1.0, False),
        "time of a fit / that of MLPClassifier, median over splits": (4.0, False),
        "longest fit, in seconds": (9.0, True),
        "mean of `oof_score_` minus the accuracy on test rows": (-0.01, True),
        "mean rank among seven models in log-loss": (None, None),
        "mean log-loss of TabM-D, minus skdnn's": (None, None),
    }
    for text, (figure, is_met) in wanted.items():
        assert found[text].figure == (figure if figure is None else pytest.approx(figure)), text
        assert found[text].is_met() is is_met, text


def test_a_strict_target_is_not_met_at_its_limit():
    assert Verdict("", 0.0, at_most=0).is_met()
    assert not Verdict("", 0.0, at_most=0, is_strict=True).is_met()
    assert Verdict("", 0.0, at_most=0, is_strict=True).wanted() == "< 0"
    assert Verdict("", 0.0, at_least=0.95).wanted() == "≥ 0.95"
    assert Verdict("", 0.0, at_least=-0.015, at_most=0).wanted() == "-0.015 to 0"


def everyone(rows):
    """Return rows in which all of the usual models have finished what CatBoost has."""
    others = {"histgb", "lightgbm", "xgboost", "logreg"}
    more = [entry | {"model": name} for entry in rows for name in others]
    return rows + [entry for entry in more if entry["data"] != "z"]


def test_the_report_says_what_was_run_and_what_came_of_it():
    rows = everyone(ROWS) + TIMED
    page = report.write_page(rows, has_picture=False)
    lines = " ".join(page.split())
    assert "skdnn was run on 4 train/test splits, up to two for each of 3 data sets." in lines
    assert "partial" not in page
    assert "splits that all models finished, up to two for each of 2 data sets." in lines
    assert "splits that all models finished, one for each of 3 data sets." in lines
    assert "| CatBoost | 3 | 2 | 1.000 | 1 - 1 | 0 - 3 | 3 - 0 |" in page
    assert "| CatBoost | no result in 9 s | z 0 |" in page
    assert "| skdnn | 4.00 | 9.0 | b |" in page
    assert "| CatBoost | 3 | 3 | 0.0200 | 0.0500 |" in page
    assert "| z | 75 | 1 | **0.5000** | - | - | - | - | **0.5000** | - |" in page
    fewer = [entry for entry in rows if (entry["model"], entry["data"]) != ("skdnn", "z")]
    page = report.write_page(fewer, has_picture=False)
    lines = " ".join(page.split())
    assert "**These are partial results.** skdnn was run on 3 train/test splits, up to" in lines
    assert "more splits, among them all of z." in lines


def test_the_report_is_a_page_and_a_picture(tmp_path, monkeypatch):
    for entry in [*ROWS, scored("a", "skdnn", 0, 0.08)]:
        results.append(tmp_path / "rows.jsonl", entry)
    command = ["report", str(tmp_path / "rows.jsonl"), "--docs", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", command)
    report.main()
    assert "](images/accuracy.png)" in (tmp_path / "accuracy.md").read_text("utf-8")
    with Image.open(tmp_path / "images" / "accuracy.png") as image:
        assert min(image.size) > 200
        assert np.asarray(image.convert("L")).std() > 10


def test_the_picture_says_why_a_point_is_missing():
    figure = picture.figure_of([*ROWS, scored("b", "skdnn", 2, 0.1)])
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert "CatBoost: no result in 9 s" in texts
    assert sum(":" in text for text in texts) == 1
    without = [entry for entry in ROWS if "error" not in entry]
    texts = {text.get_text() for text in picture.figure_of(without).axes[0].texts}
    assert "CatBoost: not run" in texts
    # 0.1 / 0.2 on a; on b, 0.4 / 0.2 and 0.2 / 0.2
    assert f"{np.cbrt(1.0):.2f}" in texts
    plt.close("all")


def test_the_readme_shows_mean_ranks_between_its_marks(tmp_path, monkeypatch):
    docs = tmp_path / "docs"
    docs.mkdir()
    first, last = report.MARKS
    (tmp_path / "README.md").write_text(f"Before.\n{first}old\n{last}\nAfter.\n", "utf-8")
    for entry in everyone(ROWS):
        results.append(tmp_path / "rows.jsonl", entry)
    command = ["report", str(tmp_path / "rows.jsonl"), "--docs", str(docs)]
    monkeypatch.setattr(sys, "argv", command)
    report.main()
    shown = (tmp_path / "README.md").read_text("utf-8")
    assert shown.startswith(f"Before.\n{first}Mean ranks of 7 models")
    assert shown.endswith(f"|\n{last}\nAfter.\n")
    assert "old" not in shown
    ranks = shown.removeprefix(f"Before.\n{first}").removesuffix(f"{last}\nAfter.\n")
    assert ranks.strip() in (docs / "accuracy.md").read_text("utf-8")


def test_a_page_can_be_written_of_nothing():
    assert "not met: 0; not measured: 24." in report.write_page([], has_picture=False)


def mixed(n_rows=300):
    """Return a table with missing values, a name that boosters refuse, and string classes."""
    rng = np.random.default_rng(0)
    group = pd.Categorical.from_codes(rng.integers(-1, 3, n_rows), ["low", "mid", "high"])
    X = pd.DataFrame({"a [<x>]": rng.normal(size=n_rows), "group": group})
    X["noise"] = rng.normal(size=n_rows)
    X.loc[::7, "noise"] = np.nan
    shift = (X["group"] == "high") - 0.5
    y = np.where(X["a [<x>]"] + 2 * shift > 0, "yes", "no")
    return X.assign(target=y)


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.filterwarnings("ignore")
def test_every_peer_takes_a_raw_frame(name, tmp_path):
    mixed().to_parquet(tmp_path / "mixed.parquet")
    job = Job(tmp_path / "mixed.parquet", 1, partial(make, name), warms_up=name == "logreg")
    found = {key: value for part in fit_and_score(job) for key, value in part.items()}
    assert (found["n"], found["p"], found["k"]) == (225, 3, 2)
    assert found["acc"] > 0.85
    assert found["auc"] > 0.95
    assert ("oof" in found) == (name == "skdnn")
    assert versions_of(name)[PEERS[name].package]


def test_networks_that_take_no_missing_values_get_frames_without_them():
    class Recorder:
        def fit(self, X, y):
            self.seen, self.classes_ = X, np.unique(y)

        def predict_proba(self, X):
            self.seen = X

    X = mixed().drop(columns="target")
    network = networks.FilledFrames(Recorder()).fit(X, mixed()["target"])
    network.predict_proba(X[:7])
    filled = network.model.seen
    assert not filled.isna().any().any()
    assert filled["noise"][0] == X["noise"].median()
    assert filled["group"].dtype == "category"
    assert set(filled["group"][X["group"][:7].isna()]) <= {"gap"}


def test_tables_are_found_by_name(tmp_path):
    for name in ("b", "a"):
        mixed(40).to_parquet(tmp_path / f"{name}.parquet")
    assert list(find_tables(tmp_path)) == ["a", "b"]
    assert list(find_tables(tmp_path, ["b"])) == ["b"]
    X, y = read_table(tmp_path / "a.parquet")
    assert list(X) == ["a [<x>]", "group", "noise"]
    assert set(y) == {"yes", "no"}
    with pytest.raises(FileNotFoundError, match=r"not \['c'\]"):
        find_tables(tmp_path, ["c", "a"])


def test_a_run_from_the_command_line_fits_in_processes(tmp_path, monkeypatch, capfd):
    mixed(100).to_parquet(tmp_path / "small.parquet")
    path = tmp_path / "results.jsonl"
    command = ["run", "--data", str(tmp_path), "--out", str(path), "--models", "logreg"]
    monkeypatch.setattr(sys, "argv", [*command, "--splits", "5", "--limit", str(LONG)])
    run.main()
    (entry,) = results.read([path])
    assert (entry["data"], entry["model"], entry["rep"]) == ("small", "logreg", 5)
    assert entry["acc"] > 0.7
    assert entry["versions"]["numpy"] == np.__version__
    run.main()
    assert "1 of 1 fits are in" in capfd.readouterr().out
    assert len(path.read_text().splitlines()) == 1


def test_the_environment_is_left_as_it_was(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert run_alone(_says_what_code_is_chosen, 60) == {"chosen": None}
    assert os.environ["OPENBLAS_CORETYPE"] == "Haswell"


def _says_what_code_is_chosen():
    yield {"chosen": os.environ.get("OPENBLAS_CORETYPE")}
