"""The schema of a fit: what is learnt from the rows of the first call, and kept by later calls."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from skdnn.estimator.encoder_adapters import adapted, fit_encoder
from skdnn.estimator.labels import Labels
from skdnn.tabular.as_frames import type_has
from skdnn.tabular.user_warnings import joined, warn_user

CHANGED = (
    "Columns of X are not as in the first call: {}. The encoder does not know this, so that it is "
    "learnt poorly or not at all. Fit again, or make the first call with rows like all others; or "
    "pass refit_encoder=True to partial_fit, if the number of inputs stays the same."
)


def resolve_dtype(dtype, X):
    """Return the name of the type to compute in; "input" is the type of a float array."""
    if dtype != "input":
        return dtype
    return "float64" if type_has(X, "dtype") and X.dtype == np.float64 else "float32"


class DataSchema(NamedTuple):
    """Properties learnt from the rows of the first call, and kept by later calls.

    ``columns`` are ``n_features_in_`` and, if the columns have names, ``feature_names_in_``.
    ``dtype`` is the type to compute in. ``warned`` has the (position, reason) of the warnings that
    later rows are not as those of the first call.
    """

    labels: Labels
    columns: dict
    encoder: object
    dtype: str
    seed: int
    warned: tuple = ()


def learn_schema(settings, samples, labels, before):
    """Return the DataSchema of the rows, or that of the model whose training is continued."""
    if before is None:
        dtype = resolve_dtype(settings.dtype, samples.X)
        encoder = fit_encoder(settings, dtype, samples, labels)
        seed = int(check_random_state(settings.random_state).randint(np.iinfo(np.int32).max))
        return DataSchema(labels, samples.columns, encoder, dtype, seed)
    schema = before.schema
    _check_same_classes(schema.labels, labels)
    if settings.refit_encoder:
        encoder = fit_encoder(settings, schema.dtype, samples, labels)
        return schema._replace(encoder=encoder, warned=())
    if new := adapted(schema.encoder).changes(samples.X, samples.y, schema.warned):
        warn_user(CHANGED.format(joined([*new.values()], "; ")))
    return schema._replace(warned=(*schema.warned, *new))


def _check_same_classes(before, now):
    # Multilabel y is checked with the targets. The message begins as that of MLPClassifier.
    are_classes = not (before.is_multilabel or now.is_multilabel)
    if are_classes and not np.array_equal(before.classes, now.classes):
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous call "
            f"to fit. Previously got {before.classes}, `y` has {now.classes}. The same holds for "
            "partial_fit. To start again, call fit with warm_start=False."
        )
