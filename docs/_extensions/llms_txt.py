"""Write ``llms.txt``: the pages of the site, one a line, with their titles."""

from pathlib import Path


def in_order(env, docname):
    """Yield a page and, after it, those of its tables of contents."""
    yield docname
    for child in env.toctree_includes.get(docname, []):
        yield from in_order(env, child)


def write_list(app, exception):
    """Write the list beside the built pages."""
    if exception or app.builder.format != "html":
        return
    env = app.builder.env
    pages = dict.fromkeys([*in_order(env, env.config.root_doc), *sorted(env.found_docs)])
    lines = [
        f"- [{env.titles[page].astext()}]({app.builder.get_target_uri(page)})" for page in pages
    ]
    text = "\n".join([f"# {app.config.project} {app.config.release}", "", *lines, ""])
    (Path(app.outdir) / "llms.txt").write_text(text, encoding="utf-8")


def setup(app):
    """Connect the function to the end of the build."""
    app.connect("build-finished", write_list)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
