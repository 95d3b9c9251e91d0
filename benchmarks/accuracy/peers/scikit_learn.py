"""scikit-learn's models; those of dense numbers behind a careful user's pipeline."""

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from benchmarks.adapters.scikit_learn_mlp import behind_encoding


def mlp(seed):
    """Return MLPClassifier; numbers are imputed and scaled, categories are one-hot."""
    return behind_encoding(MLPClassifier(random_state=seed))


def logistic_regression(seed):
    """Return LogisticRegression behind the same pipeline, with more iterations."""
    return behind_encoding(LogisticRegression(max_iter=1000))


def hist_gradient_boosting(seed):
    """Return HistGradientBoostingClassifier, told to take categories as such."""
    return HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
