"""The fitted attributes of a classifier, read from the FittedModel that ``fit`` assigns."""

from skdnn.estimator.fitted_model import attributes
from skdnn.estimator.model_files import ModelFileMixin
from skdnn.estimator.out_of_fold import out_of_fold
from skdnn.tabular._compat import without_callbacks


class FittedAttributes(ModelFileMixin):
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
        """Out-of-fold probabilities: calibrated, of members that had not trained on the row."""
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

    def __sklearn_is_fitted__(self):
        return self._fitted is not None
