"""Statistics of parts of a table, merged, compared with those of the whole table."""

from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pandas as pd
import pytest

from skdnn.core.random_bits import GOLDEN, scramble
from skdnn.tabular import table_statistics
from skdnn.tabular.row_samples import Part
from skdnn.tabular.table_statistics import choose_sample_size, merge, statistics

N_ROWS, SAMPLE_SIZE = 700, 50


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "number": rng.normal(size=N_ROWS),
            "text": rng.choice(["x", "y", None], N_ROWS),
            "category": pd.Categorical(rng.choice(["p", "q"], N_ROWS)),
            "date": pd.Timestamp("2020") + pd.to_timedelta(rng.integers(0, 99, N_ROWS), "D"),
        }
    )
    X.loc[::9, "number"] = np.nan
    y, weights = rng.choice(["no", "yes"], N_ROWS), rng.random(N_ROWS) * (rng.random(N_ROWS) < 0.9)
    return X, y, weights


def in_parts(table, bounds, sample_size=SAMPLE_SIZE):
    parts = []
    for key, (start, stop) in enumerate(pairwise(bounds)):
        rows = [array[start:stop] for array in table]
        parts.append(statistics(*rows, Part(3, key, f"part {key}"), sample_size))
    return parts


def assert_equal(first, second):
    pd.testing.assert_frame_equal(first.sample.X, second.sample.X)
    for one, other in zip(first.sample, second.sample, strict=True):
        if not isinstance(one, pd.DataFrame):
            np.testing.assert_array_equal(one, other)
    for name in first._fields[:-1]:
        np.testing.assert_equal(getattr(first, name), getattr(second, name))


def test_counts_are_those_of_the_whole_table(table):
    X, y, weights = table
    merged, kept = merge(in_parts(table, [0, 100, 100, 650, N_ROWS])), weights > 0
    assert merged.n_rows == kept.sum()
    assert float(sum(merged.class_weights.values())) == pytest.approx(weights.sum())
    for label in ("no", "yes"):
        assert float(merged.class_weights[label]) == pytest.approx(weights[y == label].sum())
    assert merged.n_missing.tolist() == X[kept].isna().sum().tolist()
    assert merged.low[0] == X["number"][kept].min()
    assert merged.high[0] == X["number"][kept].max()
    assert np.isnan(merged.low[1:]).all()
    assert [kind[0] for kind in merged.kinds] == ["number", "text", "text", "date"]


def test_merging_does_not_depend_on_the_order_or_on_brackets(table):
    parts = in_parts(table, [0, 30, 200, 450, N_ROWS])
    expected = merge(parts)
    for order in permutations(parts):
        assert_equal(merge(list(order)), expected)
    assert_equal(merge([merge(parts[:2]), merge(parts[2:])]), expected)
    assert_equal(merge([parts[3], merge([parts[1], parts[0]]), parts[2]]), expected)


def test_the_sample_is_the_rows_of_the_smallest_hashes(table):
    X, y, weights = table
    merged = merge(in_parts(table, [0, 250, N_ROWS]))
    with np.errstate(over="ignore"):
        seed = scramble(np.uint64(3))
        hashes = []
        for key, n_rows in enumerate((250, 450)):
            base = scramble(seed + np.uint64(key) + GOLDEN)
            hashes += [scramble(base + np.uint64(row + 1) * GOLDEN) for row in range(n_rows)]
    hashes = np.array(hashes)
    order = np.argsort(np.where(weights > 0, hashes, np.iinfo(np.uint64).max))[:SAMPLE_SIZE]
    np.testing.assert_array_equal(merged.sample.hashes, hashes[order])
    np.testing.assert_array_equal(merged.sample.y, y[order])
    np.testing.assert_array_equal(merged.sample.weights, weights[order])
    np.testing.assert_array_equal(merged.sample.X["number"], X["number"].to_numpy()[order])
    in_table = merged.sample.positions @ [250, 1]
    np.testing.assert_array_equal(in_table, order)
    in_order = merged.sample.by_position()
    np.testing.assert_array_equal(in_order.X["number"], X["number"].to_numpy()[np.sort(order)])


def test_rows_of_a_part_may_come_in_several_pieces(table):
    whole = statistics(*table, Part(3, 0, "file"), SAMPLE_SIZE)
    pieces, below = [], None
    for start in range(0, N_ROWS, 90):
        rows = [array[start : start + 90] for array in table]
        pieces.append(statistics(*rows, Part(3, 0, "file", start), SAMPLE_SIZE, below))
        merged = merge(pieces)
        if len(merged.sample.hashes) == SAMPLE_SIZE:
            below = merged.sample.hashes[-1]
    np.testing.assert_array_equal(merged.sample.hashes, whole.sample.hashes)
    np.testing.assert_array_equal(merged.sample.positions, whole.sample.positions)


def test_sums_of_weights_are_exact_in_any_order():
    rng = np.random.default_rng(1)
    X, y = pd.DataFrame({"a": np.arange(40.0)}), np.array([0, 1] * 20)
    table = X, y, 10.0 ** rng.integers(-12, 12, 40)
    parts = in_parts(table, list(range(0, 41, 2)))
    forward, backward = merge(parts), merge(parts[::-1])
    assert forward.class_weights == backward.class_weights
    total = sum(sum(map(Fraction, part.class_weights.values())) for part in parts)
    assert sum(forward.class_weights.values()) == total


def test_sums_of_very_large_weights_are_finite():
    X, y = pd.DataFrame({"a": np.arange(4.0)}), np.array(["p", "q"] * 2)
    parts = in_parts((X, y, np.full(4, 1.5e308)), [0, 4, 4])
    assert merge(parts).class_weights == dict.fromkeys("pq", 2 * Fraction(1.5e308))


def test_the_sample_of_parts_of_several_sample_sizes_has_the_smallest(table):
    parts = in_parts(table, [0, 350, N_ROWS])
    cut = merge(
        [part._replace(sample_size=size) for part, size in zip(parts, (50, 20), strict=True)]
    )
    empty = merge([parts[0]._replace(sample_size=20), *in_parts(table, [0, 0])])
    assert len(cut.sample.hashes) == len(empty.sample.hashes) == cut.sample_size == 20
    np.testing.assert_array_equal(cut.sample.hashes, merge(parts).sample.hashes[:20])


def test_too_many_classes_are_refused_in_a_part_and_in_all_together(table, monkeypatch):
    X, _, weights = table
    parts = in_parts((X, np.arange(N_ROWS) % 100, weights), [0, 60, N_ROWS])
    monkeypatch.setattr(table_statistics, "MOST_CLASSES", 99)
    with pytest.raises(ValueError, match="more than 99 different values, such as 0"):
        merge(parts)
    with pytest.raises(ValueError, match="more than 99 different values"):
        in_parts((X, np.arange(N_ROWS), weights), [0, N_ROWS])


def test_a_part_without_values_is_named_and_few_of_many_columns_are_listed():
    y, weights = np.array([0, 1]), np.ones(2)
    missing, wide = pd.DataFrame({"a": [None, None]}), pd.DataFrame(np.ones((2, 50)))
    tables = {"part A": missing, "part B": wide.add_prefix("column")}
    parts = [
        statistics(X, y, weights, Part(0, key, name), SAMPLE_SIZE)
        for key, (name, X) in enumerate(tables.items())
    ]
    with pytest.raises(ValueError, match=r"part A and part B differ .*'column1'.*\] and more") as e:
        merge(parts)
    assert str(e.value).count("'") == 2 * 10


def test_parts_of_other_columns_or_kinds_are_errors_that_name_the_part(table):
    X, y, weights = table
    part = statistics(X, y, weights, Part(0, 0, "part A"), 9)
    fewer = statistics(X.drop(columns="text"), y, weights, Part(0, 1, "part B"), 9)
    with pytest.raises(ValueError, match=r"part A and part B differ in the columns \['text'\]"):
        merge([part, fewer])
    other = statistics(X.assign(text=1.5), y, weights, Part(0, 1, "part C"), 9)
    with pytest.raises(ValueError, match="'text' of X holds strings in part A, but numbers in par"):
        merge([part, other])


def test_empty_parts_and_columns_without_values_fit_any_kind(table):
    X, y, weights = table
    empty = statistics(X[:0], y[:0], weights[:0], Part(0, 1, "empty"), 9)
    nothing = statistics(X.assign(text=None), y, weights, Part(0, 2, "nothing"), 9)
    merged = merge([empty, nothing, statistics(X, y, weights, Part(0, 0, "full"), 9)])
    assert merged.n_rows == 2 * (weights > 0).sum()
    assert merged.kinds[1] == ("text", 0, "full")


def test_a_class_whose_rows_all_have_weight_0_is_known():
    y = np.array(["a", "b", "c"])
    part = statistics(pd.DataFrame({"x": [1, 2, 3]}), y, np.array([1.0, 2, 0]), Part(0, 0, ""), 9)
    assert part.class_weights == {"a": 1, "b": 2, "c": 0}
    assert part.classes.tolist() == ["a", "b", "c"]
    assert part.sample_in_order()[1].tolist() == ["a", "b", "c"]


def test_wide_rows_make_the_sample_smaller(monkeypatch):
    monkeypatch.setattr(table_statistics, "SAMPLE_BYTES", 8000)
    assert choose_sample_size(np.zeros((10, 10))) == 100
    assert choose_sample_size(np.zeros((10, 1))) == 1000
    monkeypatch.setattr(table_statistics, "SAMPLE_ROWS", 30)
    assert choose_sample_size(np.zeros((10, 10))) == 30


def test_held_out_rows_are_a_random_part_of_the_sample_and_of_all_rows():
    X, y = np.zeros((40_000, 1)), np.zeros(40_000, int)
    part = Part(5, 0, "")
    whole = statistics(X, y, np.ones(len(y)), part, 10_000)
    held_out = part.hashes(len(y)) < whole.held_out_below
    assert held_out.sum() == len(y) // 20
    # Binomial: the standard deviation of the share in a half is 0.011.
    assert abs(np.flatnonzero(held_out).mean() / len(y) - 0.5) < 0.03


def test_shares_of_the_sample_are_within_the_stated_bound_of_all():
    values = np.random.default_rng(2).normal(size=(50_000, 1))
    sample = statistics(values, values[:, 0] > 0, np.ones(50_000), Part(1, 0, ""), 4000).sample
    bound = np.sqrt(np.log(2 / 1e-4) / (2 * 4000))
    at = np.sort(values[:, 0])
    shares = np.searchsorted(np.sort(sample.X[:, 0]), at, "right") / 4000
    assert np.abs(shares - np.arange(1, 50_001) / 50_000).max() < bound


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([pd.Categorical([3, 1]), pd.Categorical([2])], pd.Categorical([3, 1, 2])),
        ([pd.Categorical(["3", "1"]), pd.Categorical(["x"])], pd.Categorical(["3", "1", "x"])),
        ([pd.Categorical([3, 1]), pd.Categorical(["x"])], pd.Categorical(["3", "1", "x"])),
        ([pd.Categorical([3, 1]), pd.Categorical([0.5])], pd.Categorical(["3", "1", "0.5"])),
    ],
    ids=["integers", "strings", "integers and strings", "integers and fractions"],
)
def test_categories_of_parts_are_joined_as_strings_only_if_their_types_differ(parts, expected):
    y, weights = np.array(["no", "yes"]), np.ones(2)
    found = merge(
        [
            statistics(
                pd.DataFrame({"c": part}), y[: len(part)], weights[: len(part)], Part(3, key, ""), 9
            )
            for key, part in enumerate(parts)
        ]
    )
    order = np.lexsort(found.sample.positions.T[::-1])
    column = found.sample.X["c"].iloc[order]
    assert column.tolist() == expected.tolist()
    assert set(column.cat.categories) == set(expected.categories)
