"""What was wanted, beside what was reached."""

import math
import statistics
from functools import partial
from typing import NamedTuple

from benchmarks.accuracy import compare
from benchmarks.accuracy.peers import OURS, PEERS, SLOW_NETWORKS, USUAL

RATIOS = {"realmlp8": 0.92, "tabm1": 0.82, "catboost": 0.80, "histgb": 0.83}
RATIOS |= {"lightgbm": 0.81, "xgboost": 0.80, "mlp": 0.70}
TOLERANCE = 0.002  # of log-loss and accuracy, against MLPClassifier
SHARES = {"logloss": 0.95, "acc": 0.90}
TIMES = {"catboost": 0.35, "mlp": 1.5}  # seconds of fit, ours over theirs, median over splits
NETWORK_TIMES = {"realmlp": 1.0, "tabm": 1 / 3}
LONGEST = 60.0


class Verdict(NamedTuple):
    """One target; the figure is None where nothing was measured."""

    text: str
    figure: float | None
    at_least: float = -math.inf
    at_most: float = math.inf
    is_strict: bool = False  # whether it is not enough to be equal to the limit

    def is_met(self):
        """Tell whether it is; None if nothing was measured."""
        if self.figure is None:
            return None
        if self.is_strict:
            return self.at_least < self.figure < self.at_most
        return self.at_least <= self.figure <= self.at_most

    def wanted(self):
        """Say what is wanted."""
        equal = "" if self.is_strict else "="
        if math.isinf(self.at_least):
            return {"": "< ", "=": "≤ "}[equal] + f"{self.at_most:.3g}"
        if math.isinf(self.at_most):
            return {"": "> ", "=": "≥ "}[equal] + f"{self.at_least:.3g}"
        return f"{self.at_least:.3g} to {self.at_most:.3g}"


def verdicts(rows):
    """Return the verdicts on all rows of results."""
    scores, times = compare.finished(rows), compare.timed(rows)
    return [
        *_ranks(scores),
        *_ratios(scores),
        *_shares(scores),
        *_networks(scores),
        *_calibration(rows),
        *_times(times),
        *_out_of_fold(scores),
    ]


def _ranks(scores):
    of = {measure: compare.mean_ranks(scores, USUAL, measure) for measure in compare.MEASURES}
    yield Verdict("mean rank among seven models in log-loss", of["logloss"].get(OURS), at_most=2.0)
    others = [rank for name, rank in of["logloss"].items() if name != OURS]
    best = of["logloss"][OURS] - min(others) if others else None
    yield Verdict("the same, minus that of the best other model", best, at_most=0, is_strict=True)
    for measure in ("auc", "acc"):
        ranks = of[measure]
        figure = ranks[OURS] - ranks["catboost"] if ranks else None
        text = f"mean rank in {compare.MEASURES[measure].label}, minus CatBoost's"
        yield Verdict(text, figure, at_most=0, is_strict=True)


def _ratios(scores):
    for peer, limit in RATIOS.items():
        text = f"log-loss / that of {PEERS[peer].label}, geometric mean"
        yield Verdict(text, compare.ratio(scores, peer), at_most=limit)


def _shares(scores):
    texts = {"logloss": "share of data sets with log-loss at most 0.002 above MLPClassifier's"}
    texts["acc"] = "share of data sets with accuracy at most 0.002 below MLPClassifier's"
    for measure, limit in SHARES.items():
        behind, n = compare.sets_behind(scores, "mlp", measure, TOLERANCE)
        yield Verdict(texts[measure], 1 - len(behind) / n if n else None, at_least=limit)


def _networks(scores):
    for peer in SLOW_NETWORKS:
        label = PEERS[peer].label
        gain = partial(compare.mean_advantage, scores, peer)
        lead = {"at_least": 0, "is_strict": True}
        yield Verdict(f"mean log-loss of {label}, minus skdnn's", gain("logloss"), **lead)
        yield Verdict(f"mean ROC AUC, minus that of {label}", gain("auc"), **lead)
        text = f"time of all fits / that of {label} (not side by side)"
        ours, theirs = _seconds(scores, peer)
        figure = sum(ours) / sum(theirs) if ours else None
        yield Verdict(text, figure, at_most=NETWORK_TIMES[peer])


def _calibration(rows):
    ours, theirs, splits = compare.mean_calibration_errors(rows, "catboost")
    figure = ours - theirs if splits else None
    yield Verdict("mean calibration error on binary data sets, minus CatBoost's", figure, at_most=0)


def _times(times):
    for peer, limit in TIMES.items():
        text = f"time of a fit / that of {PEERS[peer].label}, median over splits"
        yield Verdict(text, _median_time_ratio(times, peer), at_most=limit)
    ours = [row["t_fit"] for row in times.get(OURS, {}).values()]
    yield Verdict("longest fit, in seconds", max(ours, default=None), at_most=LONGEST)


def _out_of_fold(scores):
    excess = compare.out_of_fold_excess(scores).values()
    mean = statistics.fmean(excess) if excess else None
    text = "mean of `oof_score_` minus the accuracy on test rows"
    yield Verdict(text, mean, at_least=-0.015, at_most=0)


def _median_time_ratio(times, peer):
    """Return the median ratio of our seconds of a fit to a peer's; None without any."""
    ratios = [ours / theirs for ours, theirs in zip(*_seconds(times, peer), strict=True)]
    return statistics.median(ratios) if ratios else None


def _seconds(scores, peer):
    """Return our seconds of a fit and a peer's, on the splits that both finished."""
    splits = compare.common(scores, (OURS, peer))
    return [compare.values(scores, name, splits, "t_fit").tolist() for name in (OURS, peer)]
