"""Files of results: a line of JSON for each fit, in which a failed one has an "error".

Keys: data, model, rep (the number of the split, which is the seed), n, p, k (training rows,
columns, classes), t_fit, cpu_fit, t_pred (seconds), logloss, acc, auc, ece (two classes), oof
(``oof_score_``), timed, versions, machine.
"""

import json
from pathlib import Path

FOLDER = Path(__file__).parent / "results"
DIGITS = 7  # to write of a number
# Names in older files.
ALIASES = {
    "cat": "catboost",
    "hgb": "histgb",
    "lgbm": "lightgbm",
    "xgb": "xgboost",
    "skdnn:DeepNetClassifier": "skdnn",
}


def committed():
    """Return the files of the project, those that others made first."""
    return sorted(FOLDER.glob("*.jsonl"), key=lambda path: (path.stem != "peers", path.name))


def read(paths):
    """Return the rows of files that exist; a later row replaces one of the same fit.

    Times of a run with ``--timed`` stay apart from other rows. A last line that was not written to
    its end is left out.
    """
    rows = {}
    for path in map(Path, paths):
        for line in _lines(path) if path.exists() else ():
            row = json.loads(line)
            row["model"] = ALIASES.get(row["model"], row["model"])
            rows[key(row)] = row
    return list(rows.values())


def key(row):
    """Return what tells a fit from others."""
    return row["data"], row["model"], row["rep"], row.get("timed", False)


def append(path, row):
    """Write a row at the end of a file, after dropping a line that was not finished."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.read_text("utf-8").endswith("\n"):
        path.write_text("".join(_lines(path)), encoding="utf-8")
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({name: _short(value) for name, value in row.items()}) + "\n")


def _lines(path):
    lines = path.read_text("utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]


def _short(value):
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
