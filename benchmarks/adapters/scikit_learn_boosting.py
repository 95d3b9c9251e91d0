"""scikit-learn's histogram gradient boosting, which takes frames with categories."""

from sklearn.ensemble import HistGradientBoostingClassifier


def default():
    """Return the classifier as it comes."""
    return HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
