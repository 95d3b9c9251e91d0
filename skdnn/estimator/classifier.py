"""DeepNetClassifier: parameters, fit and predict; the computation is in the other modules."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if

from skdnn.core.averaging import log_mean_proba, mean_proba
from skdnn.estimator.auto_parameters import is_auto
from skdnn.estimator.diagram import NotebookMixin
from skdnn.estimator.epoch_callbacks import EpochCallbacks
from skdnn.estimator.fit_data import FitArguments, read_table
from skdnn.estimator.fit_ensemble import fit_ensemble
from skdnn.estimator.fitted_attributes import FittedAttributes
from skdnn.estimator.fitted_model import fitted_model
from skdnn.estimator.label_checks import check_labels
from skdnn.estimator.parameters import CONSTRAINTS, EPOCH, settings_of
from skdnn.estimator.parquet_fit import read_parquet
from skdnn.estimator.predict import predict_blocks, predict_files, read_targets
from skdnn.estimator.solvers import takes_steps
from skdnn.estimator.summary import summarize
from skdnn.tabular._compat import CallbackSupportMixin, HintMixin, fit_context, with_callbacks
from skdnn.tabular.as_frames import as_numpy
from skdnn.tabular.dataframes import check_table
from skdnn.tabular.parquet_files import are_paths


@dataclass(eq=False, repr=False)
class DeepNetClassifier(
    HintMixin, FittedAttributes, NotebookMixin, CallbackSupportMixin, ClassifierMixin, BaseEstimator
):
    """A deep neural network for tables of mixed columns, with calibrated probabilities.

    ``fit`` trains an ensemble of ``n_members`` networks, the members. Each holds out a fold of
    the rows and returns to its best epoch on them; all are then trained a little further on all
    rows. The probabilities are their mean, calibrated on the held-out rows. For a plain network as
    in textbooks, set ``solver="gd", n_members=1, early_stopping=False, encoder="passthrough"``.

    Parameters shared with :class:`sklearn.neural_network.MLPClassifier` mean nearly the same.
    "auto" depends on the data and the solver. In its descriptions, rows are the distinct rows that
    a member trains on; inputs are encoded columns, but one for each category; bins do not count.
    "Wide and large" data have over 100 encoded columns and over 50,000 rows, all dense.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, int or "auto", default="auto"
        Number of units of each hidden layer; ``()`` is logistic regression. "auto" is (256, 256);
        for "adamw", (128, 128) up to 2,500 rows, (256, 128) up to 10,000 with up to 10 outputs
        (neither in ``partial_fit``, where more rows may follow), and (448, 256) for wide and large
        data; at most 128 above 4,096 inputs, 64 above 8,192. Continued training keeps them.
    activation : str, callable, object or sequence of these, default="relu"
        Activation function of all hidden layers, or a sequence of one for each: "identity",
        "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "silu", "gelu", "mish",
        "softplus", or a custom activation. This is a function of z that returns the value, or
        the value and the derivative; a tuple of two such functions; or an object that has them
        as ``value`` and ``slope``. It is checked before training.
    init : str, default="auto"
        Initialization of the weights: "he_normal", "he_uniform", "glorot_normal",
        "glorot_uniform", "lecun_normal", "lecun_uniform", "orthogonal", "normal", "zeros" or
        "auto". For "adamw", "auto" is the one that suits the activation, with small weights in
        the last layer; else "glorot_uniform". Unless ``intercepts_init`` is given, "auto" also sets
        the last biases to class frequencies (as logits). Other biases are 0.
    init_scale : float > 0, default=1.0
        Factor on the initial weights: ``init="normal", init_scale=0.01`` is ``0.01 * randn``.
    coefs_init : list of array-like or None, default=None
        Initial weights of each layer: (fan_in, fan_out), or (n_members, fan_in, fan_out).
    intercepts_init : list of array-like or None, default=None
        Initial biases of each layer: (fan_out,), or (n_members, fan_out). None: see ``init``.
    connectivity : float in (0, 1], None or "auto", default="auto"
        Probability that a unit of the first layer is connected to an encoded column. A scale
        factor for each of these columns is then learnt, too; None disables both. "auto" is 0.3
        (more for few columns) for "adamw" with dense rows, unless wide and large; else None.

        .. Training.
    solver : {"adamw", "adam", "sgd", "gd", "lbfgs"}, default="adamw"
        "gd" is full-batch gradient descent, "sgd" uses mini-batches and momentum, "adamw" is
        Adam with decoupled weight decay, and "lbfgs" is SciPy's full-batch quasi-Newton method.
        Only for "adamw" do the "auto" values regularize and follow the size of the data.
    loss : "log_loss" or callable, default="log_loss"
        Loss to minimize. A custom loss is ``loss(logits, targets)``, both of shape (n_rows,
        n_outputs), with targets one-hot or 0 and 1. It returns a value for each row, or these
        and their gradients with respect to the logits, and is checked before training.
        Probabilities and their calibration remain those of "log_loss".
    batch_size : int or "auto", default="auto"
        Maximum number of rows of a mini-batch; the rows of an epoch are divided evenly. "auto"
        is 200 for "adam" and "sgd". For "adamw" it is 64 up to 1,024 rows, 128 up to 30,000, 256
        up to 100,000, 512 up to 300,000, 1,024 above. "gd" and "lbfgs" always use all rows.
    shuffle : bool, default=True
        Whether to shuffle the rows in every epoch. If False, rows also keep their input order;
        if True, they are first sorted by content, so that the input order does not matter.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine", "onecycle", "auto"}, \
            default="auto"
        Learning rate schedule, not used by "lbfgs". "invscaling" is ``(rows seen + 1) **
        -power_t`` in each epoch; "adaptive" divides by 5 each time that patience runs out; "cosine"
        warms up, then falls to 0; "onecycle" rises over the first 30 % of the steps, then
        falls. "auto" is "cosine" for "adamw", else "constant".
    learning_rate_init : float > 0 or "auto", default="auto"
        Learning rate that the schedule multiplies. "auto" is 0.005 for "adamw" (0.003 for wide
        and large data), 0.001 for "adam", 0.01 for "sgd", 0.1 for "gd".
    power_t : float >= 0, default=0.5
        Exponent of "invscaling".
    warmup_fraction : float in [0, 1), default=0.05
        Fraction of the steps over which the rate of "cosine" rises.
    momentum : float in [0, 1], default=0.9
        Momentum of "sgd".
    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay rates of Adam's moment estimates.
    epsilon : float > 0, default=1e-8
        Added to the square root of Adam's second moment for numerical stability.
    max_grad_norm : float > 0 or None, default=None
        Upper bound on the Euclidean norm of a member's gradient, which is scaled down to it.
    max_iter : int or "auto", default="auto"
        Maximum number of epochs (iterations for "lbfgs"). "auto": for "adamw" 50 (20 or fewer above
        30,000 rows) or as many as 2,000 steps take if that is more, but a quarter if a pilot fit of
        up to 2,500 rows finds it enough; 1,000 for "gd"; else 200.
    max_fun : int, default=15000
        Maximum number of loss evaluations of "lbfgs".
    tol : float >= 0, default=1e-4
        Smallest loss decrease that counts as progress; for "lbfgs" also a bound on the gradient.
    n_iter_no_change : int, inf or "auto", default="auto"
        Epochs without improvement before training stops. "auto" is ``max_iter`` / 8, at least 8
        ("adamw": at most, see User Guide); without ``early_stopping`` 10, but no limit for "gd".
    warm_start : bool, default=False
        Whether ``fit`` continues the training of the previous ``fit``.

        .. Ensemble and validation.
    n_members : int or "auto", default="auto"
        Number of networks to train and average. "auto" is 16 up to 2,500 distinct rows, 8 up to
        50,000 and 2 above; half as many if a short pilot fit finds that they need all epochs, or
        one variant (``diverse_members``) better. It is 8 with held-out ``groups`` and in
        ``partial_fit``. Without groups, it is at most 8 above 16,384 inputs, 4 above 32,768, 2
        above 65,536. Where there are fewer folds than members, members share folds.
    diverse_members : bool, default=True
        Whether half of the members use neither the bins of ``encoder="auto"`` nor "auto" label
        smoothing; the weights of the halves are fitted to held-out rows. Only for "adamw" above
        2,500 distinct rows, with 8, 10, ... members (above 50,000 rows, any even number) and
        without ``cv`` and ``groups``.
    early_stopping : bool, default=True
        Whether to hold out rows. Patience then applies to the validation loss, and the best
        epoch is restored, from which ``refit_fraction`` goes on. If False, members train on all
        rows, patience applies to the training loss, and the last epoch is kept.
    refit_fraction : float in [0, 1] or "auto", default="auto"
        Epochs of further training on all rows, relative to the mean best epoch (rounded up), where
        members hold out rows of X; not with ``warm_start`` or "lbfgs". "auto" is half of 1 -
        held-out loss / loss of class frequencies; 0 if not "adamw", for one member, above 50,000
        rows, and for sparse rows with more columns than rows. Other attributes than weights,
        biases and ``t_`` are those before.
    validation_fraction : float in (0, 1), default=0.1
        Fraction of the rows to hold out if ``n_members=1``. Several members hold out folds.
    cv : int, splitter, list of splits or None, default=None
        Which rows each member holds out. None makes ``n_members`` stratified folds (half as many
        with two variants, at least 40 above 50,000 rows). Otherwise there are as many members as
        splits; an int is their number. Only with ``early_stopping``.
    scoring : str, callable or None, default=None
        Scorer that replaces the validation loss in early stopping. None uses the loss, and
        ``validation_scores_`` is the accuracy.
    store_oof : bool, default=False
        Whether to keep the out-of-fold probabilities as ``oof_proba_``.

        .. Regularization.
    alpha : float >= 0, default=0.0
        L2 penalty ``alpha / 2 * ||W||^2 / n_rows``, added to the mean loss. Biases are not
        penalized, and repeated rows count once.
    weight_decay : float >= 0 or "auto", default="auto"
        Decoupled weight decay, multiplied by the learning rate. "auto" is 0.01 for "adamw" (0.3
        for wide and large data), else 0.
    dropout : float in [0, 1) or "auto", default="auto"
        Fraction of hidden units dropped in training. "auto" is 0.3 for "adamw" with up to 8,192
        rows and 0.1 with more, else 0.
    input_dropout : float in [0, 1) or "auto", default="auto"
        Fraction of inputs set to 0 in training. "auto" is 0.2 for "adamw" with dense rows of
        more than 100 encoded columns (in ``fit`` with up to 2,500 rows: inputs), else 0.
    label_smoothing : float in [0, 1) or "auto", default="auto"
        Fraction of each target that is spread over all classes, in training, early stopping and
        loss curves. "auto" is 0.05 (0.02 for wide and large data) for "adamw" above 2,500 rows, if
        validation rows calibrate the probabilities afterwards, without a custom loss; else 0.

        .. Data.
    encoder : "auto", "passthrough" or transformer, default="auto"
        Transformer of X to numbers. "auto" is :class:`TableEncoder`, with the piecewise-linear
        encoding for "adamw" only. "passthrough" takes finite numbers as they are, and no dates.
        A transformer with ``fit`` and ``transform`` is cloned and fitted.
    target_statistics : int >= 1, None or "auto", default="auto"
        With ``encoder="auto"``, string columns with more categories than this also have target
        statistics (target encoding), which in training leave out the row's own label. None
        disables them; "auto" is 30. Not used for more than 10 classes or multilabel y.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class; "balanced" gives imbalanced classes the same total weight. The
        probabilities then do not follow the class frequencies. Classes that y lacks may have one.
    dtype : {"float32", "float64", "input"}, default="float32"
        Type to compute in. "input" is float64 for float64 arrays, dense or sparse, and lists of
        floats; float32 for anything else.

        .. Other.
    random_state : int, RandomState instance or None, default=None
        Determines folds, initial weights, mini-batches and dropout.
    n_jobs : int or None, default=None
        Number of threads: None for as many as BLAS may use, -1 for all cores; same results.
    verbose : bool, int or "auto", default="auto"
        True prints a table of losses; "auto" one line in a terminal or notebook, if a fit is long.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; for multilabel y, its column names if it was a frame, else their numbers.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, if they are all strings.
    encoder_ : transformer
        The fitted encoder.
    resolved_params_ : dict
        Values used for the parameters of training that may be "auto".
    coefs_, intercepts_ : list of ndarray
        Weights (fan_in, fan_out) and biases (fan_out,) of the dense layers, with a leading axis
        for the members if there are several. They are read-only; assign a list to replace all.
    temperature_ : float
        Divisor of the logits that calibrates the probabilities; 1 without validation rows.
    oof_score_ : float
        Accuracy of *single* members (or pairs, with ``diverse_members``) on held-out rows, which
        also chose their best epochs; the ensemble is better. Only if several members hold out rows.
    oof_proba_ : ndarray of shape (n_samples, n_classes)
        Out-of-fold probabilities, calibrated: those of members that had not trained on the row,
        NaN if there are none. Only with ``store_oof``.
    member_weights_ : ndarray of shape (n_members,)
        Weights of the members in ``predict_proba``, of sum 1.
    n_iter_ : int
        Number of epochs of the last ``fit`` and of ``partial_fit`` since.
    t_ : int
        Number of rows, unweighted, that the member with the most rows was trained on, summed over
        all epochs, also those of earlier calls that were continued.
    best_iter_ : int or ndarray of shape (n_members,)
        Best epoch of each member, to which it returned, counted from 1 along the curves.
    loss_, best_loss_, best_validation_score_ : float or None
        Last and lowest training loss, and the highest of ``validation_scores_``. ``best_loss_`` is
        None with validation rows, ``best_validation_score_`` without.
    loss_curve_, validation_loss_curve_, validation_scores_ : list of float
        Training loss, validation loss and validation score (``scoring``, or accuracy) by epoch,
        averaged over the members still training. Losses include label smoothing, the training loss
        also the penalty ``alpha``. The last two are None without validation, and NaN for later
        epochs of ``partial_fit``.
    member_loss_curves_, member_validation_loss_curves_, member_validation_scores_ : ndarray of \
            shape (n_members, n_epochs)
        The same for each member; NaN after it has stopped. Continued training continues all curves.
    n_layers_, n_outputs_ : int
        Number of layers, the input layer included, and of output units.
    out_activation_ : {"logistic", "softmax"}
        Activation of the output layer.

    See Also
    --------
    TableEncoder : The encoder of ``encoder="auto"``.
    sklearn.neural_network.MLPClassifier : Scikit-learn's network, with the same parameter names.

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
    verbose: bool | int | str = "auto"
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = True
    refit_fraction: float | str = "auto"
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
    diverse_members: bool = True
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
        """Fit the ensemble to a table.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features), or path
            Training rows; for ``encoder="auto"``, of any columns, also with missing values. Paths
            are a Parquet file, a folder of such files, or a list; they may exceed the memory.
        y : array-like of shape (n_samples,) or (n_samples, n_labels), or str
            Class labels, or an indicator matrix for multilabel classification. For paths, the
            name of a column, and so is ``sample_weight``.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. An integer weight is equivalent to repeating the row; a class
            of weight 0 stays in ``classes_``, with probabilities near 0.
        X_val, y_val, sample_weight_val : default=None
            Validation rows for all members; no rows of X are then held out.
        groups : array-like of shape (n_samples,), default=None
            Group of each row; rows of a group are held out together, by ``cv`` or else by
            ``GroupKFold``. With fewer groups than ``n_members``, there are as many members as
            groups. Ignored where no rows are held out.

        Returns
        -------
        DeepNetClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is invalid; the estimator then stays as it was.
        """
        before = self._fitted if self.warm_start else None
        arguments = FitArguments(X, y, sample_weight, X_val, y_val, sample_weight_val, groups)
        self._keep(self._copy_to_fit(before)._train(settings_of(self, before), before, arguments))
        return self

    @with_callbacks
    def _train(self, settings, before, arguments):
        """Return a FittedModel; scikit-learn and callbacks may set attributes on this copy."""
        callbacks = EpochCallbacks(self, arguments, vars(self).update)
        fit_data = self._read_fit_data(settings, before, arguments)
        fitted = fit_ensemble(settings, fit_data, before, callbacks)
        callbacks.finish(fitted)
        return fitted

    def _read_fit_data(self, settings, before, arguments):
        """Return the FitData of a table or, for ``fit``, of Parquet files."""
        read = read_parquet if are_paths(arguments.X) and not settings.is_part else read_table
        return read(self, settings, before, arguments)

    @available_if(takes_steps)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None, refit_encoder=False):
        """Train all members for one epoch on all rows, at a constant learning rate.

        No rows are held out, so the probabilities are not calibrated (``temperature_`` is 1).

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. The encoder is fitted on those of the first call.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or an indicator matrix for multilabel classification.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.
        classes : array-like, default=None
            All classes; required in the first call.
        refit_encoder : bool, default=False
            Whether to fit the encoder again on these rows. The number of inputs must not change.

        Returns
        -------
        DeepNetClassifier
            The estimator, trained further.

        Raises
        ------
        ValueError
            If the input is invalid; the estimator then stays as it was.
        """
        before = self._fitted
        if classes is None and before is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        classes = before.schema.labels.classes if classes is None else classes
        n_members = before.n_members if before else self.n_members
        of_call = {"is_part": True, "refit_encoder": refit_encoder, "n_members": n_members}
        fresh = self._copy_to_fit(before, keeps_callbacks=False)
        settings = settings_of(self, before, {**EPOCH, **of_call})
        arguments = FitArguments(X, y, sample_weight, classes=classes)
        self._keep(fresh._train(settings, before, arguments))
        return self

    def _predict(self, fitted, X, average, shape, column_warnings=None):
        """Return ``average(logits, weights)`` of all rows, (*shape[:-1], n_rows, shape[-1])."""
        if are_paths(X):
            return predict_files(fitted, X, self._predict, average, shape)
        X = check_table(self._copy_to_fit(fitted), X, reset=False)
        result = np.empty((*shape[:-1], X.shape[0], shape[-1]))
        return predict_blocks(fitted, self.n_jobs, X, average, result, column_warnings)

    def _average(self, fitted, X, average, *n_members):
        """Return ``average(log-probabilities, weights)`` of all rows of X."""
        labels = fitted.schema.labels
        log_proba, shape = labels.loss.log_proba, (*n_members, len(labels.classes))
        return self._predict(fitted, X, lambda z, weights: average(log_proba(z), weights), shape)

    def predict_proba(self, X):
        """Return class probabilities, the weighted mean over the members.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1, except for multilabel y, where each column is the probability of a label.
        """
        return self._average(fitted_model(self), X, mean_proba)

    def predict_proba_members(self, X):
        """Return the class probabilities of each member; their spread measures uncertainty.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_members, n_samples, n_classes)
            Their mean with the weights ``member_weights_`` is ``predict_proba(X)``.
        """
        fitted = fitted_model(self)
        return self._average(fitted, X, lambda log_proba, _: np.exp(log_proba), fitted.n_members)

    def predict_log_proba(self, X):
        """Return the logarithm of ``predict_proba(X)``, finite even where that rounds to 0.

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
        """Return log-odds or log-probabilities, which do not saturate as probabilities do.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            For two classes, the log-odds of the second; for more classes, log-probabilities; for
            multilabel y, the log-odds of each label.
        """
        return self._scores(fitted_model(self), X)

    def _scores(self, fitted, X):
        labels = fitted.schema.labels
        scores = self._predict(fitted, X, labels.loss.scores, (labels.n_outputs,))
        return scores[:, 0] if labels.is_binary else scores

    def predict(self, X):
        """Return the most probable class or, for multilabel y, labels more probable than 1/2.

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
        """Return the accuracy; for multilabel y, all labels of a row must be correct.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            True labels, in any form that ``fit`` accepts.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
        """
        y, sample_weight = read_targets(X, y, sample_weight)
        fitted_model(self).schema.labels.check_columns(y)
        return super().score(X, check_labels(y), as_numpy(sample_weight))

    def summary(self):
        """Return a summary of the fitted network, which prints as a table.

        Returns
        -------
        Summary
            Shapes and numbers of parameters of the layers, encoded columns, and values of "auto".
        """
        return summarize(self, fitted_model(self))

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: the kinds of input that the estimator accepts."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        for name in ("allow_nan", "categorical", "string"):
            setattr(tags.input_tags, name, is_auto(self.encoder))
        tags.classifier_tags.multi_label = True
        return tags
