"""Names of attributes that the package looks for in whatever it is given."""

import ast
from pathlib import Path

import skdnn

LOOKUPS = {"hasattr", "getattr", "type_has"}


def attribute_names():
    """Return, sorted, all names that the source looks for, and a few that scikit-learn does."""
    names = {"fit", "shape", "dtype", "dtypes", "name", "columns", "__arrow_c_stream__"}
    for path in Path(skdnn.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in LOOKUPS:
                names |= {part.value for part in node.args[1:2] if isinstance(part, ast.Constant)}
    assert {"iloc", "get_columns", "column_names", "to_native", "__dlpack__"} <= names
    return sorted(names)
