"""scikit-learn's MLPClassifier, which computes in the dtype of its data."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def network(spec):
    """Return the plain network, without penalty and without an end before the last epoch."""
    return MLPClassifier(
        spec.widths[1:-1],
        alpha=0.0,
        batch_size=spec.batch_size,
        max_iter=spec.n_epochs,
        tol=0.0,
        n_iter_no_change=10**6,
        random_state=0,
    )


def behind_encoding(model):
    """Return a pipeline of a careful user: what a model of dense numbers needs to take a frame."""
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=100, sparse_output=False
    )
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, model)


def default():
    """Return the classifier as it comes, behind what it needs to take a frame."""
    return behind_encoding(MLPClassifier(random_state=0))
