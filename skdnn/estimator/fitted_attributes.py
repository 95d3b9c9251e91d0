"""The fitted attributes of a classifier, read from the FittedModel that ``fit`` assigns."""

from skdnn._compat import CALLBACKS, without_callbacks
from skdnn.estimator.fitted_model import attributes, fitted_model
from skdnn.estimator.model_files import (
    ModelFileError,
    check_model,
    read_model,
    write_model,
)
from skdnn.estimator.out_of_fold import out_of_fold
from skdnn.estimator.plain_values import check_savable


class FittedAttributes:
    """Mixin that stores the FittedModel of an estimator and shows its parts as attributes."""

    _fitted = None

    def _copy_to_fit(self, fitted, keeps_callbacks=True):
        """Return an unfitted copy for scikit-learn to modify; it keeps the columns of a fit."""
        fresh = object.__new__(type(self))
        columns = {} if fitted is None else fitted.schema.columns
        vars(fresh).update(self._without_learnt(), **columns)
        return fresh if keeps_callbacks else without_callbacks(fresh)

    def _without_learnt(self):
        items = vars(self).items()
        return {name: value for name, value in items if name[-1] != "_" and name != "_fitted"}

    def _keep(self, fitted):
        """Replace all fitted attributes by one assignment, so that they always fit together."""
        self.__dict__ = {**self._without_learnt(), **attributes(fitted)}

    @property
    def coefs_(self):
        """Weights (fan_in, fan_out) of the dense layers; several members are the first axis.

        The arrays are read-only; assign a list to replace all of them.
        """
        return self._shown("coefs_").layer_arrays(0)

    @coefs_.setter
    def coefs_(self, arrays):
        self._fitted = self._shown("coefs_").with_layer_arrays("coefs_", 0, arrays)

    @property
    def intercepts_(self):
        """Biases (fan_out,) of the dense layers; several members are the first axis.

        The arrays are read-only; assign a list to replace all of them.
        """
        return self._shown("intercepts_").layer_arrays(1)

    @intercepts_.setter
    def intercepts_(self, arrays):
        self._fitted = self._shown("intercepts_").with_layer_arrays("intercepts_", 1, arrays)

    @property
    def temperature_(self):
        """Divisor of the logits that calibrates the probabilities; it can be assigned."""
        return self._shown("temperature_").temperature

    @temperature_.setter
    def temperature_(self, temperature):
        self._fitted = self._shown("temperature_")._replace(temperature=temperature)

    @property
    def oof_score_(self):
        """Accuracy of single members on their held-out rows."""
        return out_of_fold(self._shown("oof_score_"), "oof_score")

    @property
    def oof_proba_(self):
        """Out-of-fold probabilities: calibrated, of members that did not train on the row."""
        return out_of_fold(self._shown("oof_proba_"), "oof_proba")

    def _shown(self, name):
        """Return the FittedModel, of which the attribute ``name`` is a part."""
        if self._fitted is None:
            raise AttributeError(
                f"this {type(self).__name__} is not fitted yet and has no {name}. Call fit first; "
                "to choose the initial values, set coefs_init and intercepts_init."
            )
        return self._fitted

    # Forward passes are rebuilt on loading: skops cannot store them, and files stay smaller.

    def __getstate__(self):
        """Return the state to pickle, without the forward passes."""
        learnt = {} if self._fitted is None else {"_fitted": self._fitted._replace(passes=None)}
        return {**super().__getstate__(), **learnt}

    def __setstate__(self, state):
        """Restore the state, and rebuild the forward passes."""
        super().__setstate__(state)
        if self._fitted is not None:
            self._fitted = self._fitted.with_passes()

    def save(self, path):
        """Save the fitted network to a model file, which :func:`skdnn.load` reads.

        Unlike a pickle, a model file is data only: loading it runs no code. It can be read by all
        later versions of skdnn, with the same predictions to 1e-6.

        Parameters
        ----------
        path : str or path-like
            File to write. A file that is there is replaced once the new one is complete.

        Raises
        ------
        NotFittedError
            If the network is not fitted.
        TypeError
            If it has a custom activation, loss, scorer, splitter or encoder, a random number
            generator, or callbacks: Python code and objects of other libraries are not data.
        OSError
            If the file cannot be written.

        Notes
        -----
        The parameters and all that was learnt are saved, also what ``partial_fit`` and a warm start
        go on from. What is set by ``set_output`` and ``set_fit_request`` is not.
        """
        fitted = fitted_model(self)
        parameters = self.get_params(deep=False)
        for name, value in parameters.items():
            check_savable(name, value, getattr(type(self), name, None))
        if CALLBACKS in vars(self):
            raise TypeError("a model file cannot contain callbacks: call net.set_callbacks().")
        content = {"parameters": parameters, "fitted": fitted._replace(passes=None)}
        write_model(path, {"class": type(self).__name__, **content})

    @classmethod
    def load(cls, path):
        """Load a network from a model file that ``save`` wrote.

        No code in the file is run, so files of strangers can be loaded; see SECURITY.md.

        Parameters
        ----------
        path : str or path-like
            File to read.

        Returns
        -------
        DeepNetClassifier
            The fitted network; it predicts the same, and can be trained further.

        Raises
        ------
        ModelFileError
            If the file is not a model file, is damaged, or is of a later version of skdnn.
        OSError
            If there is no file, or it cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> import skdnn
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = skdnn.DeepNetClassifier(n_members=1, random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(f"{folder}/net.skdnn")
        ...     again = skdnn.load(f"{folder}/net.skdnn")
        >>> again.predict(X[:3])
        array([0, 0, 0])
        """
        with read_model(path) as content:
            if content["class"] != cls.__name__:
                raise ModelFileError(f"it contains a {content['class']}: use its method load.")
            net = cls(**content["parameters"])
            net._keep(check_model(content["fitted"]).with_passes())
        return net

    def __sklearn_is_fitted__(self):
        """Return whether the estimator is fitted."""
        return self._fitted is not None
