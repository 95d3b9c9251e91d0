import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdnn import DeepNetClassifier, TableEncoder
from skdnn.tabular.target_statistics import (
    SHRINKAGE,
    LabelledCategories,
    empty_statistics,
    learn_statistics,
    ordered_statistics,
)

QUICK = {"hidden_layer_sizes": (8,), "max_iter": 2, "n_members": 2, "random_state": 0}


def log_odds(ones, zeros, share):
    """The docstring's target statistics of a category for two classes, on their own."""
    return np.log((ones + SHRINKAGE * share) / (zeros + SHRINKAGE * (1 - share))) - np.log(
        share / (1 - share)
    )


def shop_table(n_rows=600, n_shops=60, seed=0):
    """A table in which only the shop, one of many, tells anything about y."""
    rng = np.random.default_rng(seed)
    shop = rng.integers(0, n_shops, n_rows)
    y = (rng.random(n_rows) < np.where(shop % 2, 0.9, 0.1)).astype(int)
    frame = pd.DataFrame(
        {"shop": [f"s{number}" for number in shop], "noise": rng.normal(size=n_rows)}
    )
    return frame, y


def test_two_classes_have_the_shrunk_log_odds_of_a_category_over_those_of_all():
    codes = np.array([[0], [0], [0], [1]])
    labelled = LabelledCategories(codes, np.array([1, 1, 0, 0]), 2, np.array([1.0, 2, 1, 4]))
    table = learn_statistics(empty_statistics([4], 2), labelled, np.arange(4)).tables[0]
    expected = [log_odds(3, 1, 3 / 8), log_odds(0, 4, 3 / 8), 0, 0]
    assert_allclose(table[:, 0], expected, atol=1e-12)


def test_more_classes_have_a_log_ratio_each():
    codes, classes = np.array([[0], [0], [1]]), np.array([0, 2, 1])
    table = learn_statistics(
        empty_statistics([3], 3),
        LabelledCategories(codes, classes, 3, np.ones(3)),
        np.arange(3),
    ).tables[0]
    counts = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0]]) + SHRINKAGE / 3
    assert_allclose(table, np.log(counts / counts.sum(axis=1, keepdims=True) * 3), atol=1e-12)


def test_a_row_in_training_counts_the_rows_before_it_only():
    rng = np.random.default_rng(1)
    codes, classes, weights = rng.integers(0, 4, (40, 2)), rng.integers(0, 2, 40), rng.random(40)
    rows = rng.permutation(40)[:30]
    numbers = ordered_statistics(
        LabelledCategories(codes, classes, 2, weights), rows, np.random.default_rng(5)
    )
    order = rows[np.random.default_rng(5).permutation(30)]
    share = np.average(classes[rows], weights=weights[rows])
    for place, row in enumerate(order):
        for column in range(2):
            before = [r for r in order[:place] if codes[r, column] == codes[row, column]]
            ones = sum(weights[r] * classes[r] for r in before)
            zeros = sum(weights[r] * (1 - classes[r]) for r in before)
            ours = numbers[np.flatnonzero(rows == row)[0], column]
            assert_allclose(ours, log_odds(ones, zeros, share), atol=1e-9)


def test_a_row_does_not_see_its_own_y():
    codes, weights, rows = np.zeros((9, 1), int), np.ones(9), np.arange(9)
    one = np.arange(9) % 2
    other = one.copy()
    last = np.random.default_rng(0).permutation(9)[-1]
    other[last] = 1 - other[last]
    ours, theirs = (
        ordered_statistics(LabelledCategories(codes, y, 2, weights), rows, np.random.default_rng(0))
        for y in (one, other)
    )
    # The share of all rows moves a little, the row's own count does not.
    share = one.mean(), other.mean()
    rest = [one[row] for row in range(9) if row != last]
    for number, of_all in ((ours[last, 0], share[0]), (theirs[last, 0], share[1])):
        assert_allclose(number, log_odds(sum(rest), 8 - sum(rest), of_all))


def test_many_categories_are_learnt_that_one_hot_inputs_merge():
    X, y = shop_table(2000, 400)
    test, y_test = shop_table(2000, 400, seed=1)
    scores = [
        DeepNetClassifier(random_state=0, n_members=2, target_statistics=many)
        .fit(X, y)
        .score(test, y_test)
        for many in (None, "auto")
    ]
    assert scores[1] > scores[0] + 0.05


def test_the_numbers_lead_the_names_of_the_encoded_columns():
    X, y = shop_table()
    encoder = DeepNetClassifier(**QUICK).fit(X, y).encoder_
    names = encoder.get_feature_names_out().tolist()
    assert names[:2] == ["shop_target0", "noise"]
    assert encoder.transform(X).shape[1] == len(names)
    three = DeepNetClassifier(**QUICK).fit(X, y + (X["noise"] > 1)).encoder_
    assert three.get_feature_names_out().tolist()[:3] == [f"shop_target{k}" for k in range(3)]


@pytest.mark.filterwarnings("ignore:there are too few distinct rows")  # nothing is left at the end
@pytest.mark.parametrize("columns", [["shop"], ["shop", "noise"]])
def test_a_column_whose_categories_are_all_rare_has_target_statistics_alone(columns):
    X, y = shop_table(2000, 500)
    X["shop"] = X["shop"].replace("s0", "0")  # also what an unread column would say
    rare = DeepNetClassifier(**QUICK, encoder=TableEncoder(min_frequency=0.02))
    assert rare.fit(X[columns], y).encoder_.ignored_columns_ == {}
    names = rare.encoder_.get_feature_names_out().tolist()
    assert names[: len(columns)] == [{"shop": "shop_target0"}.get(name, name) for name in columns]
    assert not [name for name in names if name.startswith("shop_s") or name == "constant"]
    encoded = rare.encoder_.transform(X[columns])
    assert encoded.shape == (2000, len(names))
    assert np.abs(encoded[:, 0]).min() > 0
    assert rare.encoder_.typical_row()[0, 0] == 0
    without = rare.set_params(target_statistics=None).fit(X[columns], y).encoder_
    assert without.ignored_columns_ == {"shop": "no category is frequent enough"}


def test_a_category_named_like_a_target_statistic_has_another_name():
    X, y = shop_table()
    encoder = DeepNetClassifier(**QUICK).fit(X.replace({"shop": {"s0": "target0"}}), y).encoder_
    names = encoder.get_feature_names_out().tolist()
    assert names[0] == "shop_target0"
    assert names.count("shop_target0_") == 1
    assert len(set(names)) == len(names)


def test_predictions_use_all_rows_of_a_category():
    X, y = shop_table()
    encoder = DeepNetClassifier(**QUICK).fit(X, y).encoder_
    numbers = encoder.transform(X)[:, 0]
    for shop in ("s0", "s7"):
        own = (X["shop"] == shop).to_numpy()
        expected = log_odds(y[own].sum(), (1 - y[own]).sum(), y.mean())
        assert_allclose(numbers[own], expected, rtol=1e-5)


def test_unseen_categories_have_zeros():
    X, y = shop_table()
    encoder = DeepNetClassifier(**QUICK).fit(X, y).encoder_
    with pytest.warns(UserWarning, match="'shop' of X holds no category of fit: now it has 'new'"):
        assert abs(encoder.transform(X.assign(shop="new"))[0, 0]) < 1e-12
    assert abs(encoder.transform(X.assign(shop=None))[0, 0]) < 1e-12


@pytest.mark.parametrize("many", [59, 60])
def test_columns_of_more_categories_than_asked_for_have_target_statistics(many):
    X, y = shop_table()
    net = DeepNetClassifier(**QUICK, target_statistics=many).fit(X, y)
    assert net.encoder_.level_statistics_.n_numbers == (X["shop"].nunique() > many)


def test_weights_equal_repeated_rows_with_large_columns_too():
    X, y = shop_table(300)
    weights = np.random.default_rng(0).integers(1, 3, 300)
    repeated = np.random.default_rng(1).permutation(np.repeat(np.arange(300), weights))
    weighted = DeepNetClassifier(**QUICK).fit(X, y, sample_weight=weights)
    again = DeepNetClassifier(**QUICK).fit(X.iloc[repeated], y[repeated])
    assert_array_equal(weighted.predict_proba(X), again.predict_proba(X))


def test_partial_fit_and_validation_rows_use_what_the_first_rows_said():
    X, y = shop_table()
    net = DeepNetClassifier(**QUICK)
    tables = net.partial_fit(X, y, classes=[0, 1]).encoder_.level_statistics_.tables
    net.partial_fit(X, 1 - y)
    assert_array_equal(net.encoder_.level_statistics_.tables[0], tables[0])
    validated = DeepNetClassifier(**QUICK).fit(X, y, X_val=X[:50], y_val=y[:50])
    assert validated.encoder_.level_statistics_.n_numbers == 1
