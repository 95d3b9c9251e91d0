"""The steps of fit and predict: input checks, encoding, folds, training, calibration, results."""
