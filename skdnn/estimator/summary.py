"""What a fitted network is made of: the facts that texts, notebooks and pictures show."""

import textwrap
from dataclasses import dataclass
from typing import NamedTuple

from skdnn.estimator.auto_parameters import is_auto

WIDTH = 88  # characters of a line


class Layer(NamedTuple):
    """A dense layer of one member.

    Attributes
    ----------
    name : str
        "hidden 1", "hidden 2", ..., "output".
    fan_in, fan_out : int
        Units before it, and its own.
    activation : str
        What its outputs go through.
    """

    name: str
    fan_in: int
    fan_out: int
    activation: str

    @property
    def n_parameters(self):
        """Weights and biases."""
        return (self.fan_in + 1) * self.fan_out


@dataclass(frozen=True)
class Summary:
    """A fitted network in figures; its text is a table.

    Attributes
    ----------
    estimator : str
        Name of its class.
    n_members : int
        Networks of the same shape.
    layers : tuple of Layer
        Of one member.
    encoder : str
        Name of the encoder's class.
    n_columns : int
        Columns of X.
    ignored_columns : dict of str to str
        Columns that the encoder leaves out, and why.
    n_iter : int
        Epochs run.
    best_iter : tuple of int
        Epochs after which members' parameters were taken, the first and the last.
    temperature : float
        What logits are divided by.
    backend : {"numba", "numpy"}
        What ran the kernels of training.
    auto : dict
        What the parameters that are "auto" became.
    """

    estimator: str
    n_members: int
    layers: tuple
    encoder: str
    n_columns: int
    ignored_columns: dict
    n_iter: int
    best_iter: tuple
    temperature: float
    backend: str
    auto: dict

    @property
    def n_inputs(self):
        """Inputs of the network."""
        return self.layers[0].fan_in

    @property
    def n_parameters(self):
        """Parameters of one member."""
        return sum(layer.n_parameters for layer in self.layers)

    def __str__(self):
        """Return the summary as a table and a few lines."""
        parts = [headline(self), "", *_table(self.layers), "", *_notes(self)]
        return "\n".join(parts)

    __repr__ = __str__


def summarize(estimator, fitted):
    """Return the Summary of an estimator that has learnt a FittedModel."""
    resolved, widths, encoder = fitted.resolved, fitted.widths, fitted.schema.encoder
    names = [f"hidden {number}" for number in range(1, len(widths) - 1)] + ["output"]
    activations = [*map(_name_of, resolved["activation"]), estimator.out_activation_]
    layers = map(Layer, names, widths[:-1], widths[1:], activations)
    given = estimator.get_params(deep=False)
    auto = {name: value for name, value in resolved.items() if is_auto(given.get(name))}
    best = fitted.best_iter
    return Summary(
        estimator=type(estimator).__name__,
        n_members=fitted.n_members,
        layers=tuple(layers),
        encoder=type(encoder).__name__,
        n_columns=fitted.schema.columns["n_features_in_"],
        ignored_columns=getattr(encoder, "ignored_columns_", {}),
        n_iter=fitted.n_iter,
        best_iter=(int(best.min()), int(best.max())),
        temperature=float(fitted.temperature),
        backend=fitted.backend,
        auto=auto,
    )


def headline(summary):
    """Return the number of networks and parameters in a line."""
    each = f"{summary.n_parameters:,} parameters"
    if summary.n_members == 1:
        return f"{summary.estimator}: 1 network of {each}"
    total = summary.n_members * summary.n_parameters
    return f"{summary.estimator}: {summary.n_members} networks of {each}, {total:,} in all"


def _table(layers):
    rows = [("layer", "weights", "activation", "parameters")]
    for layer in layers:
        shape, count = f"({layer.fan_in}, {layer.fan_out})", f"{layer.n_parameters:>10,}"
        rows.append((layer.name, shape, layer.activation, count))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)) for row in rows]


def _notes(summary):
    yield f"{summary.encoder}: {summary.n_columns:,} columns -> {summary.n_inputs:,} inputs"
    if summary.ignored_columns:
        why = [f"{name} ({reason})" for name, reason in summary.ignored_columns.items()]
        yield from _wrap("ignored", why)
    first, last = summary.best_iter
    best = f"{first}" if first == last else f"{first} to {last}"
    trained_with = {"numba": "kernels compiled by numba", "numpy": "NumPy"}[summary.backend]
    yield f"epochs: {summary.n_iter} run, best {best}; temperature {summary.temperature:.3g}"
    yield f"trained with {trained_with}"
    if summary.auto:
        became = [f"{name}={value!r}" for name, value in summary.auto.items()]
        yield from _wrap("auto became", became)


def _wrap(title, words):
    text = f"{title}: {', '.join(words)}"
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False)


def _name_of(activation):
    """Return the name of an activation: a text, a function, a pair of these, or an object."""
    if isinstance(activation, str):
        return activation
    if isinstance(activation, tuple):
        return _name_of(activation[0])
    return getattr(activation, "__name__", type(activation).__name__)
