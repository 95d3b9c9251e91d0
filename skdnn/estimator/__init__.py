"""What fit and predict do around the core: inputs, labels, folds, training, results."""
