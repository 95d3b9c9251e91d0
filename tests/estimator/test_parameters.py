import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_iris
from sklearn.neural_network import MLPClassifier
from sklearn.utils._param_validation import InvalidParameterError

from skdnn import DeepNetClassifier
from skdnn.core.activations import ACTIVATIONS
from skdnn.core.encoded_rows import Expansion
from skdnn.core.initializers import INITIALIZERS
from skdnn.core.optimizers import OPTIMIZERS
from skdnn.core.schedules import SCHEDULES
from skdnn.estimator.auto_parameters import DataSize, count_folds, count_members, resolve
from skdnn.estimator.parameters import CONSTRAINTS
from skdnn.estimator.solvers import SOLVERS
from skdnn.estimator.variants import choose_variants

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "auto-values.md"
X, y = load_iris(return_X_y=True)
QUICK = {"max_iter": 3, "hidden_layer_sizes": (8,), "n_members": 2, "random_state": 0}
DOC = inspect.getdoc(DeepNetClassifier)


def documented(name):
    """Return the text on a parameter."""
    return re.search(rf"^(?:\w+, )*{name}(?:, \w+)* : (.*?)(?=^\S)", DOC, re.M | re.S).group(1)


def test_every_parameter_is_constrained_and_documented():
    names = list(inspect.signature(DeepNetClassifier).parameters)
    assert sorted(names) == sorted(CONSTRAINTS)
    for name in names:
        assert documented(name)


def test_every_parameter_of_mlpclassifier_is_here():
    assert set(MLPClassifier().get_params()) <= set(DeepNetClassifier().get_params())


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.parametrize(
    ("parameter", "table"),
    [
        ("activation", ACTIVATIONS),
        ("init", INITIALIZERS),
        ("learning_rate", SCHEDULES),
        ("solver", SOLVERS | OPTIMIZERS),
    ],
)
def test_every_option_of_a_table_is_documented_and_trains(parameter, table):
    for option in table:
        assert f'"{option}"' in documented(parameter)
        if option != "zeros":  # hidden units that start equal stay equal
            net = DeepNetClassifier(**{**QUICK, parameter: option, "max_iter": 30}).fit(X, y)
            assert net.loss_curve_[-1] < net.loss_curve_[0]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("name", "given", "hint"),
    [
        ("solver", "Adam", "adam"),
        ("solver", "AdamW", "adamw"),
        ("activation", "leakyrelu", "leaky_relu"),
        ("activation", "Sigmoid", "logistic"),
        ("init", "He-normal", "he_normal"),
        ("learning_rate", "invscale", "invscaling"),
        ("batch_size", "Auto", "auto"),
        ("scoring", "log_loss", "neg_log_loss"),
        ("encoder", "pass-through", "passthrough"),
    ],
)
def test_the_error_for_a_wrong_name_suggests_the_most_similar_one(name, given, hint, method):
    with pytest.raises(InvalidParameterError) as error:
        getattr(DeepNetClassifier(**{name: given}), method)(X, y)
    assert str(error.value).startswith(f"The {name!r} parameter of DeepNetClassifier must be a str")
    assert str(error.value).endswith(f" Got {given!r} instead. Did you mean {hint!r}?")


@pytest.mark.parametrize("table", [ACTIVATIONS, SOLVERS], ids=["activation", "solver"])
def test_the_error_for_a_wrong_name_lists_the_right_ones_in_order(table):
    name = "activation" if table is ACTIVATIONS else "solver"
    with pytest.raises(InvalidParameterError) as error:
        DeepNetClassifier(**{name: "something else"}).fit(X, y)
    assert f"{{{str(sorted(table))[1:-1]}}}" in str(error.value)


@pytest.mark.parametrize(
    "wrong",
    [{"solver": "cobyla"}, {"solver": 3}, {"alpha": "x"}, {"alpha": -1.0, "solver": "Adam"}],
    ids=str,
)
def test_there_is_no_hint_where_nothing_is_similar_or_the_error_is_about_something_else(wrong):
    with pytest.raises(InvalidParameterError, match=r"Got \S+ instead\.$"):
        DeepNetClassifier(**wrong).fit(X, y)


def test_activations_can_differ_by_layer():
    net = DeepNetClassifier((8, 4), ["tanh", "silu"], max_iter=3).fit(X, y)
    assert net.resolved_params_["activation"] == ("tanh", "silu")


def test_auto_becomes_something_that_can_be_read():
    net = DeepNetClassifier(random_state=0).fit(X[:, :2], y)
    assert net.resolved_params_["hidden_layer_sizes"] == (128, 128)
    assert net.resolved_params_["learning_rate"] == "cosine"
    # 119 distinct training rows a member are two batches of 64; 2,000 steps are 1,000 epochs.
    assert net.resolved_params_["batch_size"] == 64
    assert net.resolved_params_["max_iter"] == 250  # a quarter of them is enough
    assert DeepNetClassifier(**QUICK).fit(X, y).resolved_params_["max_iter"] == 3


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "n_epochs"),
    [
        (1000, 1, 50),
        (1000, 100, 200),
        (30_000, 128, 50),
        (30_001, 256, 20),
        (100_001, 512, 15),
        (3_000_000, 1024, 3),
    ],
)
def test_auto_epochs_are_a_number_by_size_or_what_2000_steps_take(n_rows, batch_size, n_epochs):
    data_size = DataSize(n_rows, True, 5, 0, 5, False, n_members=8)
    net = DeepNetClassifier(batch_size=batch_size)
    assert resolve(net, data_size, validates=True)["max_iter"] == n_epochs


@pytest.mark.parametrize(("n_inputs", "n_epochs"), [(500, 1000), (501, 250)])
def test_many_more_inputs_than_rows_are_trained_for_500_steps(n_inputs, n_epochs):
    data_size = DataSize(100, True, n_inputs, 0, n_inputs, False, n_members=8)
    assert resolve(DeepNetClassifier(), data_size, validates=True)["max_iter"] == n_epochs


@pytest.mark.parametrize(
    ("solver", "n_rows", "has_all_rows", "expected"),
    [
        ("adamw", 2500, True, (128, 128)),
        ("adamw", 2501, True, (256, 128)),
        ("adamw", 10_001, True, (256, 256)),
        ("adamw", 2500, False, (256, 256)),
        ("adam", 2500, True, (256, 256)),
    ],
)
def test_auto_layers_are_narrower_for_few_rows(solver, n_rows, has_all_rows, expected):
    data_size = DataSize(n_rows, has_all_rows, 5, 0, 5, False, n_members=8)
    resolved = resolve(DeepNetClassifier(solver=solver), data_size, validates=True)
    assert resolved["hidden_layer_sizes"] == expected


@pytest.mark.parametrize(
    ("n_rows", "n_members", "layers"),
    [
        (2500, 16, (128, 128)),
        (10_000, 8, (256, 128)),
        (50_000, 8, (256, 256)),
        (50_001, 2, (256, 256)),
    ],
)
def test_the_user_guide_has_the_members_and_layers_of_each_size(n_rows, n_members, layers):
    net, size = DeepNetClassifier(), DataSize(n_rows, True, 5, 0, 5, False, n_members)
    assert count_members(net, n_rows) == n_members
    assert resolve(net, size, validates=True)["hidden_layer_sizes"] == layers
    expansion = Expansion(1, n_bins=(3,))
    n_variants = len(choose_variants(net, n_members, n_rows, expansion))
    text = GUIDE.read_text("utf-8").split("| distinct rows |")[1].split("\n\n")[0]
    lines = [line.strip("|").split("|") for line in text.splitlines()[2:]]
    column = [2500, 10_000, 50_000, 50_001].index(n_rows) + 1
    members, variants, held_out, widths = (line[column].strip() for line in lines)
    assert (members, variants) == (str(n_members), str(n_variants))
    assert held_out == f"1/{count_folds(n_members // n_variants, n_rows)}"
    assert tuple(map(int, widths.split("(")[0].split(","))) == layers


@pytest.mark.parametrize(("n_outputs", "expected"), [(10, (256, 128)), (11, (256, 256))])
def test_the_last_layer_is_not_narrower_for_many_classes(n_outputs, expected):
    data_size = DataSize(5000, True, 5, 0, 5, False, 8, n_outputs)
    assert resolve(DeepNetClassifier(), data_size, True)["hidden_layer_sizes"] == expected


@pytest.mark.parametrize("number", [np.int8, np.uint8, np.int32, np.uint64])
def test_numbers_of_numpy_are_as_good_as_python_s(number):
    given = {"batch_size": 64, "max_iter": 3, "n_members": 2}
    expected = DeepNetClassifier(**{**QUICK, **given}).fit(X, y)
    net = DeepNetClassifier(**QUICK | {name: number(value) for name, value in given.items()})
    net.fit(X, y)
    assert net.resolved_params_ == expected.resolved_params_
    np.testing.assert_array_equal(net.predict_proba(X), expected.predict_proba(X))


def test_wide_tables_drop_inputs_and_narrow_or_sparse_ones_do_not():
    wide = np.random.default_rng(0).normal(size=(60, 101))
    labels = (wide[:, 0] > 0).astype(int)
    for rows, expected in [(wide, 0.2), (wide[:, :100], 0.0), (csr_array(wide), 0.0)]:
        net = DeepNetClassifier(**QUICK).fit(rows, labels)
        assert net.resolved_params_["input_dropout"] == expected


@pytest.mark.parametrize(
    ("n_rows", "has_all", "expected"), [(2500, True, 0), (2501, True, 0.05), (9, False, 0.05)]
)
def test_labels_of_small_tables_are_not_smoothed(n_rows, has_all, expected):
    data_size = DataSize(n_rows, has_all, 5, 0, 5, False, n_members=2)
    resolved = resolve(DeepNetClassifier(), data_size, validates=True)
    assert resolved["label_smoothing"] == expected


@pytest.mark.parametrize(
    ("n_rows", "n_columns", "is_sparse", "expected"),
    [
        (50_001, 101, False, ((448, 256), 0.003, None, 0.3, 0.02)),
        (50_000, 101, False, ((256, 256), 0.005, 0.3, 0.01, 0.05)),
        (50_001, 100, False, ((256, 256), 0.005, 0.3, 0.01, 0.05)),
        (50_001, 101, True, ((256, 256), 0.005, None, 0.01, 0.05)),
    ],
)
def test_wide_and_long_data_have_a_recipe_of_their_own(n_rows, n_columns, is_sparse, expected):
    data_size = DataSize(n_rows, True, n_columns, 0, 999, is_sparse, n_members=2)
    resolved = resolve(DeepNetClassifier(), data_size, validates=True)
    found = (
        resolved["hidden_layer_sizes"],
        resolved["learning_rate_init"],
        resolved["connectivity"],
        resolved["weight_decay"],
        resolved["label_smoothing"],
    )
    assert found == expected
    given = DeepNetClassifier((8,), weight_decay=0.1, connectivity=0.5 if not is_sparse else None)
    resolved = resolve(given, data_size, validates=False)
    assert resolved["hidden_layer_sizes"] == (8,)
    assert resolved["weight_decay"] == 0.1
    assert resolved["label_smoothing"] == 0


@pytest.mark.parametrize(
    ("n_rows", "n_columns", "n_binned", "n_inputs", "expected"),
    [
        (2500, 50, 0, 101, 0.2),
        (2500, 50, 0, 100, 0),
        (2501, 50, 0, 101, 0),
        (2501, 101, 0, 101, 0.2),
        (2501, 101, 1, 100, 0),
        (2501, 201, 100, 101, 0.2),
        (2500, 201, 100, 101, 0.2),
    ],
)
def test_inputs_are_dropped_if_columns_or_in_small_tables_inputs_are_many(
    n_rows, n_columns, n_binned, n_inputs, expected
):
    data_size = DataSize(n_rows, True, n_columns, n_binned, n_inputs, False, n_members=2)
    resolved = resolve(DeepNetClassifier(), data_size, validates=True)
    assert resolved["input_dropout"] == expected


@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_only_adamw_regularizes_unasked():
    recipe = DeepNetClassifier(**QUICK).fit(X, y).resolved_params_
    plain = DeepNetClassifier(**QUICK, solver="adam").fit(X, y).resolved_params_
    for name in ("dropout", "weight_decay"):
        assert recipe[name] > 0 == plain[name]


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.parametrize(
    "setting",
    [
        {"alpha": 300.0},
        {"weight_decay": 30.0},
        {"dropout": 0.9},
        {"input_dropout": 0.5},
        {"label_smoothing": 0.9},
        {"max_grad_norm": 1e-4, "solver": "sgd"},
        {"momentum": 0.0, "solver": "sgd"},
        {"nesterovs_momentum": False, "solver": "sgd"},
        {"beta_1": 0.0},
        {"beta_2": 0.5},
        {"epsilon": 10.0},
        {"power_t": 2.0, "learning_rate": "invscaling"},
        {"warmup_fraction": 0.9},
        {"init_scale": 0.1},
        {"shuffle": False},
        {"batch_size": 10},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_every_setting_makes_a_difference(setting):
    shared = {k: v for k, v in setting.items() if k in ("solver", "learning_rate")}
    base = DeepNetClassifier(**QUICK, **shared).fit(X, y)
    other = DeepNetClassifier(**QUICK, **setting).fit(X, y)
    assert (base.coefs_[0] != other.coefs_[0]).any()


def test_dtype_decides_what_is_computed_in():
    for dtype, rows, expected in [
        ("float32", X, np.float32),
        ("float64", X, np.float64),
        ("input", X, np.float64),
        ("input", X.astype(np.float32), np.float32),
    ]:
        net = DeepNetClassifier(**QUICK, dtype=dtype).fit(rows, y)
        assert net.coefs_[0].dtype == expected
        assert net.predict_proba(rows).dtype == np.float64


def test_verbose_prints_a_table_with_a_line_an_epoch(capsys):
    DeepNetClassifier(**QUICK, verbose=True).fit(X, y)
    head, *lines = capsys.readouterr().out.splitlines()
    losses = "loss", *("validation", "loss"), *("validation", "score")
    assert head.split() == ["Iteration", *losses, "time", "left"]
    assert [line.split()[0] for line in lines] == ["1/3", "2/3", "3/3"]
    assert lines[-1].split()[-2:] == ["0", "s"]
    assert {len(line) for line in lines} == {len(head)}


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.parametrize("n_members", [1, 2])
def test_the_line_search_prints_its_iterations_too(n_members, capsys):
    net = DeepNetClassifier((4,), solver="lbfgs", max_iter=5, n_members=n_members, verbose=1)
    net.fit(X, y)
    assert len(capsys.readouterr().out.splitlines()) == 1 + net.n_iter_


def test_training_that_was_cut_short_warns_and_a_schedule_that_ended_does_not():
    from sklearn.exceptions import ConvergenceWarning

    plain = {"early_stopping": False, "n_members": 1, "max_iter": 15, "solver": "adam"}
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(15\) reached"):
        DeepNetClassifier((8,), **plain).fit(X, y)
    DeepNetClassifier((8,), **plain, learning_rate="cosine").fit(X, y)


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("solver", ["adam", "sgd", "gd", "lbfgs", "adamw"])
def test_early_stopping_that_max_iter_cut_short_warns_too(solver, n_members):
    from sklearn.exceptions import ConvergenceWarning

    settings = {"solver": solver, "n_members": n_members, "learning_rate": "constant"}
    with pytest.warns(ConvergenceWarning, match=r"\(3\) reached.*Raise max_iter\.$"):
        DeepNetClassifier((8,), **settings, max_iter=3).fit(X, y)
    with pytest.warns(ConvergenceWarning, match=r"\(3\) reached"):
        DeepNetClassifier((8,), **settings, max_iter=3).fit(X, y, X_val=X, y_val=y)
    # Those that run out of patience, or whose schedule is complete, do not.
    settings["tol"] = 1e-3
    net = DeepNetClassifier((8,), **settings, max_iter=3000, n_iter_no_change=2).fit(X, y)
    assert net.n_iter_ < 3000
    if solver != "lbfgs":
        DeepNetClassifier((8,), **{**settings, "learning_rate": "cosine"}, max_iter=3).fit(X, y)
    DeepNetClassifier((8,), **{**settings, "tol": 0}, max_iter=3).fit(X, y)


def test_divergence_is_repaired_and_reported():
    from sklearn.exceptions import ConvergenceWarning

    net = DeepNetClassifier(
        (8,), solver="gd", learning_rate_init=1e30, max_iter=60, encoder="passthrough",
        n_members=1, early_stopping=False, tol=0, random_state=0,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="diverged"):
        net.fit(X, y)
    assert np.isfinite(net.predict_proba(X)).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("solver", "early_stopping", "max_iter", "expected"),
    [
        ("adamw", True, 80, 10),
        ("adamw", True, 81, 11),
        ("adamw", True, 8, 8),
        ("gd", True, 80, 10),
        ("adamw", False, 80, 10),
        ("sgd", False, 15, 10),
        ("lbfgs", False, 15, 10),
        ("gd", False, 15, 15),
    ],
)
def test_the_default_patience_is_the_documented_one(solver, early_stopping, max_iter, expected):
    net = DeepNetClassifier(
        (4,), solver=solver, early_stopping=early_stopping, max_iter=max_iter, n_members=2
    )
    assert net.fit(X, y).resolved_params_["n_iter_no_change"] == expected


@pytest.mark.parametrize(
    ("given", "grows"),
    [
        ({}, True),
        ({"n_iter_no_change": 12}, False),
        ({"solver": "adam", "learning_rate_init": 0.005}, False),
        ({"scoring": "neg_log_loss"}, False),
        ({"learning_rate": "adaptive"}, False),
    ],
)
def test_only_the_default_patience_of_the_default_solver_is_less_after_an_early_best_epoch(
    given, grows
):
    noise = np.random.default_rng(0).integers(0, 2, len(X))  # the best epochs are early
    net = DeepNetClassifier((32,), n_members=1, max_iter=96, random_state=0, **given)
    net.fit(X, noise)
    patience = int(4 + 0.3 * (net.best_iter_ - 1)) if grows else 12
    assert patience < 12 or not grows
    if given.get("learning_rate") == "adaptive":  # goes on at lower rates, six at least
        assert net.n_iter_ > net.best_iter_ + 6 * 12
    else:
        assert net.n_iter_ == net.best_iter_ + patience + 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_only_the_default_solver_begins_with_small_weights_in_the_last_layer():
    settings = {"max_iter": 1, "learning_rate_init": 1e-9, "weight_decay": 0, "n_members": 9}
    default, adam = (
        DeepNetClassifier((300,), solver=solver, **settings, random_state=0).fit(X, y)
        for solver in ("adamw", "adam")
    )
    he, glorot = np.sqrt(2 / 300), np.sqrt(2 / (300 + default.coefs_[-1].shape[-1]))
    assert default.coefs_[-1].std() == pytest.approx(0.2 * he, rel=0.1)
    assert adam.coefs_[-1].std() == pytest.approx(glorot, rel=0.1)
    assert default.coefs_[0].std() > 5 * default.coefs_[-1].std()


def test_a_shrinking_patience_stops_earlier():
    digits, labels = load_digits(return_X_y=True)
    short, long = (
        DeepNetClassifier((16,), n_members=2, n_iter_no_change=patience, random_state=0)
        for patience in (1, 20)
    )
    short.fit(digits, labels), long.fit(digits, labels)
    assert short.n_iter_ < long.n_iter_
