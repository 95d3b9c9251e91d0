"""What a classifier has learnt, kept by one assignment, and the attributes that show it."""

from skdnn.estimator.fitted_model import attributes
from skdnn.estimator.out_of_fold import out_of_fold


class FittedAttributes:
    """Keeps the FittedModel of an estimator; its parts are seen as attributes."""

    _fitted = None

    def _copy_to_fit(self, fitted):
        """Return a copy for scikit-learn to write to: one that has learnt the columns only."""
        fresh = object.__new__(type(self))
        columns = {} if fitted is None else fitted.schema.columns
        vars(fresh).update(self._without_learnt(), **columns)
        return fresh

    def _without_learnt(self):
        items = vars(self).items()
        return {name: value for name, value in items if name[-1] != "_" and name != "_fitted"}

    def _keep(self, fitted):
        """Replace all that was learnt before, by one assignment: nobody sees half of it."""
        self.__dict__ = {**self._without_learnt(), **attributes(fitted)}

    @property
    def coefs_(self):
        """Weights (fan_in, fan_out) of the dense layers, members in front if several.

        The arrays are read-only; assigning a list replaces them all.
        """
        return self._shown("coefs_").layer_arrays(0)

    @coefs_.setter
    def coefs_(self, arrays):
        self._fitted = self._shown("coefs_").with_layer_arrays("coefs_", 0, arrays)

    @property
    def intercepts_(self):
        """Biases (fan_out,) of the dense layers, members in front if several.

        The arrays are read-only; assigning a list replaces them all.
        """
        return self._shown("intercepts_").layer_arrays(1)

    @intercepts_.setter
    def intercepts_(self, arrays):
        self._fitted = self._shown("intercepts_").with_layer_arrays("intercepts_", 1, arrays)

    @property
    def temperature_(self):
        """What logits are divided by; it can be assigned."""
        return self._shown("temperature_").temperature

    @temperature_.setter
    def temperature_(self, temperature):
        self._fitted = self._shown("temperature_")._replace(temperature=temperature)

    @property
    def oof_score_(self):
        """Accuracy of single members on the rows that each held out."""
        return out_of_fold(self._shown("oof_score_"), "oof_score")

    @property
    def oof_proba_(self):
        """Calibrated probabilities from members that did not train on the row."""
        return out_of_fold(self._shown("oof_proba_"), "oof_proba")

    def _shown(self, name):
        """Return what was learnt, for an attribute to show a part of it."""
        if self._fitted is None:
            raise AttributeError(
                f"this {type(self).__name__} is not fitted yet and has no {name}. Call fit first; "
                "coefs_init and intercepts_init choose where it starts."
            )
        return self._fitted

    # The forward passes are made again: skops could not store them, and pickles would be larger.

    def __getstate__(self):
        """Return what was learnt, without its forward passes."""
        learnt = {} if self._fitted is None else {"_fitted": self._fitted._replace(passes=None)}
        return {**super().__getstate__(), **learnt}

    def __setstate__(self, state):
        """Take over what was learnt."""
        super().__setstate__(state)
        if self._fitted is not None:
            self._fitted = self._fitted.with_passes()

    def __sklearn_is_fitted__(self):
        """Tell whether there are parameters to predict with."""
        return self._fitted is not None
