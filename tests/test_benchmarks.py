"""The benchmarks do the work that they time, and the report says what was measured."""

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from benchmarks import report, results, serving, sparse, targets
from benchmarks.adapters import ADAPTERS, Network
from benchmarks.cases import CASES
from benchmarks.data import BUNDLED, Sources, columns, mixed_frame, table, table_names
from benchmarks.measure import Job, prepare
from benchmarks.picture import figure_of
from benchmarks.verdicts import verdicts

ROOT = Path(__file__).parents[1]
WIDTHS = (20, 30, 3)
MODULES = {adapter.module: adapter for adapter in ADAPTERS.values() if not adapter.missing()}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def having(function):
    """Return the installed adapters whose file has a function of this name."""
    found = [(name, adapter.load()) for name, adapter in MODULES.items()]
    return [pytest.param(module, id=name) for name, module in found if hasattr(module, function)]


def run(*arguments):
    """Run Python in the project's folder, and return what came of it."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    outcome = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome


def mean_loss(model, X, y):
    return -np.log(model.predict_proba(X)[np.arange(len(y)), y]).mean()


@pytest.mark.parametrize("module", having("network"))
def test_a_network_learns_what_can_be_learnt(module):
    if module.__name__.endswith("matrix_products"):
        pytest.skip("it multiplies, and learns nothing")
    X, y = columns(600, WIDTHS[0], WIDTHS[-1])
    short, long = (module.network(Network(WIDTHS, 32, n)).fit(X, y) for n in (1, 20))
    assert mean_loss(long, X, y) < 0.5 * mean_loss(short, X, y)
    assert (long.predict_proba(X).argmax(axis=1) == y).mean() > 0.9


@pytest.mark.parametrize("module", having("default"))
def test_a_default_classifier_takes_a_mixed_frame(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = mixed_frame(300)
    proba = module.default().fit(X, y).predict_proba(X)
    assert (proba.argmax(axis=1) == y).mean() > 0.9


def test_the_floor_multiplies_what_a_network_multiplies():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((70, 5), dtype=np.float32)
    floor = ADAPTERS["floor"].load().network(Network((5, 4, 3), 32, 1)).fit(X, None)
    first, second = floor.weights_
    np.testing.assert_allclose(floor.predict_proba(X), X @ first @ second, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["1", "3", "6", "7 array"])
def test_a_quick_case_runs(name):
    for adapter in CASES[name].adapters:
        if not ADAPTERS[adapter].missing():
            action = prepare(Job(name, adapter, "", Sources(), is_quick=True))
            assert action.n_units >= 1
            action.call()


def test_public_tables_are_spread_over_the_alphabet(tmp_path):
    pytest.importorskip("pyarrow")
    X, y = BUNDLED["iris"](return_X_y=True, as_frame=True)
    for name in "abcdef":
        X.assign(target=y).to_parquet(tmp_path / f"{name}.parquet")
    sources = Sources(tables=str(tmp_path), n_tables=3)
    assert table_names(sources) == ["a", "c", "e"]
    X_train, y_train = table("c", sources)
    assert X_train.shape == (112, 4)
    assert set(y_train) == {0, 1, 2}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say what the peak was")
def test_peak_memory_sees_an_array_that_is_gone_again():
    code = """
import numpy as np
from benchmarks.memory import forget_peak, peak_bytes
forget_peak()
before = peak_bytes()
np.ones(10**8, np.uint8).sum()
print(peak_bytes() - before)
"""
    assert 0.9e8 < int(run("-c", code).stdout) < 1.5e8


def line(case, adapter, seconds, variant="", **more):
    empty = dict.fromkeys(results.FIELDS, "")
    given = {"case": case, "adapter": adapter, "variant": variant, "seconds": seconds}
    return empty | {"n_units": 1, "sizes": "full"} | given | more


# Worked by hand: medians 2 and 4 of row 3, so 0.5; row 4: 3 / (8 * 1) and 3 / 5; row 9:
# (3 / 1,000,000) / (0.02 / 10,000) = 1.5; row 10: the median of 4 / 2, 9 / 3, 8 / 1 is 3;
# memory: 300 - 100 - 180 = 20 MB; (700 - 200) / 400 = 1.25.
LINES = [
    *(line("3", "skdnn", seconds) for seconds in (1, 9, 2)),
    *(line("3", "mlp32", seconds) for seconds in (4, 3, 5)),
    line("3", "torch", "", note="torch not installed", n_units=""),
    line("4", "skdnn", 3, "8 members, 2 threads"),
    line("4", "skdnn", 5, "8 members, 1 thread"),
    line("4", "skdnn", 1, "one member"),
    line("6 memory", "skdnn", 1, array_bytes=180e6, start_bytes=100e6, peak_bytes=300e6),
    line("8", "skdnn", 1, array_bytes=400e6, start_bytes=500e6, peak_bytes=700e6),
    line("9", "skdnn", 0.02, "10,000 rows", n_units=10_000),
    line("9", "skdnn", 3, "1,000,000 rows", n_units=1_000_000),
    *(line("10", "skdnn", seconds, name) for seconds, name in ((4, "a"), (9, "b"), (8, "c"))),
    *(line("10", "mlp", seconds, name) for seconds, name in ((2, "a"), (3, "b"), (1, "c"))),
]
WANTED = {
    ("3", "MLPClassifier, float32"): (0.5, False),
    ("3", "torch"): (None, None),
    ("4", "8 members, 2 threads / 8 x one member"): (0.375, True),
    ("4", "8 members, 2 threads / 8 members, 1 thread"): (0.6, True),
    ("6 memory", "peak memory beyond the result, in MB"): (20, True),
    ("8", "(peak memory - 200 MB) / the input"): (1.25, False),
    ("9", "1,000,000 rows / 10,000 rows"): (1.5, False),
    ("10", "MLPClassifier in a pipeline"): (3, True),
    ("10", "CatBoost"): (None, None),
    ("10", "longest fit, in seconds"): (9, True),
}


@pytest.fixture
def measurements(tmp_path):
    path = tmp_path / "measurements.csv"
    for case in dict.fromkeys(entry["case"] for entry in LINES):
        results.replace_case(path, case, [entry for entry in LINES if entry["case"] == case])
    return path


def test_ratios_and_verdicts_are_those_worked_by_hand(measurements):
    found = {(v.case, v.against): v for v in verdicts(results.read(measurements))}
    for key, (figure, is_met) in WANTED.items():
        assert found[key].figure == pytest.approx(figure), key
        assert found[key].is_met is is_met, key
    assert found["1", "torch"].is_met is None


def test_the_report_says_what_is_met_and_what_is_missing(measurements, tmp_path):
    page = report.write_page(results.read(measurements), has_picture=False)
    assert "| 3 | MLPClassifier, float32 | ≤ 0.25 | 0.5 | **not met** | - |" in page
    assert "| 10 | MLPClassifier in a pipeline | ≤ 4 | 3 | met | - |" in page
    assert "Not measured: torch (torch not installed)." in page
    assert "Not measured yet." in page
    assert report.paragraph(report.CASES["4"].remark) in page
    assert "| skdnn | 2 s | 1 s to 9 s | 3 |" in page
    assert "tiny sizes" in report.write_page([line("3", "skdnn", 1, sizes="quick")], False)


def test_the_report_has_the_targets_and_the_facts_of_another_machine(measurements):
    lines = results.read(measurements)
    other = [entry | {"cpu": "another processor"} for entry in lines]
    page = report.write_page(lines, False, [other])
    here, there = page.split("## On another machine")
    for part in (here, there):
        assert "| 3 | MLPClassifier, float32 | ≤ 0.25 | 0.5 | **not met** | - |" in part
    assert "- cpu: another processor" in there
    assert "another processor" not in here
    assert report.ELSEWHERE in here
    assert report.ELSEWHERE not in report.write_page(lines, False)


def test_the_report_is_a_page_and_a_picture(measurements, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["report", str(measurements), "--docs", str(tmp_path)])
    report.main()
    assert "](images/benchmarks.png)" in (tmp_path / "benchmarks.md").read_text("utf-8")
    with Image.open(tmp_path / "images" / "benchmarks.png") as image:
        assert min(image.size) > 300
        assert np.asarray(image.convert("L")).std() > 10


def test_the_picture_names_what_each_case_measures(measurements):
    judged = verdicts(results.read(measurements))
    axes = figure_of(judged).axes[0]
    texts = [text.get_text() for text in axes.texts]
    for case in ("3", "4", "9", "10"):
        assert f"{case}. {report.CASES[case].heading()}" in texts
    assert len({text for text in texts if ". " in text}) == 4
    labels = [label.get_text() for label in axes.get_yticklabels()]
    drawn = [v for v in judged if v.is_ratio and v.figure is not None]
    assert labels == [v.against for v in drawn]
    plt.close("all")


def test_measuring_a_case_again_replaces_its_lines_alone(measurements):
    results.replace_case(measurements, "3", [line("3", "skdnn", 7)])
    lines = results.read(measurements)
    assert results.medians_of(lines, "3")["skdnn", ""].seconds == 7
    assert len(lines) == len([entry for entry in LINES if entry["case"] != "3"]) + 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12.345, "12.3 s"), (0.0123, "12.3 ms"), (1.5e-5, "15 µs"), (3e-9, "3 ns"), (1234, "1230 s")],
)
def test_a_duration_has_three_digits(seconds, text):
    assert report.duration(seconds) == text


def test_every_target_is_against_a_contender_of_its_case():
    for case in CASES.values():
        for target in case.targets:
            if isinstance(target, targets.AgainstPeer):
                assert target.peer in case.adapters
            if isinstance(target, targets.AgainstItself):
                assert {target.variant, target.other} <= case.variants.keys()
        assert case.heading()


@pytest.mark.slow
def test_a_quick_run_writes_a_line_for_every_contender(tmp_path):
    path = tmp_path / "quick.csv"
    command = ["-m", "benchmarks.run", "--quick", "--rows", "7", "--repetitions", "2"]
    run(*command, "--out", str(path))
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert not [entry["note"] for entry in lines if entry["note"].startswith("failed")]
    counts = Counter((entry["case"], entry["adapter"]) for entry in lines if entry["seconds"])
    has_numba = find_spec("numba") is not None
    for case in ("7 array", "7 frame"):
        assert counts[case, "skdnn_numpy"] == 2
        assert counts[case, "skdnn"] == 2 * has_numba
    assert {entry["numpy"] for entry in lines} == {np.__version__}


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 3])
def test_a_quick_benchmark_of_sparse_tables_reports_every_classifier(number):
    text = run("-m", "benchmarks.sparse", "--quick", "--cases", str(number)).stdout
    title, _, header, _, *lines = text.splitlines()
    assert title == f"## {sparse.CASES[number].title}"
    assert header.startswith("|  | fit | peak memory | in use before |")
    names = [line.split(" | ")[0].removeprefix("| ") for line in lines if line]
    assert names == list(sparse.CLASSIFIERS)


def test_the_page_about_serving_shows_the_measurements_of_their_file():
    measured = json.loads(serving.RESULTS.read_text("utf-8"))
    start, end = serving.MARKS
    shown = serving.PAGE.read_text("utf-8").split(start)[1].split(end)[0]
    assert shown == serving.section(measured)
    for name, times in measured["seconds"].items():
        assert min(times.values()) > 0
        wanted = [name, *map(report.duration, times.values())]
        assert f"| {' | '.join(wanted)} |\n" in shown


def test_serving_is_measured_on_every_way_to_the_probabilities():
    pytest.importorskip("onnxruntime")
    measured = serving.measure(n_train=60, batches=(1, 7), seconds=0)
    assert list(measured["seconds"]) == ["1 as a dict", "1 as a DataFrame", "7 as a DataFrame"]
    for times in measured["seconds"].values():
        assert list(times) == ["predict_proba", "onnx_inputs, onnxruntime", "onnxruntime"]
    assert min(measured["n_bytes"].values()) > 0
    assert serving.section(measured).count("\n| ") == 2 * 2 + 3 + 3
