"""scikit-learn's own checks, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdnn import DeepNetClassifier

ESTIMATORS = [
    DeepNetClassifier(),
    DeepNetClassifier(n_members=1),
    DeepNetClassifier(n_members=1, early_stopping=False),
    DeepNetClassifier(solver="lbfgs"),
    DeepNetClassifier(solver="gd"),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS)
def test_it_honours_the_estimator_contract(estimator, check):
    check(estimator)
