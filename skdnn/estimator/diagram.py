"""What a notebook shows: the network as a diagram beside scikit-learn's table of parameters.

The diagram is plain SVG: no scripts, no style sheets, nothing from elsewhere. Its lines and texts
have the color of the text around them, so that it can be read on any background.
"""

from html import escape
from itertools import pairwise, product
from typing import NamedTuple

from skdnn.estimator.summary import headline

MOST_UNITS = 7  # of a layer, in a drawing; of more there are six, with a gap in the middle
STEP, ROW = 128, 22  # from one layer to the next, and from one unit to the next
TOP, RADIUS = 62, 6
MIDDLE = TOP + ROW * (MOST_UNITS - 1) / 2 + RADIUS
ACCENT = "#0072B2"
FONT = "font-family:sans-serif;font-size:12px"
BESIDE = "display:flex;flex-wrap:wrap;align-items:flex-start;gap:1.5em"
LETTER = 7  # about as wide as one is


class NotebookMixin:
    """Adds the diagram to scikit-learn's HTML representation, once there is a network."""

    @property
    def _repr_html_(self):
        html = super()._repr_html_  # AttributeError where scikit-learn is to show text
        return lambda: self._beside_diagram(html())

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] = self._beside_diagram(bundle["text/html"])
        return bundle

    def _beside_diagram(self, html):
        if not self.__sklearn_is_fitted__():
            return html
        summary = self.summary()
        # Else a long table of attributes would push the diagram out of sight.
        room = f"max-width:max(20em, calc(100% - {_width(summary) + 32}px))"
        diagram = network_diagram(summary)
        return f'<div style="{BESIDE}"><div style="{room}">{html}</div><div>{diagram}</div></div>'


def network_diagram(summary):
    """Return a Summary's network as SVG.

    Parameters
    ----------
    summary : Summary

    Returns
    -------
    str
        Units as circles, more than ``MOST_UNITS`` with a gap in the middle; above each layer what
        it is and how wide, below it how many parameters lead to it.
    """
    width, height = _width(summary), TOP + ROW * MOST_UNITS + 46
    left, title = (width - STEP * len(summary.layers)) / 2, headline(summary)
    columns, links = diagram_layout(summary)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" style="{FONT}">',
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


def _width(summary):
    return max(STEP * (len(summary.layers) + 1), LETTER * len(headline(summary)))


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
    """The inputs or a layer in a drawing of the network, whatever draws it.

    Attributes
    ----------
    above : list of str
        Lines to write above it: name, number of units, activation.
    below : str
        A line to write below it.
    units : list of (float, float)
        Where its circles are: layers to the right, and units down from the middle.
    is_shortened : bool
        Whether there are more units than circles, with a gap in the middle.
    """

    above: list
    below: str
    units: list
    is_shortened: bool


def diagram_layout(summary):
    """Return the Columns of a drawing, the inputs first, and the links between their units."""
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
