"""DeepNetClassifier and its steps: input checks, encoding, folds, training, calibration, results.

Conventions: arguments with the name of a class are instances of it (``fit_data`` is a FitData).
``settings`` are the parameters of the estimator, as a namespace. ``estimator`` is a copy of it, on
which scikit-learn sets the attributes of the columns. ``before`` is the FittedModel whose training
is continued, or None.
"""
