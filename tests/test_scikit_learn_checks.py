"""scikit-learn's own checks, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from skdnn import DeepNetClassifier

CONFIGURATIONS = [  # 3 members where 16, the default for few rows, would take minutes
    {},
    {"n_members": 1},
    {"n_members": 1, "early_stopping": False},
    {"solver": "lbfgs", "n_members": 3},
    {"solver": "gd", "n_members": 3},
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("parameters", CONFIGURATIONS, ids=str)
def test_it_passes_every_check_of_scikit_learn(parameters):
    results = check_estimator(DeepNetClassifier(**parameters), on_skip=None, on_fail=None)
    statuses = {result["check_name"]: result["status"] for result in results}
    assert statuses["check_sample_weight_equivalence_on_dense_data"] == "passed"
    assert statuses["check_sample_weight_equivalence_on_sparse_data"] == "passed"
    failed = [r for r in results if r["status"] not in ("passed", "skipped")]
    assert [(r["check_name"], r["exception"]) for r in failed] == []
