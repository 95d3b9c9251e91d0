"""Full-batch training by L-BFGS-B from SciPy, one member at a time."""

import numpy as np
from scipy.optimize import minimize

from skdnn.core.batches import Batches
from skdnn.core.early_stopping import BestEpochs
from skdnn.core.evaluation import Evaluation
from skdnn.core.steps import add_penalty, record_gradient
from skdnn.core.training import History, Runtime, Split, State, make_job
from skdnn.core.workers import ALONE


class Objective:
    """Penalized mean loss of one member over all its rows, as SciPy wants it.

    Parameters
    ----------
    member : int
    network, split, plan
        As for :func:`skdnn.core.training.train`.
    """

    def __init__(self, member, network, split, plan):
        self.members, self.plan = np.array([member]), plan
        rows = [split.train_rows[member]]
        plan = plan._replace(batch_size=len(rows[0]), shuffle=False, temperatures=())
        of_member = Split(split.data, rows, split.valid_data)
        self.params = np.empty((1, network.n_parameters))
        if split.valid_data is not None:
            of_member = of_member._replace(valid_rows=[split.valid_rows[member]])
        job = make_job(network, of_member, plan, ALONE, is_alone=True)
        batch = next(Batches(rows, split.data.weights, job.layout, np.float64).epoch())
        smoothing = np.broadcast_to(plan.label_smoothing, len(split.train_rows))[self.members]
        given = job, self.params, smoothing.astype(np.float64)
        self.tape, self.values = record_gradient(*given, *batch[:2])
        if plan.alpha:
            views = network.weights(self.params), network.weights(self.tape.grads)
            strengths = np.array([plan.alpha / len(rows[0])])
            self.tape.call(add_penalty, *views, strengths, self.values)
        self.evaluation = None
        if split.valid_data is not None:
            self.evaluation = Evaluation(*given, of_member.valid_rows)

    def __call__(self, params):
        """Return the value and the gradient, shape (n_parameters,)."""
        self.params[0] = params
        with np.errstate(over="ignore", invalid="ignore"):
            self.tape.play()
        return self.values[0], self.tape.grads[0].copy()

    def validate(self, params):
        """Return validation loss and score, NaN without validation, shape (2,)."""
        if self.evaluation is None:
            return np.full(2, np.nan)
        self.params[0] = params
        report = self.evaluation()[:, 0]
        if self.plan.score is not None:
            report[1] = self.plan.score(self.members, self.params)[0]
        return report

    def monitored(self, report):
        """Return the early-stopping criterion, the lower the better, shape (1,)."""
        return np.array([report[0] if self.plan.score is None else -report[1]])


def train_lbfgs(network, split, state, plan, max_fun, runtime=Runtime()):  # noqa: B008 - a constant
    """Train all members; patience counts iterations.

    Parameters
    ----------
    network, split, state, plan
        As for :func:`skdnn.core.training.train`; rate, schedule and rule are not used.
    max_fun : int
        Most evaluations of the objective, for each member.
    runtime : Runtime, optional
        Its watch sees the iterations of a single member as epochs. Several members have no
        iterations in common.

    Returns
    -------
    state : State
    history : History
    """
    data = _in_float64(split.data)
    valid = data if split.valid_data is split.data else _in_float64(split.valid_data)
    split = split._replace(data=data, valid_data=valid)
    callbacks = IterationCallbacks(runtime.callbacks if len(state.params) == 1 else None)

    def of_member(member):
        objective = Objective(member, network, split, plan)
        return _train_member(objective, state.params[member], plan, max_fun, callbacks)

    results = runtime.workers.map(of_member, range(len(state.params)))
    params, curves, best_epochs, failures, converged = zip(*results, strict=True)
    longest = max(curve.shape[1] for curve in curves)
    missing = [((0, 0), (0, longest - curve.shape[1])) for curve in curves]
    padded = [np.pad(*pair, constant_values=np.nan) for pair in zip(curves, missing, strict=True)]
    found = np.array(best_epochs), np.array(failures, np.intp), np.array(converged)
    history = History(*np.stack(padded, axis=1), *found, callbacks.stopped_by)
    return State(np.stack(params).astype(state.params.dtype), {}), history


def _in_float64(data):
    # A line search compares small differences of the loss: these need float64.
    return data and data._replace(rows=data.rows.astype(np.float64))


class IterationCallbacks:
    """What may end training from outside, shared by all members.

    Parameters
    ----------
    callbacks : object or None
        As for :func:`skdnn.core.training.train`.
    """

    def __init__(self, callbacks):
        self.callbacks, self.stopped_by = callbacks, None

    def begin(self):
        """Tell that an iteration begins."""
        if self.callbacks is not None:
            self.callbacks.begin()

    def end(self, number, report, params):
        """Tell that an iteration has ended, and whether training should."""
        curve = np.array(report)[:, None]
        if self.callbacks is not None and self.callbacks.end(number, curve, params):
            self.stopped_by = "callback"
        return self.stopped_by is not None


def _train_member(objective, start, plan, max_fun, callbacks):
    """Return parameters, curves (3, n_iterations), best iteration, failures (0 or 1), convergence.

    L-BFGS-B has failed if its first line search found no lower loss. Later, that is rounding.
    """
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
        best.update(len(curve) - 1, objective.monitored(report), params[None])
        is_last = len(curve) == plan.n_epochs
        if callbacks.end(len(curve) - 1, curve[-1], so_far):
            raise StopIteration
        if plan.keep_best and best.waited[0] > plan.patience:
            raise StopIteration
        if not is_last:
            callbacks.begin()

    options = {"maxiter": plan.n_epochs, "maxfun": max_fun, "gtol": plan.tol}
    callbacks.begin()
    try:
        result = minimize(
            objective, start, jac=True, method="L-BFGS-B", callback=after_iteration, options=options
        )
        latest, hit_limit, has_failed = result.x, result.status == 1, result.status == 2
    except KeyboardInterrupt:
        callbacks.stopped_by, hit_limit, has_failed = "interrupt", False, False
    has_failed &= not curve
    if not curve:
        curve.append((objective(latest)[0], *objective.validate(latest)))
        best.update(0, objective.monitored(curve[0][1:]), latest[None])
    best_epoch = best.epoch[0] if plan.keep_best else len(curve) - 1
    return so_far()[0], np.array(curve).T, best_epoch, has_failed, not hit_limit
