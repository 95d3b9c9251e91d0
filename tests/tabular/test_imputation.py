"""Missing numbers: estimates from the other columns, and which indicators are kept."""

import numpy as np
import pandas as pd
import pytest
from encoder_tables import squash
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge

from skdnn import DeepNetClassifier, TableEncoder, load
from skdnn.tabular import imputation
from skdnn.tabular.encoder import columns_of
from skdnn.tabular.imputation import LEAST_EXPLAINED, RIDGE, estimate, fit_regressions
from skdnn.tabular.learn_columns import MANY_INDICATORS

N = 400
RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.normal(size=(2, N))


def numbers(**more):
    """A frame in which the columns determine each other, and the same with missing values."""
    frame = pd.DataFrame({"first": FIRST, "second": SECOND, "sum": FIRST + SECOND, **more})
    gaps = frame.copy()
    gaps.loc[3:8, "sum"] = np.nan
    gaps.loc[20:25, "first"] = np.nan
    return frame, gaps


def estimated(X):
    """Return the indices of the columns whose missing values are estimated."""
    return list(columns_of(TableEncoder(n_bins=0).fit(X)).regressions)


def test_estimates_are_those_of_ridge_regressions_that_explain_half_of_the_variance():
    rng, judged = np.random.default_rng(0), []
    for noise in np.repeat([0.05, 0.2, 0.5, 1, 2], 10):
        scaled = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 4))
        scaled += noise * rng.normal(size=(60, 4))
        scaled[:5, 1] = 0
        learnt = fit_regressions(scaled, [1, 3])
        for column in (1, 3):
            others, known = np.delete(scaled, column, axis=1), scaled[:, column]
            model = Ridge(RIDGE).fit(others, known)
            unexplained = ((model.predict(others) - known) ** 2).mean()
            unexplained += RIDGE * (model.coef_**2).sum() / 60
            judged.append(column in learnt)
            assert judged[-1] == (unexplained <= (1 - LEAST_EXPLAINED) * known.var())
            if judged[-1]:
                assert learnt[column][column] == 0
                expected = np.clip(model.predict(others), -3, 3)
                assert_allclose(estimate(scaled, learnt[column]), expected, atol=1e-4)
    assert 10 < sum(judged) < 90


@pytest.mark.parametrize("as_array", [False, True])
def test_a_missing_number_is_estimated_from_the_others(as_array):
    frame, gaps = numbers()
    given = gaps.to_numpy() if as_array else gaps
    encoded = TableEncoder(n_bins=0, dtype="float64").fit(given).transform(given)
    for column, name, rows in ((2, "sum", slice(3, 9)), (0, "first", slice(20, 26))):
        expected = squash(frame[name])[rows]
        assert_allclose(encoded[rows, column], expected, atol=0.25)
        assert np.abs(expected).max() > 0.5  # the median, 0, would be far off


def test_a_number_that_the_others_do_not_determine_is_the_median():
    _, gaps = numbers(unrelated=np.where(np.arange(N) % 50, np.sin(np.arange(N) ** 2), np.nan))
    assert estimated(gaps) == [0, 2]
    assert (TableEncoder().fit(gaps).transform(gaps)[::50, 3] == 0).all()
    assert estimated(gaps[["sum", "unrelated"]]) == []
    assert estimated(gaps[["sum"]]) == []


def test_several_missing_numbers_of_a_row_are_estimated_from_the_known_ones_only():
    _, gaps = numbers(twice=2 * FIRST)
    encoder = TableEncoder(n_bins=0, dtype="float64").fit(gaps)
    row = pd.DataFrame({"first": [np.nan], "second": [0.3], "sum": [np.nan], "twice": [1.1]})
    both = encoder.transform(row)[0]
    for name, other in (("first", "sum"), ("sum", "first")):
        median = gaps[other].quantile(interpolation="lower")
        alone = encoder.transform(row.assign(**{other: median}))[0]
        assert both[list(row).index(name)] == alone[list(row).index(name)] != 0


def test_the_bins_of_a_missing_number_are_those_of_its_estimate():
    _, gaps = numbers()
    encoder = TableEncoder(dtype="float64").fit(gaps)
    names = encoder.get_feature_names_out().tolist()
    of_sum = [n for n, name in enumerate(names) if name.startswith("sum_bin")]
    encoded = encoder.transform(gaps)
    value = encoded[5, names.index("sum")]
    # The inverse of the smooth clipping and of the scaling.
    lower, center, upper = np.nanquantile(gaps["sum"], [0.25, 0.5, 0.75], method="inverted_cdf")
    number = value / np.sqrt(1 - value**2 / 9) * (upper - lower) + center
    filled = encoder.transform(gaps.assign(sum=gaps["sum"].fillna(number)))
    assert_allclose(encoded[5, of_sum], filled[5, of_sum], atol=1e-9)
    assert len(np.unique(encoded[5, of_sum])) > 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_estimate_of_a_row_does_not_depend_on_other_rows(dtype):
    _, gaps = numbers(third=FIRST * SECOND, **{f"more{n}": FIRST + n for n in range(17)})
    gaps.loc[4, "first"] = np.nan
    encoder = TableEncoder(dtype=dtype).fit(gaps)
    together = encoder.transform(gaps)
    for row in range(30):
        assert_array_equal(encoder.transform(gaps[row : row + 1]), together[[row]])
    assert_array_equal(encoder.transform(gaps[::-1])[::-1], together)


@pytest.mark.parametrize("most_rows", [50, 10_000])
def test_the_order_and_the_weights_of_rows_do_not_change_what_is_learnt(monkeypatch, most_rows):
    monkeypatch.setattr(imputation, "MOST_ROWS", most_rows)
    _, gaps = numbers(town=np.where(FIRST > 0, "Bern", "Ulm"))
    expected = TableEncoder().fit(gaps).transform(gaps)
    order = RNG.permutation(N)
    assert_array_equal(TableEncoder().fit(gaps.iloc[order]).transform(gaps), expected)
    weights = RNG.integers(1, 3, N)
    repeated = gaps.iloc[np.repeat(order, weights[order])]
    weighted = TableEncoder().fit(gaps, sample_weight=weights).transform(gaps)
    assert_array_equal(TableEncoder().fit(repeated).transform(gaps), weighted)


@pytest.mark.parametrize(("name", "limit"), [("MOST_COLUMNS", 2), ("ROWS_PER_COLUMN", N / 2)])
def test_there_is_no_estimate_with_very_many_columns_or_few_rows(monkeypatch, name, limit):
    _, gaps = numbers()
    assert estimated(gaps) == [0, 2]
    monkeypatch.setattr(imputation, name, limit)
    assert estimated(gaps) == []


def test_a_saved_network_estimates_missing_numbers_as_before(tmp_path):
    _, gaps = numbers()
    net = DeepNetClassifier(n_members=2, max_iter=2, random_state=0).fit(gaps, FIRST > 0)
    net.save(tmp_path / "net.skdnn")
    assert_array_equal(load(tmp_path / "net.skdnn").predict_proba(gaps), net.predict_proba(gaps))


# Indicators


def wide(n_columns):
    """Independent numbers, dates and constants, each with missing values in 1 to 20 of 200 rows."""
    rng, columns = np.random.default_rng(0), {}
    for number in range(n_columns):
        values = pd.Series([rng.normal(size=200), np.ones(200)][number % 2])
        if number % 3 == 0:
            values = pd.to_datetime(values, unit="D")
        columns[f"c{number}"] = values.mask(np.arange(200) < 1 + number % 20)
    return pd.DataFrame(columns)


def test_a_rare_indicator_of_an_estimated_number_is_left_out():
    often = np.where(np.arange(N) % 10, 2 * FIRST, np.nan)
    unrelated = np.where(np.arange(N) % 100, np.sin(np.arange(N) ** 2), np.nan)
    _, gaps = numbers(often=often, unrelated=unrelated)
    encoder = TableEncoder().fit(gaps)
    assert estimated(gaps) == [0, 2, 3]
    assert indicators(encoder) == ["often", "unrelated"]
    at = encoder.get_feature_names_out().tolist().index("often_missing")
    assert_array_equal(encoder.transform(gaps)[:, [at, at + 1]], gaps.iloc[:, 3:].isna())


def indicators(encoder):
    names = encoder.get_feature_names_out()
    return [name.removesuffix("_missing") for name in names if name.endswith("_missing")]


def test_indicators_of_wide_tables_are_kept_where_a_twentieth_of_the_rows_misses_the_value():
    X = wide(MANY_INDICATORS)
    encoder = TableEncoder().fit(X)
    assert indicators(encoder) == list(X)
    assert encoder.ignored_columns_ == {}
    X = wide(MANY_INDICATORS + 1)
    encoder = TableEncoder().fit(X)
    kept = [name for name in X if X[name].isna().mean() >= 0.05]
    assert indicators(encoder) == kept
    assert 10 < len(kept) < 30
    encoded = encoder.transform(X)
    at = encoder.get_feature_names_out().tolist().index("c10_missing")
    assert_array_equal(encoded[:, at], X["c10"].isna())
    constant = {name for name in X if X[name].nunique() == 1}
    assert encoder.ignored_columns_ == dict.fromkeys(constant.difference(kept), "constant")
    assert encoder.ignored_columns_


def test_a_weight_counts_as_repeated_rows_for_the_indicators_of_wide_tables():
    X = wide(MANY_INDICATORS + 1)
    weights = np.where(np.arange(200) < 3, 5, 1)
    weighted = TableEncoder().fit(X, sample_weight=weights)
    repeated = TableEncoder().fit(X.iloc[np.repeat(np.arange(200), weights)])
    assert indicators(weighted) == indicators(repeated) != indicators(TableEncoder().fit(X))
    assert_array_equal(weighted.transform(X), repeated.transform(X))


def test_numbers_without_an_indicator_are_estimated_well():
    X = np.random.default_rng(0).normal(size=(2000, 40))
    X[:, 1::2] = X[:, ::2] + 0.1 * X[:, 1::2]
    gaps = np.where(np.random.default_rng(1).random(X.shape) < 0.01, np.nan, X)
    encoder = TableEncoder(n_bins=0, dtype="float64").fit(gaps)
    assert indicators(encoder) == []
    errors = encoder.transform(gaps) - np.column_stack([squash(column) for column in X.T])
    assert np.abs(errors[np.isnan(gaps)]).mean() < 0.1


def test_a_constant_column_is_no_obstacle_to_estimates():
    rng = np.random.default_rng(0)
    a = rng.normal(size=300)
    X = np.column_stack([a, a + 0.1 * rng.normal(size=300), np.full(300, 5.0)])
    X[::17, 1] = X[::19, 2] = np.nan
    columns = columns_of(TableEncoder(drop_constants=False).fit(X))
    assert 1 in columns.regressions
    assert np.isfinite(np.concatenate(list(columns.regressions.values()))).all()
