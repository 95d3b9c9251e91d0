"""What a fitted network is made of: the facts that texts, notebooks and pictures show."""

import textwrap
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

WIDTH = 88  # characters of a line
MOST_UNITS = 7  # of a layer, in a drawing; of more there are six, with a gap in the middle


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


def summarize(estimator):
    """Return the Summary of a fitted estimator."""
    resolved, widths = estimator.resolved_params_, estimator._widths
    names = [f"hidden {number}" for number in range(1, len(widths) - 1)] + ["output"]
    activations = [*map(_name_of, resolved["activation"]), estimator.out_activation_]
    layers = map(Layer, names, widths[:-1], widths[1:], activations)
    given = estimator.get_params(deep=False)
    auto = {name: value for name, value in resolved.items() if _is_auto(given.get(name))}
    best = np.atleast_1d(estimator.best_iter_)
    return Summary(
        estimator=type(estimator).__name__,
        n_members=len(estimator._params),
        layers=tuple(layers),
        encoder=type(estimator.encoder_).__name__,
        n_columns=estimator.n_features_in_,
        ignored_columns=getattr(estimator.encoder_, "ignored_columns_", {}),
        n_iter=estimator.n_iter_,
        best_iter=(int(best.min()), int(best.max())),
        temperature=float(estimator.temperature_),
        auto=auto,
    )


def headline(summary):
    """Return the number of networks and parameters in a line."""
    each = f"{summary.n_parameters:,} parameters"
    if summary.n_members == 1:
        return f"{summary.estimator}: 1 network of {each}"
    total = summary.n_members * summary.n_parameters
    return f"{summary.estimator}: {summary.n_members} networks of {each}, {total:,} in all"


def unit_rows(n_units):
    """Return where to draw the units of a layer, in rows from the middle downwards."""
    shown = min(n_units, MOST_UNITS)
    rows = [row - (shown - 1) / 2 for row in range(shown)]
    return rows if n_units <= MOST_UNITS else [row for row in rows if row]


def _table(layers):
    rows = [("layer", "weights", "activation", "parameters")]
    for layer in layers:
        shape = f"({layer.fan_in}, {layer.fan_out})"
        rows.append((layer.name, shape, layer.activation, f"{layer.n_parameters:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, shape, activation, count in rows:
        cells = name.ljust(widths[0]), shape.ljust(widths[1]), activation.ljust(widths[2])
        yield "  ".join([*cells, count.rjust(widths[3])])


def _notes(summary):
    yield f"{summary.encoder}: {summary.n_columns:,} columns -> {summary.n_inputs:,} inputs"
    if summary.ignored_columns:
        why = [f"{name} ({reason})" for name, reason in summary.ignored_columns.items()]
        yield from _wrap("ignored", why)
    first, last = summary.best_iter
    best = f"{first}" if first == last else f"{first} to {last}"
    yield f"epochs: {summary.n_iter} run, best {best}; temperature {summary.temperature:.3g}"
    if summary.auto:
        yield from _wrap(
            "auto became", [f"{name}={value!r}" for name, value in summary.auto.items()]
        )


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


def _is_auto(value):
    return isinstance(value, str) and value == "auto"
