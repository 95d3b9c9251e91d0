"""The fitted network inside of what a user has at hand: the estimator, a pipeline or a search."""

from sklearn.utils.validation import check_is_fitted

from skdnn.classifier import DeepNetClassifier


def unwrap(estimator, X=None):
    """Return the fitted DeepNetClassifier, and X as it gets it.

    Parameters
    ----------
    estimator : DeepNetClassifier, Pipeline that ends in one, or search for one of both
        Fitted.
    X : {frame, array-like, sparse matrix} of shape (n_samples, n_features), optional
        Rows for ``estimator``.

    Returns
    -------
    network : DeepNetClassifier
    X : {frame, array-like, sparse matrix} of shape (n_samples, n_columns) or None
        After the earlier steps of a pipeline.

    Raises
    ------
    TypeError
        If there is no DeepNetClassifier.
    """
    network = getattr(estimator, "best_estimator_", estimator)
    if hasattr(network, "steps"):  # a pipeline, scikit-learn's or another library's
        if X is not None and len(network) > 1:
            X = network[:-1].transform(X)
        network = network[-1]
    if not isinstance(network, DeepNetClassifier):
        raise TypeError(
            f"expected a fitted DeepNetClassifier, a pipeline that ends in one, or a search with "
            f"refit=True, got {type(estimator).__name__}."
        )
    check_is_fitted(network)
    return network, X
