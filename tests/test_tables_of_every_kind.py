"""What happens to each kind of real table, as pandas, polars, pyarrow and CSV files give it.

Details of each kind are tested beside the code that they are about.
"""

import csv
import io
import re
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.exceptions import ConvergenceWarning

from skdnn import DeepNetClassifier, TableEncoder, integrated_gradients
from skdnn.estimator import memory

N = 60
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=N).round(3)
CITIES = np.array(["Bern", "Graz", "Ulm"], object)[RNG.integers(0, 3, N)]
DAYS = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 900, N), "D"))
ROME = DAYS.dt.tz_localize("Europe/Rome")
WIDE = pd.DataFrame(RNG.normal(size=(N, 300))).add_prefix("gene")
K = RNG.integers(0, 3, N)
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 2, "n_members": 2, "random_state": 0}


def table(column=CITIES, **more):
    return pd.DataFrame({"x": NUMBERS, "c": column, **more})


def to_csv(frame):
    return io.StringIO(frame.to_csv(index=False))


class Library(NamedTuple):
    """A table as a library gives it, and its first row as a dict."""

    read: object
    first_row: object


LIBRARIES = {
    "pandas": Library(pd.DataFrame.copy, lambda frame: frame.iloc[0].to_dict()),
    "polars": Library(pl.from_pandas, lambda frame: pl.from_pandas(frame).row(0, named=True)),
    "pyarrow": Library(
        lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
        lambda frame: pa.Table.from_pandas(frame).to_pylist()[0],
    ),
    "CSV": Library(
        lambda frame: pd.read_csv(to_csv(frame)), lambda frame: next(csv.DictReader(to_csv(frame)))
    ),
}


# What is done with tables of a library; each function returns what comes out.


def prices(library):
    column = np.array([f"${value:.2f}" for value in NUMBERS], object)
    column[:2] = "unknown"
    return TableEncoder().fit(library.read(table(column))).parsed_columns_


def numbers_beside_a_word(library):
    encoder, words = TableEncoder().fit(library.read(table(NUMBERS))), NUMBERS.astype(str)
    words[3] = "n/a"
    later = encoder.transform(library.read(table(words.astype(object))))
    expected = encoder.transform(table(np.where(np.arange(N) == 3, np.nan, NUMBERS)))
    return np.array_equal(later, expected)


def dates_without_the_zone_of_fit(library):
    return TableEncoder().fit(table(ROME)).transform(library.read(table(DAYS)))


def dates_in_another_zone(library):
    encoder = TableEncoder().fit(table(ROME))
    later = library.read(table(ROME.dt.tz_convert("America/New_York")))
    return np.array_equal(encoder.transform(later), encoder.transform(table(ROME)))


def more_columns_than_rows(library):
    net, plain = (DeepNetClassifier(**QUICK).fit(X, K) for X in (library.read(WIDE), WIDE))
    return np.array_equal(net.predict_proba(library.read(WIDE)), plain.predict_proba(WIDE))


def little_memory(library):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "free_memory", lambda: 1000)
        return DeepNetClassifier(**QUICK).fit(library.read(WIDE), K)


def one_row_as_a_dict(library):
    net = DeepNetClassifier(**QUICK).fit(library.read(table()), K)
    found = net.predict_proba(library.first_row(table()))
    return np.array_equal(found, net.predict_proba(table().iloc[[0]]))


def one_row_as_a_list(library):
    net = DeepNetClassifier(**QUICK).fit(library.read(table()), K)
    return net.predict_proba(list(library.first_row(table()).values()))


def columns_in_another_order(library):
    net = DeepNetClassifier(**QUICK).fit(table(), K)
    return net.predict(library.read(table()[["c", "x"]]))


def the_name_of_the_target(library):
    return DeepNetClassifier(**QUICK).fit(library.read(table(target=K)), "target")


def one_hot_targets(library):
    one_hot = pd.DataFrame(np.eye(3, dtype=int)[K], columns=["u", "v", "w"])
    return DeepNetClassifier(**QUICK).fit(table(), library.read(one_hot))


def labels_as_a_column(library):
    y = library.read(table(y=np.array(["no", "yes", "maybe"], object)[K]))["y"]
    return DeepNetClassifier(**QUICK).fit(table(), y).classes_.tolist()


def a_class_without_rows_and_one_without_weight(library):
    given = library.read(table(y=K, weight=1.0 * (K > 0)))
    net = DeepNetClassifier(**QUICK, class_weight={0: 1.0, 1: 2.0, 2: 1.0, 7: 9.0})
    net.fit(library.read(table()), given["y"], sample_weight=given["weight"])
    return net.classes_.tolist(), bool(net.predict_proba(table())[:, 0].max() < 0.01)


def row_numbers(library):
    return TableEncoder().fit(library.read(table(row=np.arange(N) + 7)))


def strings_that_differ_in_every_row(library):
    keys = table(key=[f"k{n}" for n in RNG.permutation(N)])
    return dict(TableEncoder().fit(library.read(keys)).ignored_columns_)


def categories_that_come_later(library):
    net = DeepNetClassifier(**QUICK).partial_fit(library.read(table()), K, classes=[0, 1, 2])
    return net.partial_fit(library.read(table(np.where(K == 0, "Lyon", CITIES))), K)


def a_column_that_varies_later(library):
    net = DeepNetClassifier(**QUICK)
    net.partial_fit(library.read(table(flag=1)), K, classes=[0, 1, 2])
    return net.partial_fit(library.read(table(flag=K)), K)


def numbers_where_fit_had_words(library):
    return TableEncoder().fit(library.read(table())).transform(library.read(table(NUMBERS)))


def validation_rows_that_cannot_be_read(library):
    later = library.read(table().assign(x="high"))
    return DeepNetClassifier(**QUICK).fit(table(), K, X_val=later, y_val=K)


def attributions(library):
    net = DeepNetClassifier(**QUICK).fit(library.read(table()), K)
    found = integrated_gradients(net, library.read(table()))
    return list(found.to_frame().columns), "\n" in repr(found), len(found.importance())


# The number of the kind, what is done, and what comes out: a value, or the words of the only
# warning or of the error.
KINDS = [
    (1, prices, UserWarning, r"'c' as numbers in \$ .*3\.3 % of the cells, such as 'unknown'"),
    (1, numbers_beside_a_word, None, True),
    (2, dates_without_the_zone_of_fit, ValueError, "'c' of X has dates without a time zone"),
    (2, dates_in_another_zone, None, True),
    (3, more_columns_than_rows, None, True),
    (3, little_memory, UserWarning, "GiB are free.*hidden_layer_sizes"),
    (4, one_row_as_a_dict, None, True),
    (4, one_row_as_a_list, ValueError, r"Expected 2D array, got 1D array.*df\.iloc\[\[0\]\]"),
    (4, columns_in_another_order, ValueError, r"order.*X\[estimator\.feature_names_in_\]"),
    (5, the_name_of_the_target, ValueError, r'df\["target"\].*df\.drop\(columns="target"\)'),
    (5, one_hot_targets, UserWarning, r"one-hot.*(idxmax|argmax)"),
    (5, labels_as_a_column, None, ["maybe", "no", "yes"]),
    (6, a_class_without_rows_and_one_without_weight, None, ([0, 1, 2], True)),
    (7, row_numbers, UserWarning, r"Columns \['row'\] of X hold integers.*drop_identifiers"),
    (7, strings_that_differ_in_every_row, None, {"key": "unique in every row"}),
    (8, categories_that_come_later, UserWarning, r"'c' \(new categories such as 'Lyon'\)"),
    (8, a_column_that_varies_later, UserWarning, r"'flag' \(no longer constant or missing\)"),
    (8, numbers_where_fit_had_words, ValueError, "'c' of X held strings in fit"),
    (9, validation_rows_that_cannot_be_read, ValueError, "Column 'x' of X_val held numbers"),
    (10, attributions, None, (["x", "c"], False, 2)),
]


def outcome(function, library):
    """Return the class and the words of an error or a warning, or None and the result."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            result = function(library)
        except ValueError as error:
            return ValueError, str(error)
    (warning,) = caught or [None]
    return (None, result) if warning is None else (warning.category, str(warning.message))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("function", "kind", "expected"),
    [row[1:] for row in KINDS],
    ids=[f"{number} {function.__name__}" for number, function, *_ in KINDS],
)
def test_each_kind_of_table_is_read_warned_of_or_refused(function, kind, expected, library):
    found_kind, found = outcome(function, LIBRARIES[library])
    assert found_kind == kind, found
    assert re.search(f"(?s){expected}", found) if kind else found == expected
