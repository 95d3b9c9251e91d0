"""Full-batch training by L-BFGS-B from SciPy, one member at a time."""

import numpy as np
from scipy.optimize import minimize

from skdnn.core import compiling
from skdnn.core.batches import Batches, plan_batches
from skdnn.core.buffers import Buffers
from skdnn.core.evaluation import Evaluation
from skdnn.core.gradient import LossGradient, add_penalty
from skdnn.core.stopping import BestEpochs
from skdnn.core.training import History, State


class Objective:
    """Penalized mean loss of one member over all its rows, as SciPy wants it.

    Parameters
    ----------
    member : int
    network, split, plan
        As for :func:`skdnn.core.training.train`.
    """

    def __init__(self, member, network, split, plan):
        self.network, self.plan, self.data = network, plan, split.data
        self.members = np.array([member])
        rows = [split.train_rows[member]]
        self.buffers = Buffers(np.float64)
        layout = plan_batches(rows, len(rows[0]))
        self.rows, self.weights, _ = next(
            Batches(rows, split.data.weights, layout, np.float64).epoch()
        )
        self.params = np.empty((1, network.n_parameters))
        self.loss_gradient = LossGradient(
            network, split.data, self.params, plan, has_one_batch=True
        )
        self.evaluation = None
        if split.valid_data is not None:
            rows_held_out = split.valid_rows[member]
            self.evaluation = Evaluation(
                network,
                self.params,
                split.valid_data,
                [rows_held_out],
                len(rows_held_out),
                plan.loss,
                plan.label_smoothing,
            )
        self.penalty = np.array([plan.alpha / len(rows[0])])

    def __call__(self, params):
        """Return the value and the gradient, shape (n_parameters,)."""
        self.params[0] = params
        values = self.loss_gradient(self.rows, self.weights)
        grads = self.loss_gradient.grads
        values += add_penalty(
            self.network.weights(self.params),
            self.network.weights(grads),
            self.penalty,
            self.buffers,
        )
        return values[0], grads[0].copy()

    def validate(self, params):
        """Return validation loss and score, NaN without validation, shape (2,)."""
        if self.evaluation is None:
            return np.full(2, np.nan)
        self.params[0] = params
        report = self.evaluation()[:, 0]
        if self.plan.score is not None:
            report[1] = self.plan.score(self.members, self.params)[0]
        return report

    def watched(self, report):
        """Return what patience watches, the lower the better, shape (1,)."""
        return np.array([report[0] if self.plan.score is None else -report[1]])


def train_lbfgs(network, split, state, plan, max_fun, run=map, watch=None):
    """Train all members; patience counts iterations.

    Parameters
    ----------
    network, split, state, plan, run
        As for :func:`skdnn.core.training.train`; rate, schedule and rule are not used.
    max_fun : int
        Most evaluations of the objective, for each member.
    watch : object, optional
        As for :func:`skdnn.core.training.train`, if there is one member; iterations are its
        epochs. Several members have no iterations in common.

    Returns
    -------
    state : State
    history : History
    """
    compiling.load()
    data = _in_float64(split.data)
    valid = data if split.valid_data is split.data else _in_float64(split.valid_data)
    split = split._replace(data=data, valid_data=valid)
    outside = Outside(watch if len(state.params) == 1 else None)

    def of_member(member):
        objective = Objective(member, network, split, plan)
        return _train_member(objective, state.params[member], plan, max_fun, outside)

    results = list(run(of_member, range(len(state.params))))
    params, curves, best_epochs, converged = zip(*results, strict=True)
    longest = max(curve.shape[1] for curve in curves)
    padded = [
        np.pad(c, ((0, 0), (0, longest - c.shape[1])), constant_values=np.nan) for c in curves
    ]
    n_members = len(params)
    history = History(
        *np.stack(padded, axis=1),
        np.array(best_epochs),
        np.zeros(n_members, np.intp),
        np.array(converged),
        outside.stopped_by,
    )
    return State(np.stack(params).astype(state.params.dtype), {}), history


def _in_float64(data):
    # A line search lives on small differences, whatever the type of the data.
    return data and data._replace(rows=data.rows.astype(np.float64))


class Outside:
    """What may end training from outside, shared by all members.

    Parameters
    ----------
    watch : object or None
        As for :func:`skdnn.core.training.train`.
    """

    def __init__(self, watch):
        self.watch, self.stopped_by = watch, None

    def begin(self):
        """Tell that an iteration begins."""
        if self.watch is not None:
            self.watch.begin()

    def end(self, number, report, params):
        """Tell that an iteration has ended, and whether training should."""
        curve = np.array(report)[:, None]
        if self.watch is not None and self.watch.end(number, curve, params):
            self.stopped_by = "watch"
        return self.stopped_by is not None


def _train_member(objective, start, plan, max_fun, outside):
    """Return parameters, curves (3, n_iterations), best iteration, and whether it converged."""
    start = start.astype(np.float64)
    # MLPClassifier's L-BFGS has no patience on the training loss either.
    best = BestEpochs(start[None], plan.tol, plan.keep_best)
    curve, latest = [], start.copy()

    def so_far():
        return best.params.copy() if plan.keep_best else latest[None].copy()

    def after_iteration(intermediate_result):
        params = intermediate_result.x
        latest[:] = params
        report = objective.validate(params)
        curve.append((intermediate_result.fun, *report))
        best.update(len(curve) - 1, objective.watched(report), params[None])
        is_last = len(curve) == plan.n_epochs
        if outside.end(len(curve) - 1, curve[-1], so_far):
            raise StopIteration
        if plan.keep_best and best.waited[0] > plan.patience:
            raise StopIteration
        if not is_last:
            outside.begin()

    options = {"maxiter": plan.n_epochs, "maxfun": max_fun, "gtol": plan.tol}
    outside.begin()
    try:
        result = minimize(
            objective, start, jac=True, method="L-BFGS-B", callback=after_iteration, options=options
        )
        latest, hit_limit = result.x, result.status == 1
    except KeyboardInterrupt:
        outside.stopped_by, hit_limit = "interrupt", False
    if not curve:
        curve.append((objective(latest)[0], *objective.validate(latest)))
        best.update(0, objective.watched(curve[0][1:]), latest[None])
    best_epoch = best.epoch[0] if plan.keep_best else len(curve) - 1
    return so_far()[0], np.array(curve).T, best_epoch, not hit_limit
