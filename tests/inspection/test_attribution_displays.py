"""The pictures of attributions: which rows they show."""

import pytest
from sklearn.datasets import load_iris

from skdnn import DeepNetClassifier, WaterfallDisplay


@pytest.mark.parametrize("row", [3, -4, "x", 1.5])
def test_a_row_that_was_not_explained_is_refused(row):
    X, y = load_iris(return_X_y=True)
    net = DeepNetClassifier(max_iter=1, n_members=2, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=f"from 0 to 2, got {row!r}"):
        WaterfallDisplay.from_estimator(net, X[:3], row=row)
