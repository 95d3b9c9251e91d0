"""Show the groups of parameters in a docstring.

A comment ``.. Training.`` after a parameter begins the group "Training parameters".
"""

import re

GROUP = re.compile(r"^\s+\.\. ([A-Z][\w ]+)\.$")


def split_parameters(app, what, name, obj, options, lines):
    """Begin a new list of parameters at each group, in the lines that numpydoc has written."""
    lines[:] = [GROUP.sub(r":\1 parameters:", line) for line in lines]


def setup(app):
    """Connect the function to autodoc, after numpydoc."""
    app.connect("autodoc-process-docstring", split_parameters, priority=900)
    return {"parallel_read_safe": True}
