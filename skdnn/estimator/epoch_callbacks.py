"""What happens around each epoch: scikit-learn's callbacks, curves as they grow, printed lines."""

from functools import partial

import numpy as np

from skdnn._compat import begin_callbacks
from skdnn.estimator.fitted_model import attributes, mean_curve, mean_curves
from skdnn.estimator.labels import check_labels

COLUMNS = ("loss", "validation loss", "validation score")


class EpochCallbacks:
    """Sees every epoch of a fit, on the main thread, when all members have finished it.

    Parameters
    ----------
    estimator : DeepNetClassifier
        A copy, which callbacks see.
    passed : tuple
        X, y and sample weights as they were passed to ``fit``.
    show : callable
        Takes a dict of attributes, for the copy to have them.
    """

    def __init__(self, estimator, passed, show):
        X, y, sample_weight = passed
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        # Scorers know nothing of labels in an array of objects.
        are_objects = getattr(getattr(y, "dtype", None), "kind", None) == "O"
        labels = partial(check_labels, y) if are_objects else y
        self.passed = {"estimator": estimator, "X": X, "y": labels, "metadata": metadata}
        self.show, self.is_verbose = show, bool(estimator.verbose)

    def start(self, n_epochs, curves, so_far):
        """Set up the callbacks.

        Parameters
        ----------
        n_epochs : int
            At most.
        curves : ndarray of shape (3, n_members, n_epochs_before)
            Of the training that goes on.
        so_far : callable
            ``(params, curves) -> FittedModel``: a network with these parameters.
        """
        self.curves, self.so_far = curves, so_far
        self.context = begin_callbacks(self.passed["estimator"], n_epochs)
        if self.context is not None:
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
        if self.is_verbose:
            print_epoch(number, curve)
        if self.context is None:
            return False
        self.curves = np.concatenate([self.curves, curve[:, :, None]], axis=2)
        shown = mean_curves(self.curves)
        self.show({**shown, "loss_": shown["loss_curve_"][-1], "n_iter_": number + 1})

        def learnt():
            return attributes(self.so_far(params(), self.curves))

        return self.epoch.call_on_fit_task_end(**self.passed, reconstruction_attributes=learnt)

    def replay(self, history):
        """Print the curves of members that had no epochs in common, as if they had."""
        if self.is_verbose and history.train_loss.shape[0] > 1:
            for number, curve in enumerate(np.stack(history[:3]).transpose(2, 0, 1)):
                print_epoch(number, curve)

    def finish(self, fitted):
        """Tell that the fit has ended."""
        if self.context is not None:
            self.show(attributes(fitted))
            self.context.call_on_fit_task_end(**self.passed, reconstruction_attributes={})


def print_epoch(number, curve):
    """Print a line of a table, after its head if it is the first."""
    means = zip(COLUMNS, map(mean_curve, curve[:, :, None]), strict=True)
    known = [(name, *mean) for name, mean in means if mean]
    if number == 0:
        print("Iteration", *(f"{name:>16}" for name, _ in known), sep="  ")
    print(f"{number + 1:>9}", *(f"{mean:>16.6f}" for _, mean in known), sep="  ")
