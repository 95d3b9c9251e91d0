"""Comparison of two fitted networks to the last bit."""

import numpy as np

ATTRIBUTES = (
    "coefs_",
    "intercepts_",
    "temperature_",
    "member_weights_",
    "best_iter_",
    "n_iter_",
    "t_",
    "loss_",
    "best_loss_",
    "best_validation_score_",
    "loss_curve_",
    "validation_loss_curve_",
    "validation_scores_",
    "member_loss_curves_",
    "member_validation_loss_curves_",
    "member_validation_scores_",
    "oof_score_",
    "oof_proba_",
)


def fitted_values(net, X):
    """Return all that fit has learnt, as a dict of lists of arrays; None is an empty list."""
    values = {name: getattr(net, name, None) for name in ATTRIBUTES}
    values["predict_proba"] = net.predict_proba(X)
    is_list = {name: isinstance(value, list) for name, value in values.items()}
    return {
        name: [np.asarray(item) for item in (value if is_list[name] else [value])]
        if value is not None
        else []
        for name, value in values.items()
    }


def assert_same_fit(first, second):
    """Check that two results of :func:`fitted_values` have the same bits."""
    assert first.keys() == second.keys()
    for name, arrays in first.items():
        assert len(arrays) == len(second[name]), name
        for one, other in zip(arrays, second[name], strict=True):
            assert one.dtype == other.dtype, name
            np.testing.assert_array_equal(one, other, err_msg=name)
