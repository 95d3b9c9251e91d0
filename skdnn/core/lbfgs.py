"""Full-batch training by L-BFGS-B from SciPy, one member at a time.

SciPy does not expose the state of its optimizer, but it follows from the values and gradients that
the optimizer was given. A :class:`Recording` of them brings a later call quickly to where training
was interrupted.
"""

from functools import partial

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


class Recording:
    """What the optimizer was given while it trained a member, and what came of it.

    Parameters
    ----------
    saved : dict of str to ndarray
        A snapshot of the same training, which is repeated up to there; or empty.

    Attributes
    ----------
    curve : list of ndarray of shape (3,)
        Training loss, validation loss and validation score of each iteration.
    result : tuple or None
        Parameters, curves, best iteration, failures, and whether it converged; None before the end.
    """

    RESULT = "params", "curves", "best_epoch", "n_failures", "has_converged"

    def __init__(self, saved):
        grads = [saved[f"grad.{number}"] for number in range(len(saved.get("values", ())))]
        self.evaluations = list(zip(saved.get("values", ()), grads, strict=True))
        self.curve = list(saved.get("curve", ()))
        self.result = tuple(saved[name] for name in self.RESULT) if "params" in saved else None
        self.n_saved, self.n_evaluated = len(self.curve), 0

    def evaluate(self, objective, params):
        """Return the value and the gradient, from the recording where it has them.

        It is a ValueError if the recording is of another training: SciPy does not check the shape
        of gradients.
        """
        if self.n_evaluated == len(self.evaluations):
            self.evaluations.append(objective(params))
        self.n_evaluated += 1
        value, grad = self.evaluations[self.n_evaluated - 1]
        if (grad.shape, grad.dtype) != (params.shape, params.dtype):
            raise ValueError("a gradient of the checkpoint has another shape.")
        return value, grad

    def report(self, number, compute):
        """Return the curves (3,) at an iteration, recorded or by ``compute()``."""
        if number == len(self.curve):
            self.curve.append(np.array(compute()))
        return self.curve[number]

    def finish(self, result):
        """Replace the evaluations, which take memory, by the result."""
        self.result, self.evaluations, self.curve = result, [], []

    def snapshot(self):
        """Return the recording as a dict of arrays; another thread may continue it meanwhile."""
        if self.result is not None:
            return dict(zip(self.RESULT, map(np.asarray, self.result), strict=True))
        # In this order, so that there are at least the evaluations that led to the curve.
        curve, evaluations = np.array(self.curve), list(self.evaluations)
        grads = {f"grad.{number}": grad for number, (_, grad) in enumerate(evaluations)}
        return {**grads, "curve": curve, "values": np.array([value for value, _ in evaluations])}


def train_lbfgs(network, split, state, plan, max_fun, runtime=Runtime()):  # noqa: B008 - a constant
    """Train all members; patience counts iterations.

    Parameters
    ----------
    network, split, state, plan
        As for :func:`skdnn.core.training.train`; rate, schedule and rule are not used.
    max_fun : int
        Most evaluations of the objective, for each member.
    runtime : Runtime, optional
        Its callbacks see the iterations of a single member as epochs. Several members have no
        iterations in common. Its checkpoint is offered a snapshot after each iteration.

    Returns
    -------
    state : State
    history : History

    Raises
    ------
    KeyboardInterrupt
        If there is one in the first iteration of a member. Later, training keeps what it has.
    """
    data = _in_float64(split.data)
    valid = data if split.valid_data is split.data else _in_float64(split.valid_data)
    split = split._replace(data=data, valid_data=valid)
    calls = IterationCalls(runtime, plan.n_epochs, len(state.params))

    def of_member(member):
        recording = calls.recordings[member]
        if recording.result is None:
            objective = Objective(member, network, split, plan)
            given = state.params[member], plan, max_fun, calls, recording
            result = _train_member(objective, *given)
            if calls.stopped_by is not None:
                return result
            recording.finish(result)
        return recording.result

    results = runtime.workers.map(of_member, range(len(state.params)))
    params, curves, best_epochs, failures, converged = zip(*results, strict=True)
    longest = max(curve.shape[1] for curve in curves)
    missing = [((0, 0), (0, longest - curve.shape[1])) for curve in curves]
    padded = [np.pad(*pair, constant_values=np.nan) for pair in zip(curves, missing, strict=True)]
    found = np.array(best_epochs), np.array(failures, np.intp), np.array(converged)
    history = History(*np.stack(padded, axis=1), *found, calls.stopped_by)
    return State(np.stack(params).astype(state.params.dtype), {}), history


def _in_float64(data):
    # A line search compares small differences of the loss: these need float64.
    return data and data._replace(rows=data.rows.astype(np.float64))


class IterationCalls:
    """Calls to the runtime at the beginning and the end of iterations, shared by all members.

    Parameters
    ----------
    runtime : Runtime
    n_epochs : int
        Most iterations.
    n_members : int

    Attributes
    ----------
    recordings : list of Recording
        One a member.
    stopped_by : {"callback", "interrupt"} or None
        What ended training from outside.
    """

    def __init__(self, runtime, n_epochs, n_members):
        self.runtime, self.n_epochs, self.stopped_by = runtime, n_epochs, None
        parts = [{} for _ in range(n_members)]
        for name, array in (runtime.saved or {}).items():
            member, _, name_of_part = name.partition(".")
            parts[int(member)][name_of_part] = array
        self.recordings = [Recording(part) for part in parts]
        self.callbacks = runtime.callbacks if n_members == 1 else None
        if self.callbacks is not None and self.recordings[0].curve:
            self.callbacks.resume(np.array(self.recordings[0].curve).T[:, None])

    def begin(self, number):
        """Tell that an iteration begins, if there may be so many."""
        if self.callbacks is not None and number < self.n_epochs:
            self.callbacks.begin()

    def end(self, number, report, params):
        """Tell that an iteration has ended; return whether training should."""
        curve = np.array(report)[:, None]
        if self.callbacks is not None and self.callbacks.end(number, curve, params):
            self.stopped_by = "callback"
        if self.stopped_by is None:
            self.runtime.offer(self.snapshot)
        return self.stopped_by is not None

    def snapshot(self):
        """Return all recordings as a dict of arrays."""
        parts = [recording.snapshot() for recording in self.recordings]
        return {f"{k}.{name}": part[name] for k, part in enumerate(parts) for name in part}


def _train_member(objective, start, plan, max_fun, calls, recording):
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
        calls.runtime.workers.check()
        params, number = intermediate_result.x, len(curve)
        latest[:] = params
        curve.append(
            recording.report(number, lambda: [intermediate_result.fun, *objective.validate(params)])
        )
        best.update(number, objective.monitored(curve[-1][1:]), params[None])
        is_new = number >= recording.n_saved
        ends = is_new and calls.end(number, curve[-1], so_far)
        if ends or (plan.keep_best and best.waited[0] > plan.patience):
            raise StopIteration
        if is_new:
            calls.begin(len(curve))

    options = {"maxiter": plan.n_epochs, "maxfun": max_fun, "gtol": plan.tol}
    calls.begin(recording.n_saved)
    is_recorded = calls.runtime.checkpoint is not None
    evaluate = partial(recording.evaluate, objective) if is_recorded else objective
    try:
        result = minimize(
            evaluate, start, jac=True, method="L-BFGS-B", callback=after_iteration, options=options
        )
        latest, hit_limit, has_failed = result.x, result.status == 1, result.status == 2
    except KeyboardInterrupt:
        if not curve:
            raise
        calls.stopped_by, hit_limit, has_failed = "interrupt", False, False
    has_failed &= not curve
    if not curve:
        curve.append((objective(latest)[0], *objective.validate(latest)))
        best.update(0, objective.monitored(curve[0][1:]), latest[None])
    best_epoch = best.epoch[0] if plan.keep_best else len(curve) - 1
    return so_far()[0], np.array(curve).T, best_epoch, has_failed, not hit_limit
