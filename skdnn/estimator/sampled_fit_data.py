"""The FitData of a table that is read part by part, from its statistics and its sample of rows."""

from fractions import Fraction
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skdnn.core.batches import Data, DenseRows
from skdnn.core.training import Split
from skdnn.estimator.auto_parameters import count_members
from skdnn.estimator.class_weights import class_weight_factors
from skdnn.estimator.encoder_adapters import adapted
from skdnn.estimator.fit_data import FitData, prepare_rows, with_validation
from skdnn.estimator.inputs import Samples, read_samples
from skdnn.estimator.label_checks import warn_of_targets
from skdnn.estimator.labels import learn_labels
from skdnn.estimator.schema import learn_schema
from skdnn.estimator.solvers import solver_of
from skdnn.estimator.variants import choose_variants
from skdnn.tabular.read_columns import read_column
from skdnn.tabular.row_samples import rows_of_weight
from skdnn.tabular.user_warnings import ColumnWarnings, joined, warn_user

LEAST_WEIGHT = 1e-9  # share of the weight that rows to train on have: sums are not more exact


class RowEncoder(NamedTuple):
    """Encodes the training rows of parts of a table.

    Attributes
    ----------
    schema : DataSchema
    factors : ndarray of shape (n_classes,)
        Class weights.
    held_out_below : uint64
        Rows with smaller hashes are held out.
    hashes : uint64 ndarray of shape (n_sampled,)
        Of the rows of which target statistics were learnt, in order.
    ordered : ndarray of shape (n_sampled, n_numbers)
        Their ordered target statistics, which do not depend on their own labels.
    n_rows : int
        Training rows of all parts.
    mean_weight : float
        Their mean weight, with class weights, divided by ``2**exponent``.
    exponent : int
    """

    schema: object
    factors: np.ndarray
    held_out_below: np.uint64
    hashes: np.ndarray
    ordered: np.ndarray
    n_rows: int
    mean_weight: float
    exponent: int = 0

    def encode(self, X, y, weights, part):
        """Return the Data of the rows that are trained on: neither held out nor of weight 0.

        It is None if there are none. Their weights are relative to the mean weight of all training
        rows. X has the columns of fit, and labels are checked.
        """
        schema, trained = self.schema, rows_of_weight(X, y, weights, part, self.held_out_below)
        if not len(trained.y):
            return None
        # A warning about a few rows may be wrong for all; the encoder was learnt from the sample.
        encoded = adapted(schema.encoder).encode(trained.X, schema.dtype, False, ColumnWarnings())
        hashes, targets = trained.hashes, schema.labels.targets(trained.y)
        if self.ordered.shape[1]:
            places = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
            known = self.hashes[places] == hashes
            encoded[known, : self.ordered.shape[1]] = self.ordered[places[known]]
        weights = np.ldexp(trained.weights, -self.exponent) / self.mean_weight
        weights *= self.factors[targets[:, 0]]
        return Data(DenseRows(encoded), targets, weights)


def refuse_arguments(settings, place, others):
    """Raise an error for what needs all rows in memory.

    ``place`` is where the rows are. ``others`` is what else is not available there, as a dict, and
    whether it is given.
    """
    are_given = {
        f"solver={settings.solver!r}": solver_of(settings).takes_all_rows,
        "cv": settings.cv is not None,
        "store_oof=True": settings.store_oof,
        **others,
    }
    for name in filter(are_given.get, are_given):
        raise ValueError(
            f"{name} is not available for {place}. Leave it out, or fit to rows in memory."
        )


def learn_from_sample(estimator, settings, statistics, valid_samples=None):
    """Return the FitData of a table, whose training rows are yet to be read, and their RowEncoder.

    The ``split.data`` of the FitData is the sample; whoever reads the rows replaces ``split``. Rows
    of the sample are held out, unless ``valid_samples`` are the validation rows passed to fit.
    """
    statistics, exponent = _scaled(statistics)
    sample = statistics.sample.by_position()
    columns = read_samples(estimator, sample.X, sample.y, None).columns
    holds_out = settings.early_stopping and valid_samples is None
    held_out_below = statistics.held_out_below if holds_out else np.uint64(0)
    trained, held_out = (
        sample.take(np.flatnonzero(rows))
        for rows in (sample.hashes >= held_out_below, sample.hashes < held_out_below)
    )
    samples = _as_samples(trained, columns)
    if len(held_out.hashes):
        valid_samples = _as_samples(held_out, columns)
    labels = _labels_of(statistics, sample, columns)
    schema = learn_schema(settings, samples, labels, None)
    settings, factors = _with_exact_class_weights(settings, statistics, labels)
    schema, prepared = prepare_rows(settings, schema, samples)
    if issparse(prepared.data.rows.array):
        raise ValueError("encoder returns sparse rows, but tables read in parts need dense ones.")
    _warn_of_rare_values(statistics, trained.X)
    rows = held_out_below, trained, held_out
    encoder = _row_encoder(statistics, schema, prepared, factors, rows)
    encoder = encoder._replace(exponent=exponent)
    return _fit_data(settings, encoder, prepared, valid_samples), encoder


def _scaled(statistics):
    """Return the statistics with weights of mean 1 to 2, and the exponent of what divided them.

    Division by a power of 2 is exact, and keeps sums of very large weights finite.
    """
    total, sample = sum(statistics.class_weights.values()), statistics.sample
    mean = total / statistics.n_rows
    exponent = mean.numerator.bit_length() - mean.denominator.bit_length()
    divisor, class_weights = Fraction(2) ** exponent, statistics.class_weights
    divided = {label: weight / divisor for label, weight in class_weights.items()}
    sample = sample._replace(weights=np.ldexp(sample.weights, -exponent))
    return statistics._replace(class_weights=divided, sample=sample), exponent


def _as_samples(sample, columns):
    kept = np.ones(len(sample.y), bool)
    return Samples(sample.X, sample.y, sample.weights, kept, columns, sample.y, sample.y)


def _labels_of(statistics, sample, columns):
    """Return the Labels: the classes of all rows, of the type of those in the sample."""
    found = statistics.classes
    samples = _as_samples(sample, columns)
    if sample.y.dtype.kind == "U":
        samples = samples._replace(given=sample.y.astype(object))
    # The error for a single class is that of y, not that of classes passed to partial_fit.
    labels = learn_labels(samples, found if len(found) > 1 else None)
    warn_of_targets(sample.y, labels, sample.y)
    return labels


def _with_exact_class_weights(settings, statistics, labels):
    """Return the parameters with class weights of all rows, and these as factors by class."""
    if settings.class_weight is None:
        return settings, np.ones(len(labels.classes))
    totals = _class_totals(statistics, labels)
    factors = class_weight_factors(settings.class_weight, labels, labels.classes, totals)
    factors[factors == 0] = 1.0  # of classes without rows
    class_weight = dict(zip(labels.classes.tolist(), factors.tolist(), strict=True))
    return SimpleNamespace(**vars(settings) | {"class_weight": class_weight}), factors


def _class_totals(statistics, labels):
    return np.array([float(statistics.class_weights[label]) for label in labels.classes.tolist()])


def _row_encoder(statistics, schema, prepared, factors, rows):
    """Return the RowEncoder, given the rows of the sample that are trained on and held out."""
    labels, (held_out_below, trained, held_out) = schema.labels, rows
    n_rows = statistics.n_rows - len(held_out.y)
    classes = labels.targets(held_out.y)[:, 0] if len(held_out.y) else np.empty(0, np.intp)
    total = _class_totals(statistics, labels) @ factors
    trained_weight = total - (held_out.weights * factors[classes]).sum()
    if trained_weight < LEAST_WEIGHT * total:
        raise ValueError(
            "sample_weight is so uneven that nearly all weight is on rows that are held out. Scale "
            "down the largest weights, or pass early_stopping=False or another random_state."
        )
    order = np.argsort(trained.hashes)
    n_numbers = adapted(schema.encoder).n_target_statistics
    ordered = prepared.data.rows.array[prepared.merged.first[order], :n_numbers]
    of_sample = trained.hashes[order], ordered.copy()
    mean_weight = float(trained_weight / n_rows)
    return RowEncoder(schema, factors, held_out_below, *of_sample, n_rows, mean_weight)


def _fit_data(settings, encoder, prepared, valid_samples):
    """Return the FitData, with the validation rows if there are any."""
    n_rows, expansion = encoder.n_rows, prepared.expansion
    n_members = count_members(settings, n_rows, expansion.n_outputs_without_bins)
    split = Split(prepared.data, [prepared.merged.rows] * n_members)
    fit_data = FitData(encoder.schema, prepared, split)
    if valid_samples is None:
        return fit_data
    if settings.early_stopping:
        variants = choose_variants(settings, n_members, n_rows, expansion)
        fit_data = fit_data._replace(variants=variants)
    return with_validation(settings, fit_data, valid_samples)


def _warn_of_rare_values(statistics, X):
    """Warn of columns with missing values, or several values, of which the sample has none."""
    found = {}
    for position, name in enumerate(statistics.names):
        column = X.iloc[:, position] if hasattr(X, "iloc") else X[:, position]
        values = read_column(column)
        n_missing = int(statistics.n_missing[position])
        if n_missing and not values.missing.any():
            found[name] = f"{n_missing} missing value{'s' * (n_missing > 1)}"
        elif values.strings is None and len(np.unique(values.values)) == 1:
            low, high = statistics.low[position], statistics.high[position]
            if low < high:
                found[name] = f"numbers from {low:g} to {high:g}"
    if found:
        named = joined([f"{name!r} ({what})" for name, what in found.items()])
        warn_user(
            f"Some columns have values in so few rows that the sample of {len(X)} rows, of which "
            f"the encoding is learnt, has none of them: {named}. They are not learnt."
        )
