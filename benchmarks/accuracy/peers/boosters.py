"""Gradient boosting, with what each library needs to take a frame and labels as they are."""

from sklearn.preprocessing import LabelEncoder


class PlainFrames:
    """A booster that refuses some column names, and labels that are not numbers from 0."""

    def __init__(self, model):
        self.model = model

    def fit(self, X, y):
        """Train on columns called c0, c1, ... and numbered classes."""
        labels = LabelEncoder().fit(y)
        self.classes_ = labels.classes_
        self.model.fit(_renamed(X), labels.transform(y))
        return self

    def predict_proba(self, X):
        """Return class probabilities."""
        return self.model.predict_proba(_renamed(X))


def _renamed(X):
    return X.set_axis([f"c{i}" for i in range(X.shape[1])], axis=1)


def catboost(seed):
    """Return CatBoostClassifier, told which columns are categories."""
    from benchmarks.adapters.catboost_default import CatBoostOnFrames

    return CatBoostOnFrames(seed)


def lightgbm(seed):
    """Return LGBMClassifier, which takes pandas categories."""
    from lightgbm import LGBMClassifier

    return PlainFrames(LGBMClassifier(random_state=seed, verbose=-1))


def xgboost(seed):
    """Return XGBClassifier, told to take pandas categories."""
    from xgboost import XGBClassifier

    return PlainFrames(XGBClassifier(random_state=seed, enable_categorical=True))
