"""The sections of the report: each takes all rows of results and returns Markdown, or nothing."""

import statistics
from collections import Counter, defaultdict

import numpy as np

from benchmarks.accuracy import compare
from benchmarks.accuracy.compare import MEASURES
from benchmarks.accuracy.peers import OURS, PEERS, SLOW_NETWORKS, STRONGEST, USUAL
from benchmarks.accuracy.targets import TOLERANCE
from benchmarks.report import paragraph, table

OTHERS = [name for name in PEERS if name != OURS]
WORDS = {1: "one", 2: "two", 3: "three"}
FINISHED = " that all models finished"


def coverage(rows):
    """Say how much was run, and whether that is all that others have run."""
    ours = {(row["data"], row["rep"]) for row in _ordinary(rows) if row["model"] == OURS}
    all_splits = {(row["data"], row["rep"]) for row in _ordinary(rows) if row["model"] in USUAL}
    text = f"skdnn was run on {_count(ours)}."
    left = all_splits - ours
    if not left:
        return f"{text}\n"
    names = sorted({data for data, _ in all_splits} - {data for data, _ in ours})
    sets = f", among them all of {', '.join(names)}" if names else ""
    return paragraph(
        f"**These are partial results.** {text} Other models have results on {len(left)} more "
        f"splits{sets}."
    )


def _ordinary(rows):
    return [row for row in rows if not row.get("timed")]


def _count(splits, which=""):
    """Say how many splits of how many sets, and which."""
    numbers = set(Counter(data for data, _ in splits).values()) or {0}
    each = WORDS.get(max(numbers), str(max(numbers)))
    each = each if len(numbers) == 1 else f"up to {each}"
    n_sets = compare.n_sets(splits)
    return f"{len(splits)} train/test splits{which}, {each} for each of {n_sets} data sets"


def _what_was_run(rows):
    groups = defaultdict(list)
    for row in rows:
        groups[row["model"], row.get("timed", False)].append(row)
    lines = []
    for (name, is_timed), group in sorted(groups.items(), key=lambda item: item[0][1]):
        n_failed = sum("error" in row for row in group)
        numbers = sorted({row["rep"] for row in group})
        n_sets = len({row["data"] for row in group})
        label = _label(name) + (" (timed side by side)" if is_timed else "")
        counts = (str(n_sets), ", ".join(map(str, numbers)), str(len(group) - n_failed))
        lines.append((label, *counts, str(n_failed or "-"), _versions(group)))
    header = ("", "data sets", "split numbers", "fits", "failed", "version")
    return f"{table(header, lines)}{_environment(rows)}" if lines else ""


def _label(name):
    return PEERS[name].label if name in PEERS else name


def _versions(group):
    """Return the versions of a model's own package that its rows name, the rest counted."""
    package = PEERS[group[0]["model"]].package
    found = Counter(row.get("versions", {}).get(package) or "not recorded" for row in group)
    if len(found) == 1:
        return next(iter(found))
    return ", ".join(f"{version} ({n} fits)" for version, n in found.items())


def _environment(rows):
    """Return what the rows that say so were run on, and with which other versions."""
    found = defaultdict(set)
    for row in rows:
        for name in ("python", "numpy", "scipy", "scikit-learn", "pandas"):
            found[name].add(row.get("versions", {}).get(name))
        found["machine"].add(row.get("machine"))
    known = {name: sorted(filter(None, values)) for name, values in found.items()}
    lines = [f"- {name}: {' and '.join(values)}" for name, values in known.items() if values]
    return "\nEnvironment, as far as recorded:\n\n" + "\n".join(lines) + "\n" if lines else ""


def _mean_ranks(rows, models=USUAL):
    scores = compare.finished(rows)
    splits = compare.common(scores, models)
    ranks = {measure: compare.mean_ranks(scores, models, measure) for measure in MEASURES}
    if not splits:
        return ""
    lines = [
        (_label(name), *(_bold(of[name], min(of.values()), ".2f") for of in ranks.values()))
        for name in sorted(models, key=ranks["logloss"].get)
    ]
    header = ("", *(measure.label for measure in MEASURES.values()))
    text = f"Mean ranks of {len(models)} models (1 is the best) on the {_count(splits, FINISHED)}."
    return f"{paragraph(text)}\n{table(header, lines)}"


def _strongest(rows):
    ranks = _mean_ranks(rows, STRONGEST)
    text = (
        "RealMLP-TD was trained as TabArena does it, in eight folds with early stopping by "
        "cross-entropy, and TabM-D with one set of validation rows. Both were run on a GPU by "
        "others, on split 0; their times are not comparable."
    )
    return f"{paragraph(text)}\n{ranks}" if ranks else ""


def _bold(value, best, how):
    text = f"{value:{how}}"
    return f"**{text}**" if text == f"{best:{how}}" else text


def _against_each(rows):
    scores, lines = compare.finished(rows), []
    for peer in OTHERS:
        splits = compare.common(scores, (OURS, peer))
        if splits:
            records = (compare.wins_and_losses(scores, peer, measure) for measure in MEASURES)
            counts = (str(len(splits)), str(compare.n_sets(splits)))
            texts = (f"{won} - {lost}" for won, lost in records)
            lines.append((_label(peer), *counts, f"{compare.ratio(scores, peer):.3f}", *texts))
    wins = (f"{measure.label}: better - worse" for measure in MEASURES.values())
    header = ("skdnn against", "splits", "data sets", "log-loss ratio", *wins)
    text = (
        "The log-loss ratio is the geometric mean of (skdnn's log-loss + 0.01) / (the other's "
        'log-loss + 0.01); below 1, skdnn is better. "better - worse" are the numbers of splits.'
    )
    return f"{paragraph(text)}\n{table(header, lines)}" if lines else ""


def _against_mlp(rows):
    scores, lines = compare.finished(rows), []
    for measure in ("logloss", "acc"):
        behind, n = compare.sets_behind(scores, "mlp", measure, TOLERANCE)
        if not n:
            return ""
        found = np.array(list(compare.advantages(scores, "mlp", measure).values()))
        share = f"{(found >= -TOLERANCE - 0.5e-6).mean():.1%}"
        sets = f"{n - len(behind)} of {n}"
        lines.append((MEASURES[measure].label, sets, share, ", ".join(behind) or "-"))
    header = ("", "data sets", "splits", "worse on")
    text = (
        "On how many data sets (by the mean over their splits), and on what share of the splits, "
        "skdnn is not worse than MLPClassifier by more than 0.002."
    )
    return f"{paragraph(text)}\n{table(header, lines)}"


def _against_networks(rows):
    scores, lines = compare.finished(rows), []
    for peer in SLOW_NETWORKS:
        splits = compare.common(scores, (OURS, peer))
        for name in (OURS, peer) if splits else ():
            means = [compare.values(scores, name, splits, key).mean() for key in MEASURES]
            total = compare.values(scores, name, splits, "t_fit").sum()
            numbers = (*(f"{mean:.4f}" for mean in means), f"{total / len(splits):.1f}")
            lines.append((_label(name), str(len(splits)), *numbers))
    labels = (f"mean {measure.label}" for measure in MEASURES.values())
    text = (
        "Each pair of lines compares skdnn with one other network, on the splits that both have "
        "finished. Fits were not timed side by side, so their times are only a rough comparison."
    )
    header = ("", "splits", *labels, "mean seconds of fit")
    return f"{paragraph(text)}\n{table(header, lines)}" if lines else ""


def _calibration(rows):
    lines = []
    for peer in OTHERS:
        ours, theirs, splits = compare.mean_calibration_errors(rows, peer)
        if splits:
            counts = (str(len(splits)), str(compare.n_sets(splits)))
            lines.append((_label(peer), *counts, f"{ours:.4f}", f"{theirs:.4f}"))
    text = (
        "Mean expected calibration error on binary data sets, with 15 bins of equally many rows: "
        "the mean absolute difference between predicted probability and class frequency. Lower is "
        "better."
    )
    header = ("skdnn against", "splits", "data sets", "skdnn", "the other")
    return f"{paragraph(text)}\n{table(header, lines)}" if lines else ""


def _seconds(rows):
    scores = compare.timed(rows)
    models = [name for name in PEERS if name in scores]
    splits = compare.common(scores, models)
    if not splits:
        return "Not measured yet: `--timed` runs models side by side.\n"
    lines = []
    for name in models:
        middle, longest = compare.seconds(scores, name, splits)
        slowest = max(splits, key=lambda split: scores[name][split]["t_fit"])[0]
        lines.append((_label(name), f"{middle:.2f}", f"{longest:.1f}", slowest))
    text = (
        "Models were timed side by side, each in its own process after a fit on a small table, on "
        f"the {_count(splits, FINISHED)}."
    )
    header = ("", "median", "longest", "longest on")
    return f"{paragraph(text)}\n{table(header, lines)}{_left_out(rows, splits)}"


def _left_out(rows, splits):
    """Name the fits that were timed, but not by all."""
    others = [
        f"{_label(row['model'])} on {row['data']} ({_outcome(row)})"
        for row in rows
        if row.get("timed") and (row["data"], row["rep"]) not in splits
    ]
    return "\n" + paragraph(f"Not among these: {', '.join(others)}.") if others else ""


def _outcome(row):
    return "failed" if "error" in row else f"{row['t_fit']:.1f} s"


def _out_of_fold(rows):
    excess = compare.out_of_fold_excess(compare.finished(rows))
    if not excess:
        return ""
    sets = compare.by_set(excess)
    lowest, highest = min(sets, key=sets.get), max(sets, key=sets.get)
    return paragraph(
        f"`oof_score_` minus the accuracy on test rows is {statistics.fmean(excess.values()):+.4f} "
        f"on average over the {_count(excess)}. By data set (means over its splits), it ranges "
        f"from {sets[lowest]:+.4f} on {lowest} to {sets[highest]:+.4f} on {highest}. "
        "`oof_score_` is the out-of-fold accuracy of single members, or of pairs of them; the "
        "accuracy on test rows is that of the ensemble."
    )


def _log_loss_by_set(rows):
    scores = compare.finished(rows)
    found = [_line_of_set(scores, data) for data in sorted({row["data"] for row in rows})]
    header = ("data set", "training rows", "splits", *map(_label, USUAL))
    text = "Means over the splits that all models with a result on the data set have finished."
    lines = [line for line in found if line]
    return f"{paragraph(text)}\n{table(header, lines)}" if lines else ""


def _line_of_set(scores, data):
    of_set = {
        name: {split: row for split, row in scores.get(name, {}).items() if split[0] == data}
        for name in USUAL
    }
    models = [name for name in USUAL if of_set[name]]
    splits = compare.common(of_set, models)
    if not splits:
        return None
    n_rows = of_set[models[0]][splits[0]]["n"]
    means = {name: compare.values(of_set, name, splits, "logloss").mean() for name in models}
    best = min(means.values())
    cells = (_bold(means[name], best, ".4f") if name in means else "-" for name in USUAL)
    return (data, f"{n_rows:,}", str(len(splits)), *cells)


def _failures(rows):
    groups = defaultdict(list)
    for row in rows:
        if "error" in row:
            groups[_label(row["model"]), _in_short(row["error"])].append(row)
    lines = [
        (label, error, ", ".join(f"{row['data']} {row['rep']}" for row in group))
        for (label, error), group in sorted(groups.items())
    ]
    return table(("", "what happened", "data set and split"), lines) if lines else ""


def _in_short(error):
    text = " ".join(error.split()).replace("|", "/")
    return text if len(text) <= 60 else f"{text[:57]}..."


SECTIONS = {
    "Mean ranks": _mean_ranks,
    "With networks that were run on a GPU": _strongest,
    "Comparison with each model": _against_each,
    "Comparison with MLPClassifier": _against_mlp,
    "Comparison with RealMLP and TabM": _against_networks,
    "Calibration": _calibration,
    "Time of a fit in seconds": _seconds,
    "Out-of-fold scores": _out_of_fold,
    "Log-loss by data set": _log_loss_by_set,
    "Fits that failed": _failures,
    "What was run": _what_was_run,
}
