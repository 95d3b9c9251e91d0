"""The table of cases: what is timed, with whom, at which sizes, and what is wanted.

A case is known by its key; its number comes first and is what ``--rows`` chooses by. All
contenders of a case do the same work: the same network, batches of the same size, the same
number of epochs, no stopping before the last.
"""

from collections.abc import Callable
from typing import NamedTuple

from benchmarks import works
from benchmarks.data import table_names
from benchmarks.targets import MB, AgainstItself, AgainstPeer, extra_memory, longest, peak_memory

OURS = ("skdnn", "skdnn_numpy")
AS_IT_IS = {"": {}}  # one variant, without a name


class Case(NamedTuple):
    """A row of the table; some rows have two cases."""

    title: str
    work: Callable
    adapters: tuple
    targets: tuple
    sizes: dict
    quick: dict = {}  # noqa: RUF012 - sizes for trying things out; never written to
    variants: dict | Callable = AS_IT_IS  # name to more sizes, or what finds these in the sources
    unit: str = "fit"
    repetitions: int = 5
    of_memory: bool = False  # measured in a fresh process each time, and its memory too
    remark: str = ""  # what the figures do not say by themselves

    def heading(self):
        """Return the title, with the sizes filled in."""
        return self.title.format(**self.sizes)

    def variants_in(self, sources):
        """Return what the contenders differ in, by name."""
        return self.variants(sources) if callable(self.variants) else self.variants


def _rows(n_rows):
    return f"{n_rows:,} rows", {"n_rows": n_rows}


def _public_tables(sources):
    return {name: {"name": name} for name in table_names(sources)}


CASES = {
    "1": Case(
        "Training a 784-256-128-10 network: batch size {batch_size}, {n_rows:,} images, "
        "{n_epochs} epochs",
        works.fit_pictures,
        ("floor", *OURS, "torch", "skorch", "mlp32", "mlp64"),
        (
            AgainstPeer("floor", 1.35),
            AgainstPeer("torch", 0.60),
            AgainstPeer("skorch", 0.40),
            AgainstPeer("mlp32", 0.35),
        ),
        {"n_rows": 30_000, "batch_size": 256, "n_epochs": 3},
        {"n_rows": 2_000, "n_epochs": 1},
        unit="epoch",
    ),
    "2": Case(
        "Training a 784-256-128-10 network: batch size {batch_size}, {n_rows:,} images, "
        "{n_epochs} epochs",
        works.fit_pictures,
        ("floor", *OURS, "torch", "skorch", "mlp32", "mlp64"),
        (
            AgainstPeer("floor", 2.5),
            AgainstPeer("torch", 0.50),
            AgainstPeer("mlp32", 0.25),
        ),
        {"n_rows": 30_000, "batch_size": 32, "n_epochs": 2},
        {"n_rows": 1_000, "n_epochs": 1},
        unit="epoch",
        repetitions=3,
    ),
    "3": Case(
        "Training a 20-100-3 network: batch size {batch_size}, {n_rows:,} rows, {n_epochs} epochs",
        works.fit_columns,
        ("floor", *OURS, "torch", "skorch", "mlp32", "mlp64"),
        (
            AgainstPeer("mlp32", 0.25),
            AgainstPeer("mlp64", 0.25),
            AgainstPeer("torch", 0.20),
            AgainstPeer("skorch", 0.06),
        ),
        {"widths": (20, 100, 3), "n_rows": 1_000, "batch_size": 200, "n_epochs": 100},
        {"n_epochs": 5},
        repetitions=9,
    ),
    "4": Case(
        "Training an ensemble of 20-128-128-3 networks: batch size {batch_size}, {n_rows:,} rows, "
        "{n_epochs} epochs",
        works.fit_columns,
        OURS,
        (
            AgainstItself("8 members, 2 threads", "one member", 0.45, times=8),
            AgainstItself("8 members, 2 threads", "8 members, 1 thread", 0.60),
        ),
        {"widths": (20, 128, 128, 3), "n_rows": 5_000, "batch_size": 128, "n_epochs": 30},
        {"n_rows": 500, "n_epochs": 2},
        variants={
            "8 members, 2 threads": {"n_members": 8, "n_jobs": 2},
            "8 members, 1 thread": {"n_members": 8, "n_jobs": 1},
            "one member": {"n_members": 1},
        },
        remark="On one thread eight members take nearly as long as eight fits with one member. Two "
        "threads can at best halve that.",
    ),
    "5": Case(
        "Grid search: 24 candidates, 5 folds, {n_rows:,} x 20, n_jobs={n_jobs}, {n_epochs} epochs",
        works.search,
        (*OURS, "mlp32"),
        (AgainstPeer("mlp32", 0.35),),
        {"n_rows": 1_000, "n_epochs": 50, "n_jobs": 2},
        {"n_rows": 200, "n_epochs": 2, "grid": {"alpha": [0.0, 1e-3]}},
        unit="search",
        repetitions=3,
    ),
    "6": Case(
        "Predicting {n_rows:,} images, 784-256-128-10",
        works.predict_pictures,
        ("floor", *OURS, "torch", "skorch", "mlp32"),
        (AgainstPeer("floor", 1.4),),
        {"n_rows": 100_000},
        {"n_rows": 2_000},
        unit="call",
        repetitions=7,
    ),
    "6 memory": Case(
        "Memory for predicting {n_rows:,} images, 784-256-128-10",
        works.predict_pictures,
        (*OURS, "torch", "mlp32"),
        (extra_memory(64),),
        {"n_rows": 100_000},
        {"n_rows": 2_000},
        unit="call",
        repetitions=3,
        of_memory=True,
    ),
    "7 array": Case(
        "Predicting one row of an array, 20-100-3",
        works.predict_one_array_row,
        (*OURS, "mlp32"),
        (AgainstPeer("mlp32", 1.0),),
        {"n_calls": 1_000},
        {"n_calls": 20},
        unit="call",
        repetitions=9,
    ),
    "7 frame": Case(
        "Predicting one row of a DataFrame: 10 numeric, 5 categorical columns, default classifiers",
        works.predict_one_frame_row,
        (*OURS, "boosting"),
        (AgainstPeer("boosting", 1.0),),
        {"n_calls": 200},
        {"n_calls": 5},
        unit="call",
        repetitions=9,
    ),
    "8": Case(
        "Memory for training on {n_rows:,} x 100 float32, hidden (100,), batch size {batch_size}",
        works.fit_columns,
        (*OURS, "mlp32"),
        (peak_memory(200 * MB, 1.15),),
        {"widths": (100, 100, 3), "n_rows": 1_000_000, "batch_size": 256, "n_epochs": 1},
        {"n_rows": 10_000},
        repetitions=2,
        of_memory=True,
        remark="Most of the memory in use before fit, apart from the array, is that of imported "
        "modules (scikit-learn imports pandas, which imports pyarrow, where they are installed). "
        "It already exceeds the 200 MB that the target allows. fit adds numba with its compiler, "
        "and a few numbers for each row.",
    ),
    "9": Case(
        "Training time per row: 100 columns, hidden (100,), batch size {batch_size}, "
        "{n_epochs} epoch",
        works.fit_columns,
        OURS,
        (AgainstItself("1,000,000 rows", "10,000 rows", 1.3, at_least=0.7),),
        {"widths": (100, 100, 3), "batch_size": 256, "n_epochs": 1, "per": "row"},
        {"n_rows": 5_000},
        variants=dict(map(_rows, (10_000, 100_000, 1_000_000))),
        unit="row",
        repetitions=3,
    ),
    "11": Case(
        "Training with a progress bar: 784-256-128-10, batch size {batch_size}, {n_rows:,} images, "
        "{n_epochs} epochs",
        works.fit_pictures,
        ("skdnn",),
        (AgainstItself("with ProgressBar", "without", 1.02),),
        {"n_rows": 60_000, "batch_size": 256, "n_epochs": 5},
        {"n_rows": 2_000, "n_epochs": 1},
        variants={"with ProgressBar": {"shows_progress": True}, "without": {}},
        repetitions=15,
    ),
    "10": Case(
        "Training with the default parameters on public tables",
        works.fit_table,
        (*OURS, "mlp", "catboost"),
        (AgainstPeer("mlp", 4.0), AgainstPeer("catboost", 1.0), longest(120)),
        {},
        variants=_public_tables,
        repetitions=1,
    ),
}
