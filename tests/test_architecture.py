"""The shape of the package, read from its source (design.md: data flow)."""

import ast
import subprocess
import sys
import tokenize
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import skdnn

ROOT = Path(skdnn.__file__).parent
MOST_LINES, MOST_LINES_OF_THE_DOOR, MOST_LINES_OF_A_FUNCTION = 300, 560, 40
MOST_LINES_OF_ALL, MOST_LINES_OF_THE_CORE = 10_250, 2600
OPTIONAL = ("pandas", "polars", "matplotlib", "numba", "onnx", "skl2onnx", "pyarrow")
OPTIONAL += ("dask", "distributed")
RANDOM = {"Generator", "SeedSequence", "SFC64", "default_rng"}

# A module imports only from those on its own floor, without circles, and on those before it. A
# module that is named here has a floor of its own, below or above that of its folder.
FLOORS = (
    "skdnn.core",
    "skdnn.tabular._compat",
    "skdnn.tabular",
    "skdnn.estimator",
    "skdnn.estimator.classifier",
    "skdnn.inspection",
    "skdnn.export",
    "skdnn.distributed",
    "skdnn.callbacks",
    "skdnn",
)
MOST_ENTRIES = 8  # beside __pycache__ and py.typed


def module_name(path):
    parts = ("skdnn", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(part for part in parts if part != "__init__")


SOURCES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def tree_of(module):
    return ast.parse(SOURCES[module].read_text(encoding="utf-8"))


def imports(tree):
    """Return the modules that are imported, by either statement, anywhere."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            # ``from package import module`` imports the module.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name if name in SOURCES else node.module for name in names]
    return found


def imports_on_import(tree):
    """Return what is imported as soon as the module is, not first by a call."""
    outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    for node in ast.walk(ast.Module(outside, [])):
        if isinstance(node, ast.FunctionDef):
            node.body = []
    return imports(ast.Module(outside, []))


def top_level(names):
    return {name.split(".")[0] for name in names}


def test_imports_are_read_from_both_statements_wherever_they_are():
    tree = ast.parse(
        "import a.b, c\nfrom d.e import f\nfrom skdnn.core import losses\n"
        "def g():\n    import h\nclass I:\n    import j\n    def k(self):\n        import l\n"
    )
    on_import = {"a.b", "c", "d.e", "skdnn.core.losses", "j"}
    assert set(imports(tree)) == on_import | {"h", "l"}
    assert set(imports_on_import(tree)) == on_import


def floor_of(module):
    """Return the number of the floor that a module is part of, its own before its folder's."""
    return FLOORS.index(max((f for f in FLOORS if f"{module}.".startswith(f"{f}.")), key=len))


def test_a_module_may_have_a_floor_of_its_own():
    assert floor_of("skdnn.core.losses") == floor_of("skdnn.core") == 0
    assert floor_of("skdnn.core") < floor_of("skdnn.tabular._compat") < floor_of("skdnn.tabular")
    door = floor_of("skdnn.estimator.classifier")
    assert floor_of("skdnn.estimator.fitted_model") < door < floor_of("skdnn.inspection.display")
    assert floor_of("skdnn") == len(FLOORS) - 1


def test_the_package_has_at_most_eight_entries_each_on_a_floor():
    entries = {path.name for path in ROOT.iterdir()} - {"__pycache__", "py.typed"}
    assert len(entries) <= MOST_ENTRIES
    floors = {f"skdnn.{name.removesuffix('.py')}" for name in entries} - {"skdnn.__init__"}
    assert floors | {"skdnn"} == {".".join(floor.split(".")[:2]) for floor in FLOORS}
    assert set(FLOORS) <= set(SOURCES)


def test_imports_go_one_way_down_the_floors_and_in_no_circles():
    graph = {}
    for module in SOURCES:
        own = {name for name in imports(tree_of(module)) if top_level([name]) == {"skdnn"}}
        assert {name for name in own if floor_of(name) > floor_of(module)} == set(), module
        graph[module] = own
    TopologicalSorter(graph).prepare()  # raises CycleError, which names a circle


def test_the_core_needs_numpy_and_scipy_alone_and_numba_where_it_is_installed():
    allowed = {"numpy", "scipy", "numba", *sys.stdlib_module_names}
    for module in [name for name in SOURCES if name.startswith("skdnn.core")]:
        names = imports(tree_of(module))
        others = top_level(name for name in names if not name.startswith("skdnn.core"))
        assert others <= allowed, module


def test_optional_packages_are_imported_by_calls_alone():
    for module in SOURCES:
        assert top_level(imports_on_import(tree_of(module))).isdisjoint(OPTIONAL), module


def test_randomness_is_an_argument():
    for module in SOURCES:
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith(".random"):
                assert ast.unparse(node.value) == "np.random", module
                assert node.attr in RANDOM, module
            if isinstance(node, ast.ImportFrom) and node.module == "numpy.random":
                assert {alias.name for alias in node.names} <= RANDOM, module
        assert "random" not in imports(tree_of(module)), module


def docstring_lines(tree):
    kinds = ast.Module, ast.ClassDef, ast.FunctionDef
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            yield from range(node.body[0].lineno, node.body[0].end_lineno + 1)


def code_lines(module):
    """Return the numbers of the lines that are not blank, comment or docstring."""
    layout = tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT
    lines = set()
    with SOURCES[module].open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type not in (*layout, tokenize.ENCODING, tokenize.ENDMARKER):
                lines.update(range(token.start[0], token.end[0] + 1))
    return lines - set(docstring_lines(tree_of(module)))


def test_files_and_functions_are_short():
    for module in SOURCES:
        code, n_lines = code_lines(module), len(SOURCES[module].read_text("utf-8").splitlines())
        is_door = module == "skdnn.estimator.classifier"
        assert n_lines <= (MOST_LINES_OF_THE_DOOR if is_door else MOST_LINES), module
        for node in ast.walk(tree_of(module)):
            # scikit-learn wants every parameter named in __init__, which does no more than store.
            if isinstance(node, ast.FunctionDef) and not only_stores(node):
                n_lines = len(code.intersection(range(node.lineno, node.end_lineno + 1)))
                assert n_lines <= MOST_LINES_OF_A_FUNCTION, (module, node.name)


def test_the_package_is_small():
    sizes = {module: len(code_lines(module)) for module in SOURCES}
    assert sum(sizes.values()) <= MOST_LINES_OF_ALL
    of_core = sum(size for module, size in sizes.items() if module.startswith("skdnn.core"))
    assert of_core <= MOST_LINES_OF_THE_CORE


def only_stores(function):
    """Tell whether every statement is ``self.name = name``."""
    statements = function.body[ast.get_docstring(function) is not None :]
    return function.name == "__init__" and all(
        isinstance(statement, ast.Assign)
        and ast.unparse(statement) == "self.{0} = {0}".format(ast.unparse(statement.value))
        for statement in statements
    )


def test_code_lines_leave_out_blanks_comments_and_docstrings():
    path = ROOT / "core" / "__init__.py"
    assert code_lines(module_name(path)) == set()
    lines = sorted(code_lines("skdnn.core.tape"))
    source = SOURCES["skdnn.core.tape"].read_text(encoding="utf-8").splitlines()
    assert source[lines[0] - 1] == "import math"
    assert all(first < second for first, second in pairwise(lines))
    assert all(source[number - 1].strip() for number in lines)


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent
    ).stdout.split()


def test_importing_it_brings_in_no_optional_package_that_scikit_learn_does_not():
    loaded = f"print(*(name for name in {OPTIONAL} if name in sys.modules))"
    by_scikit_learn = run(f"import sys, sklearn.utils.validation; {loaded}")
    assert set(run(f"import sys, skdnn; {loaded}")) <= set(by_scikit_learn)


def test_it_works_where_no_optional_package_is_installed():
    code = f"""
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {OPTIONAL}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hide())
import numpy as np
from skdnn import DeepNetClassifier
model = DeepNetClassifier(n_members=2, max_iter=2).fit(np.eye(8), [0, 1] * 4)
print(*model.predict(np.eye(8)))
"""
    assert len(run(code)) == 8


def private_names(module):
    """Yield the private names that a module imports from other packages."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] != "skdnn":
            yield from (
                f"{node.module}.{alias.name}"
                for alias in node.names
                if any(part.startswith("_") for part in (*node.module.split("."), alias.name))
            )
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (name for name in names if "._" in name and not name.startswith("skdnn."))


def test_private_names_of_other_packages_are_imported_in_one_place():
    assert len(list(private_names("skdnn.tabular._compat"))) >= 5
    others = [module for module in SOURCES if module != "skdnn.tabular._compat"]
    assert [name for module in others for name in private_names(module)] == []
    versioned = [
        name for module in others for name in imports(tree_of(module)) if "callback" in name
    ]
    assert all(
        name.startswith("skdnn.") for name in versioned
    )  # scikit-learn's are imported in the same place


MOST_ARGUMENTS = 6
# What scikit-learn's conventions demand.
MAY_HAVE_MORE = {
    ("skdnn.tabular.encoder", "__init__"),
    ("skdnn.estimator.classifier", "fit"),
    ("skdnn.inspection.weights_display", "from_estimator"),
}


def many_arguments(module):
    """Yield the functions with too many arguments, the object itself aside."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.FunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            names = [argument.arg for argument in given if argument.arg not in ("self", "cls")]
            if len(names) > MOST_ARGUMENTS:
                yield module, node.name


def test_a_function_has_few_arguments():
    found = {function for module in SOURCES for function in many_arguments(module)}
    assert found == MAY_HAVE_MORE
