"""What happens around each epoch: scikit-learn's callbacks, curves as they grow, printed lines."""

from functools import partial

import numpy as np
import sklearn

from skdnn.labels import check_labels

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:
        """In place of scikit-learn's, where there is none."""

        def set_callbacks(self, *callbacks):
            """Refuse callbacks, which need scikit-learn 1.9.

            Raises
            ------
            ImportError
                If there are any.
            """
            if callbacks:
                raise ImportError(
                    "set_callbacks needs scikit-learn 1.9 or later, but this is "
                    f"{sklearn.__version__}. Upgrade it, or use verbose=1 to see the losses and "
                    "n_iter_no_change to stop early."
                )
            return self

    def with_callbacks(method):
        """Return the method as it is."""
        return method


CALLBACKS = "_skl_callbacks"  # where scikit-learn keeps them
DURING_FIT = ("_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx")
CURVES = ("loss_curve_", "validation_loss_curve_", "validation_scores_")
COLUMNS = ("loss", "validation loss", "validation score")


def without_callbacks(estimator):
    """Take callbacks off an estimator, and what they need during fit; return it."""
    for name in (CALLBACKS, *DURING_FIT):
        vars(estimator).pop(name, None)
    return estimator


class Watch:
    """Sees every epoch of a fit, on the main thread, when all members have finished it.

    Parameters
    ----------
    estimator : DeepNetClassifier
    X, y, sample_weight
        As they were passed to ``fit``.
    calls_back : bool, default=True
        Whether this is a fit, which has callbacks.
    """

    def __init__(self, estimator, X, y, sample_weight, calls_back=True):
        self.estimator = estimator
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        # Scorers know nothing of labels in an array of objects.
        are_objects = getattr(getattr(y, "dtype", None), "kind", None) == "O"
        labels = partial(check_labels, y) if are_objects else y
        self.passed = {"estimator": estimator, "X": X, "y": labels, "metadata": metadata}
        self.calls_back = calls_back and bool(vars(estimator).get(CALLBACKS))
        self.context = self.epoch = self.reconstruct = None

    @property
    def is_needed(self):
        """Whether there is anything to do."""
        return bool(self.estimator.verbose) or self.calls_back

    def start(self, n_epochs, reconstruct):
        """Set up the callbacks.

        Parameters
        ----------
        n_epochs : int
            At most.
        reconstruct : callable
            ``params -> dict`` of the attributes of a network with these parameters.
        """
        self.reconstruct = reconstruct
        before = {} if self.estimator._curves is None else vars(self.estimator)
        self.curves = [list(before.get(name) or []) for name in CURVES]
        if self.calls_back:
            self.context = self.estimator._init_callback_context(max_subtasks=n_epochs)
            self.context.call_on_fit_task_begin(**self.passed)

    def begin(self):
        """Tell that an epoch begins."""
        if self.context is not None:
            self.epoch = self.context.subcontext(task_name="epoch")
            self.epoch.call_on_fit_task_begin(**self.passed)

    def end(self, number, curve, params):
        """Tell that an epoch has ended, and whether training should.

        Parameters
        ----------
        number : int
            Epochs before this one.
        curve : ndarray of shape (3, n_members)
            Training loss, validation loss, validation score; NaN where there is none.
        params : callable
            Returns the parameters that training would leave if it ended here.

        Returns
        -------
        bool
        """
        means = _means(curve)
        if self.estimator.verbose:
            print_epoch(number, means)
        if self.context is None:
            return False
        self._show(number, means)
        return self.epoch.call_on_fit_task_end(
            **self.passed, reconstruction_attributes=lambda: self.reconstruct(params())
        )

    def _show(self, number, means):
        """Let callbacks see the curves so far where they are after fit."""
        for name, values, mean in zip(CURVES, self.curves, means, strict=True):
            if mean is not None:
                values.append(float(mean))
            setattr(self.estimator, name, values or None)
        self.estimator.loss_ = self.curves[0][-1]
        self.estimator.n_iter_ = number + 1

    def replay(self, history):
        """Print the curves of members that had no epochs in common, as if they had."""
        if self.estimator.verbose:
            for number, curve in enumerate(np.stack(history[:3]).transpose(2, 0, 1)):
                print_epoch(number, _means(curve))

    def finish(self):
        """Tell that the fit has ended."""
        if self.context is not None:
            self.context.call_on_fit_task_end(**self.passed, reconstruction_attributes={})


def _means(curve):
    """Return the means over members still training, None where there is nothing."""
    return [np.nanmean(row) if np.isfinite(row).any() else None for row in curve]


def print_epoch(number, means):
    """Print a line of a table, after its head if it is the first."""
    known = [(name, mean) for name, mean in zip(COLUMNS, means, strict=True) if mean is not None]
    if number == 0:
        print("Iteration", *(f"{name:>16}" for name, _ in known), sep="  ")
    print(f"{number + 1:>9}", *(f"{mean:>16.6f}" for _, mean in known), sep="  ")
