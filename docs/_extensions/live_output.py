"""Replace ``<!-- output -->`` in a page by what its Python blocks print up to there.

The comment is invisible where only the Markdown is rendered.
"""

import io
import re
from contextlib import redirect_stdout

MARK = "<!-- output -->\n"
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def insert_output(app, docname, source):
    """Run the Python blocks before each mark, and put their output in its place."""
    *parts, rest = source[0].split(MARK)
    namespace = {"__name__": docname}
    for number, part in enumerate(parts):
        printed = io.StringIO()
        with redirect_stdout(printed):
            for code in PYTHON_BLOCK.findall(part):
                exec(code, namespace)
        block = f"```{{code-block}} none\n:class: output\n\n{printed.getvalue()}```\n"
        parts[number] = part + block
    source[0] = "".join([*parts, rest])


def setup(app):
    """Connect the function to the reading of each page."""
    app.connect("source-read", insert_output)
    return {"parallel_read_safe": True}
