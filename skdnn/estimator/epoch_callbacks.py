"""Actions before and after each epoch: scikit-learn's callbacks, and the progress shown."""

from functools import partial
from inspect import signature

import numpy as np

from skdnn.estimator.fitted_model import attributes, mean_curves
from skdnn.estimator.label_checks import check_labels
from skdnn.estimator.progress import RemainingTime, make_report
from skdnn.tabular._compat import begin_callbacks, callbacks_around, callbacks_of
from skdnn.tabular.user_warnings import warn_user


def checkpoints_of(estimator):
    """Return the callbacks ``Checkpoint`` that are set on an estimator."""
    return [each for each in callbacks_of(estimator) if hasattr(each, "open_checkpoint")]


def _warn_of_rows(callbacks):
    """Warn of callbacks that use X or y, as there are none in memory."""
    for callback in callbacks:
        hooks = callback.on_fit_task_begin, callback.on_fit_task_end
        if any({"X", "y"} & {*signature(hook).parameters} for hook in hooks):
            warn_user(
                f"{type(callback).__name__} is called without X and y, whose rows are not in "
                "memory. Scores of the held-out rows after each epoch are in validation_scores_; "
                "the parameter scoring says which."
            )


class EpochCallbacks:
    """Run callbacks after every epoch of a fit, on the main thread, when all members are done.

    ``checkpoint`` is the ``Checkpoint`` among them, or None.

    Parameters
    ----------
    estimator : DeepNetClassifier
        The copy that is passed to callbacks.
    arguments : FitArguments
    show : callable
        Function that sets a dict of attributes on the copy.
    """

    def __init__(self, estimator, arguments, show):
        callbacks = callbacks_of(estimator) + callbacks_around(estimator)
        checkpoints = checkpoints_of(estimator)
        if len(checkpoints) > 1:
            raise ValueError(f"a fit can have one Checkpoint, not {len(checkpoints)}.")
        self.checkpoint = checkpoints[0] if checkpoints else None
        if not arguments.are_in_memory:
            _warn_of_rows(callbacks)
        X, y, sample_weight = arguments[:3] if arguments.are_in_memory else (None,) * 3
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        # Scorers do not accept an array of objects, so convert it where it is used.
        are_objects = getattr(getattr(y, "dtype", None), "kind", None) == "O"
        labels = partial(check_labels, y) if are_objects else y
        self.passed = {"estimator": estimator, "X": X, "y": labels, "metadata": metadata}
        self.show = show
        may_show = any(getattr(each, "shows_progress", True) for each in callbacks)
        self.report = make_report(estimator.verbose, may_show)

    def start(self, n_epochs, curves, so_far):
        """Set up the callbacks.

        ``curves`` (3, n_members, n_epochs_before) are those of the training that is continued;
        ``so_far(params, curves)`` returns the FittedModel as if training had ended.
        """
        self.curves, self.so_far, self.time_left = curves, so_far, RemainingTime(n_epochs)
        self.context = begin_callbacks(self.passed["estimator"], n_epochs)
        if self.context is not None:
            self.context.call_on_fit_task_begin(**self.passed)

    def resume(self, curves):
        """Take note of the epochs of an earlier call; their callbacks are not called again."""
        self.curves = np.concatenate([self.curves, curves], axis=2)
        for number, curve in enumerate(curves.transpose(2, 0, 1)):
            self._report(number, curve)
            if self.context is not None:
                self.context.subcontext(task_name="epoch")  # counts

    def begin(self):
        """Call the callbacks at the beginning of an epoch."""
        if self.context is not None:
            self.epoch = self.context.subcontext(task_name="epoch")
            self.epoch.call_on_fit_task_begin(**self.passed)

    def end(self, number, curve, params):
        """Call the callbacks at the end of an epoch; return whether to stop training.

        ``number`` and ``curve`` are as for :meth:`LossTable.show`. ``params()`` returns the
        parameters as if training had ended.
        """
        self._report(number, curve, self.time_left.after(number))
        if self.context is None:
            return False
        self.curves = np.concatenate([self.curves, curve[:, :, None]], axis=2)
        shown = mean_curves(self.curves)
        self.show({**shown, "loss_": shown["loss_curve_"][-1], "n_iter_": number + 1})

        def learnt():
            return attributes(self.so_far(params(), self.curves))

        return self.epoch.call_on_fit_task_end(**self.passed, reconstruction_attributes=learnt)

    def replay(self, history):
        """Print the curves of members that were trained one after the other."""
        if history.train_loss.shape[0] > 1:
            for number, curve in enumerate(np.stack(history[:3]).transpose(2, 0, 1)):
                self._report(number, curve)

    def _report(self, number, curve, seconds_left=None):
        if self.report is not None:
            self.report.show(number, self.time_left.n_epochs, curve, seconds_left)

    def close(self):
        """End the line of progress; training is over."""
        if self.report is not None:
            self.report.close()

    def finish(self, fitted):
        """Call the callbacks at the end of the fit."""
        if self.context is not None:
            self.show(attributes(fitted))
            self.context.call_on_fit_task_end(**self.passed, reconstruction_attributes={})
