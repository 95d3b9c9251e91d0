"""A diagram of the network, shown in notebooks above scikit-learn's table of parameters.

The diagram is plain SVG without scripts, style sheets or external files. Lines and labels have the
color of the surrounding text, so that they are visible on any background.
"""

from html import escape
from itertools import pairwise, product
from typing import NamedTuple

from skdnn.estimator.summary import headline
from skdnn.tabular._compat import DiagramMixin

MOST_UNITS = 7  # drawn of a layer; of a wider layer, six and an ellipsis
STEP, ROW = 128, 22  # distances between layers, and between units
TOP, RADIUS = 62, 6
MIDDLE = TOP + ROW * (MOST_UNITS - 1) / 2 + RADIUS
ACCENT = "#0072B2"
FONT = "font-family:sans-serif;font-size:12px"
NARROWEST = 0.7  # share of the full width, to which a narrow window may scale the diagram
LETTER = 7  # approximate width


class NotebookMixin(DiagramMixin):
    """Mixin that adds the diagram to the HTML representation of a fitted network."""

    @property
    def _repr_html_(self):
        html = super()._repr_html_  # AttributeError if scikit-learn is set to show text
        return lambda: self._with_diagram(html())

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] = self._with_diagram(bundle["text/html"])
        return bundle

    def _diagram_html(self):
        if not self.__sklearn_is_fitted__():
            return ""
        return f'<div style="overflow-x:auto">{network_diagram(self.summary())}</div>'


def network_diagram(summary):
    """Return the diagram of a Summary as SVG.

    Units are circles, with an ellipsis if there are more than ``MOST_UNITS``. Above each layer are
    its name, width and activation, below it the number of its parameters.
    """
    title, height = headline(summary), TOP + ROW * MOST_UNITS + 46
    width = max(STEP * (len(summary.layers) + 1), LETTER * len(title))
    left = (width - STEP * len(summary.layers)) / 2
    columns, links = diagram_layout(summary)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" style="{FONT};height:auto;max-width:100%;'
        f'min-width:{round(NARROWEST * width)}px">',
        f"<title>{escape(title)}</title>",
        *(_path(left, of_pair) for of_pair in links),
    ]
    for number, column in enumerate(columns):
        x, (name, n_units, detail) = left + STEP * number, column.above
        heights = [MIDDLE + ROW * row for _, row in column.units]
        parts += [f'<circle cx="{x}" cy="{y}" r="{RADIUS}" fill="{ACCENT}"/>' for y in heights]
        if column.is_shortened:
            parts.append(_text(x, MIDDLE + 4, "⋮"))
        parts += [_text(x, 14, name), _text(x, 30, n_units, "bold"), _text(x, 46, detail)]
        parts.append(_text(x, TOP + ROW * MOST_UNITS + 14, column.below))
    return "".join([*parts, _text(width / 2, height - 6, title), "</svg>"])


def _path(left, links):
    lines = [
        f"M{left + STEP * x} {MIDDLE + ROW * y}L{left + STEP * end_x} {MIDDLE + ROW * end_y}"
        for (x, y), (end_x, end_y) in links
    ]
    return f'<path d="{"".join(lines)}" stroke="currentColor" stroke-opacity="0.2" fill="none"/>'


def _text(x, y, text, weight="normal"):
    style = f'text-anchor="middle" fill="currentColor" font-weight="{weight}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


class DiagramLayer(NamedTuple):
    """One layer (or the inputs) of a diagram, for SVG and matplotlib alike.

    Attributes
    ----------
    above : list of str
        Lines of text above it: name, number of units, activation.
    below : str
        Line of text below it.
    units : list of (float, float)
        Positions of its circles: number of the layer, and units down from the middle.
    is_shortened : bool
        Whether there are more units than circles, and an ellipsis in the middle.
    """

    above: list
    below: str
    units: list
    is_shortened: bool


def diagram_layout(summary):
    """Return the DiagramLayers, the inputs first, and the links between their units."""
    inputs = "inputs", summary.n_inputs, f"{summary.n_columns:,} columns", ""
    layers = [
        (layer.name, layer.fan_out, layer.activation, f"{layer.n_parameters:,} parameters")
        for layer in summary.layers
    ]
    columns = []
    for x, (name, n_units, detail, below) in enumerate([inputs, *layers]):
        shown, is_shortened = min(n_units, MOST_UNITS), n_units > MOST_UNITS
        rows = [row - (shown - 1) / 2 for row in range(shown)]
        units = [(x, row) for row in rows if row or not is_shortened]
        columns.append(DiagramLayer([name, f"{n_units:,}", detail], below, units, is_shortened))
    links = [list(product(before.units, after.units)) for before, after in pairwise(columns)]
    return columns, links
