"""Mathematics as MathML, which browsers draw without a script or a font from elsewhere."""

import html
import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

# Commands that docutils does not know, and those of the same look.
INSTEAD = [(r"\\([bB]igg?)(?![a-zA-Z])", r"\\\1l"), (r"\\dots(?![a-zA-Z])", r"\\ldots")]
logger = logging.getLogger(__name__)


def to_mathml(node, as_block):
    """Return a formula as MathML, or as it is written, with a warning."""
    formula = node.astext()
    for command, instead in INSTEAD:
        formula = re.sub(command, instead, formula)
    try:
        return tex2mathml(formula, as_block=as_block)
    except MathError as error:
        logger.warning("formula: %s", error, location=node)
        return f"<code>{html.escape(node.astext())}</code>"


def visit_math(translator, node):
    """Write mathematics within a line."""
    translator.body.append(to_mathml(node, as_block=False))
    raise nodes.SkipNode


def visit_math_block(translator, node):
    """Write a displayed formula; a wide one scrolls by itself."""
    translator.body.append(f'<div class="formula">{to_mathml(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app):
    """Register the renderer, for the setting ``html_math_renderer``."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
