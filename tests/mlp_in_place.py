"""A pytest plugin: where tests say MLPClassifier they get DeepNetClassifier with its defaults.

``python -m pytest --pyargs sklearn.neural_network.tests.test_mlp -p mlp_in_place`` runs
scikit-learn's own tests, as installed, with the class replaced.
"""

import sklearn.neural_network

from skdnn import DeepNetClassifier

DEFAULTS = sklearn.neural_network.MLPClassifier().get_params()


class OneNetwork(DeepNetClassifier):
    """DeepNetClassifier with the defaults of MLPClassifier, and one member."""

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        n_members=1,
        encoder="passthrough",
        dtype="input",
    ):
        given = {name: value for name, value in locals().items() if name in self._names()}
        super().__init__(**given)

    @classmethod
    def _names(cls):
        return {*DEFAULTS, "n_members", "encoder", "dtype"}


def pytest_configure(config):
    """Replace the class before the tests are collected."""
    sklearn.neural_network.MLPClassifier = OneNetwork
