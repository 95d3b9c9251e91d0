"""What a notebook shows: the network as a diagram beside scikit-learn's table of parameters.

The diagram is plain SVG: no scripts, no style sheets, nothing from elsewhere. Its lines and texts
have the color of the text around them, so that it can be read on any background.
"""

from html import escape
from itertools import pairwise
from typing import NamedTuple

from skdnn.summary import MOST_UNITS, headline, summarize, unit_rows

STEP, ROW = 128, 22  # from one layer to the next, and from one unit to the next
TOP, RADIUS = 62, 6
MIDDLE = TOP + ROW * (MOST_UNITS - 1) / 2 + RADIUS
ACCENT = "#0072B2"
FONT = "font-family:sans-serif;font-size:12px"
BESIDE = "display:flex;flex-wrap:wrap;align-items:flex-start;gap:1.5em"
LETTER = 7  # about as wide as one is


class NotebookMixin:
    """Adds the diagram to scikit-learn's HTML representation, once there is a network."""

    def _repr_html_inner(self):
        html = super()._repr_html_inner()
        if not self.__sklearn_is_fitted__():
            return html
        summary = summarize(self)
        # Else a long table of attributes would push the diagram out of sight.
        room = f"max-width:max(20em, calc(100% - {_width(summary) + 32}px))"
        diagram = network_diagram(summary)
        return f'<div style="{BESIDE}"><div style="{room}">{html}</div><div>{diagram}</div></div>'

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] = self._repr_html_inner()
        return bundle


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
    first = (width - STEP * len(summary.layers)) / 2
    columns = [_Column(first, "inputs", summary.n_inputs, f"{summary.n_columns:,} columns", "")]
    for number, layer in enumerate(summary.layers, start=1):
        x, below = first + STEP * number, f"{layer.n_parameters:,} parameters"
        columns.append(_Column(x, layer.name, layer.fan_out, layer.activation, below))
    title = headline(summary)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" style="{FONT}">',
        f"<title>{escape(title)}</title>",
        *(_links(before, after) for before, after in pairwise(columns)),
        *(column.draw() for column in columns),
        _text(width / 2, height - 6, title),
        "</svg>",
    ]
    return "".join(parts)


def _width(summary):
    return max(STEP * (len(summary.layers) + 1), LETTER * len(headline(summary)))


class _Column(NamedTuple):
    """A layer of the diagram: what is written above it, its units, and what is below."""

    x: float
    name: str
    n_units: int
    detail: str
    below: str

    @property
    def heights(self):
        """Where its units are."""
        return [MIDDLE + ROW * row for row in unit_rows(self.n_units)]

    def draw(self):
        """Return it as SVG."""
        circles = [
            f'<circle cx="{self.x}" cy="{y}" r="{RADIUS}" fill="{ACCENT}"/>' for y in self.heights
        ]
        if self.n_units > MOST_UNITS:
            circles.append(_text(self.x, MIDDLE + 4, "⋮"))
        texts = [
            _text(self.x, 14, self.name),
            _text(self.x, 30, f"{self.n_units:,}", "font-weight:bold"),
            _text(self.x, 46, self.detail),
            _text(self.x, TOP + ROW * MOST_UNITS + 14, self.below),
        ]
        return "".join([*circles, *texts])


def _links(before, after):
    path = "".join(
        f"M{before.x} {start}L{after.x} {stop}"
        for start in before.heights
        for stop in after.heights
    )
    return f'<path d="{path}" stroke="currentColor" stroke-opacity="0.2" fill="none"/>'


def _text(x, y, text, style=""):
    style = f' style="{style}"' if style else ""
    place = f'x="{x}" y="{y}" text-anchor="middle"'
    return f'<text {place} fill="currentColor"{style}>{escape(text)}</text>'
