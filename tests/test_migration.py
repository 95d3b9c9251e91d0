"""Changing the import: scikit-learn's own tests of MLPClassifier, its parameters and attributes."""

import ast
import inspect
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.utils.fixes import parse_version

from skdnn import DeepNetClassifier

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "migration.md"
AS_THERE = {
    "hidden_layer_sizes": (100,),
    "solver": "adam",
    "alpha": 1e-4,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "max_iter": 200,
    "early_stopping": False,
    "n_iter_no_change": 10,
    "n_members": 1,
    "encoder": "passthrough",
    "dtype": "input",
}
X, y = load_iris(return_X_y=True)
since_1_9 = pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="the page is about scikit-learn 1.9",
)


def rows_of_table(heading):
    """Return the cells of the first table under a heading of the page."""
    text = re.split(rf"^## {heading}$", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1]
    table = re.search(r"(^\|.*\n)+", text, flags=re.MULTILINE)[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


def names_in(cells):
    return set(re.findall(r"`(\w+)`", " ".join(cells)))


def about_the_classifier():
    """Return the names of scikit-learn's test functions that mention MLPClassifier."""
    from sklearn.neural_network.tests import test_mlp

    functions = inspect.getmembers(test_mlp, inspect.isfunction)
    return {name for name, f in functions if "MLPClassifier" in inspect.getsource(f)}


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """Run scikit-learn's tests with the class replaced; return the functions that failed."""
    folder = tmp_path_factory.mktemp("mlp")
    (folder / "pytest.ini").write_text("[pytest]\n")
    report = folder / "report.xml"
    suite = ["--pyargs", "sklearn.neural_network.tests.test_mlp", "-p", "mlp_in_place"]
    options = ["-q", "-c", folder / "pytest.ini", f"--junitxml={report}", "-p", "no:cacheprovider"]
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *suite, *options],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode in (0, 1), result.stdout + result.stderr
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return {case.get("name").split("[")[0] for case in cases if case.find("failure") is not None}


@since_1_9
def test_most_of_scikit_learns_own_tests_of_its_network_pass(failures):
    ours = about_the_classifier()
    assert len(ours) == 31
    assert len(ours - failures) >= 22


@since_1_9
def test_the_page_gives_a_reason_for_each_test_that_fails(failures):
    rows = rows_of_table("scikit-learn's own tests")
    assert {name.strip("`") for name, _ in rows} == failures
    assert all(len(reason) > 20 for _, reason in rows)


@since_1_9
def test_every_parameter_of_mlpclassifier_is_accepted_and_in_the_table():
    theirs = set(MLPClassifier().get_params())
    assert theirs <= set(DeepNetClassifier().get_params())
    assert theirs <= names_in(cells[0] for cells in rows_of_table("Parameters"))


def defaults_in(cell):
    """Return the Python literals that a cell of defaults begins with, one for each parameter."""
    literals = re.match(r"""((?:\([^)]*\)|"[^"]*"|[\w.-]+)(?:, (?=[\dTF]))?)+""", cell.strip("`"))
    return ast.literal_eval(f"[{literals[0]}]")


@since_1_9
def test_the_defaults_in_the_table_are_those_of_both_classes():
    theirs, ours = MLPClassifier().get_params(), DeepNetClassifier().get_params()
    for cells in rows_of_table("Parameters"):
        names = re.findall(r"`(\w+)`", cells[0])
        there, here = cells[2], cells[2] if cells[3] == "the same" else cells[3]
        assert defaults_in(there) == [theirs[name] for name in names]
        assert defaults_in(here) == [ours[name] for name in names]


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@since_1_9
def test_every_attribute_and_method_of_mlpclassifier_is_there_and_in_the_table():
    theirs = MLPClassifier(max_iter=2, early_stopping=True, solver="sgd")
    with pytest.warns(ConvergenceWarning):
        theirs.fit(X, y)
    ours = DeepNetClassifier(**{**AS_THERE, "early_stopping": True, "max_iter": 2}).fit(X, y)
    learnt = [name for name in vars(theirs) if name.endswith("_") and name[0] != "_"]
    methods = [
        name
        for name in dir(MLPClassifier)
        if name[0] != "_" and callable(getattr(MLPClassifier, name))
    ]
    assert [name for name in (*learnt, *methods) if not hasattr(ours, name)] == []
    documented = names_in(cells[0] for cells in rows_of_table("Attributes and methods"))
    assert [name for name in (*learnt, *methods) if name not in documented] == []


def test_one_member_has_the_shapes_of_mlpclassifier():
    few = {"hidden_layer_sizes": (7, 5), "max_iter": 3, "random_state": 0}
    with pytest.warns(ConvergenceWarning):
        theirs = MLPClassifier(**few).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        ours = DeepNetClassifier(**{**AS_THERE, **few}).fit(X, y)
    for name in ("coefs_", "intercepts_"):
        assert [a.shape for a in getattr(ours, name)] == [a.shape for a in getattr(theirs, name)]
        assert {a.dtype for a in getattr(ours, name)} == {np.dtype(float)}
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert len(ours.loss_curve_) == len(theirs.loss_curve_)
    assert ours.validation_scores_ is theirs.validation_scores_ is None
    assert ours.best_loss_ == min(ours.loss_curve_)
    assert ours.resolved_params_["batch_size"] == 150 - 1  # two rows of iris are equal


def test_the_batch_of_auto_is_200_for_the_plain_solvers():
    rows = np.random.default_rng(0).normal(size=(500, 2))
    for solver in ("adam", "sgd"):
        net = DeepNetClassifier(**{**AS_THERE, "solver": solver, "max_iter": 1, "tol": 0})
        assert net.fit(rows, rows[:, 0] > 0).resolved_params_["batch_size"] == 200


def test_it_starts_from_glorot_uniform_weights_like_mlpclassifier():
    net = DeepNetClassifier(**{**AS_THERE, "learning_rate_init": 1e-12, "max_iter": 1, "tol": 0})
    for weights in net.fit(X, y).coefs_:
        bound = np.sqrt(6 / sum(weights.shape))
        assert 0.95 * bound < np.abs(weights).max() < bound


def test_n_iter_no_change_may_be_infinite():
    net = DeepNetClassifier(**{**AS_THERE, "max_iter": 30, "tol": 10, "n_iter_no_change": np.inf})
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(30\)"):
        assert net.fit(X, y).n_iter_ == 30


def test_weights_can_be_assigned_and_predictions_follow():
    net = DeepNetClassifier(**{**AS_THERE, "max_iter": 20, "tol": 0}).fit(X, y)
    other = DeepNetClassifier(**{**AS_THERE, "max_iter": 1, "tol": 0}).fit(X, y)
    other.coefs_, other.intercepts_ = net.coefs_, net.intercepts_
    np.testing.assert_array_equal(other.predict_proba(X), net.predict_proba(X))
    with pytest.raises(ValueError, match=r"coefs_\[0\] must have the shape \(4, 100\)"):
        other.coefs_ = [weights.T for weights in net.coefs_]
    np.testing.assert_array_equal(other.predict_proba(X), net.predict_proba(X))


def test_weights_are_not_there_before_the_first_fit():
    net = DeepNetClassifier(**AS_THERE)
    with pytest.raises(AttributeError, match="not fitted"):
        net.coefs_  # noqa: B018 - reading it is the test


def test_log_probabilities_are_the_logarithms_of_the_probabilities():
    rows, labels = make_multilabel_classification(50, random_state=0)
    net = DeepNetClassifier(**{**AS_THERE, "solver": "lbfgs"}).fit(rows, labels)
    far = rows * 100.0  # saturates: some probabilities are 0
    proba = net.predict_proba(far)
    assert (proba == 0).any()
    positive = proba > 0
    log_proba = net.predict_log_proba(far)
    np.testing.assert_array_equal(log_proba[positive], np.log(proba[positive]))
    assert np.isfinite(log_proba).all()


@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_the_default_encoder_adds_bins_for_the_default_solver_only():
    few = {"max_iter": 2, "n_members": 2, "random_state": 0}
    assert DeepNetClassifier(**few).fit(X, y).coefs_[0].shape[1] > 4
    assert DeepNetClassifier(**few, solver="sgd").fit(X, y).coefs_[0].shape[1] == 4
