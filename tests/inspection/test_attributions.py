import numpy as np
import pandas as pd
import polars as pl
import pytest
from encoder_tables import people
from scipy.sparse import csr_array
from scipy.special import logit, softmax
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, OneHotEncoder, StandardScaler

from skdnn import DeepNetClassifier, TableEncoder, input_gradients, integrated_gradients

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
FRAME = pd.concat([people()] * 4, ignore_index=True)
FRAME["age"] += np.arange(len(FRAME)) % 7
OLD = np.where(FRAME["age"] > 48, "old", "young")


def small(**kwargs):
    few = {"hidden_layer_sizes": (16, 8), "max_iter": 30, "n_members": 3, "random_state": 0}
    return DeepNetClassifier(**{**few, **kwargs})


@pytest.fixture(scope="module")
def cancer():
    return DeepNetClassifier(max_iter=40, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def ages():
    return small(max_iter=60).fit(FRAME, OLD)


def relative(found):
    difference = np.abs(found.log_odds - found.baseline_log_odds)
    return np.abs(found.residual) / np.maximum(difference, 1e-9)  # 0 for the baseline itself


# What is explained


def test_what_is_explained_is_the_decision_function_of_two_classes(cancer):
    found = integrated_gradients(cancer, X)
    np.testing.assert_allclose(found.log_odds, cancer.decision_function(X), rtol=1e-5)
    assert (found.target == 1).all()


def test_what_is_explained_is_the_log_odds_of_the_predicted_class():
    net = small().fit(IRIS, SPECIES)
    found = integrated_gradients(net, IRIS)
    np.testing.assert_array_equal(found.target, net.predict(IRIS))
    np.testing.assert_allclose(found.log_odds, logit(net.predict_proba(IRIS).max(axis=1)))


def test_a_class_can_be_chosen_for_all_rows_or_for_each():
    net = small().fit(IRIS, SPECIES.map(dict(enumerate(["setosa", "versicolor", "virginica"]))))
    proba = net.predict_proba(IRIS)
    of_one = integrated_gradients(net, IRIS, target="virginica")
    np.testing.assert_allclose(of_one.log_odds, logit(proba[:, 2]))
    labels = net.classes_[np.arange(150) % 3]
    of_each = input_gradients(net, IRIS, target=labels)
    np.testing.assert_array_equal(of_each.target, labels)
    np.testing.assert_allclose(of_each.log_odds, logit(proba[np.arange(150), np.arange(150) % 3]))


def test_the_two_classes_of_a_binary_network_have_opposite_explanations(ages):
    first, second = (integrated_gradients(ages, FRAME, target=name) for name in ("old", "young"))
    np.testing.assert_allclose(first.values, -second.values, atol=1e-12)


def test_a_label_of_several_is_chosen_by_its_number():
    rows, labels = make_multilabel_classification(100, random_state=0)
    net = small(max_iter=5).fit(rows, labels)
    found = integrated_gradients(net, rows, target=2)
    np.testing.assert_allclose(found.log_odds, logit(net.predict_proba(rows)[:, 2]))
    with pytest.raises(ValueError, match="pass target, one of"):
        integrated_gradients(net, rows)


# Completeness and gradients


def test_attributions_add_up_to_the_difference_of_log_odds_within_1_percent(cancer):
    found = integrated_gradients(cancer, X)
    assert (relative(found) <= 0.01).mean() >= 0.99
    difference = found.log_odds - found.baseline_log_odds + found.residual
    np.testing.assert_allclose(found.values.sum(axis=1), difference, atol=1e-9)


@pytest.mark.parametrize("encoder", ["auto", "passthrough", StandardScaler()], ids=str)
@pytest.mark.parametrize("n_members", [1, 4])
def test_they_add_up_for_any_encoder_and_number_of_members(encoder, n_members):
    net = small(encoder=encoder, n_members=n_members).fit(IRIS, SPECIES)
    assert (relative(integrated_gradients(net, IRIS)) <= 0.01).mean() >= 0.99


def test_gradients_equal_finite_differences_of_the_prediction():
    net = small(encoder="passthrough", dtype="float64", activation="tanh").fit(IRIS, SPECIES)
    found = input_gradients(net, IRIS, target=1)
    step = 1e-5
    for column in range(4):
        moved = [IRIS + step * sign * (np.arange(4) == column) for sign in (1, -1)]
        upper, lower = (logit(net.predict_proba(rows)[:, 1]) for rows in moved)
        numeric = (upper - lower) / (2 * step)
        np.testing.assert_allclose(found.values[:, column], numeric, rtol=1e-5, atol=1e-7)
    assert found.feature_names.tolist() == IRIS.columns.tolist()


def log_odds_by_hand(net, inputs, classes):
    """Return the log-odds of classes by the formulas of a tanh network."""
    proba = 0.0
    for member in range(net.n_members):
        outputs = inputs
        for weights, bias in list(zip(net.coefs_, net.intercepts_, strict=True))[:-1]:
            outputs = np.tanh(outputs @ weights[member] + bias[member])
        logits = outputs @ net.coefs_[-1][member] + net.intercepts_[-1][member]
        proba = proba + softmax(logits / net.temperature_, axis=1) / net.n_members
    return logit(proba[np.arange(len(classes)), classes])


def test_gradients_by_encoded_inputs_equal_finite_differences():
    bands = np.digitize(FRAME["age"], [35, 60])
    net = small(activation="tanh", dtype="float64").fit(FRAME, bands)
    inputs, rng = net.encoder_.transform(FRAME), np.random.default_rng(0)
    found = input_gradients(net, FRAME)
    np.testing.assert_allclose(found.log_odds, log_odds_by_hand(net, inputs, found.target))
    for _ in range(5):
        direction = rng.normal(size=inputs.shape[1])
        moved = (inputs + sign * 1e-5 * direction for sign in (1, -1))
        upper, lower = (log_odds_by_hand(net, rows, found.target) for rows in moved)
        numeric = (upper - lower) / 2e-5
        np.testing.assert_allclose(found.values @ direction, numeric, rtol=1e-5, atol=1e-7)


# Columns


def test_attributions_are_named_after_the_columns_of_any_kind(ages):
    found = integrated_gradients(ages, FRAME)
    assert found.feature_names.tolist() == FRAME.columns.tolist()
    assert found.values.shape == FRAME.shape
    assert (relative(found) <= 0.01).mean() >= 0.99
    assert found.feature_names[found.importance().argmax()] == "age"
    pd.testing.assert_frame_equal(
        found.to_frame(), pd.DataFrame(found.values, columns=FRAME.columns)
    )


def test_each_input_counts_for_the_column_that_it_is_named_after(ages):
    encoder = ages.encoder_
    origins = FRAME.columns[encoder.feature_origins()]
    for name, origin in zip(encoder.get_feature_names_out(), origins, strict=True):
        assert name == origin or name.startswith(f"{origin}_")


def test_target_statistics_count_for_the_column_of_the_categories():
    rng = np.random.default_rng(0)
    shop = rng.integers(0, 60, 600)
    frame = pd.DataFrame({"noise": rng.normal(size=600), "shop": [f"shop {n}" for n in shop]})
    net = small(max_iter=100).fit(frame, shop % 3)
    names = net.encoder_.get_feature_names_out()
    assert names[:3].tolist() == ["shop_target0", "shop_target1", "shop_target2"]
    found = integrated_gradients(net, frame)
    assert found.feature_names[found.importance().argmax()] == "shop"
    assert (relative(found) <= 0.01).mean() >= 0.99
    typical = net.encoder_.transform(frame[frame["shop"] == frame["shop"].mode()[0]])
    np.testing.assert_array_equal(net.encoder_.typical_row()[0, :3], typical[0, :3])


def test_ignored_columns_have_no_attribution():
    frame = IRIS.assign(constant=1.0)
    found = integrated_gradients(small(max_iter=2).fit(frame, SPECIES), frame)
    assert found.feature_names[-1] == "constant"
    assert not found.values[:, -1].any()
    assert found.values[:, :-1].any(axis=0).all()


def test_gradients_are_named_after_the_inputs(ages):
    found = input_gradients(ages, FRAME)
    np.testing.assert_array_equal(found.feature_names, ages.encoder_.get_feature_names_out())
    assert found.values.shape == (len(FRAME), len(found.feature_names))


def test_arrays_have_numbered_columns():
    net = small(max_iter=2).fit(IRIS.to_numpy(), SPECIES)
    assert integrated_gradients(net, IRIS.to_numpy()).feature_names.tolist() == list_of_x(4)


def list_of_x(count):
    return [f"x{number}" for number in range(count)]


def test_an_encoder_that_names_its_columns_names_the_attributions():
    encoder = make_column_transformer(
        (StandardScaler(), ["age"]), (OneHotEncoder(sparse_output=False), ["member"])
    )
    found = integrated_gradients(small(encoder=encoder).fit(FRAME, OLD), FRAME)
    assert found.feature_names.tolist() == encoder.fit(FRAME).get_feature_names_out().tolist()


class Twice(TransformerMixin, BaseEstimator):
    """A transformer that does not say what its columns are."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.hstack([X, X])


def test_columns_that_an_encoder_does_not_name_are_numbered():
    found = integrated_gradients(small(encoder=Twice(), max_iter=2).fit(IRIS, SPECIES), IRIS)
    assert found.feature_names.tolist() == list_of_x(8)


def test_polars_gives_what_pandas_gives(ages):
    frame = FRAME.drop(columns=["stay"])
    net = small(max_iter=5).fit(frame, OLD)
    one, other = (integrated_gradients(net, rows) for rows in (frame, pl.from_pandas(frame)))
    np.testing.assert_array_equal(one.values, other.values)


def test_sparse_rows_are_explained():
    rows = csr_array(np.where(X.median() < X, X, 0))
    net = small().fit(rows, y)
    found = integrated_gradients(net, rows)
    assert found.values.shape == X.shape
    assert (relative(found) <= 0.01).mean() >= 0.99
    assert not found.values[rows.toarray() == 0].any()


def test_of_a_pipeline_or_a_search_the_network_inside_is_explained():
    pipeline = make_pipeline(StandardScaler(), small(max_iter=3))
    search = GridSearchCV(pipeline, {"deepnetclassifier__dropout": [0.1]}, cv=2)
    best = search.fit(IRIS, SPECIES).best_estimator_
    rows = best[:-1].transform(IRIS)
    expected = integrated_gradients(best[-1], rows, baseline=rows[:1]).values
    for estimator in (best, search):
        found = integrated_gradients(estimator, IRIS, baseline=IRIS.head(1))
        np.testing.assert_array_equal(found.values, expected)


def searched(estimator, name, **options):
    return GridSearchCV(estimator, {name: [0.1]}, cv=2, **options)


QUICK = small(max_iter=2, n_members=2)
NESTED = {
    "a search in a pipeline": make_pipeline(StandardScaler(), searched(QUICK, "dropout")),
    "a pipeline in a pipeline": make_pipeline(
        StandardScaler(), make_pipeline(MinMaxScaler(), QUICK)
    ),
    "a pipeline in a search in a pipeline": make_pipeline(
        StandardScaler(),
        searched(make_pipeline(MinMaxScaler(), QUICK), "deepnetclassifier__dropout"),
    ),
    "a search in a search": searched(searched(QUICK, "dropout"), "estimator__alpha"),
    "a search in a pipeline in a search": searched(
        make_pipeline(StandardScaler(), searched(QUICK, "dropout")),
        "gridsearchcv__estimator__alpha",
    ),
}


@pytest.mark.parametrize("kind", NESTED)
def test_pipelines_and_searches_may_contain_each_other(kind):
    estimator = clone(NESTED[kind]).fit(IRIS, SPECIES)
    found = integrated_gradients(estimator, IRIS)
    # decision_function is that of scikit-learn, which finds the network by itself.
    classes = np.searchsorted(estimator.classes_, found.target)
    of_target = np.take_along_axis(estimator.predict_proba(IRIS), classes[:, None], axis=1)
    np.testing.assert_allclose(found.log_odds, logit(of_target[:, 0]), rtol=1e-4)
    assert found.feature_names.tolist() == IRIS.columns.tolist()


def test_what_contains_no_network_is_refused_by_its_type():
    for estimator in (
        StandardScaler(),
        make_pipeline(StandardScaler(), Normalizer()),
        searched(QUICK, "dropout", refit=False).fit(IRIS, SPECIES),
    ):
        with pytest.raises(TypeError, match=f"got {type(estimator).__name__}"):
            integrated_gradients(estimator, IRIS)
    with pytest.raises(NotFittedError):
        integrated_gradients(make_pipeline(StandardScaler(), QUICK), IRIS)


# Frames


def with_labels(frame, columns=None):
    """Return the frame with an index of strings, and perhaps other columns."""
    frame = frame.set_axis([f"row {number}" for number in range(len(frame))])
    return frame if columns is None else frame.set_axis(columns, axis=1)


KINDS_OF_COLUMNS = {
    "strings": None,
    "numbers": pd.RangeIndex(10, 14),
    "tuples": pd.MultiIndex.from_product([["sepal", "petal"], ["x", "y"]], names=["part", "side"]),
}


@pytest.mark.parametrize("kind", KINDS_OF_COLUMNS)
def test_the_index_and_columns_of_a_frame_are_kept(kind):
    frame = with_labels(IRIS, KINDS_OF_COLUMNS[kind])
    found = integrated_gradients(small(max_iter=2).fit(frame, SPECIES), frame.iloc[50:60])
    expected = pd.DataFrame(found.values, frame.index[50:60], frame.columns)
    pd.testing.assert_frame_equal(found.to_frame(), expected)
    means = pd.Series(np.abs(found.values).mean(axis=0), frame.columns, name="importance")
    pd.testing.assert_series_equal(found.importance(), means)
    assert found.feature_names.shape == (4,)
    assert found.index.equals(found.table.index)


def test_they_are_kept_if_the_frame_is_changed_afterwards():
    frame = with_labels(IRIS)
    found = integrated_gradients(small(max_iter=2).fit(frame, SPECIES), frame)
    frame.columns, frame.index = list("abcd"), range(150)
    frame["a"] = 0.0
    assert found.to_frame().columns.tolist() == IRIS.columns.tolist()
    assert found.to_frame().index[0] == "row 0"
    assert (found.table.iloc[:, 0] == IRIS.iloc[:, 0].to_numpy()).all()


def test_of_a_polars_frame_there_is_a_polars_frame_and_of_arrays_an_array():
    polars = pl.from_pandas(IRIS)
    found = integrated_gradients(small(max_iter=2).fit(polars, SPECIES), polars.head(5))
    assert isinstance(found.to_frame(), pl.DataFrame)
    assert found.to_frame().columns == polars.columns
    np.testing.assert_array_equal(found.to_frame().to_numpy(), found.values)
    of_array = integrated_gradients(small(max_iter=2).fit(IRIS.to_numpy(), SPECIES), [[1] * 4] * 5)
    for each in (found, of_array):
        assert type(each.importance()) is np.ndarray
        assert each.index is None
    assert of_array.to_frame().columns.tolist() == list_of_x(4)
    assert of_array.table.tolist() == [[1] * 4] * 5


def test_a_pipeline_that_makes_arrays_or_other_columns_keeps_the_index():
    frame = with_labels(IRIS)
    pipeline = make_pipeline(StandardScaler(), small(max_iter=2)).fit(frame, SPECIES)
    found = integrated_gradients(pipeline, frame.tail(3))
    assert found.to_frame().index.tolist() == ["row 147", "row 148", "row 149"]
    assert found.importance().index.tolist() == IRIS.columns.tolist()
    assert found.to_frame().columns.tolist() == IRIS.columns.tolist()
    search = GridSearchCV(pipeline, {"deepnetclassifier__alpha": [0.1]}, cv=2).fit(frame, SPECIES)
    assert integrated_gradients(search, frame).feature_names.tolist() == IRIS.columns.tolist()
    nameless = make_pipeline(Twice(), small(max_iter=2)).fit(frame, SPECIES)
    assert integrated_gradients(nameless, frame).feature_names.tolist() == list_of_x(8)
    encoder = make_column_transformer((StandardScaler(), list(IRIS.columns[:2])))
    net = small(encoder=encoder, max_iter=2).fit(frame, SPECIES)
    found = integrated_gradients(net, frame.tail(3))
    assert found.table is None
    assert found.importance().index.tolist() == encoder.fit(frame).get_feature_names_out().tolist()
    assert found.to_frame().index.tolist() == ["row 147", "row 148", "row 149"]


def test_the_repr_is_one_short_line_that_names_the_most_important_columns(ages):
    found = integrated_gradients(ages, FRAME)
    start, end = (
        f"Attributions of shape (96, 10); importance: age {means_of(found)[0]:.2g}, ",
        ", ...",
    )
    assert repr(found).startswith(start)
    assert repr(found).endswith(end)
    assert repr(found).count(",") == 4
    n_inputs = len(ages.encoder_.get_feature_names_out())
    assert repr(input_gradients(ages, FRAME)) == f"Gradients of shape (96, {n_inputs})"


def means_of(found):
    return np.abs(found.values).mean(axis=0)


def test_the_repr_of_one_column_with_a_long_name_is_short_too():
    frame = IRIS[["petal width (cm)"]].rename(columns=lambda name: f"long {name} " * 99)
    found = integrated_gradients(small(max_iter=2).fit(frame, SPECIES), frame.head(1))
    name = "long petal wi…al width (cm)"
    importance = f"{means_of(found)[0]:.2g}"
    assert repr(found) == f"Attributions of shape (1, 1); importance: {name} {importance}"


# Baselines


def test_the_typical_row_has_the_medians_and_the_most_frequent_categories():
    encoder = TableEncoder().fit(FRAME)
    middle = FRAME.sort_values("joined")["joined"].dropna().reset_index(drop=True)
    typical = pd.DataFrame(
        {
            name: [
                column.quantile(0.5, interpolation="lower")
                if pd.api.types.is_numeric_dtype(column) and column.dtype != bool
                else column.mode()[0]
            ]
            for name, column in FRAME.items()
        }
    ).astype(FRAME.dtypes)
    typical["joined"] = middle[(len(middle) - 1) // 2]
    typical["stay"] = FRAME["stay"].quantile(0.5, interpolation="lower")
    expected = encoder.transform(typical)
    np.testing.assert_allclose(encoder.typical_row(), expected, atol=1e-6)


def test_the_typical_row_is_known_where_nothing_varies_or_categories_are_all_rare():
    constant = pd.DataFrame({"a": [1.0, 1.0], "gone": [None, None]})
    assert TableEncoder().fit(constant).typical_row().tolist() == [[0.0]]
    assert TableEncoder().fit(constant).feature_origins().tolist() == [-1]
    rare = pd.DataFrame({"a": [*"abcdef", None, None]})
    encoder = TableEncoder(min_frequency=0.2).fit(rare)
    assert encoder.categories_ == {"a": ["infrequent", "missing"]}
    assert encoder.typical_row().tolist() == [[1.0, 0.0]]
    gaps = pd.DataFrame({"d": [pd.Timestamp("2024-01-01"), pd.NaT], "n": [3.0, np.nan]})
    assert not TableEncoder().fit(gaps).typical_row().any()


def test_a_baseline_of_rows_is_the_mean_of_their_encodings(ages):
    rows = FRAME.head(5)
    found = integrated_gradients(ages, FRAME, baseline=rows.head(1))
    np.testing.assert_allclose(found.baseline_log_odds, ages.decision_function(rows)[0], rtol=1e-5)
    assert not found.values[0].any()
    net = small(encoder="passthrough").fit(IRIS, SPECIES)
    means = IRIS.mean().to_frame().T
    of_mean, of_rows = (integrated_gradients(net, IRIS, 0, base) for base in (means, IRIS))
    np.testing.assert_allclose(of_mean.values, of_rows.values, rtol=1e-9, atol=1e-12)


# Agreement with other measures


def planted():
    """Measurements of tumors with shuffled rows but one column, which decides the label."""
    rng = np.random.default_rng(0)
    rows = X.apply(lambda column: rng.permutation(column))
    name = "mean texture"
    return rows, (rows[name] > rows[name].median()).astype(int), name


def test_permutation_importance_ranks_the_planted_column_first_too():
    rows, labels, name = planted()
    net = small(max_iter=20).fit(rows, labels)
    by_shuffling = permutation_importance(net, rows, labels, n_repeats=3, random_state=0)
    by_gradients = integrated_gradients(net, rows).importance()
    for importance in (by_shuffling.importances_mean, by_gradients):
        assert rows.columns[importance.argmax()] == name


@pytest.mark.filterwarnings("ignore")
def test_shap_explains_predict_proba():
    shap = pytest.importorskip("shap", reason="shap is not installed")
    rows, labels, name = planted()
    net = small(max_iter=20).fit(rows, labels)
    some = rows.iloc[:40, :6]  # mean texture is among the first six
    net = small(max_iter=20).fit(rows.iloc[:, :6], labels)
    explained = shap.Explainer(net.predict_proba, some, seed=0)(some.head(10))
    assert explained.values.shape == (10, 6, 2)
    sums = explained.values[..., 1].sum(axis=1) + explained.base_values[:, 1]
    np.testing.assert_allclose(sums, net.predict_proba(some.head(10))[:, 1], atol=1e-6)
    importance = np.abs(explained.values[..., 1]).mean(axis=0)
    assert some.columns[importance.argmax()] == name


# Errors


def test_something_else_or_an_unfitted_network_is_refused():
    with pytest.raises(TypeError, match="expected a fitted DeepNetClassifier"):
        integrated_gradients(StandardScaler().fit(IRIS), IRIS)
    with pytest.raises(NotFittedError):
        input_gradients(DeepNetClassifier(), IRIS)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"target": "middle-aged"}, "target names .'middle-aged'., but the classes are .'old'"),
        ({"target": ["old", "young"]}, "one for each of the 96 rows, got an array of shape .2,."),
        ({"tol": 0}, "'tol' parameter of integrated_gradients must be a float .* Got 0"),
        ({"max_steps": 1.5}, "'max_steps' parameter .* must be an int .* Got 1.5"),
    ],
    ids=str,
)
def test_what_cannot_be_explained_is_refused(ages, kwargs, message):
    with pytest.raises(ValueError, match=message):
        integrated_gradients(ages, FRAME, **kwargs)


def test_other_columns_than_those_of_fit_are_refused(ages):
    with pytest.raises(ValueError, match="feature names should match"):
        integrated_gradients(ages, FRAME.drop(columns="age"))
