"""Links from the pages to files beside ``docs`` and to scikit-learn's documentation.

In the repository, a page links to ``../CHANGELOG.md`` or ``../examples/plot_digits.py``. On the
site the first is the page ``CHANGELOG`` (which includes that file), the second a gallery page.
Source files are downloads; folders and the README, which the site does not have, are left as text.
"""

import re
from pathlib import Path

from docutils import nodes

LINK = re.compile(r"\[([^\]]*)\]\((\.\./[^)#\s]*)(#[^)\s]*)?\)")
SCIKIT_LEARN = "https://scikit-learn.org/stable"


def on_the_site(page, target):
    """Return where the site has a file of the repository, as a link from the page, or None."""
    path, docs = (page.parent / target).resolve(), Path(__file__).resolve().parents[1]
    if path.is_relative_to(docs):
        return target
    up = "../" * len(page.relative_to(docs).parents[:-1])
    inside = path.relative_to(docs.parent)
    if path.is_dir() or inside == Path("README.md"):
        return None
    if inside.parent == Path() and (docs / inside).exists():
        return f"{up}{inside}"
    if inside.parent == Path("examples") and inside.name.startswith("plot_"):
        return f"{up}auto_examples/{inside.stem}.rst"
    return target


def rewrite_links(app, docname, source):
    """Change the links of a Markdown page that lead out of ``docs``."""
    page = Path(app.env.doc2path(docname)).resolve()
    if page.suffix != ".md":
        return

    def rewritten(match):
        text, target, anchor = match.groups()
        place = on_the_site(page, target)
        return text if place is None else f"[{text}]({place}{anchor or ''})"

    source[0] = LINK.sub(rewritten, source[0])


def link_to_scikit_learn(app, env, node, content):
    """Resolve a reference to an object of scikit-learn."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("sklearn."):
        return None
    uri = f"{SCIKIT_LEARN}/modules/generated/{target}.html"
    return nodes.reference("", "", content, internal=False, refuri=uri)


def rewrite_roles(app, what, name, obj, options, lines):
    """Make links of the references to scikit-learn's guide in docstrings that we inherit."""
    role = re.compile(r":(?:ref|term):`([^<`]+?)\s*(?:<(\w+)>)?`")
    lines[:] = [
        role.sub(
            lambda match: (
                f"`{match[1]} <{SCIKIT_LEARN}/{match[2]}.html>`__" if match[2] else match[1]
            ),
            line,
        )
        for line in lines
    ]


def setup(app):
    """Connect the functions to Sphinx."""
    app.connect("source-read", rewrite_links)
    app.connect("missing-reference", link_to_scikit_learn)
    app.connect("autodoc-process-docstring", rewrite_roles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
