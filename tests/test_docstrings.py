"""Public docstrings are complete numpydoc."""

import ast
import inspect
import re
from pkgutil import resolve_name

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

import skdnn

# Not asked for: extended summaries (ES01), See Also (SA01) and Examples (EX01) everywhere,
# a summary on a line of its own (GL01; ours are on the first, which numpydoc has come to allow),
# types and names of every return value (RT03), text under self-explaining attributes.
LEFT_OUT = {"GL01", "ES01", "SA01", "EX01", "RT03", "PR01", "GL08", "YD01"}
# The 44 parameters are documented by purpose, not in the order of the signature.
GROUPED = ("skdnn.DeepNetClassifier", "PR03")
# Parameters of the other class, which its docstring refers to.
REFERRED = ("skdnn.distributed.DaskDeepNetClassifier", "PR02")


def public_names():
    for name in skdnn.__all__:
        yield f"skdnn.{name}"
        for member, value in vars(getattr(skdnn, name)).items():
            is_method = inspect.isfunction(value) or isinstance(value, classmethod)
            if not member.startswith("_") and is_method:
                yield f"skdnn.{name}.{member}"
    yield "skdnn.DeepNetClassifier.save"  # of a mixin, as is skdnn.load
    yield "skdnn.inspection.display.Display.plot"  # which most displays inherit
    yield "skdnn.inspection.attribution_displays.AttributionDisplay.from_estimator"
    yield "skdnn.distributed.DaskDeepNetClassifier"
    for member in ("fit", "predict", "predict_proba", "to_local", "save"):
        yield f"skdnn.distributed.DaskDeepNetClassifier.{member}"
    for name, value in vars(skdnn.callbacks).items():
        is_own = getattr(value, "__module__", None) == "skdnn.callbacks"
        if inspect.isclass(value) and not name.startswith("_") and is_own:
            yield f"skdnn.callbacks.{name}"


@pytest.mark.parametrize("name", list(public_names()))
def test_the_docstring_is_valid(name):
    codes = [error[0] for error in validate(name)["errors"]]
    assert [
        code for code in codes if code not in LEFT_OUT and (name, code) not in (GROUPED, REFERRED)
    ] == []


@pytest.mark.parametrize(
    "name", [name for name in public_names() if not name.endswith(("Error", "Warning"))]
)
def test_documented_defaults_are_those_of_the_signature(name):
    documented = resolve_name(name)
    parameters = inspect.signature(documented).parameters
    for described in get_doc_object(documented)["Parameters"]:
        default = re.search(r"default=(.+)$", described.type)
        if default and described.name in parameters:
            assert parameters[described.name].default == ast.literal_eval(default[1])
