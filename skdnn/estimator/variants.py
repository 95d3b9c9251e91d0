"""Variants: the recipes that the members of one ensemble follow.

No recipe suits every table: bins suit sharp steps and label smoothing suits noisy labels, but both
cost accuracy on smooth boundaries. So half of the members use both and half use neither. The
held-out rows then tell how much weight each variant has in the mean.
"""

from typing import NamedTuple

import numpy as np

from skdnn.estimator.auto_parameters import SMALL, connectivity_of, count_folds, is_auto
from skdnn.estimator.solvers import solver_of

FEWEST_FOLDS = 4  # so that each member trains on three quarters of the rows, or more


class Variant(NamedTuple):
    """A recipe of some members, where it may differ from that of others.

    The first layer is connected to the piecewise-linear encoding if ``uses_bins``. Labels are
    smoothed if ``smooths_labels`` and the parameters say so.
    """

    name: str
    uses_bins: bool = True
    smooths_labels: bool = True


STANDARD = Variant("standard")


def choose_variants(settings, n_members, n_rows, expansion):
    """Return a tuple of the variants of members that hold out folds, or share validation rows.

    ``n_members`` is the number of all members, of which variants have equally many; ``n_rows`` that
    of the distinct rows. With few, variants cannot be compared reliably.
    """
    n_each, rest = divmod(n_members, 2)
    are_many = n_each and not rest and count_folds(n_each, n_rows) >= FEWEST_FOLDS
    is_wanted = settings.diverse_members and solver_of(settings).adapts and n_rows > SMALL
    plain = Variant("plain", not _may_lose_bins(settings, expansion), not _may_be_hard(settings))
    differs = plain[1:] != STANDARD[1:]
    return (STANDARD, plain) if is_wanted and are_many and differs else (STANDARD,)


def _may_lose_bins(settings, expansion):
    """Return whether bins are not the user's choice, and weights of 0 stay 0."""
    can_be_masked = settings.connectivity is not None and settings.coefs_init is None
    return is_auto(settings.encoder) and can_be_masked and len(expansion.n_bins) > 0


def _may_be_hard(settings):
    return is_auto(settings.label_smoothing) and isinstance(settings.loss, str)


def connection_shares(settings, resolved, variants, expansion):
    """Return how likely units are connected to columns, shape (n_variants, n_columns)."""
    n_columns, n_bins = expansion.n_inputs, len(expansion.n_bins)
    shares = np.full((len(variants), n_columns), resolved["connectivity"])
    for of_variant, variant in zip(shares, variants, strict=True):
        if not variant.uses_bins:
            if is_auto(settings.connectivity):
                of_variant[:] = connectivity_of(n_columns - n_bins)
            of_variant[expansion.n_numbers : expansion.n_numbers + n_bins] = 0
    return shares


def label_smoothing_of(resolved, variants):
    """Return the label smoothing of each variant, shape (n_variants,)."""
    return resolved["label_smoothing"] * np.array([v.smooths_labels for v in variants], float)
