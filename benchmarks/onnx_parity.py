"""ONNX models against ``predict_proba``: ``python -m benchmarks.onnx_parity --data FOLDER``.

Networks are trained on public tables with the default settings; ``--members 4 --epochs 5`` is
faster. In the rows to predict, some values are replaced by missing values and by categories that
training did not see. Printed is the largest difference between the probabilities of onnxruntime and
those of skdnn. The folder can also be named by the environment variable SKDNN_DATA.
"""

import argparse
import os
import warnings

import numpy as np

from benchmarks.accuracy.protocol import Caps, find_tables, read_table, split
from skdnn import DeepNetClassifier
from skdnn.export import onnx_inputs, to_onnx

SHARE = 0.05  # of the values of a column that are missing and, of strings, that are new
LARGEST_DIFFERENCE = 1e-5


def main():
    """Compare the tables that are asked for, and print a line for each."""
    options = read_options()
    worst, widths = 0.0, "{:24} {:>9} {:>8} {:>12} {:>7} {:>7}"
    print(widths.format("table", "test rows", "columns", "difference", "labels", "MB"), flush=True)
    for name, path in find_tables(options.data, options.sets).items():
        n_rows, n_columns, difference, agreement, n_bytes = compare(path, options)
        worst = max(worst, difference)
        row = f"{difference:.1e}", f"{100 * agreement:.5g}%", f"{n_bytes / 1e6:.1f}"
        print(widths.format(name, n_rows, n_columns, *row), flush=True)
    print(f"largest difference: {worst:.1e}")
    if worst > LARGEST_DIFFERENCE:
        raise SystemExit(f"more than {LARGEST_DIFFERENCE:.0e}")


def read_options():
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.onnx_parity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    folder = os.environ.get("SKDNN_DATA")
    parser.add_argument("--data", default=folder, required=folder is None, help="the folder")
    parser.add_argument("--sets", nargs="+", default=(), help="names of tables")
    parser.add_argument("--rows", type=int, default=5000, help="most training rows")
    parser.add_argument("--members", type=int, help="n_members")
    parser.add_argument("--epochs", type=int, help="max_iter")
    return parser.parse_args()


def compare(path, options):
    """Return facts of a table, and how far its ONNX model is from the network.

    Returns
    -------
    tuple
        Numbers of test rows and columns; the largest difference of two probabilities; the share
        of rows with equal labels; bytes of the model.
    """
    parts = split(*read_table(path), 0, Caps(n_train=options.rows))
    given = {"n_members": options.members, "max_iter": options.epochs}
    given = {name: value for name, value in given.items() if value is not None}
    net = DeepNetClassifier(**given, n_jobs=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(parts.X_train, parts.y_train)
        rows = with_unseen(parts.X_test, np.random.default_rng(0))
        wanted, labels = net.predict_proba(rows), net.predict(rows)
        model = to_onnx(net).SerializeToString()
        found_labels, found = session_of(model).run(None, onnx_inputs(net, rows))
    return *rows.shape, abs(found - wanted).max(), (found_labels == labels).mean(), len(model)


def session_of(model):
    """Return a session of onnxruntime that computes on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def with_unseen(frame, rng):
    """Return rows with missing values in every column, and new categories in those of strings."""
    changed = {}
    for name, column in frame.items():
        draws = rng.random(len(column))
        is_missing = draws < SHARE
        if column.dtype.kind in "biuf":
            changed[name] = column.astype(float).mask(is_missing)
        elif column.dtype.kind == "M":
            changed[name] = column.mask(is_missing)
        else:
            column = column.astype(object).mask(draws > 1 - SHARE, "never seen before")
            changed[name] = column.mask(is_missing, None)
    return type(frame)(changed)


if __name__ == "__main__":
    main()
