"""The arguments of fit and partial_fit as FitData: of tables, and of paths to Parquet files."""

from skdnn.estimator.inputs import learn_schema, read_samples, read_validation
from skdnn.estimator.labels import learn_labels
from skdnn.estimator.parquet_fit import (
    check_arguments,
    learn_stream,
    open_table,
    read_statistics,
)
from skdnn.estimator.training_rows import prepare_fit_data
from skdnn.tabular.parquet_files import are_paths


def read_fit_data(estimator, settings, before, passed, validation, groups_and_classes):
    """Return the FitData of the arguments of fit or partial_fit.

    Parameters
    ----------
    estimator : DeepNetClassifier
        A copy, on which scikit-learn sets the attributes of the columns.
    settings : SimpleNamespace
        The parameters of the estimator.
    before : FittedModel or None
        The model whose training is continued.
    passed, validation : tuple
        X, y and sample weights, for training and for validation.
    groups_and_classes : tuple
        The argument ``groups`` of fit, and ``classes`` of partial_fit.

    Returns
    -------
    FitData
    """
    groups, classes = groups_and_classes
    if are_paths(passed[0]) and not settings.is_part:
        table = open_table(settings, passed)
        statistics, fingerprint = read_statistics(table)
        if len(statistics.sample.hashes) < statistics.n_rows:
            check_arguments(settings, before, groups)
            fit_data = learn_stream(estimator, settings, table, statistics, validation)
            return fit_data._replace(fingerprint=fingerprint)
        passed, classes = statistics.sample_in_order()
    samples = read_samples(estimator, *passed, reset=before is None)
    valid_samples = read_validation(estimator, *validation)
    labels = learn_labels(samples, classes)
    schema = learn_schema(settings, samples, labels, before)
    return prepare_fit_data(settings, schema, samples, before, valid_samples, groups)
