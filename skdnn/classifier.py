"""DeepNetClassifier: parameters, fit, predict. No mathematics."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdnn._compat import CallbackSupportMixin, fit_context, with_callbacks, without_callbacks
from skdnn.core.averaging import log_mean_proba, mean_proba
from skdnn.estimator.auto_parameters import count_members, is_auto
from skdnn.estimator.diagram import NotebookMixin
from skdnn.estimator.epoch_callbacks import EpochCallbacks
from skdnn.estimator.fit import train_members
from skdnn.estimator.fitted_attributes import FittedAttributes
from skdnn.estimator.inputs import learn_schema, read_samples, read_validation
from skdnn.estimator.labels import check_labels, learn_labels
from skdnn.estimator.out_of_fold import calibrate
from skdnn.estimator.parameters import CONSTRAINTS, EPOCH, settings_of
from skdnn.estimator.predict import predict_blocks
from skdnn.estimator.solvers import SOLVERS
from skdnn.estimator.summary import summarize
from skdnn.estimator.threads import threads_apart
from skdnn.estimator.training_rows import make_task
from skdnn.tabular.dataframes import check_table


def fitted_model(estimator):
    """Return the FittedModel of an estimator: all that it has learnt, which is never changed.

    Raises
    ------
    NotFittedError
        If it has learnt nothing yet.
    """
    check_is_fitted(estimator)
    return estimator._fitted


def _is_stochastic(estimator):
    """Tell whether ``partial_fit`` makes sense."""
    if SOLVERS[estimator.solver].rule is None:
        raise AttributeError(
            f"partial_fit needs a solver that takes steps; solver={estimator.solver!r} minimizes "
            "in one go."
        )
    return True


@dataclass(eq=False, repr=False)
class DeepNetClassifier(
    FittedAttributes, NotebookMixin, CallbackSupportMixin, ClassifierMixin, BaseEstimator
):
    """A deep neural network that takes tables as they come and gives calibrated probabilities.

    One fit trains ``n_members`` networks side by side. Member k holds out fold k of the rows and
    keeps its best epoch, judged by these and, if they are few, by the mean of all members. The
    probabilities are the members' average, calibrated on the rows that each held out.
    ``solver="gd", n_members=1, early_stopping=False, encoder="passthrough"`` and a few more
    words make it the plain network of the textbooks.

    Parameters that :class:`sklearn.neural_network.MLPClassifier` has too mean what they mean
    there; rates and schedules serve every solver but "lbfgs". ``"auto"`` is decided by the data
    and the solver, rows being the distinct ones that a member trains on.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, int or "auto", default="auto"
        Units of each hidden layer. ``()`` is logistic regression. "auto" is (256, 256). For
        "adamw" it is (128, 128) up to 1,024 rows (but with ``partial_fit``, to which more may
        come), and (448, 256) for more than 100 inputs (as they are encoded, bins aside, and not
        sparse) and more than 50,000 rows. Training that goes on keeps what it was.
    activation : str, callable, object or sequence of these, default="relu"
        One of "identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "silu",
        "gelu", "mish", "softplus", or one of your own, for all hidden layers or one for each. Your
        own is a function of z that returns its value, or its value and its slope; or two
        functions, as a tuple or as ``value`` and ``slope`` of an object. It is checked before
        training.
    solver : {"adamw", "adam", "sgd", "gd", "lbfgs"}, default="adamw"
        "gd" is full-batch gradient descent, "sgd" takes mini-batches with momentum, "adamw" is
        Adam with decoupled weight decay and brings the strongest "auto" recipe, "lbfgs" is
        SciPy's full-batch quasi-Newton method.
    alpha : float >= 0, default=0.0
        L2 penalty ``alpha / 2 * ||W||^2 / n_rows``, added to the mean loss; biases are free and
        repeated rows count once.
    batch_size : int or "auto", default="auto"
        Rows of a mini-batch at most; the rows of an epoch are dealt evenly. "auto" is 200 for
        "adam" and "sgd"; for "adamw" it grows from 64 (up to 1,024 rows) through 128 and 256
        (above 30,000) to 512 (above 100,000). "gd" and "lbfgs" always take all rows.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine", "onecycle", "auto"}, \
            default="auto"
        Schedule. "invscaling" divides by ``(rows seen + 1) ** power_t`` each epoch; "adaptive"
        divides by 5 when patience runs out; "cosine" warms up, then falls to 0; "onecycle"
        rises over 30 % of the steps, then falls. "auto" is "cosine" for "adamw", else
        "constant".
    learning_rate_init : float > 0 or "auto", default="auto"
        Learning rate that the schedule multiplies. "auto" is 0.005 for "adamw" (0.003 for wide
        and long data, see ``hidden_layer_sizes``), 0.001 for "adam", 0.01 for "sgd", 0.1 for
        "gd".
    power_t : float >= 0, default=0.5
        Exponent of "invscaling".
    max_iter : int or "auto", default="auto"
        Epochs at most (iterations for "lbfgs"). "auto" is 50 (20 above 30,000 rows, 15 above
        100,000), or what 2,000 steps take if that is more, for "adamw"; 1,000 for "gd"; 200 for
        the others.
    shuffle : bool, default=True
        Whether to shuffle rows in every epoch. False also keeps the rows' order of input, where
        True first brings them into an order that depends on their content only.
    random_state : int, RandomState instance or None, default=None
        Decides folds, starting weights, batches and dropout.
    tol : float >= 0, default=1e-4
        A loss that falls by less does not renew patience. For "lbfgs", also the tolerance on the
        gradient.
    verbose : bool or int, default=False
        Whether to print a table of the losses of every epoch.
    warm_start : bool, default=False
        Whether ``fit`` goes on from where the last one stopped.
    momentum : float in [0, 1], default=0.9
        Momentum of "sgd".
    nesterovs_momentum : bool, default=True
        Whether "sgd" looks ahead along its momentum.
    early_stopping : bool, default=True
        Whether to hold out rows: patience then watches their loss, and the best epoch is put
        back. False trains every member on all rows and keeps the last epoch; patience then watches
        the training loss.
    validation_fraction : float in (0, 1), default=0.1
        Share of the rows to hold out if ``n_members=1``. Several members hold out a fold each.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay of Adam's moments.
    epsilon : float > 0, default=1e-8
        Added to the root of Adam's second moment.
    n_iter_no_change : int, inf or "auto", default="auto"
        Patience in epochs. "auto" is an eighth of ``max_iter``, at least 8, with
        ``early_stopping``; without, 10, and no limit for "gd".
    max_fun : int, default=15000
        Evaluations of the loss at most, for "lbfgs".
    loss : "log_loss" or callable, default="log_loss"
        What training minimizes. Your own is ``loss(logits, targets)`` of arrays (n_rows,
        n_outputs), targets one-hot or 0 and 1, and returns a value for each row, or these and
        their gradients with respect to the logits. It is checked before training. Probabilities
        and their calibration are those of "log_loss".
    scoring : str, callable or None, default=None
        Scorer that chooses the best epoch of each member and that its patience watches, on the
        rows that it is validated on. None is their loss, with accuracy in ``validation_scores_``.
    init : str, default="auto"
        Starting weights: "he_normal", "he_uniform", "glorot_normal", "glorot_uniform",
        "lecun_normal", "lecun_uniform", "orthogonal", "normal", "zeros". "auto" is what suits
        the activation, with a small last layer, for "adamw", else "glorot_uniform", and takes
        the classes' shares as the last layer's bias. Biases are 0 otherwise.
    init_scale : float > 0, default=1.0
        Factor on the starting weights: ``init="normal", init_scale=0.01`` is ``0.01 * randn``.
    coefs_init : list of array-like or None, default=None
        Starting weights of each layer, (fan_in, fan_out), perhaps with the members in front.
    intercepts_init : list of array-like or None, default=None
        Starting biases of each layer, (fan_out,), perhaps with the members in front.
    connectivity : float in (0, 1], None or "auto", default="auto"
        Probability that a unit of the first layer is connected to a column, as it is encoded.
        Then a factor for each column is learnt too; None does without both. "auto" is 0.3 for
        "adamw" with dense rows, more for few columns, None for wide and long data; else None.
    dropout : float in [0, 1) or "auto", default="auto"
        Share of hidden units dropped in training. "auto" is 0.3 for "adamw" with up to 8,192
        rows and 0.1 with more, else 0.
    input_dropout : float in [0, 1) or "auto", default="auto"
        Share of inputs set to 0 in training. "auto" is 0.2 for "adamw" with more than 100
        inputs (as they are encoded, bins aside), unless they are sparse; else 0.
    weight_decay : float >= 0 or "auto", default="auto"
        Decoupled decay of weights, per unit of rate. "auto" is 0.01 for "adamw", 0.3 for wide and
        long data, else 0.
    label_smoothing : float in [0, 1) or "auto", default="auto"
        Share of each target that is spread over all classes, in training only. "auto" is 0.05
        for "adamw" with rows to validate on, which then calibrate the probabilities (0.02 for
        wide and long data); else 0, as for a loss of your own.
    max_grad_norm : float > 0 or None, default=None
        Longer gradients of a member are shortened to this Euclidean norm.
    warmup_fraction : float in [0, 1), default=0.05
        Share of the steps over which "cosine" rises.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class. It shifts the probabilities away from the classes' shares.
    n_members : int or "auto", default="auto"
        Networks that are trained and averaged. "auto" is 16 for up to 2,500 distinct rows, 2
        above 50,000, else 8, as in ``partial_fit`` and where ``groups`` are held out. With fewer
        rows they take turns at the folds.
    cv : int, splitter, iterable of splits or None, default=None
        Which rows each member holds out, if not a stratified fold of its own: one of
        ``n_members``, or above 50,000 distinct rows one of 40, if that is more. The number of
        splits is then the number of members, and a number of folds at most that of distinct rows.
        Used with ``early_stopping`` only.
    store_oof : bool, default=False
        Whether to keep ``oof_proba_``.
    encoder : "auto", "passthrough" or transformer, default="auto"
        What turns X into numbers: "auto" is :class:`TableEncoder`, with bins of numbers for
        "adamw" only; "passthrough" takes finite numbers as they are, and no dates; anything with
        ``fit`` and ``transform`` is cloned and fitted.
    target_statistics : int >= 1, None or "auto", default="auto"
        With ``encoder="auto"``, columns of text with more levels than this also tell what their
        levels say about y, counted without the row itself in training. None does without;
        "auto" is 30. Only for up to 10 classes, and not for multilabel y.
    dtype : {"float32", "float64", "input"}, default="float32"
        What to compute in. "input" is float64 for float64 arrays, dense or sparse, and lists of
        floats; float32 for anything else.
    n_jobs : int or None, default=None
        Threads to train members on. None means as many as BLAS may use here, -1 all cores. The
        result does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; column numbers for multilabel y.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if they are all strings.
    encoder_ : transformer
        The fitted encoder.
    resolved_params_ : dict
        What the parameters of training that may be "auto" became.
    coefs_, intercepts_ : list of ndarray
        Weights (fan_in, fan_out) and biases (fan_out,) of the dense layers; with several members
        the members axis is in front. The arrays are read-only; a list that is assigned replaces
        all layers'.
    temperature_ : float
        What logits are divided by; 1 without ``early_stopping`` or rows to validate on.
    oof_score_ : float
        Accuracy of *single* members on the rows that each held out: a slightly low estimate of
        the ensemble's. Only if several members hold out rows.
    oof_proba_ : ndarray of shape (n_samples, n_classes)
        Calibrated probabilities from members that did not train on the row, NaN where there is
        none. Only with ``store_oof``.
    n_iter_ : int
        Epochs run by the last ``fit``, and by ``partial_fit`` since.
    t_ : int
        Rows trained on, times epochs, since training began: ``warm_start`` and ``partial_fit``
        count on. Members that hold out rows see fewer; this counts those of the largest. Weights
        do not count.
    best_iter_ : int or ndarray of shape (n_members,)
        Epochs, along the curves, after which each member's parameters were taken.
    loss_, best_loss_ : float
        Last and lowest training loss; the latter is None with validation.
    loss_curve_, validation_loss_curve_, validation_scores_ : list of float
        Training loss, validation loss and validation score (``scoring``, or accuracy) by epoch,
        averaged over the members still training. Losses include label smoothing, the training loss
        also the penalty ``alpha``. The last two are None without validation, and NaN for epochs of
        ``partial_fit`` after it.
    best_validation_score_ : float or None
        Highest of ``validation_scores_``.
    member_loss_curves_, member_validation_loss_curves_, member_validation_scores_ : ndarray of \
            shape (n_members, n_epochs)
        The same for each member; NaN after it has stopped. As all curves, they go on under
        ``warm_start`` and ``partial_fit``.
    n_layers_ : int
        Layers, the inputs included.
    n_outputs_ : int
        Output units.
    out_activation_ : {"logistic", "softmax"}
        What turns the last layer into probabilities.

    See Also
    --------
    TableEncoder : What ``encoder="auto"`` does, usable alone.
    sklearn.neural_network.MLPClassifier : The network whose parameter names these are.

    References
    ----------
    .. [1] D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs
       and boosted trees on tabular data", 2024, https://arxiv.org/abs/2407.04491
    .. [2] C. Guo et al., "On calibration of modern neural networks", 2017,
       https://arxiv.org/abs/1706.04599

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import DeepNetClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> net = DeepNetClassifier(random_state=0).fit(X, y)
    >>> net.predict(X[:3])
    array([0, 0, 0])
    >>> net.predict_proba(X[:1]).round(1)
    array([[1., 0., 0.]])
    """

    hidden_layer_sizes: Sequence | int | str = "auto"
    activation: object = "relu"
    _: KW_ONLY
    solver: str = "adamw"
    alpha: float = 0.0
    batch_size: int | str = "auto"
    learning_rate: str = "auto"
    learning_rate_init: float | str = "auto"
    power_t: float = 0.5
    max_iter: int | str = "auto"
    shuffle: bool = True
    random_state: object = None
    tol: float = 1e-4
    verbose: bool | int = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = True
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float | str = "auto"
    max_fun: int = 15000
    loss: str | Callable = "log_loss"
    scoring: str | Callable | None = None
    init: str = "auto"
    init_scale: float = 1.0
    coefs_init: Sequence | None = None
    intercepts_init: Sequence | None = None
    connectivity: float | str | None = "auto"
    dropout: float | str = "auto"
    input_dropout: float | str = "auto"
    weight_decay: float | str = "auto"
    label_smoothing: float | str = "auto"
    max_grad_norm: float | None = None
    warmup_fraction: float = 0.05
    class_weight: dict | str | None = None
    n_members: int | str = "auto"
    cv: object = None
    store_oof: bool = False
    encoder: object = "auto"
    target_statistics: int | str | None = "auto"
    dtype: str = "float32"
    n_jobs: int | None = None

    _parameter_constraints = CONSTRAINTS

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None, groups=None
    ):
        """Train on a table.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Columns of any kind, with gaps, if ``encoder="auto"``.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or an indicator matrix of several labels a row.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative. An integer weight is the same as repeating the row.
        X_val, y_val, sample_weight_val : default=None
            Rows to validate on, for all members: nothing of X is held out then.
        groups : array-like of shape (n_samples,), default=None
            Rows of a group are held out together; passed to ``cv``, or to ``GroupKFold``, which
            makes as many members as there are groups if these are fewer than ``n_members``.
            Ignored where nothing is held out.

        Returns
        -------
        DeepNetClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is unfit; the estimator is then as it was before.
        """
        before = self._fitted if self.warm_start else None
        settings, validation = settings_of(self, before), (X_val, y_val, sample_weight_val)
        passed = X, y, sample_weight
        self._keep(self._copy_to_fit(before)._train(settings, before, passed, validation, groups))
        return self

    @with_callbacks
    def _train(self, settings, before, passed, validation=(None,) * 3, groups=None, classes=None):
        """Return what is learnt; scikit-learn and callbacks may write to this stand-in."""
        callbacks = EpochCallbacks(self, passed, vars(self).update)
        samples = read_samples(self, *passed, reset=before is None)
        valid_samples = read_validation(self, *validation)
        labels = learn_labels(samples.y, classes).like(passed[1])
        schema = learn_schema(settings, samples, labels, before)
        task = make_task(settings, schema, samples, before, valid_samples, groups)
        with threads_apart(self.n_jobs, task.n_members if task.n_members > 1 else None) as threads:
            fitted = train_members(settings, task, before, callbacks, threads)
            fitted = calibrate(settings, fitted, task, threads.map)
        callbacks.finish(fitted)
        return fitted

    @available_if(_is_stochastic)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None, refit_encoder=False):
        """Train for one epoch, at a constant rate, on all rows for all members.

        Nothing is held out: probabilities stay uncalibrated (``temperature_`` is 1). More rows may
        come: "auto" layers have 256 units however few there are in the first call.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows. The encoder is fitted on those of the first call.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative.
        classes : array-like, default=None
            All classes; needed in the first call.
        refit_encoder : bool, default=False
            Whether to fit the encoder anew on these rows. It must give as many inputs as before.

        Returns
        -------
        DeepNetClassifier
            The estimator, trained further.

        Raises
        ------
        ValueError
            If the input is unfit; the estimator is then as it was before.
        """
        before = self._fitted
        if classes is None and before is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        classes = before.schema.labels.classes if classes is None else classes
        n_members = before.n_members if before else count_members(self)
        of_call = {"is_part": True, "refit_encoder": refit_encoder, "n_members": n_members}
        fresh, passed = without_callbacks(self._copy_to_fit(before)), (X, y, sample_weight)
        settings = settings_of(self, before, {**EPOCH, **of_call})
        self._keep(fresh._train(settings, before, passed, classes=classes))
        return self

    def _predict(self, fitted, X, average, shape):
        """Return ``average(logits)`` of all rows of X, shape (*shape[:-1], n_rows, shape[-1])."""
        X = check_table(self._copy_to_fit(fitted), X, reset=False)
        result = np.empty((*shape[:-1], X.shape[0], shape[-1]))
        return predict_blocks(fitted, self.n_jobs, X, average, result)

    def _average(self, fitted, X, average, *n_members):
        """Return ``average(log-probabilities)`` of all rows of X."""
        labels = fitted.schema.labels
        log_proba, shape = labels.loss.log_proba, (*n_members, len(labels.classes))
        return self._predict(fitted, X, lambda logits: average(log_proba(logits)), shape)

    def predict_proba(self, X):
        """Return class probabilities: the mean of the members'.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1; for multilabel y each column is a probability of its own.
        """
        return self._average(fitted_model(self), X, mean_proba)

    def predict_proba_members(self, X):
        """Return each member's class probabilities; their spread tells how sure they are.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_members, n_samples, n_classes)
            Their mean over the first axis is ``predict_proba(X)``.
        """
        fitted = fitted_model(self)
        return self._average(fitted, X, np.exp, fitted.n_members)

    def predict_log_proba(self, X):
        """Return ``np.log(predict_proba(X))``, but finite also where the probability is 0.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        fitted = fitted_model(self)
        proba = self._average(fitted, X, mean_proba)
        if proba.all():
            return np.log(proba, out=proba)
        with np.errstate(divide="ignore"):
            return np.where(proba > 0, np.log(proba), self._average(fitted, X, log_mean_proba))

    def decision_function(self, X):
        """Return scores whose order is that of the probabilities, and which never saturate.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            The log-odds of the second of two classes; the log-probabilities of more; the
            log-odds of every label.
        """
        return self._scores(fitted_model(self), X)

    def _scores(self, fitted, X):
        labels = fitted.schema.labels
        scores = self._predict(fitted, X, labels.loss.scores, (labels.n_outputs,))
        return scores[:, 0] if labels.is_binary else scores

    def predict(self, X):
        """Return the most probable class, or for multilabel y the labels above one half.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        fitted = fitted_model(self)
        return fitted.schema.labels.decide(self._scores(fitted, X))

    def score(self, X, y, sample_weight=None):
        """Return the accuracy; of several labels a row, all must be right.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Of any kind that ``fit`` takes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
        """
        return super().score(X, check_labels(y), sample_weight)

    def summary(self):
        """Return what the network is made of; printed, it is a table.

        Returns
        -------
        Summary
            Layers with their shapes and parameters, the encoder's work, and what "auto" became.
        """
        return summarize(self, fitted_model(self))

    def __sklearn_tags__(self):
        """Return what this estimator can take."""
        tags = super().__sklearn_tags__()
        reads_tables = is_auto(self.encoder)
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = reads_tables
        tags.input_tags.categorical = reads_tables
        tags.input_tags.string = reads_tables
        tags.classifier_tags.multi_label = True
        return tags
