"""Class weights: factors on the sample weights of each class."""

from numbers import Real

import numpy as np

from skdnn.tabular.sample_weights import rescaled_product, sum_by_group


def apply_class_weight(class_weight, labels, train_samples, targets, weights):
    """Return the sample weights of some rows, multiplied by their class weights.

    "balanced" is computed from ``train_samples``, the training rows. ``targets`` has the shape
    (n_rows, n_target_columns).
    """
    if class_weight is None:
        return weights
    factors = class_weight_factors(class_weight, labels, train_samples.y, train_samples.weights)
    factors = factors[targets[:, 0]]
    if not factors.any():
        raise ValueError(
            f"class_weight={class_weight!r} gives every row weight 0, because y has only classes "
            "without a training row of positive weight."
        )
    return rescaled_product(weights, factors)


def class_weight_factors(class_weight, labels, y, weights):
    """Return the factor on the sample weights of each class, shape (n_classes,).

    "balanced" gives all classes the same total weight, for imbalanced data; the sample weights of
    the rows, ``weights``, are part of the totals.
    """
    if labels.is_multilabel:
        raise ValueError("class_weight is not defined for multilabel y; use sample_weight.")
    if class_weight == "balanced":
        totals = sum_by_group(labels.targets(y)[:, 0], weights, len(labels.classes))
        with np.errstate(over="ignore"):
            factors = totals.sum() / (len(totals) * np.where(totals > 0, totals, np.inf))
        return np.minimum(factors, np.finfo(np.float64).max)
    known = labels.classes.tolist()
    unknown = [label for label in class_weight if label not in known]
    unweighted = [label for label in known if label not in class_weight]
    if unknown and unweighted:  # scikit-learn's rule: a fold may lack classes that have weights
        raise ValueError(
            f"class_weight names {unknown!r}, but the classes are {known!r}. Give every class a "
            f"weight; there is none for {unweighted!r}."
        )
    factors = [class_weight.get(label, 1.0) for label in known]
    if not all(isinstance(factor, Real) and 0 < factor < np.inf for factor in factors):
        raise ValueError(f"class_weight must be positive and finite, got {class_weight!r}.")
    return np.array(factors, float)
