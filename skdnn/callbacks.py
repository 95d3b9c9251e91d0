"""Callbacks that run after each epoch: ``net.set_callbacks(EarlyStopping(patience=5))``.

They follow scikit-learn's callback protocol and need scikit-learn 1.9, whose ``ProgressBar`` and
``ScoringMonitor`` work too. A custom callback has the same four methods as these. At the end of an
epoch (``context.task_name == "epoch"``), the estimator has the loss curves so far; a keyword-only
argument ``fitted_estimator`` is the estimator as if training had ended. Returning True stops it.
"""

import os
import sys
from pathlib import Path

import numpy as np

from skdnn.estimator.classifier import DeepNetClassifier
from skdnn.estimator.parameters import NON_NEGATIVE, POSITIVE_INT
from skdnn.estimator.progress import end_line, write_over
from skdnn.estimator.training_checkpoint import TrainingCheckpoint
from skdnn.tabular._compat import StrOptions, validate_parameter_constraints

# Quantities to monitor: the attribute with the curve, and the sign that makes lower values better.
MONITORS = {
    "loss": ("loss_curve_", 1),
    "validation_loss": ("validation_loss_curve_", 1),
    "validation_score": ("validation_scores_", -1),
}


CONSTRAINTS = {
    "monitor": [StrOptions({"auto", *MONITORS})],
    "patience": [POSITIVE_INT],
    "min_delta": [NON_NEGATIVE],
    "path": [str, os.PathLike],
    "every": [NON_NEGATIVE],
    "every_epochs": [POSITIVE_INT, None],
}


def _monitored(estimator, monitor):
    """Return the monitored curve of this fit, with the sign that makes lower values better."""
    if monitor == "auto" and getattr(estimator, "validation_loss_curve_", None) is None:
        monitor = "loss"
    elif monitor == "auto":
        monitor = "validation_loss" if estimator.scoring is None else "validation_score"
    name, sign = MONITORS[monitor]
    curve = getattr(estimator, name, None)
    if curve is None:
        raise ValueError(
            f"monitor={monitor!r} needs validation rows, but this fit has none: pass X_val and "
            "y_val to fit, or set early_stopping=True."
        )
    return sign * np.array(curve[-estimator.n_iter_ :])


class _EpochCallback:
    """Base of callbacks that act at the end of an epoch."""

    shows_progress = False  # otherwise, ``verbose="auto"`` shows none

    def setup(self, estimator, context):
        """Validate the parameters."""
        validate_parameter_constraints(CONSTRAINTS, vars(self), type(self).__name__)

    def teardown(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""


class EarlyStopping(_EpochCallback):
    """Stop training when a monitored loss or score has stopped improving.

    The monitored curve is the mean over the members, all of which are stopped together. The early
    stopping of single members (``n_iter_no_change``) remains active.

    Parameters
    ----------
    monitor : {"auto", "loss", "validation_loss", "validation_score"}, default="auto"
        Curve to monitor. "auto" is the validation score if ``scoring`` is set, else the
        validation loss, or the training loss without validation rows.
    patience : int, default=10
        Number of epochs without improvement before training stops.
    min_delta : float, default=0.0
        Smallest change that counts as an improvement.

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
        # An epoch with NaN, of members that diverged, is as if it had not been.
        curve = np.where(np.isnan(curve), np.inf, curve)
        before, since = curve[: -self.patience], curve[-self.patience :]
        return bool(len(before) and not since.min() < before.min() - self.min_delta)


class Checkpoint(_EpochCallback):
    """Save the state of training, so that an interrupted fit can be resumed.

    The same call of ``fit`` with the same checkpoint, in the same or another process, resumes
    training from the file, and ends with the same bits as an uninterrupted fit. If the
    file is of another fit (other data, parameters or versions), a warning says what differs, and
    training starts anew. Custom functions are compared by their code and the values in it, but not
    the functions and global variables that they use. When training is complete, the file has its
    result, and the same call takes it from there. If a file cannot be written, there is one
    warning, and training goes on. A file that never was a checkpoint raises a ValueError.

    The fit needs an integer ``random_state``. ``partial_fit`` has no callbacks. Other callbacks are
    neither saved nor compared. A file is replaced only when the new one is complete, and the one
    before is kept as ``<path>.previous``. It has a checksum, and loading it runs no code.

    Parameters
    ----------
    path : str or path-like
        File to write. If it is an existing folder, each fit has a file of its own in it: for
        searches and cross-validation, and for several fits in one script.
    every : float >= 0, default=60
        Seconds from one file to the next; a file is written at the end of an epoch.
    every_epochs : int or None, default=None
        Number of epochs from one file to the next, instead of seconds.

    Examples
    --------
    >>> from skdnn import DeepNetClassifier
    >>> from skdnn.callbacks import Checkpoint
    >>> net = DeepNetClassifier(random_state=0)
    >>> net.set_callbacks(Checkpoint("net.checkpoint"))  # doctest: +SKIP
    """

    def __init__(self, path, every=60, every_epochs=None):
        self.path = path
        self.every = every
        self.every_epochs = every_epochs

    def setup(self, estimator, context):
        """Validate the parameters, and that the estimator is a network."""
        super().setup(estimator, context)
        if not isinstance(estimator, DeepNetClassifier):
            raise TypeError(
                f"Checkpoint is a callback of DeepNetClassifier, not of {context.estimator_name}: "
                "set it on the network inside."
            )

    def on_fit_task_end(self, estimator, context):
        """Do nothing: training itself says when there is something to save."""

    def open_checkpoint(self, identity):
        """Return the TrainingCheckpoint of a fit, given what training depends on."""
        return TrainingCheckpoint(Path(self.path), identity, self.every, self.every_epochs)


class LossProgress(_EpochCallback):
    """Show the epoch and the losses on one line, updated after each epoch.

    Files and pipes get a line for each epoch. So do parallel fits, each line with the process and
    the thread. Set it on the network itself, also inside a pipeline or a search; scikit-learn's
    ``ProgressBar`` is set on the outermost estimator.

    Parameters
    ----------
    file : file-like or None, default=None
        Stream to write to. None is the standard output. It is shared by copies in this process;
        a pickle does not contain it, and so writes to the standard output once loaded.

    Examples
    --------
    >>> from skdnn import DeepNetClassifier
    >>> from skdnn.callbacks import LossProgress
    >>> net = DeepNetClassifier()
    >>> net.set_callbacks(LossProgress())  # doctest: +SKIP
    """

    shows_progress = True

    def __init__(self, file=None):
        self.file = file

    def __getstate__(self):
        """Return the state to pickle, without the stream, which cannot be pickled."""
        return {"file": None}

    def __deepcopy__(self, memo=None):
        """Return a copy with the same stream."""
        return type(self)(self.file)

    __copy__ = __deepcopy__

    def on_fit_task_end(self, estimator, context):
        """Update the line after an epoch, and end it after the fit."""
        file = sys.stdout if self.file is None else self.file
        if context.task_name == "epoch":
            curves = {name: getattr(estimator, curve) for name, (curve, _) in MONITORS.items()}
            last = [f"{name.replace('_', ' ')} {c[-1]:.4f}" for name, c in curves.items() if c]
            epoch = f"epoch {estimator.n_iter_}/{context.parent.max_subtasks}"
            write_over(file, "  ".join([epoch, *last]))
        else:
            end_line(file)
