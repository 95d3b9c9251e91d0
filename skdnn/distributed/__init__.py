"""Training on the workers of a cluster."""

from skdnn.distributed.dask_classifier import DaskDeepNetClassifier

__all__ = ["DaskDeepNetClassifier"]
