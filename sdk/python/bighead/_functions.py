"""Functions of definition files, which the binary finds again by their name and file."""

from __future__ import annotations

import ast
import inspect
from types import FunctionType
from typing import Any

from bighead import _record
from bighead._arguments import Absent, Call, Record

_WANT = "a function of a definition file"
_CURE = "write def train(data, params): … at the top of a definition file, and pass train"


def function_record(call: Call, argument: str, value: Any) -> Record | None:
    """The record of a function argument: what it is called, and where it stands. What cannot be found again is a mistake.

    Parameters
    ----------
    call : Call
        Whose argument it is.
    argument : str
        Its name.
    value : object
        What was given.
    """
    if isinstance(value, Absent):
        call.flaw(argument)
        return None
    reason, cure = _refused(value)
    if reason:
        call.flaw(argument)
        at = call.at(call.node(argument))
        call.mistake("wrong_argument", f"{argument} of {call.spec.title} takes {_WANT}, not {reason}", at, cure=cure)
        return None
    return {"at": call.at(call.node(argument)), "name": value.__name__, "def": _place(value)}


def _refused(value: Any) -> tuple[str, str]:
    """What a value is that cannot be found again by name, with the cure; nothing of a function that can."""
    if inspect.isbuiltin(value) or inspect.isclass(value):
        return f"{'the class' if inspect.isclass(value) else 'the builtin'} {value.__name__}", _CURE
    if inspect.ismethod(value):
        return f"the method {value.__qualname__}", _CURE
    if not isinstance(value, FunctionType):
        return f"a {type(value).__name__}", _CURE
    name, code = value.__name__, value.__code__
    if name == "<lambda>":
        return "a lambda", _CURE
    if not _record.sources().defines(code):
        return f"{name} of {value.__module__}", f"write a function of your own that calls {name}: def train(data, params): …"
    if "." in value.__qualname__:
        return f"{name}, which stands inside {value.__qualname__.rpartition('.')[0].removesuffix('.<locals>')}", "move it to the top of its file: it is found there by its name"
    if code.co_name != name or hasattr(value, "__wrapped__"):
        return f"{name} with a decorator", "take the decorator off, and call inside the function what it does"
    if inspect.iscoroutinefunction(value) or inspect.isgeneratorfunction(value) or inspect.isasyncgenfunction(value):
        return f"{name}, which does not return a model but a coroutine or a generator", "write a plain def that returns the model"
    try:
        inspect.signature(value).bind(None, None)
    except TypeError:
        return f"{name}{inspect.signature(value)}, which cannot be called with two arguments", f"write def {name}(data, params):"
    return "", ""


def _place(function: FunctionType) -> str:
    """The span of a function's name, where its file says it."""
    code = function.__code__
    file = _record.sources().file(code.co_filename)
    line = code.co_firstlineno
    if file is None:
        name = _record.sources().display(code.co_filename)
        return f"{name}:{line}:1-{line}:1"
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name and node.lineno == line:
            start = file.lines[line - 1].encode().find(node.name.encode(), node.col_offset + len("def"))
            return file.stretch(line, start, line, start + len(node.name.encode()))
    return file.whole_line(line)
