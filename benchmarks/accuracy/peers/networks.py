"""Networks made for tables: skdnn, and RealMLP and TabM as pytabkit has them."""


class FilledFrames:
    """A network that wants texts as pandas categories, and no gaps in numbers."""

    def __init__(self, model):
        self.model = model

    def fit(self, X, y):
        """Train with gaps of numbers filled with their median."""
        self.medians_ = X.select_dtypes("number").median()
        self.model.fit(self._filled(X), y)
        self.classes_ = self.model.classes_
        return self

    def predict_proba(self, X):
        """Return class probabilities."""
        return self.model.predict_proba(self._filled(X))

    def _filled(self, X):
        names = X.select_dtypes(exclude="number").columns
        texts = {
            name: X[name].astype(object).where(X[name].notna(), "gap").astype(str) for name in names
        }
        filled = X.assign(**{name: text.astype("category") for name, text in texts.items()})
        return filled.fillna(self.medians_.to_dict())


def skdnn(seed):
    """Return DeepNetClassifier as it comes."""
    from skdnn import DeepNetClassifier

    return DeepNetClassifier(random_state=seed)


def realmlp(seed):
    """Return RealMLP with tuned defaults."""
    from pytabkit import RealMLP_TD_Classifier

    return FilledFrames(RealMLP_TD_Classifier(random_state=seed, device="cpu"))


def tabm(seed):
    """Return TabM with its defaults."""
    from pytabkit import TabM_D_Classifier

    return FilledFrames(TabM_D_Classifier(random_state=seed, device="cpu"))
