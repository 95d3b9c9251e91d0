"""The FittedModel: everything that fit learns, and the fitted attributes made from it.

A FittedModel is immutable: continued training makes a new one.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from skdnn.core.network import build, build_sparse
from skdnn.core.prediction import ForwardPass
from skdnn.core.training import State
from skdnn.estimator.encoder_adapters import adapted
from skdnn.estimator.schema import DataSchema

KEPT = 2**25  # bytes up to which parameters are also kept in float64, for faster prediction
CURVES = ("loss_curve_", "validation_loss_curve_", "validation_scores_")


class ForwardPasses(NamedTuple):
    """The forward passes of a fitted network, for dense and for sparse encoded rows."""

    dense: ForwardPass
    sparse: ForwardPass

    def of(self, encoded):
        """Return the forward pass for these encoded rows."""
        return self.sparse if issparse(encoded) else self.dense


class FittedModel(NamedTuple):
    """A fitted ensemble, with the state needed to continue training.

    Attributes
    ----------
    schema : DataSchema
    resolved : dict
        Values used for the parameters that may be "auto".
    widths : tuple of int
        Widths of the layers, beginning with the inputs.
    backend : {"numba", "numpy"}
        Implementation of the kernels used in training.
    variants : tuple of Variant
        The recipes of the members, which these divide evenly and in order.
    member_weights : ndarray of shape (n_members,)
        Weights of the members in the mean, of sum 1.
    member_temperatures : ndarray of shape (n_members,)
        Divisors of the logits of members, beside the ``temperature`` of all.
    state : State
        Parameters; with ``warm_start`` or ``partial_fit``, also the state of the update rule.
    curves : ndarray of shape (3, n_members, n_epochs)
        Training loss, validation loss and validation score; NaN if there is none.
    best_iter : ndarray of shape (n_members,)
        Number of epochs, along the curves, after which each member's parameters were kept.
    n_iter, n_rows_seen : int
        ``n_iter_`` and ``t_``.
    fingerprint : int or None
        Hash of the rows of which folds were held out.
    temperature : float
    variant_weights : dict of str to float
        Weights of the variants, if several were trained; 0 of those whose members were left out.
    oof_score : float or None
    oof_proba : ndarray of shape (n_samples, n_classes) or None
    passes : ForwardPasses or None
        Derived from the other values.
    """

    schema: DataSchema
    resolved: dict
    widths: tuple
    backend: str
    variants: tuple
    member_weights: np.ndarray
    member_temperatures: np.ndarray
    state: State
    curves: np.ndarray
    best_iter: np.ndarray
    n_iter: int
    n_rows_seen: int = 0
    fingerprint: int | None = None
    temperature: float = 1.0
    variant_weights: dict = {}  # noqa: RUF012 - never written to
    oof_score: float | None = None
    oof_proba: np.ndarray | None = None
    passes: ForwardPasses | None = None

    @property
    def calibration(self):
        """The divisors of the logits, (n_members, 1, 1), and the weights of the members."""
        return self.temperature * self.member_temperatures[:, None, None], self.member_weights

    @property
    def n_members(self):
        """Number of members."""
        return len(self.state.params)

    def network(self):
        """Return the network of the parameters."""
        resolved, expansion = self.resolved, adapted(self.schema.encoder).expansion
        is_scaled = resolved["connectivity"] is not None
        return build(self.widths, resolved["activation"], expansion=expansion, is_scaled=is_scaled)

    def layer_arrays(self, which):
        """Return the weights (0) or biases (1) of all layers; several members are the first axis.

        They are read-only, as changes would not reach the copies in float64.
        """
        params = self.passes.dense.params.view()
        params.setflags(write=False)
        arrays = _layer_views(self.passes.dense.network, params, which)
        return [array[0] if len(array) == 1 else array for array in arrays]

    def with_layer_arrays(self, name, which, arrays):
        """Return a copy with other weights (0) or biases (1) in all layers.

        Errors contain ``name``, that of the attribute.
        """
        network, params = self.network(), self.state.params.copy()
        for views in network.views(params):
            for factors in views[2:] if which == 0 else ():
                factors[...] = 0  # the given weights include the scale factors
        overwrite(network, params, arrays, name, which)
        return self._replace(state=self.state._replace(params=params)).with_passes()

    def with_members(self, kept):
        """Return a copy with only some of the members; ``kept`` is boolean."""
        weights = self.member_weights[kept]
        return self._replace(
            member_weights=weights / weights.sum(),
            member_temperatures=self.member_temperatures[kept],
            state=State(self.state.params[kept], {}),
            curves=self.curves[:, kept],
            best_iter=self.best_iter[kept],
        ).with_passes()

    def with_passes(self):
        """Return a copy with its forward passes."""
        activation, expansion = self.resolved["activation"], adapted(self.schema.encoder).expansion
        dense = build(self.widths, activation, expansion=expansion)
        sparse = build_sparse(self.widths, activation)
        params = self.network().plain(self.state.params)
        in_float64 = params.astype(np.float64, copy=False) if params.size * 8 <= KEPT else None
        passes = [ForwardPass(network, params, in_float64) for network in (dense, sparse)]
        return self._replace(passes=ForwardPasses(*passes))


def fitted_model(estimator):
    """Return the FittedModel of an estimator; raise a NotFittedError if there is none."""
    check_is_fitted(estimator)
    return estimator._fitted


def _layer_views(network, params, which):
    """Return views of the weights (0) or biases (1) of all layers, with a members axis."""
    return [bias[:, 0] if which else weights for weights, bias in network.dense(params)]


def overwrite(network, params, given, name, which):
    """Set weights (0) or biases (1) to the arrays that the user passed, if any."""
    if given is None:
        return
    views = _layer_views(network, params, which)
    n_given = len(given) if np.iterable(given) else 0
    if n_given != len(views):
        raise ValueError(f"{name} must have {len(views)} arrays, one a layer; got {n_given}.")
    for number, (values, view) in enumerate(zip(map(np.asarray, given), views, strict=True)):
        limit = np.finfo(view.dtype).max
        if values.dtype.kind not in "iuf" or not (np.abs(values) <= limit).all():
            raise ValueError(f"{name}[{number}] must hold finite numbers of {view.dtype}.")
        if values.shape not in (view.shape[1:], view.shape):
            raise ValueError(
                f"{name}[{number}] must have the shape {view.shape[1:]}, or {view.shape} for the "
                f"{len(params)} members; got {values.shape}."
            )
        view[...] = values


def attributes(fitted):
    """Return the fitted attributes of an estimator with this FittedModel."""
    curves, best_iter = fitted.curves, fitted.best_iter
    shown = mean_curves(curves)
    train_loss, valid_loss, valid_score = shown.values()
    return {
        "_fitted": fitted,
        **fitted.schema.columns,
        "classes_": fitted.schema.labels.classes,
        "encoder_": fitted.schema.encoder,
        "resolved_params_": dict(fitted.resolved),
        "backend_": fitted.backend,
        "n_layers_": len(fitted.widths),
        "n_outputs_": fitted.widths[-1],
        "out_activation_": fitted.schema.labels.loss.out_activation,
        "n_iter_": fitted.n_iter,
        "t_": fitted.n_rows_seen,
        "member_weights_": fitted.member_weights,
        "best_iter_": best_iter if len(best_iter) > 1 else int(best_iter[0]),
        "member_loss_curves_": curves[0],
        "member_validation_loss_curves_": None if valid_loss is None else curves[1],
        "member_validation_scores_": None if valid_score is None else curves[2],
        **shown,
        "loss_": train_loss[-1],
        "best_loss_": float(np.fmin.reduce(train_loss)) if valid_loss is None else None,
        "best_validation_score_": float(np.fmax.reduce(valid_score)) if valid_score else None,
    }


def mean_curves(curves):
    """Return the mean curves as a dict of the attributes ``loss_curve_`` and so on.

    Without validation rows, their two are None. A mean of no finite value is NaN.
    """
    means = [mean_curve(curve) or [np.nan] * len(curve[0]) for curve in curves]
    if np.isnan(curves[1:]).all():
        means[1:] = None, None
    return dict(zip(CURVES, means, strict=True))


def mean_curve(curve):
    """Return the mean over the members still training, or None if no value is finite."""
    known = np.ma.masked_invalid(curve)
    return known.mean(axis=0).filled(np.nan).tolist() if known.count() else None
