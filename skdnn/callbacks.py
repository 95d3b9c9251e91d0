"""Callbacks for the epochs of a fit: ``net.set_callbacks(EarlyStopping(patience=5))``.

They follow scikit-learn's protocol and need scikit-learn 1.9, whose own ``ProgressBar`` and
``ScoringMonitor`` work too. A callback of your own has the four methods that these have; after an
epoch (``context.task_name == "epoch"``) it finds the curves so far on the estimator, may ask for a
``fitted_estimator`` as if training had ended, and stops it by returning True.
"""

import os
import pickle
import sys
from pathlib import Path

import numpy as np

from skdnn._compat import StrOptions, validate_parameter_constraints, without_callbacks
from skdnn.estimator.parameters import POSITIVE_INT

# What may be monitored: the attribute that holds its curve, and the sign that makes lower better.
MONITORS = {
    "loss": ("loss_curve_", 1),
    "validation_loss": ("validation_loss_curve_", 1),
    "validation_score": ("validation_scores_", -1),
}


CONSTRAINTS = {
    "monitor": [StrOptions({"auto", *MONITORS})],
    "patience": [POSITIVE_INT],
    "every": [POSITIVE_INT, None],
}


def _monitored(estimator, monitor):
    """Return the curve of this fit, turned so that lower is better."""
    if monitor == "auto" and getattr(estimator, "validation_loss_curve_", None) is None:
        monitor = "loss"
    elif monitor == "auto":
        monitor = "validation_loss" if estimator.scoring is None else "validation_score"
    name, sign = MONITORS[monitor]
    curve = getattr(estimator, name, None)
    if curve is None:
        raise ValueError(
            f"monitor={monitor!r} needs rows to validate on: pass X_val and y_val to fit, or set "
            "early_stopping=True."
        )
    return sign * np.array(curve[-estimator.n_iter_ :])


class _EpochCallback:
    """A callback that only sees epochs end."""

    def setup(self, estimator, context):
        """Refuse parameters that mean nothing."""
        validate_parameter_constraints(CONSTRAINTS, vars(self), type(self).__name__)

    def teardown(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""


class EarlyStopping(_EpochCallback):
    """Stop training when what is monitored has not become better for a while.

    Members also stop by themselves (``n_iter_no_change``), each at its own time; this watches
    their mean, and works without rows to validate on too.

    Parameters
    ----------
    monitor : {"auto", "loss", "validation_loss", "validation_score"}, default="auto"
        Curve to watch. "auto" is the validation score if there is ``scoring``, else the
        validation loss, or the training loss without validation.
    patience : int, default=10
        Epochs without a better value before training stops.
    min_delta : float, default=0.0
        A value that is better by less does not count.

    Examples
    --------
    >>> from skdnn import DeepNetClassifier
    >>> from skdnn.callbacks import EarlyStopping
    >>> net = DeepNetClassifier()
    >>> net.set_callbacks(EarlyStopping(patience=3))  # doctest: +SKIP
    """

    def __init__(self, monitor="auto", patience=10, min_delta=0.0):
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta

    def on_fit_task_end(self, estimator, context):
        """Return whether training should stop."""
        if context.task_name != "epoch":
            return False
        curve = _monitored(estimator, self.monitor)
        before, since = curve[: -self.patience], curve[-self.patience :]
        return bool(len(before) and not since.min() < before.min() - self.min_delta)


class Checkpoint(_EpochCallback):
    """Write the network to a file as it is trained: whenever it is better, or every few epochs.

    The file is a pickle of a fitted estimator with the best parameters so far, not yet
    calibrated (``temperature_`` is 1). It is replaced as a whole, never left half written.

    Parameters
    ----------
    path : str or path-like
        Where to write. "{epoch}" in it becomes the number of the epoch.
    every : int or None, default=None
        Write after so many epochs each time. None writes whenever what is monitored is better
        than ever before.
    monitor : {"auto", "loss", "validation_loss", "validation_score"}, default="auto"
        Curve to watch, as for :class:`EarlyStopping`.

    Examples
    --------
    >>> from skdnn import DeepNetClassifier
    >>> from skdnn.callbacks import Checkpoint
    >>> net = DeepNetClassifier()
    >>> net.set_callbacks(Checkpoint("net-{epoch}.pkl", every=10))  # doctest: +SKIP
    """

    def __init__(self, path, every=None, monitor="auto"):
        self.path = path
        self.every = every
        self.monitor = monitor

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Write the file if it is time to."""
        if context.task_name == "epoch" and self._is_time(estimator):
            path = Path(str(self.path).replace("{epoch}", str(estimator.n_iter_)))
            unfinished = path.with_name(path.name + ".unfinished")
            unfinished.write_bytes(pickle.dumps(without_callbacks(fitted_estimator)))
            os.replace(unfinished, path)

    def _is_time(self, estimator):
        if self.every is not None:
            return estimator.n_iter_ % self.every == 0
        curve = _monitored(estimator, self.monitor)
        return len(curve) == 1 or curve[-1] < curve[:-1].min()


class LossProgress(_EpochCallback):
    """Show the epoch and the losses on one line that is written over and over.

    It belongs to the network itself, also in a pipeline or a search; scikit-learn's
    ``ProgressBar`` belongs to the outermost of them.

    Parameters
    ----------
    file : file-like or None, default=None
        Where to write. None is the standard output.

    Examples
    --------
    >>> from skdnn import DeepNetClassifier
    >>> from skdnn.callbacks import LossProgress
    >>> net = DeepNetClassifier()
    >>> net.set_callbacks(LossProgress())  # doctest: +SKIP
    """

    def __init__(self, file=None):
        self.file = file

    def on_fit_task_end(self, estimator, context):
        """Write the line anew after an epoch, and end it after the fit."""
        file = sys.stdout if self.file is None else self.file
        if context.task_name == "epoch":
            curves = {name: getattr(estimator, curve) for name, (curve, _) in MONITORS.items()}
            last = [f"{name.replace('_', ' ')} {c[-1]:.4f}" for name, c in curves.items() if c]
            epoch = f"epoch {estimator.n_iter_}/{context.parent.max_subtasks}"
            file.write("\r" + "  ".join([epoch, *last]))
        else:
            file.write("\n")
        file.flush()
