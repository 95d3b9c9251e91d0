"""skorch, torch with scikit-learn's interface, without what takes time and is not asked for."""

import torch
from skorch import NeuralNetClassifier

from benchmarks.adapters.torch_loop import make_layers


def network(spec):
    """Return the plain network: no validation split, no callbacks, no printing."""
    return NeuralNetClassifier(
        make_layers,
        module__widths=spec.widths,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=0.001,
        batch_size=spec.batch_size,
        max_epochs=spec.n_epochs,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks="disable",
        predict_nonlinearity=torch.nn.Softmax(dim=1),
        verbose=0,
    )
