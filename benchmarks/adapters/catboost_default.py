"""CatBoost, told which columns are categories."""

from catboost import CatBoostClassifier


class CatBoostOnFrames:
    """CatBoost as it comes; it wants categories as text, gaps included."""

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, X, y):
        """Train with the defaults, on all cores."""
        categories = list(X.select_dtypes(exclude="number").columns)
        self.model_ = CatBoostClassifier(
            cat_features=categories, random_seed=self.seed, verbose=0, allow_writing_files=False
        )
        self.model_.fit(_with_texts(X), y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        """Return class probabilities."""
        return self.model_.predict_proba(_with_texts(X))


def _with_texts(X):
    names = X.select_dtypes(exclude="number").columns
    texts = {
        name: X[name].astype(object).where(X[name].notna(), "gap").astype(str).astype(object)
        for name in names
    }
    return X.assign(**texts)


default = CatBoostOnFrames
