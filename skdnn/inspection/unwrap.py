"""Find the fitted network in an estimator, pipeline or search, and the origin of its inputs."""

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils.validation import check_is_fitted

from skdnn.estimator.classifier import DeepNetClassifier
from skdnn.tabular.dataframes import column_names


def unwrap(estimator, X=None):
    """Return the fitted DeepNetClassifier, and X as this gets it, after the earlier steps.

    ``estimator`` is a fitted DeepNetClassifier; or a fitted pipeline or search with one, or with
    such a pipeline or search. It is a TypeError if there is none.
    """
    earlier_steps, network = _parts(estimator)
    if not isinstance(network, DeepNetClassifier):
        raise TypeError(
            f"expected a fitted DeepNetClassifier, a pipeline that ends in one, or a search with "
            f"refit=True, got {type(estimator).__name__}."
        )
    check_is_fitted(network)
    for steps in earlier_steps if X is not None else ():
        X = steps.transform(X)
    return network, X


def _parts(estimator):
    """Return the steps before the last one of each pipeline, from the outside, and the last one."""
    earlier_steps = []
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):  # a pipeline of scikit-learn or another library
            if len(estimator) > 1:
                earlier_steps.append(estimator[:-1])
            estimator = estimator[-1]
        else:
            return earlier_steps, estimator


def received_names(estimator, network):
    """Return the names of the columns that the network gets; the steps before it may know them."""
    names = None
    if not hasattr(network, "feature_names_in_"):
        try:
            for steps in _parts(estimator)[0]:
                names = steps.get_feature_names_out(names)
        except (AttributeError, ValueError):  # a transformer without names for its columns
            names = None
    return column_names(network) if names is None else names


def input_names(network):
    """Return the names of a fitted network's inputs."""
    try:
        return network.encoder_.get_feature_names_out()
    except (AttributeError, ValueError):  # a transformer without names for its columns
        n_inputs, names = network.summary().n_inputs, getattr(network, "feature_names_in_", ())
        default = np.array([f"x{number}" for number in range(n_inputs)], dtype=object)
        return names if len(names) == n_inputs else default


def input_origins(network):
    """Return the column of X of each input, or None if the encoder does not provide it."""
    encoder = network.encoder_
    return encoder.feature_origins() if hasattr(encoder, "feature_origins") else None


def sum_by_column(network, values):
    """Sum values, (n_rows, n_inputs), over the inputs that come from the same column of X."""
    origins = input_origins(network)
    if origins is None:
        return values
    known = np.flatnonzero(origins >= 0)
    shape = len(origins), network.n_features_in_
    return values @ csr_array((np.ones(len(known)), (known, origins[known])), shape)
