"""Figures that compare models, from rows of results.

``Scores`` maps a model to its finished fits: ``{model: {(data, rep): row}}``. Where models are
compared, it is on what all of those compared have finished.
"""

import statistics
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from benchmarks.accuracy.peers import OURS

OFFSET = 0.01  # added to log-losses before a ratio, so that perfect fits do not decide it
DIGITS = 6  # scores that agree to so many decimals have the same rank


class Measure(NamedTuple):
    """A score, and whether less of it is better (1) or more (-1)."""

    label: str
    sign: int


MEASURES = {
    "logloss": Measure("log-loss", 1),
    "auc": Measure("ROC AUC", -1),
    "acc": Measure("accuracy", -1),
}


def finished(rows):
    """Return the Scores of the rows that are no failures and that were not run to take time."""
    return _by_model(row for row in rows if not row.get("timed"))


def timed(rows):
    """Return the Scores of the rows that were timed side by side."""
    return _by_model(row for row in rows if row.get("timed"))


def having(rows, key):
    """Return the Scores of all rows that have a key, timed or not."""
    return _by_model(row for row in rows if key in row)


def _by_model(rows):
    found = defaultdict(dict)
    for row in rows:
        if "error" not in row:
            found[row["model"]][row["data"], row["rep"]] = row
    return dict(found)


def common(scores, models):
    """Return the splits, as (data, rep), that all models have finished; sorted."""
    splits = [scores.get(model, {}).keys() for model in models]
    return sorted(set.intersection(*map(set, splits))) if splits else []


def values(scores, model, splits, key):
    """Return an array of a key's values."""
    return np.array([scores[model][split][key] for split in splits])


def n_sets(splits):
    """Return the number of data sets among splits."""
    return len({data for data, _ in splits})


def mean_ranks(scores, models, measure):
    """Return the mean rank of each model by name, 1 being the best; equal scores share ranks."""
    splits = common(scores, models)
    if not splits:
        return {}
    table = np.array([values(scores, model, splits, measure) for model in models]).T
    ranks = rankdata(MEASURES[measure].sign * table.round(DIGITS), axis=1)
    return dict(zip(models, ranks.mean(axis=0).tolist(), strict=True))


def log_ratios(scores, peer, ours=OURS):
    """Return log((our log-loss + 0.01) / (theirs + 0.01)) by split."""
    splits = common(scores, (ours, peer))
    both = (values(scores, model, splits, "logloss") + OFFSET for model in (ours, peer))
    return dict(zip(splits, np.subtract(*map(np.log, both)).tolist(), strict=True))


def ratio(scores, peer):
    """Return the geometric mean of these ratios; None without any."""
    logs = log_ratios(scores, peer).values()
    return float(np.exp(statistics.fmean(logs))) if logs else None


def by_set(by_split):
    """Return the mean over the splits of each data set, by name."""
    groups = defaultdict(list)
    for (data, _), value in by_split.items():
        groups[data].append(value)
    return {data: statistics.fmean(group) for data, group in sorted(groups.items())}


def advantages(scores, peer, measure, ours=OURS):
    """Return how much better ours is than a peer, by split: positive where it is."""
    splits = common(scores, (ours, peer))
    both = (values(scores, model, splits, measure) for model in (peer, ours))
    differences = MEASURES[measure].sign * np.subtract(*both)
    return dict(zip(splits, differences.tolist(), strict=True))


def wins_and_losses(scores, peer, measure):
    """Return on how many splits ours is better, and on how many it is worse."""
    found = np.array(list(advantages(scores, peer, measure).values())).round(DIGITS)
    return int((found > 0).sum()), int((found < 0).sum())


def mean_advantage(scores, peer, measure):
    """Return the mean of the advantages; None without any."""
    found = advantages(scores, peer, measure).values()
    return statistics.fmean(found) if found else None


def sets_behind(scores, peer, measure, tolerance):
    """Return the sets on which ours is worse by more than a tolerance, and the number of all."""
    means = by_set(advantages(scores, peer, measure))
    behind = [data for data, mean in means.items() if mean < -tolerance - 10**-DIGITS / 2]
    return behind, len(means)


def mean_calibration_errors(rows, peer):
    """Return ours, the peer's, and the splits of binary sets that both are known of."""
    scores = having(rows, "ece")
    splits = common(scores, (OURS, peer))
    if not splits:
        return None, None, []
    ours, theirs = (float(values(scores, name, splits, "ece").mean()) for name in (OURS, peer))
    return ours, theirs, splits


def seconds(scores, model, splits):
    """Return the median and the largest of seconds of fit."""
    found = values(scores, model, splits, "t_fit").tolist()
    return statistics.median(found), max(found)


def out_of_fold_excess(scores):
    """Return ``oof_score_`` less the accuracy on test rows, by split."""
    rows = scores.get(OURS, {})
    return {split: row["oof"] - row["acc"] for split, row in sorted(rows.items()) if "oof" in row}
