"""A fitted network with the rows whose predictions are explained."""

import numpy as np
from scipy.sparse import issparse

from skdnn.core.averaging import class_log_odds
from skdnn.core.input_gradients import InputGradient
from skdnn.estimator.encoder_adapters import adapted
from skdnn.estimator.fitted_model import fitted_model
from skdnn.estimator.predict import predict_blocks
from skdnn.estimator.threads import threads_apart
from skdnn.inspection.unwrap import input_names, input_origins, received_names, unwrap
from skdnn.tabular.as_frames import type_has
from skdnn.tabular.dataframes import check_table, spans
from skdnn.tabular.user_warnings import ColumnWarnings

BLOCK_ROWS = 64  # rows that are explained at a time


class ExplainedModel:
    """A fitted network with the encoded rows and the classes to explain.

    ``estimator`` is as for :func:`unwrap`, X has rows for it, and ``target`` is the class to
    explain, one for all rows or one for each.

    Attributes
    ----------
    table : frame, ndarray or CSR
        The rows, as the network gets them.
    names : sequence of str
        Names of its columns.
    index : pandas.Index or None
        Labels of the rows, if they are those of a pandas dataframe.
    gradients : InputGradient
        Computes the gradients of the network.
    target : ndarray of shape (n_rows,)
        The class to explain in each row.
    """

    def __init__(self, estimator, X, target):
        self.network, received = unwrap(estimator, X)
        self.names = received_names(estimator, self.network)
        self.fitted = fitted_model(self.network)
        self.labels, self.adapter = self.fitted.schema.labels, adapted(self.fitted.schema.encoder)
        self.table = check_table(self.network, received, reset=False)
        self.index = _row_labels(self.table, X)
        self.rows = self.adapter.encode(self.table, np.dtype(np.float64))
        self.classes = self._find_classes(self.table, target)
        self.target = self.labels.classes[self.classes]
        # Inputs are already expanded, so only the layers from the first dense one on are used.
        dense = self.fitted.passes.dense
        self.gradients = InputGradient(dense.network, dense.params)

    def _find_classes(self, X, target):
        """Return the index of the class to explain in each row."""
        classes = self.labels.classes
        if target is None and self.labels.is_multilabel:
            raise ValueError(
                f"y has {len(classes)} labels: pass target, one of {classes.tolist()}."
            )
        if target is None and not self.labels.is_binary:
            given = self.fitted, self.network.n_jobs, X, self.labels.loss.scores
            scores = np.empty((X.shape[0], len(classes)))
            # Encoding the rows gave the warnings.
            return predict_blocks(*given, scores, ColumnWarnings()).argmax(axis=1)
        target = np.asarray(classes[1] if target is None else target)
        if target.shape not in ((), (X.shape[0],)):
            raise ValueError(
                f"target must be one class, or one for each of the {X.shape[0]} rows, got an array "
                f"of shape {target.shape}."
            )
        known = {label: index for index, label in enumerate(classes.tolist())}
        unknown = [label for label in np.unique(target).tolist() if label not in known]
        if unknown:
            raise ValueError(f"target names {unknown!r}, but the classes are {list(known)!r}.")
        return np.broadcast_to([known[label] for label in target.ravel().tolist()], X.shape[0])

    def _expand(self, rows):
        """Return the inputs of a block of encoded rows; they may need much more memory."""
        expansion = self.adapter.expansion
        return rows if expansion is None or issparse(rows) else expansion(rows)

    def map(self, explain):
        """Return the arrays of ``explain(inputs, score)`` for all rows, computed on threads."""
        loss, (divisors, weights) = self.labels.loss, self.fitted.calibration

        def explain_block(span):
            classes = self.classes[span]

            def score(logits, rows):
                return class_log_odds(logits, weights, classes[rows], loss, divisors)

            return explain(self._expand(self.rows[span]), score)

        blocks = list(spans(self.rows.shape[0], BLOCK_ROWS))
        with threads_apart(self.network.n_jobs, len(blocks)) as threads:
            explained = threads.map(explain_block, blocks)
        return map(np.concatenate, zip(*explained, strict=True))

    def baseline(self, estimator, given):
        """Return the inputs of the baseline, of shape (1, n_inputs)."""
        if given is not None:
            X = check_table(self.network, unwrap(estimator, given)[1], reset=False)
            rows = self.adapter.encode(X, np.dtype(np.float64))
            blocks = (rows[span] for span in spans(rows.shape[0], BLOCK_ROWS))
            total = sum(self._expand(block).sum(axis=0) for block in blocks)
            return np.asarray(total).reshape(1, -1) / rows.shape[0]
        if hasattr(self.adapter.encoder, "typical_row"):
            return self.adapter.encoder.typical_row().astype(np.float64)
        return np.zeros((1, self.fitted.widths[0]))

    def attributed_columns(self):
        """Return the names of the columns that have attributions, and the table with their values.

        If the encoder does not provide the origin of the encoded columns, these have the
        attributions, and the table is None.
        """
        if input_origins(self.network) is None:
            return input_names(self.network), None
        if hasattr(self.table, "iloc"):  # a shallow copy does not see later changes of the frame
            return self.table.columns, self.table.copy(deep=False)
        return self.names, self.table


def _row_labels(*tables):
    """Return the index of the first pandas dataframe that has as many rows as the first table."""
    indices = (table.index for table in tables if type_has(table, "iloc"))
    return next((index for index in indices if len(index) == tables[0].shape[0]), None)
