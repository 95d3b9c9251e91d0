"""Changes to the default parameters, each by the text that would make it."""

from skdnn import DeepNetClassifier, TableEncoder

DEFAULTS = "defaults"


def name_of(parameters):
    """Return the parameters as they are written in a call."""
    texts = (f"{name}={value!r}" for name, value in parameters.items())
    return ", ".join(texts) or DEFAULTS


CHANGES = {
    name_of(parameters): parameters
    for parameters in (
        {},
        {"n_members": 1},
        {"n_members": 8},
        {"diverse_members": False},
        {"encoder": TableEncoder(n_bins=0)},
        {"target_statistics": None},
        {"connectivity": None},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": (64, 64)},
        {"hidden_layer_sizes": (128, 128)},
        {"hidden_layer_sizes": (512, 256)},
        {"hidden_layer_sizes": (256, 256, 256)},
        {"activation": "silu"},
        {"dropout": 0.0},
        {"dropout": 0.1},
        {"label_smoothing": 0.0},
        {"weight_decay": 0.0},
        {"learning_rate_init": 0.002},
        {"learning_rate_init": 0.01},
        {"learning_rate": "constant"},
        {"batch_size": 256},
        {"early_stopping": False},
        {"solver": "adam"},
    )
}


def make(name, seed):
    """Return an unfitted classifier; importable by name, for another process."""
    return DeepNetClassifier(random_state=seed, **CHANGES[name])
