"""skdnn; with or without compiled kernels is up to the environment."""

from skdnn import DeepNetClassifier


def network(spec):
    """Return the plain network: no folds, no encoder, no stopping before the last epoch."""
    return DeepNetClassifier(
        hidden_layer_sizes=spec.widths[1:-1],
        solver="adam",
        learning_rate="constant",
        batch_size=spec.batch_size,
        max_iter=spec.n_epochs,
        n_iter_no_change=10**6,
        n_members=spec.n_members,
        n_jobs=spec.n_jobs,
        early_stopping=False,
        encoder="passthrough",
        random_state=0,
    )


def default():
    """Return the classifier as it comes."""
    return DeepNetClassifier(random_state=0)
