"""Rows of later calls: each column that fit knows nothing of is named once, for each reason."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

import skdnn
from skdnn import DeepNetClassifier, TableEncoder, integrated_gradients
from skdnn.tabular import column_encoders, unknown_categories
from skdnn.tabular.categories import ignoring_case_and_spaces
from skdnn.tabular.column_types import UnreadableWarning
from skdnn.tabular.row_hashes import distinct_rows
from skdnn.tabular.user_warnings import ColumnWarnings, UnknownCells, about

N = 120
RNG = np.random.default_rng(0)
OTHER = RNG.normal(size=N)
Y = (OTHER > 0).astype(int)
QUICK = {
    **{"hidden_layer_sizes": (4,), "n_members": 2, "max_iter": 2, "early_stopping": False},
    **{"learning_rate": "cosine", "random_state": 0},
}
VARYING = np.round(RNG.normal(size=N), 3)
WORDS = np.array(["u", "v", "w"], object)[RNG.integers(0, 3, N)]
IDS = np.array([f"id {n}" for n in range(N)], object)


def messages(call, *args, **kwargs):
    """Return the messages of the warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*args, **kwargs)
    return [str(warning.message) for warning in caught]


def first_partial_fit(X, y=Y):
    return quietly(DeepNetClassifier(**QUICK).partial_fit, X, y, classes=[0, 1])


def first_fit(X, y=Y, **params):
    return quietly(DeepNetClassifier(**QUICK, **params).fit, X, y)


def warm_fit(X):
    return first_fit(X, warm_start=True)


def quietly(call, *args, **kwargs):
    """Return the result of a call whose warnings, of strings read as numbers, do not matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return call(*args, **kwargs)


# How the network got its encoder, and the method that trains it further.
WAYS = {
    "partial_fit twice": (first_partial_fit, "partial_fit"),
    "fit, then partial_fit": (first_fit, "partial_fit"),
    "warm_start": (warm_fit, "fit"),
}
# The column in the first rows and in later ones, and what is said of it.
CHANGES = {
    "a number": (np.ones(N), VARYING, "no longer constant or missing"),
    "another number": (np.ones(N), np.full(N, 2.0), "no longer constant or missing"),
    "no numbers": (np.full(N, np.nan), VARYING, "no longer constant or missing"),
    "nothing": (np.full(N, None), WORDS, "no longer constant or missing"),
    "booleans": (np.ones(N, bool), VARYING > 0, "no longer constant or missing"),
    "one category": (np.full(N, "u", object), WORDS, "(no longer constant|new categories)"),
    "a price": (
        *(np.full(N, "$1.50", object), np.array([f"${n}.25" for n in range(N)], object)),
        "no longer constant or missing",
    ),
    "a date": (
        *(np.full(N, "2024-05-12", object), np.resize(["2024-05-13", "2024-08-01"], N)),
        "no longer constant or missing",
    ),
    "identifiers": (IDS, WORDS, "no longer different in every row"),
    "identifiers, then one": (IDS, np.full(N, "u", object), "no longer different in every row"),
}
LIBRARIES = {
    "pandas": lambda column: pd.DataFrame({"x0": OTHER, "x1": pd.Series(list(column))}),
    "polars": lambda column: pl.DataFrame({"x0": OTHER, "x1": list(column)}),
    "array": lambda column: np.column_stack([OTHER.astype(object), column.astype(object)]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_column_without_information_is_named_once_when_later_rows_have_some(change, library, way):
    (start, go_on), table = WAYS[way], LIBRARIES[library]
    first, later, said = CHANGES[change]
    net = start(table(first))
    assert not messages(getattr(net, go_on), table(first), Y)
    with pytest.warns(UserWarning, match=rf"'x1' \({said}.*refit_encoder") as caught:
        getattr(net, go_on)(table(later), Y)
    assert len(caught) == 1
    assert not messages(getattr(net, go_on), table(later), Y)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("change", ["a number", "no numbers", "nothing", "one category"])
def test_a_few_other_values_are_no_reason_to_warn(change, way):
    (start, go_on), table = WAYS[way], LIBRARIES["pandas"]
    first, later, _ = CHANGES[change]
    few = np.where(np.arange(N) < 6, later, first)  # 5 % of the rows
    assert not messages(getattr(start(table(first)), go_on), table(few), Y)


@pytest.mark.parametrize("way", WAYS)
def test_an_array_of_numbers_is_read_as_a_frame_is(way):
    start, go_on = WAYS[way]
    first, later = np.column_stack([OTHER, np.ones(N)]), np.column_stack([OTHER, VARYING])
    net = start(first)
    (message,) = messages(getattr(net, go_on), later, Y)
    assert "'x1' (no longer constant or missing)" in message
    assert not messages(getattr(net, go_on), later, Y)


def test_an_ignored_column_may_hold_anything_later():
    net = first_fit(LIBRARIES["pandas"](np.ones(N)))
    (message,) = messages(net.partial_fit, LIBRARIES["pandas"](WORDS), Y)
    assert "'x1' (no longer constant or missing)" in message
    net = first_fit(LIBRARIES["pandas"](np.full(N, "u", object)))
    (message,) = messages(net.partial_fit, LIBRARIES["pandas"](VARYING), Y)
    assert "'x1' (no longer constant or missing)" in message


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("later", [IDS[::-1], np.resize(IDS[:30], N), np.full(N, None)])
def test_identifiers_that_stay_identifiers_are_no_reason_to_warn(later, way):
    start, go_on = WAYS[way]
    table = LIBRARIES["pandas"]
    X = table(later)
    if len(set(later)) == 30:  # rows that are repeated with their identifier
        X = pd.concat([table(later)[:30]] * 4, ignore_index=True)
    y = np.resize(Y[:30], N) if len(set(later)) == 30 else Y
    assert not messages(getattr(start(table(IDS)), go_on), X, y)


def test_integers_that_numbered_the_rows_and_no_longer_do_are_named():
    numbered = LIBRARIES["pandas"](np.arange(N))
    later = LIBRARIES["pandas"](np.arange(N) % 5)
    net = first_fit(numbered, encoder=TableEncoder(drop_identifiers=True))
    assert not messages(net.partial_fit, numbered[:9].assign(x1=range(500, 509)), Y[:9])
    (message,) = messages(net.partial_fit, later, Y)
    assert "'x1' (no longer different in every row)" in message


def test_rows_are_compared_once_for_all_identifier_columns_and_not_again_once_warned(monkeypatch):
    calls = []

    def counted(*given):
        calls.append(given)
        return distinct_rows(*given)

    monkeypatch.setattr(column_encoders, "distinct_rows", counted)
    net = first_partial_fit(pd.DataFrame({"a": OTHER, "b": IDS, "c": IDS + "!"}))
    later = pd.DataFrame({"a": OTHER, "b": WORDS, "c": WORDS})
    (message,) = messages(net.partial_fit, later, Y)
    assert "'b' (no longer different in every row); 'c' (" in message
    assert len(calls) == 1
    assert not messages(net.partial_fit, later, Y)
    assert len(calls) == 1


def test_a_tiny_first_batch_is_said_to_hide_a_column():
    tiny = pd.DataFrame({"x0": [0.1, 0.2, 0.3], "x1": ["u", "v", "w"]})
    net = first_partial_fit(tiny, np.array([0, 1, 0]))
    (message,) = messages(net.partial_fit, LIBRARIES["pandas"](WORDS), Y)
    assert "'x1' (no longer different in every row)" in message


def test_columns_of_a_sparse_matrix_that_were_empty_are_named_once():
    first = np.abs(np.column_stack([OTHER, np.zeros((N, 2)), VARYING]))
    later = first.copy()
    later[:, 1] = 1
    net = first_fit(sp.csr_array(first))
    rare = first.copy()
    rare[:3, 2] = 1
    assert not messages(net.partial_fit, sp.csr_array(rare), Y)
    (message,) = messages(net.partial_fit, sp.csr_array(later), Y)
    assert "'x1' (no longer without entries)" in message
    assert not messages(net.partial_fit, sp.csr_array(later), Y)


def test_new_categories_of_a_column_with_target_statistics_only_are_named():
    users = np.array([f"user {n}" for n in RNG.permutation(1500)], object)
    X = pd.DataFrame({"other": RNG.normal(size=3000), "user": np.resize(users, 3000)})
    y = (X["other"] > 0).astype(int)
    net = first_partial_fit(X, y)
    assert "user" not in net.encoder_.ignored_columns_
    assert "user" not in net.encoder_.categories_
    assert not messages(net.partial_fit, X[:500], y[:500])
    (message,) = messages(net.partial_fit, X.assign(user=X["user"] + "!"), y)
    assert "'user' (new categories such as" in message


@pytest.mark.parametrize("kind", ["few rows", "many rows"])
def test_a_category_that_no_row_has_is_not_called_new(kind):
    n_unused = {"few rows": 5 * N, "many rows": 3}[kind]
    unused = [f"aaa unused {n}" for n in range(n_unused)]
    net = first_partial_fit(LIBRARIES["pandas"](WORDS))
    categories = pd.Categorical(WORDS + "!", [*unused, "u!", "v!", "w!"])
    later = pd.DataFrame({"x0": OTHER, "x1": categories})
    (message,) = messages(net.partial_fit, later, Y)
    assert "new categories such as 'u!'" in message


def test_warnings_of_training_and_prediction_name_a_column_alike():
    X = pd.DataFrame({0: WORDS, 1: OTHER})
    net = first_fit(X)
    later = pd.DataFrame({0: np.full(N, "new", object), 1: OTHER})
    (message,) = messages(net.partial_fit, later, Y)
    assert ": 0 (new categories such as 'new')" in message
    (message,) = messages(net.predict, later)
    assert message.startswith("Column 0 of X ")


def test_a_row_of_an_unknown_category_is_not_compared_with_all_categories_one_by_one(monkeypatch):
    calls = []

    def counted(text):
        calls.append(text)
        return ignoring_case_and_spaces(text)

    monkeypatch.setattr(unknown_categories, "ignoring_case_and_spaces", counted)
    towns = np.array([f"Town\0 {n}" for n in range(40)], object)
    encoder = TableEncoder(n_bins=0).fit(LIBRARIES["pandas"](np.resize(towns, N)))
    row = LIBRARIES["pandas"](np.full(N, "elsewhere", object))[:1]
    assert not messages(encoder.encode, row)
    assert len(calls) < 5
    (message,) = messages(encoder.encode, row.assign(x1="TOWN\0 7 "))
    assert repr("Town\0 7") in message


# One warning for each column and reason


def prices(values):
    return pd.DataFrame({"a": OTHER, "k": 1.0, "p": values, "c": WORDS})


CENTS = np.array([f"{value:.2f}" for value in RNG.normal(size=N)], object)
SOME = np.where(Y, "1,5", CENTS)


@pytest.fixture
def priced():
    net = DeepNetClassifier(**QUICK)
    with pytest.warns(UserWarning, match="Columns of strings are read"):
        net.partial_fit(prices(CENTS), Y, classes=[0, 1])
    return net


def test_a_warning_about_one_column_does_not_silence_another(priced):
    X = prices(CENTS)
    (message,) = messages(priced.partial_fit, X.assign(k=OTHER), Y)
    assert "'k' (no longer constant" in message
    (message,) = messages(priced.partial_fit, X.assign(k=OTHER, p=SOME), Y)
    assert f"Column 'p' of X was read as numbers in fit; now {Y.sum()} of 120 cells" in message
    (message,) = messages(priced.partial_fit, X.assign(k=OTHER, p=SOME, c="new"), Y)
    assert "'c' (new categories such as 'new')" in message
    assert "'k'" not in message
    assert not messages(priced.partial_fit, X.assign(k=OTHER, p=SOME, c="new"), Y)


def test_unreadable_cells_are_named_once_in_partial_fit_and_in_each_prediction(priced):
    bad = prices(np.where(Y, "bad", CENTS))
    (message,) = messages(priced.partial_fit, bad, Y)
    assert f"now {Y.sum()} of {N} cells cannot be read so, such as 'bad'" in message
    assert not messages(priced.partial_fit, bad, Y)
    assert len(messages(priced.predict, bad)) == len(messages(priced.predict, bad)) == 1


def test_a_constant_column_that_varies_may_become_unreadable_later():
    dollars = lambda text: LIBRARIES["pandas"](np.array(text, object))  # noqa: E731
    net = first_partial_fit(dollars(["$1.50"] * N))
    (message,) = messages(net.partial_fit, dollars(["$1.50", "$2.50"] * 60), Y)
    assert "no longer constant" in message
    (message,) = messages(net.partial_fit, dollars(["$1.50", "bad"] * 60), Y)
    assert "60 of 120 cells cannot be read so" in message


def test_an_encoder_that_is_fitted_again_knows_what_was_said(priced):
    X = prices(CENTS)
    assert len(messages(priced.partial_fit, X.assign(k=OTHER), Y)) == 1
    with pytest.warns(UserWarning, match="Columns of strings are read"):
        priced.partial_fit(X, Y, refit_encoder=True)
    assert len(messages(priced.partial_fit, X.assign(k=OTHER), Y)) == 1


def test_what_was_said_is_saved(priced, tmp_path):
    X = prices(CENTS).assign(k=OTHER)
    assert len(messages(priced.partial_fit, X, Y)) == 1
    priced.save(tmp_path / "net.skdnn")
    assert not messages(skdnn.load(tmp_path / "net.skdnn").partial_fit, X, Y)


def test_a_new_fit_forgets_what_was_said():
    X, later = LIBRARIES["pandas"](np.ones(N)), LIBRARIES["pandas"](VARYING)
    net = first_fit(X)
    assert len(messages(net.partial_fit, later, Y)) == 1
    net.fit(X, Y)
    assert len(messages(net.partial_fit, later, Y)) == 1


# Validation rows, blocks of rows, and explanations


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("c", "new", "holds no category of fit"),
        ("p", SOME, f"was read as numbers in fit; now {Y.sum()} of 120"),
    ],
)
def test_warnings_about_validation_rows_name_them(name, value, said):
    X, net = prices(CENTS), DeepNetClassifier(**QUICK)
    given = {"X_val": X.assign(**{name: value}), "y_val": Y}
    about_strings, message = messages(net.fit, X, Y, **given)
    assert "Columns of strings are read" in about_strings
    assert message.startswith(f"Column {name!r} of X_val {said}")


def test_a_warning_about_validation_rows_that_a_filter_refuses_keeps_its_words_and_class():
    X, net = prices(CENTS), DeepNetClassifier(**QUICK)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Columns of strings are read")
        warnings.simplefilter("error", UnreadableWarning)
        with pytest.raises(UnreadableWarning, match=r"^Column 'p' of X_val was read as numbers"):
            net.fit(X, Y, X_val=X.assign(p=SOME), y_val=Y)


def test_a_warning_that_a_filter_refuses_keeps_its_class_in_a_message_about_a_file():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FutureWarning, match=r"^soon$"), about("a.parquet"):
            warnings.warn("soon", FutureWarning, stacklevel=1)


@pytest.mark.parametrize("is_spread", [False, True])
def test_cells_that_cannot_be_read_are_counted_in_all_blocks_of_rows(is_spread, priced):
    n_rows, n_bad = 10_000, 1_500
    X = pd.concat([prices(CENTS)] * 100, ignore_index=True)[:n_rows]
    places = np.arange(n_bad) * (6 if is_spread else 1)
    X.loc[places, "p"] = "bad"
    (message,) = messages(priced.predict, X)
    assert f"now {n_bad} of {n_rows} cells cannot be read" in message
    X.loc[places[800:], "p"] = "1.5"
    assert not messages(priced.predict, X)  # of 8 %, which are most of a block or 1 in 12


def test_blocks_of_rows_are_counted_together_and_said_in_one_sentence():
    found = ColumnWarnings("X_val")
    for n_unknown, example in ((1, "{}"), (3, "b"), (3, "a")):
        parts = "has ", f" unknown cells such as {example}."
        found.add(2, "c", UnknownCells(n_unknown, 8, parts, UnreadableWarning))
    found.add(1, "few", UnknownCells(1, 10, ("is not said",)))
    found.add(0, "known", UnknownCells(5, 8, ("is not said",)))
    found.add(0, "known", UnknownCells())
    with pytest.warns(UnreadableWarning) as caught:
        found.warn()
    (message,) = [str(warning.message) for warning in caught]
    assert message == "Column 'c' of X_val has 7 of 24 unknown cells such as a."
    assert found.warned == ((2, "unknown"),)
    assert not messages(found.warn)


@pytest.mark.parametrize("n_cells", [9, 10])
@pytest.mark.parametrize("others", [{"b"}, {"a", "b"}, set(), None])
def test_many_cells_of_other_kinds_in_all_blocks_of_rows_are_an_error(others, n_cells):
    found = ColumnWarnings("X_val", warned=((0, "unknown"),))
    for cells, example in (({"b"}, "b"), (others, "a")):
        cells = (
            n_cells,
            n_cells,
            (f"holds {example}",),
            UserWarning,
            cells if cells is None else frozenset(cells),
        )
        found.add(0, "c", UnknownCells(*cells))
    if len(others or ()) > 1 and n_cells == 10:
        with pytest.raises(ValueError, match=r"^Column 'c' of X holds a$"):
            found.warn()
    else:
        assert not messages(found.warn)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("target", [None, 1])
def test_an_explanation_warns_once(target, n_classes):
    X = pd.DataFrame({"a": OTHER, "c": WORDS})
    net = first_fit(X, np.arange(N) % n_classes)
    expected = net.predict(X)
    (message,) = messages(integrated_gradients, net, X.assign(c="new"), target)
    assert "Column 'c' of X holds no category of fit" in message
    (message,) = messages(integrated_gradients, net, X.to_numpy(), target)
    assert "valid feature names" in message
    found = integrated_gradients(net, X, target).target
    np.testing.assert_array_equal(found, expected if target is None and n_classes > 2 else 1)
