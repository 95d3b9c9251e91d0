"""Later rows in another form than those of fit: the same numbers, or the column is named."""

import datetime
import functools
import re
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal, assert_equal

from skdnn import DeepNetClassifier, TableEncoder, UnreadableWarning, integrated_gradients
from skdnn.estimator.plain_values import from_plain, to_plain
from skdnn.export import onnx_inputs
from skdnn.tabular.column_types import ColumnType
from skdnn.tabular.encoder import columns_of

N = 120
RNG = np.random.default_rng(0)
OTHER = RNG.normal(size=N).round(3)
K = RNG.integers(0, 4, N)
DAYS = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(K * 9, "D"))


def objects(cells):
    return pd.Series(list(cells), dtype=object)


def table(cells):
    return pd.DataFrame({"c": cells, "other": OTHER[: len(cells)]})


def fitted(cells, **params):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Columns of strings")
        return TableEncoder(n_bins=0, **params).fit(table(cells))


LIBRARIES = {
    "pandas": pd.DataFrame.copy,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "records": lambda frame: frame.to_dict("records"),
}
FITTED = {
    "words": objects(np.array(["Bern", "Graz", "Ulm", "Rome"])[K]),
    "categories": pd.Series(pd.Categorical(np.array(["Bern", "Graz", "Ulm", "Rome"])[K])),
    "codes that begin with digits": objects(np.array(["4A", "E11.9", "7C", "5-10"])[K]),
    "streets": objects(f"{k} Road" for k in K),
    "digits": objects((K + 3).astype(str)),
    "leading zeros": objects(f"00{k + 3}" for k in K),
    "categories of integers": pd.Series(pd.Categorical(K * 10 + 10)),
    "digits and a word": objects(np.array(["3", "4", "5", "x"])[K]),
    "digits and blanks": pd.Series(pd.Categorical(np.array(["3", "4", "n/a", ""])[K])),
    "booleans as words": objects(np.array(["True", "False"])[K % 2]),
    "ambiguous dates": objects(np.array(["05/06/2024", "07/08/2024"])[K % 2]),
    "floats": pd.Series(OTHER + 1),
    "few integers": pd.Series(K),
    "dollars": objects(f"${k}.50" for k in range(N)),
    "days as strings": objects(DAYS.dt.strftime("%Y-%m-%d")),
}
LATER = {
    "words": objects(["Lyon", "Nice"] * 60),
    "numbers": pd.Series([57.5, 81.0] * 60),
    "numbers as strings": objects(["57.5", "81"] * 60),
    "booleans": pd.Series([True, False] * 60),
    "dates": pd.Series(pd.date_range("2021-01-01", periods=N)),
    "dates as strings": objects(f"2021-01-{n % 28 + 1:02}" for n in range(N)),
    "durations": pd.Series(pd.to_timedelta(np.arange(N), "h")),
    "durations as strings": objects(f"{n} days" for n in range(N)),
    "times of day": objects(datetime.time(n % 24) for n in range(N)),
}
TYPED = {kind for kind in LATER if kind != "words" and "strings" not in kind}
# What fit had, and the later kinds that are refused; a "!" is before those that may be values of
# fit's kind, or new categories.
REFUSED = {
    "words": [*LATER, "!words"],
    "categories": [*LATER, "!words"],
    "codes that begin with digits": [*LATER, "!words"],
    "streets": [*LATER, "!words"],
    "digits": [*LATER, "!numbers", "!numbers as strings"],
    "leading zeros": [*LATER, "!numbers", "!numbers as strings"],
    "categories of integers": [*LATER, "!numbers", "!numbers as strings"],
    "digits and a word": [*LATER, "!words", "!numbers", "!numbers as strings"],
    "digits and blanks": [*LATER, "!numbers", "!numbers as strings"],
    "booleans as words": [*LATER, "!numbers", "!numbers as strings", "!booleans"],
    "ambiguous dates": [*LATER, "!words"],
    "floats": [*LATER, "!numbers", "!numbers as strings"],
    "few integers": [*LATER, "!numbers", "!numbers as strings"],
    "dollars": [*LATER, "!numbers", "!numbers as strings"],
    "days as strings": [*LATER, "!dates", "!dates as strings"],
}
CASES = [(fit, kind) for fit, kinds in REFUSED.items() for kind in LATER if f"!{kind}" not in kinds]
ALLOWED = [(fit, kind[1:]) for fit, kinds in REFUSED.items() for kind in kinds if kind[0] == "!"]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("before", "now"), CASES)
def test_a_column_of_another_kind_is_refused_by_name(before, now, library):
    encoder = fitted(FITTED[before])
    with pytest.raises(ValueError, match="Column 'c' of X"):
        encoder.transform(LIBRARIES[library](table(LATER[now])))
    if now in TYPED:  # their type tells it from one row
        with pytest.raises(ValueError, match="Column 'c' of X"):
            encoder.transform(LIBRARIES[library](table(LATER[now][:1])))


@pytest.mark.parametrize(("before", "now"), ALLOWED)
def test_values_of_the_same_kind_are_not_refused(before, now):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Column 'c' of X")
        assert np.isfinite(fitted(FITTED[before]).transform(table(LATER[now]))).all()


@pytest.mark.parametrize(
    ("before", "now"), [(fit, kind) for fit, kind in CASES if kind not in TYPED]
)
def test_few_strings_of_another_kind_are_no_error_but_those_of_numbers(before, now):
    encoder = fitted(FITTED[before])
    later = table(LATER[now][:3])
    if before in ("floats", "few integers"):
        with pytest.raises(ValueError, match="Column 'c' of X held numbers in fit, but not now"):
            encoder.transform(later)
        return
    with pytest.warns(UserWarning, match="Column 'c' of X") as caught:
        encoder.transform(later)
    assert len(caught) == 1


def test_inputs_of_an_onnx_model_and_target_statistics_are_checked_as_well():
    towns = objects(np.array([f"town {k}" for k in range(60)])[np.arange(N) % 60])
    few = {"n_members": 2, "max_iter": 2, "random_state": 0, "hidden_layer_sizes": (4,)}
    encoder = TableEncoder(min_frequency=0.1, drop_identifiers=False)
    net = DeepNetClassifier(**few, encoder=encoder).fit(table(towns), OTHER > 0)
    assert not net.encoder_.categories_
    assert net.encoder_.level_statistics_.n_numbers
    for call in (net.predict_proba, lambda X: onnx_inputs(net, X)):
        call(table(towns))
        with pytest.raises(ValueError, match="Column 'c' of X held strings in fit, but now holds"):
            call(table(LATER["numbers"]))


def test_the_error_says_what_came_what_was_fitted_and_what_to_do():
    message = (
        "Column 'c' of X held strings in fit, but now holds numbers such as {}, which are "
        "no categories of fit. Pass values of the kind seen in fit, or fit again."
    )
    for kind, example in {"numbers": "57.5", "numbers as strings": "'57.5'"}.items():
        with pytest.raises(ValueError, match=f"^{re.escape(message.format(example))}$"):
            fitted(FITTED["words"]).transform(table(LATER[kind]))
    with pytest.raises(
        ValueError, match="held numbers in fit, but now holds strings such as 'Lyon'"
    ):
        fitted(FITTED["digits"]).transform(table(LATER["words"]))
    with pytest.raises(ValueError, match="held numbers in fit, but not now: it holds booleans"):
        fitted(FITTED["floats"]).transform(table(LATER["booleans"]))


@pytest.mark.parametrize("as_named", [np.asarray, lambda X: pd.DataFrame(X, columns=["x0", "x1"])])
@pytest.mark.parametrize("of_onnx", [False, True])
def test_a_table_of_booleans_is_refused_where_fit_had_other_numbers(as_named, of_onnx):
    signs, y = np.column_stack([OTHER > 0, OTHER > 0.5]), K % 2
    for number_of in (np.asarray, np.int64, np.float32):  # 0 and 1 may be booleans
        net = DeepNetClassifier(n_members=1, max_iter=1, early_stopping=False, random_state=0)
        net.fit(as_named(number_of(signs)), y)
        call = functools.partial(onnx_inputs, net) if of_onnx else net.predict_proba
        found, wanted = call(as_named(signs)), call(as_named(np.float64(signs)))
        assert_equal(found, wanted)
    with_numbers = np.column_stack([OTHER, OTHER > 0.5])
    net.fit(as_named(with_numbers), y)
    call(as_named(with_numbers))
    with pytest.raises(ValueError, match=r"Column 'x0' of X held numbers .* it holds booleans"):
        call(as_named(signs))


@pytest.mark.parametrize(
    ("before", "cells"),
    [
        ("words", ["57", "Bern"]),
        ("words", ["57", "Lyon"]),
        ("words", ["n/a"]),
        ("words", [None, ""]),
        ("digits", ["Lyon", "3"]),
        ("digits", ["unknown", None, "?"]),
        ("leading zeros", ["unknown"]),
    ],
)
def test_words_for_missing_values_and_cells_beside_known_kinds_are_no_reason(before, cells):
    later = table((cells * 10)[:19])
    assert np.isfinite(fitted(FITTED[before]).transform(later)).all()


# What fit had, cells of another kind, and a cell that shows that not all are of another kind.
IN_BLOCKS = {
    "a category of fit": ("words", ["57", "58"], "Bern"),
    "a new category": ("words", ["57", "58"], "Lyon"),
    "numbers as objects": ("words", [57, 58], "Lyon"),
    "a number as such": ("dollars", ["soon", "later"], 1.5),
    "a number in the format": ("dollars", ["soon", "later"], "$2.50"),
}


@pytest.mark.parametrize("n_others", [512, 1025])
@pytest.mark.parametrize("case", IN_BLOCKS)
def test_it_is_no_error_if_a_block_of_rows_is_as_in_fit(case, n_others):
    before, others, cell = IN_BLOCKS[case]
    net = DeepNetClassifier((4,), n_members=2, max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Columns of strings")
        net.fit(table(FITTED[before]), OTHER > 0)
    others = (others * 600)[:n_others]
    for more in ([], [None], [None] * 600, ["n/a"] * 600):
        rows = pd.DataFrame({"c": objects([*others, *more]), "other": 0.0})
        with pytest.raises(ValueError, match="Column 'c' of X"):
            net.predict_proba(rows)
    for mixed in ([*others, cell], [cell, *others], [*others, *[cell] * 10]):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Column 'c' of X")
            proba = net.predict_proba(pd.DataFrame({"c": objects(mixed), "other": 0.0}))
        assert np.isfinite(proba).all()


@pytest.mark.parametrize(
    ("before", "later"), [("words", "500"), ("digits", "12A"), ("dollars", "pending")]
)
def test_many_rows_of_one_new_string_are_a_warning(before, later):
    with pytest.warns(UserWarning, match="Column 'c' of X"):
        fitted(FITTED[before]).transform(table(objects([later] * N)))


def test_the_error_of_unreadable_strings_has_the_class_of_their_warning():
    with pytest.raises(UnreadableWarning, match="Column 'c' of X was read as numbers in"):
        fitted(FITTED["dollars"]).transform(table(objects(["soon", "later"] * 60)))


@pytest.mark.parametrize("kind", ["numbers", "dates", "booleans", "words"])
def test_a_column_with_empty_strings_in_fit_is_checked_as_well(kind):
    encoder = fitted(objects(np.array(["Bern", "Graz", ""])[K % 3]))
    for cells in (LATER[kind], pd.concat([objects([None]), LATER[kind].astype(object)])):
        if kind == "words":
            said = (
                "Column 'c' of X holds no category of fit: now it has 'Lyon', in fit it had '[BG]"
            )
            with pytest.warns(UserWarning, match=said):
                encoder.transform(table(cells.to_numpy()[:N]))
            for few in (["Lyon", ""], ["Lyon", None]):
                assert np.isfinite(encoder.transform(table(objects(few)))).all()
        else:
            with pytest.raises(ValueError, match="Column 'c' of X held strings in fit"):
                encoder.transform(table(cells.to_numpy()[:N]))


@pytest.mark.parametrize(
    ("cells", "new"),
    [
        (pd.period_range("2020Q1", periods=4, freq="Q")[K], pd.Period("2024Q1", "Q")),
        (pd.to_timedelta(K + 10, "h"), pd.Timedelta("14h")),
        (objects(f"{k + 10}:00" for k in K), "9:00"),
    ],
)
def test_new_categories_of_the_type_of_fit_are_not_refused(cells, new):
    encoder = fitted(pd.Series(pd.Categorical(cells)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Column 'c' of X holds no category")
        for n in (1, 40):
            later = encoder.transform(table(pd.Series(pd.Categorical([new] * n))))
            assert not later[:, 1:].any()


def test_explanations_of_rare_digits_do_not_warn_of_the_row_that_they_start_from():
    codes = pd.Series(pd.Categorical((np.arange(N) % 60).astype(str)))
    encoder = TableEncoder(min_frequency=0.1, drop_identifiers=False)
    few = {"n_members": 2, "max_iter": 2, "random_state": 0, "hidden_layer_sizes": (4,)}
    net = DeepNetClassifier(**few, encoder=encoder).fit(table(codes), OTHER > 0)
    assert np.isfinite(integrated_gradients(net, table(codes)).values).all()


def test_small_numbers_are_the_categories_that_write_them_otherwise():
    encoder = fitted(pd.Series(pd.Categorical(np.array(["0.00001", "0.5", "2", "3"])[K])))
    expected = encoder.transform(table(objects(["0.00001"] * 3)))
    assert_array_equal(encoder.transform(table(objects([1e-5, "1e-05", "0.000010"]))), expected)


def test_exact_strings_come_before_other_spellings_and_codes_are_no_numbers():
    encoder = fitted(objects(np.array(["007", "7", "1000", "unknown", None], object)[K]))
    given = objects([" 007", "7.0", "1E3", "(7)", "UNKNOWN"])
    expected = objects(["007", "7", "new", "new", "new"])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Column 'c' of X")
        found, same = (encoder.transform(table(cells)) for cells in (given, expected))
    assert_array_equal(found[:, 1:], same[:, 1:])


# Booleans are 0 and 1 where fit had only these


def test_booleans_are_read_where_fit_had_some_beside_other_numbers():
    encoder = fitted(objects(np.array([True, 1, 2, 3], object)[K]))
    for cells in ([True], [True, 2.0]):
        found = encoder.transform(table(objects(cells)))
        assert_array_equal(found, encoder.transform(table(pd.Series(cells, dtype=float))))


@pytest.mark.parametrize(
    "cells",
    [
        K % 2,
        K % 2 == 0,
        np.where(K == 0, np.nan, K % 2),
        pd.array(K % 2 == 0, dtype="boolean"),
        objects(K % 2 == 0),
        objects(Decimal(int(k % 2)) for k in K),
    ],
)
def test_booleans_are_read_where_fit_had_zeros_and_ones(cells):
    encoder = fitted(cells)
    flags = pd.Series(cells).astype(float)
    expected = encoder.transform(table(flags))
    known = flags.notna().to_numpy()
    for kind in ("boolean", object, "string", "bool[pyarrow]"):
        later = table(flags).assign(c=flags.astype("boolean").astype(kind))
        assert_array_equal(encoder.transform(later)[known], expected[known])


@pytest.mark.parametrize("value", [True, np.True_, "True", "false"])
@pytest.mark.parametrize("before", ["floats", "few integers"])
def test_a_boolean_is_refused_where_fit_had_other_numbers(before, value):
    for n_bins in (0, 8):
        encoder = TableEncoder(n_bins=n_bins).fit(table(FITTED[before]))
        with pytest.raises(ValueError, match="'c' of X held numbers in fit, but not now"):
            encoder.transform(table(objects([value, 2.5])))
        assert np.isfinite(encoder.transform(table(objects([1, "0", None])))).all()


# Strings that write a number otherwise, where fit had categories that are numbers

SPELLINGS = {
    "words": ([" Bern", "Graz  ", "Ulm", "Rome\n"], ["Bern", "Graz", "Ulm", "Rome"]),
    "digits": (["3.0", "4.00", " 5 ", "+6"], ["3", "4", "5", "6"]),
    "leading zeros": (["3", "4.0", "05", 6], ["003", "004", "005", "006"]),
    "categories of integers": (["10.0", "20.00", " 30", "40."], ["10", "20", "30", "40"]),
    "digits and a word": (["3.0", "04", " x", None], ["3", "4", "x", None]),
}


@pytest.mark.parametrize("kind", SPELLINGS)
def test_numbers_as_strings_are_the_categories_that_write_them_otherwise(kind):
    later, expected = map(objects, SPELLINGS[kind])
    encoder = fitted(FITTED[kind])
    assert_array_equal(encoder.transform(table(later)), encoder.transform(table(expected)))
    for row in range(4):
        assert_array_equal(
            encoder.transform(table(later).iloc[[row]]), encoder.transform(table(expected))[[row]]
        )


@pytest.mark.parametrize("word", ["nan", "None", "n/a", "?"])
def test_words_for_missing_values_are_missing_among_words_if_fit_had_missing_values(word):
    encoder = fitted(FITTED["words"].where(K > 0, None))
    missing = encoder.transform(table(objects([None] * 3)))
    assert_array_equal(encoder.transform(table(objects([word] * 3))), missing)
    encoder = fitted(objects(np.array(["Bern", word, None], object)[K % 3]))
    assert {"Bern", word} <= {*encoder.categories_["c"]}


def test_kinds_are_saved_and_those_of_older_files_are_read():
    encoder = fitted(FITTED["digits and a word"])
    fitted_type = columns_of(encoder).types[0]
    assert fitted_type.kinds == ("number", "text")
    assert from_plain(to_plain(fitted_type, []), []) == fitted_type
    for older, kinds in ((False, ("text",)), (True, ())):
        assert from_plain({"ColumnType": {"may_be_numbers": older}}, []) == ColumnType(kinds=kinds)


def test_a_dict_of_a_list_is_refused_with_the_name_of_a_column():
    encoder = fitted(FITTED["words"])
    with pytest.raises(ValueError, match=r"X is a dict of columns \('c'\): pass pandas"):
        encoder.transform({"c": ["Bern"], "other": 1.0})
