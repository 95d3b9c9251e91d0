"""Private and version-dependent names of scikit-learn; all other modules import them from here.

The comment after each name is the first version of scikit-learn that has it. Supported are 1.6.1
to 1.9.
"""

from collections import ChainMap
from difflib import get_close_matches
from inspect import signature

import sklearn
from sklearn.base import _fit_context as fit_context  # 1.3 and later
from sklearn.utils import _safe_indexing as safe_indexing  # 0.22 and later
from sklearn.utils._param_validation import (  # 1.2 and later
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in  # 1.0
from sklearn.utils.validation import _check_sample_weight as check_sample_weight  # 0.22
from sklearn.utils.validation import _num_samples as num_samples  # 0.22

# Weights that are all 0 are an error in 1.9, but for this option; earlier versions accept them.
ZEROS = "allow_all_zero_weights"
ALLOW_ZEROS = {ZEROS: True} if ZEROS in signature(check_sample_weight).parameters else {}

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks  # 1.9 and later
except ImportError:

    class CallbackSupportMixin:
        """Replacement for scikit-learn's mixin in versions before 1.9."""

        def set_callbacks(self, *callbacks):
            """Raise an ImportError if callbacks are passed, as they need scikit-learn 1.9."""
            if callbacks:
                raise ImportError(
                    "set_callbacks needs scikit-learn 1.9 or later, but this is "
                    f"{sklearn.__version__}. Upgrade it, or use verbose=1 to see the losses and "
                    "n_iter_no_change to stop early."
                )
            return self

    def with_callbacks(method):
        """Return the method unchanged."""
        return method


class Choices(StrOptions):
    """The strings in tables or sets; those added later count too, and messages sort them."""

    def __init__(self, *tables):
        super().__init__(ChainMap(*tables).keys())

    def __str__(self):
        return f"a str among {{{', '.join(map(repr, sorted(self.options)))}}}"


# Other libraries' names of activations, for hints.
SYNONYMS = {"sigmoid": "logistic", "swish": "silu", "linear": "identity"}


class HintMixin:
    """Say in scikit-learn's errors about parameters what may have been meant."""

    def set_params(self, **params):
        """Set parameters, also those of an encoder object.

        Parameters
        ----------
        **params : dict
            Values by name; ``encoder__n_bins`` is the parameter ``n_bins`` of the encoder.

        Returns
        -------
        DeepNetClassifier
            The estimator itself.

        Raises
        ------
        ValueError
            If a parameter is unknown, or is one of an encoder that is given by its name.
        """
        encoder, nested = params.get("encoder", self.encoder), "encoder__"
        names = [name for name in params if name.startswith(nested)]
        if names and isinstance(encoder, str):
            raise ValueError(
                f"{names[0]} is a parameter of an encoder object, but encoder={encoder!r}. Set "
                "encoder=TableEncoder() first, for instance DeepNetClassifier(encoder="
                f"TableEncoder()); or search over encoder=[TableEncoder("
                f"{names[0].removeprefix(nested)}=...), ...]."
            )
        return super().set_params(**params)

    def _validate_params(self):  # 1.2 and later
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            raise InvalidParameterError(f"{error}{self._hint(str(error))}") from None

    def _hint(self, message):
        name = message.split("'")[1]
        given, constraints = getattr(self, name), self._parameter_constraints[name]
        choices = [option for each in constraints for option in getattr(each, "options", ())]
        known = {option.lower(): option for option in choices if isinstance(option, str)}
        known |= {word: name for word, name in SYNONYMS.items() if name in choices}
        close = get_close_matches(given.lower(), known, n=1) if isinstance(given, str) else []
        return f" Did you mean {known[close[0]]!r}?" if close else ""


class DiagramMixin:
    """Add the HTML of ``_diagram_html()`` to what notebooks show, also inside a pipeline."""

    def _get_params_html(self, *args, **kwargs):  # 1.7 and later, called by outer estimators too
        table = super()._get_params_html(*args, **kwargs)
        inner = table._html_repr
        table._html_repr = lambda: self._diagram_html() + inner()
        return table

    def _with_diagram(self, html):
        """Return the HTML of this estimator with the diagram, which versions before 1.7 lack."""
        diagram = self._diagram_html()
        return html if diagram in html else html + diagram


CALLBACKS = "_skl_callbacks"  # where scikit-learn 1.9 keeps them
DURING_FIT = ("_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx")  # 1.9


def begin_callbacks(estimator, n_epochs):
    """Set up the callbacks for a fit; return their context, or None if there are no callbacks."""
    are_set = callbacks_of(estimator)
    return estimator._init_callback_context(max_subtasks=n_epochs) if are_set else None  # 1.9


def callbacks_of(estimator):
    """Return the callbacks that are set on an estimator."""
    return vars(estimator).get(CALLBACKS, [])


def callbacks_around(estimator):
    """Return the callbacks of the search or pipeline that an estimator is fitted in."""
    return getattr(vars(estimator).get("_parent_callback_ctx"), "_callbacks", [])  # 1.9


def without_callbacks(estimator):
    """Remove the callbacks and their attributes from an estimator, and return it."""
    for name in (CALLBACKS, *DURING_FIT):
        vars(estimator).pop(name, None)
    return estimator
