"""The summary of a fitted network, used for printing, notebooks and displays."""

import textwrap
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from skdnn.estimator.auto_parameters import is_auto

WIDTH = 88  # characters of a line
MAX_NAMED = 50  # columns listed by name


class Layer(NamedTuple):
    """A dense layer of one member.

    Attributes
    ----------
    name : str
        "hidden 1", "hidden 2", ..., "output".
    fan_in, fan_out : int
        Numbers of its inputs and of its units.
    activation : str
        Name of its activation.
    """

    name: str
    fan_in: int
    fan_out: int
    activation: str

    @property
    def n_parameters(self):
        """Number of weights and biases."""
        return (self.fan_in + 1) * self.fan_out


@dataclass(frozen=True)
class Summary:
    """Summary of a fitted network; ``str`` and ``repr`` are a table.

    Attributes
    ----------
    estimator : str
        Name of the class of the estimator.
    n_members : int
        Number of members, all of the same shape.
    layers : tuple of Layer
        The layers of one member.
    encoder : str
        Name of the encoder's class.
    n_columns : int
        Number of columns of X.
    ignored_columns : dict of str to str
        Columns that the encoder ignores, and the reasons.
    parsed_columns : dict of str to str
        Columns of strings that the encoder reads as numbers or dates, and their formats.
    n_iter : int
        Number of epochs.
    best_iter : tuple of int
        Earliest and latest of the epochs whose parameters the members kept.
    variants : dict of str to float
        Weights of the variants of members in the mean, if there are several.
    temperature : float
        Divisor of the logits that calibrates the probabilities.
    backend : {"numba", "numpy"}
        Implementation of the kernels used in training.
    auto : dict
        Values used for the parameters that are "auto".
    """

    estimator: str
    n_members: int
    layers: tuple
    encoder: str
    n_columns: int
    ignored_columns: dict
    parsed_columns: dict
    n_iter: int
    best_iter: tuple
    variants: dict
    temperature: float
    backend: str
    auto: dict

    @property
    def n_inputs(self):
        """Number of inputs of the network."""
        return self.layers[0].fan_in

    @property
    def n_parameters(self):
        """Number of parameters of one member."""
        return sum(layer.n_parameters for layer in self.layers)

    def __str__(self):
        return "\n".join([headline(self), "", *_table(self.layers), "", *_notes(self)])

    __repr__ = __str__


def summarize(estimator, fitted):
    """Return the Summary of an estimator and its FittedModel."""
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
        parsed_columns=getattr(encoder, "parsed_columns_", {}),
        n_iter=fitted.n_iter,
        best_iter=(int(best.min()), int(best.max())),
        variants=fitted.variant_weights,
        temperature=float(fitted.temperature),
        backend=fitted.backend,
        auto=auto,
    )


def headline(summary):
    """Return a line with the numbers of networks and parameters."""
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
        yield from _wrap("ignored", _reasons(summary.ignored_columns))
    parsed = list(summary.parsed_columns.items())
    for name, form in parsed[:MAX_NAMED]:
        yield from _wrap("read from strings", [f"{name} as {form}"])
    if len(parsed) > MAX_NAMED:
        yield f"read from strings: {len(parsed) - MAX_NAMED:,} more columns"
    first, last = summary.best_iter
    best = f"{first}" if first == last else f"{first} to {last}"
    trained_with = {"numba": "kernels compiled by numba", "numpy": "NumPy"}[summary.backend]
    yield f"epochs: {summary.n_iter} run, best {best}; temperature {summary.temperature:.3g}"
    yield f"trained with {trained_with}"
    if summary.variants:
        weights = [
            f"{name} {weight:.2f}" + " (left out)" * (weight == 0)
            for name, weight in summary.variants.items()
        ]
        yield from _wrap("weights of the members' variants", weights)
    if summary.auto:
        values = [f"{name}={_rounded(value)!r}" for name, value in summary.auto.items()]
        yield from _wrap("values of auto", values)


def _rounded(value):
    """Return a float with three digits; anything else as it is."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _reasons(ignored_columns):
    if len(ignored_columns) <= MAX_NAMED:
        return [f"{name} ({reason})" for name, reason in ignored_columns.items()]
    counts = Counter(ignored_columns.values())
    return [f"{number:,} columns ({reason})" for reason, number in counts.items()]


def _wrap(title, words):
    text = f"{title}: {', '.join(words)}"
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False)


def _name_of(activation):
    """Return the name of an activation: a string, a function, a pair of these, or an object."""
    if isinstance(activation, str):
        return activation
    if isinstance(activation, tuple):
        return _name_of(activation[0])
    return getattr(activation, "__name__", type(activation).__name__)
