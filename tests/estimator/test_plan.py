import numpy as np
import pytest
from sklearn.datasets import load_iris

from skdnn import DeepNetClassifier
from skdnn.core.early_stopping import STOPPING_TEMPERATURES
from skdnn.estimator import fit_ensemble

X, y = load_iris(return_X_y=True)


def rows_losses(logits, targets):
    shifted = logits - logits.max(axis=1, keepdims=True)
    values = np.log(np.exp(shifted).sum(axis=1)) - (targets * shifted).sum(axis=1)
    return values, np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True) - targets


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({}, STOPPING_TEMPERATURES),
        ({"early_stopping": False}, ()),
        ({"scoring": "accuracy"}, ()),
        ({"loss": rows_losses}, ()),
    ],
)
def test_losses_at_several_temperatures_stop_training_where_its_loss_decides(
    kwargs, expected, monkeypatch
):
    def recorded(*args):
        plans.append(make_plan(*args))
        return plans[-1]

    plans, make_plan = [], fit_ensemble.make_plan
    monkeypatch.setattr(fit_ensemble, "make_plan", recorded)
    few = {"hidden_layer_sizes": (4,), "max_iter": 1, "n_members": 2, "tol": 0}
    DeepNetClassifier(**few, **kwargs).fit(X, y)
    assert [plan.temperatures for plan in plans] == [expected]
