"""Hashes of parameters, by which a checkpoint tells whether it is of the same fit."""

import json
import secrets
from contextlib import suppress
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType

import joblib
import numpy as np

HASH = "hash "  # how descriptions of values begin that are not shown


def described(value):
    """Return a string that is the same for equal values, also in another process.

    It is JSON, or HASH and a hash. Functions are equal if their code, constants, default values and
    the variables of their closure are. Global variables, methods of classes and other functions
    that they use are not compared. What cannot be compared is different each time.
    """
    try:
        return _text_of(value)
    except Exception:  # what cannot be pickled raises errors of any type
        return HASH + secrets.token_hex(16)


def _text_of(value):
    """Return what :func:`described` does, or raise an error of any type."""
    with suppress(TypeError, ValueError):  # no plain value
        return json.dumps(value, default=_as_python)
    parts = PARTS.get(type(value), _parts_of_object)(value)
    if parts is None:
        return HASH + joblib.hash(value)
    return HASH + joblib.hash([type(value).__qualname__, *map(_text_of, parts)])


def _as_python(value):
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


def _parts_of_function(function):
    variables = [cell.cell_contents for cell in function.__closure__ or ()]
    return function.__code__, function.__defaults__, function.__kwdefaults__, variables


def _parts_of_object(value):
    """Return what to compare of an object with functions, or None for its pickle."""
    attributes = {} if isinstance(value, type) else getattr(value, "__dict__", {})
    if "__wrapped__" in attributes:  # as of compiled or cached functions
        return [attributes["__wrapped__"]]
    has_functions = any(type(each) in PARTS for each in attributes.values())
    return [type(value), value.__getstate__()] if has_functions else None


# Pickles of functions contain only their names, and the order of sets is another in each process.
PARTS = {
    FunctionType: _parts_of_function,
    CodeType: lambda code: (code.co_code, code.co_names, code.co_consts),
    MethodType: lambda method: (method.__func__, method.__self__),
    ModuleType: lambda module: (module.__name__,),
    partial: lambda function: (function.func, function.args, function.keywords),
    list: list,
    tuple: list,
    dict: lambda items: [*items.keys(), *items.values()],
    frozenset: lambda items: sorted(map(_text_of, items)),
    set: lambda items: sorted(map(_text_of, items)),
}
