"""Which rows each member trains on and is validated on."""

import numpy as np


def stratified_folds(strata, n_folds, rng):
    """Deal the rows of each stratum over the folds.

    Fold sizes, and the folds' shares of each stratum, differ by at most one row. A stratum
    with a single row is in no fold: it is always trained on.

    Parameters
    ----------
    strata : ndarray of shape (n_rows,)
        Stratum (class) of each row, from 0.
    n_folds : int
    rng : Generator

    Returns
    -------
    ndarray of shape (n_rows,)
        Fold of each row, or -1.
    """
    strata = _small(strata)
    fold_of = np.full(len(strata), -1)
    order = _shuffled_by_stratum(strata, rng)
    can_spare = np.bincount(strata) > 1
    order = order[can_spare[strata[order]]]
    fold_of[order] = np.arange(len(order)) % n_folds
    return fold_of


def stratified_holdout(strata, fraction, rng):
    """Choose rows to validate on.

    Parameters
    ----------
    strata : ndarray of shape (n_rows,)
        Stratum (class) of each row, from 0.
    fraction : float in (0, 1)
        Share of each stratum; every stratum keeps at least one row to train on.
    rng : Generator

    Returns
    -------
    ndarray of shape (n_rows,)
        0 for rows held out, -1 for all others, as :func:`stratified_folds` has it.
    """
    strata = _small(strata)
    counts = np.bincount(strata)
    # Rounding the running total, not each stratum, keeps the whole at its share.
    totals = np.floor(fraction * np.cumsum(counts) + 0.5).astype(np.intp)
    wanted = np.minimum(np.diff(totals, prepend=0), np.maximum(counts - 1, 0))
    if wanted.sum() == 0 and counts.max() > 1:
        wanted[counts.argmax()] = 1
    order = _shuffled_by_stratum(strata, rng)
    starts = np.cumsum(counts) - counts
    chosen = [order[start : start + n] for start, n in zip(starts, wanted, strict=True)]
    fold_of = np.full(len(strata), -1)
    fold_of[np.concatenate(chosen)] = 0
    return fold_of


def _small(strata):
    # Small integers are sorted by counting, several times as fast.
    return strata.astype(np.min_scalar_type(strata.max()))


def _shuffled_by_stratum(strata, rng):
    """Return row numbers, those of a stratum together and in random order."""
    order = rng.permutation(len(strata))
    return order[np.argsort(strata[order], kind="stable")]


def rows_by_member(rows, fold_of, n_members):
    """Turn folds into rows to train on and to validate on.

    Parameters
    ----------
    rows : ndarray of shape (n_rows,)
        What the rows are called.
    fold_of : ndarray of shape (n_rows,)
        Fold of each row; -1 is trained on by all.
    n_members : int
        With fewer folds than members, members take turns.

    Returns
    -------
    train_rows, valid_rows : list of ndarray
    """
    n_folds = fold_of.max() + 1
    held_out = [rows[fold_of == member % n_folds] for member in range(n_members)]
    trained = [rows[fold_of != member % n_folds] for member in range(n_members)]
    return trained, held_out


def splits_as_roles(splits, n_rows):
    """Return the role of each row in each split.

    Parameters
    ----------
    splits : list of (train, test) index arrays
    n_rows : int

    Returns
    -------
    ndarray of shape (n_rows, n_splits)
        1 for train, 2 for test, 0 for neither.

    Raises
    ------
    ValueError
        If a split is no pair of row numbers, has nothing to train on or to validate on, or a row
        on both sides.
    """
    if not splits:
        raise ValueError("cv has no splits; at least one is needed.")
    roles = np.zeros((n_rows, len(splits)), np.int8)
    for number, split in enumerate(splits):
        train, test = _as_rows(split, number, n_rows)
        roles[train, number] = 1
        if len(train) == 0 or len(test) == 0 or (roles[test, number] == 1).any():
            raise ValueError(
                f"split {number} of cv has {len(train)} training and {len(test)} test rows, some "
                "perhaps on both sides; each must have at least one and they must not overlap."
            )
        roles[test, number] = 2
    return roles


def _as_rows(split, number, n_rows):
    try:
        train, test = map(np.asarray, split)
        # NumPy takes no numbers at all for floating ones.
        train, test = (np.arange(n_rows)[rows if rows.size else []] for rows in (train, test))
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"split {number} of cv must be two arrays of numbers of the {n_rows} rows, those to "
            f"train on and those to hold out: {error}"
        ) from error
    return train, test
