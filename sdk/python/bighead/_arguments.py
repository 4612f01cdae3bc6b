"""Arguments of a call, turned into records with their places.

A record is a dictionary in the form of ``feature/definition.go``. What cannot be recorded (a number where a string
belongs) is reported and named as a flaw of its object; what it means is never decided here.
"""

from __future__ import annotations

import ast
import datetime
import difflib
import functools
import inspect
import os
import sys
from types import FrameType
from typing import Any, Callable, Concatenate, ParamSpec, TypeVar, cast

from bighead import _record
from bighead._position import NOWHERE, Site
from bighead._types import Type
from bighead._values import constant, described, type_cure

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

Record = dict[str, Any]


class Absent:
    """Stands for a value that could not be had and has been reported: it takes part in anything, quietly."""

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Absent:
        return self

    def __getitem__(self, key: Any) -> Absent:
        raise IndexError("nothing is known of it")

    def __repr__(self) -> str:
        return "<bighead: reported already>"


ABSENT = Absent()


class Spec:
    """What a function of the SDK takes, read from its signature once."""

    def __init__(self, function: Callable[..., Any], method: bool) -> None:
        signature = inspect.signature(function)
        parameters = list(signature.parameters.values())
        del parameters[1 if method else 0]  # the Call that `recorded` passes
        self.signature = signature.replace(parameters=parameters)
        if method:
            del parameters[0]
        kinds = inspect.Parameter
        name = function.__qualname__.removesuffix(".__init__").removesuffix(".__call__")
        self.short = name.rpartition(".")[2]
        self.title = f".{self.short}()" if "." in name else f"bh.{name}"
        self.positional = [p.name for p in parameters if p.kind is kinds.POSITIONAL_OR_KEYWORD]
        self.star = next((p.name for p in parameters if p.kind is kinds.VAR_POSITIONAL), None)
        self.any_keyword = any(p.kind is kinds.VAR_KEYWORD for p in parameters)
        plain = [p for p in parameters if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)]
        self.names = [p.name for p in plain]
        self.known = frozenset(self.names)
        self.required = [p.name for p in plain if p.default is kinds.empty]
        self.defaults = {p.name: p.default for p in plain if p.default is not kinds.empty}

    def fits(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether Python could make the call."""
        if not self.any_keyword and not self.known.issuperset(kwargs):
            return False
        if len(args) > len(self.positional) and not self.star:
            return False
        given = self.positional[: len(args)]
        return not any(n in kwargs for n in given) and all(n in kwargs or n in given for n in self.required)


class Call:
    """One call of the SDK: where it stands, and where each of its arguments does."""

    __slots__ = ("spec", "site", "via", "what", "flawed", "_nodes")

    def __init__(self, spec: Spec, frame: FrameType | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.spec = spec
        self.what = ""
        self.flawed: list[str] = []
        self._nodes: dict[str, ast.expr] | None = None
        sources = _record.sources()
        while frame is not None and not sources.is_user(frame.f_code):
            frame = frame.f_back
        self.site: Site = NOWHERE
        self.via: list[str] = []
        if frame is not None:
            self.site = sources.site(frame, spec.short, args, kwargs)
            if frame.f_code.co_name != "<module>":
                self.via = sources.callers(frame)

    # Places

    def node(self, name: str) -> ast.expr | None:
        """The expression that an argument was given as."""
        if self._nodes is None:
            self._nodes = self._bind()
        return self._nodes.get(name)

    def _bind(self) -> dict[str, ast.expr]:
        call, found = self.site.node, {}
        if call is None:
            return {}
        for i, node in enumerate(call.args):
            if isinstance(node, ast.Starred):
                break
            if i < len(self.spec.positional):
                found[self.spec.positional[i]] = node
            else:
                found[f"*{i}"] = node
        for keyword in call.keywords:
            if keyword.arg is not None:
                found[keyword.arg] = keyword.value
        return found

    def at(self, node: ast.AST | None) -> str:
        """The span of an expression, of the call where there is none."""
        if node is None or self.site.file is None:
            return self.site.at
        return self.site.file.span(node)

    def keyword_at(self, name: str) -> str:
        """The span of a keyword's own name."""
        call, file = self.site.node, self.site.file
        for keyword in call.keywords if call else ():
            if keyword.arg == name and file is not None:
                return file.stretch(keyword.lineno, keyword.col_offset, keyword.lineno, keyword.col_offset + len(name.encode()))
        return self.site.at

    def place(self) -> Record:
        """The fields of a Site."""
        return {"at": self.site.at, "via": self.via} if self.via else {"at": self.site.at}

    # Mistakes

    def mistake(self, kind: str, message: str, at: str = "", **more: Any) -> None:
        """Report a mistake of this call."""
        found: Record = {"kind": kind, "message": message, **self.place(), **{k: v for k, v in more.items() if v}}
        if at:
            found["at"] = at
        if self.what:
            found["definition"] = self.what
        _record.report(found)

    def flaw(self, name: str) -> None:
        """Note that an argument could not be recorded, or not all of it: what would follow from that is not said again."""
        if name not in self.flawed:
            self.flawed.append(name)

    def wrong(self, name: str, want: str, value: Any, node: ast.expr | None = None, cure: str = "") -> None:
        """Report an argument of the wrong kind; a value that was reported already is passed over."""
        self.flaw(name)
        if isinstance(value, Absent):
            return
        self.mistake("wrong_argument", f"{name} of {self.spec.title} takes {want}, not {described(value)}", self.at(node or self.node(name)), cure=cure)

    def amend(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Report why Python could not make the call, and make it one that it can."""
        spec, unknown = self.spec, False
        title = spec.title
        if len(args) > len(spec.positional) and not spec.star:
            takes = f"only {', '.join(spec.positional)} by position" if spec.positional else "its arguments by name"
            extra = self.site.node.args[len(spec.positional)] if self.site.node and len(self.site.node.args) > len(spec.positional) else None
            self.mistake("unknown_argument", f"{title} takes {takes}", self.at(extra), cure="write name=value", names=spec.names)
            args, unknown = args[: len(spec.positional)], True
        for name in list(kwargs):
            if name not in spec.known and not spec.any_keyword:
                self.mistake("unknown_argument", f'{title} has no argument "{name}"', self.keyword_at(name), got=name, names=spec.names)
                del kwargs[name]
                unknown = True
                for meant in difflib.get_close_matches(name, [n for n in spec.names if n not in kwargs], 1):
                    self.flaw(meant)  # it was given, by a misspelt name
            elif name in spec.positional[: len(args)]:
                self.mistake("unknown_argument", f'{title} is given "{name}" twice', self.keyword_at(name), cure="give it once")
                del kwargs[name]
        missing = [n for n in spec.required if n not in kwargs and n not in spec.positional[: len(args)]]
        for name in missing:
            self.flaw(name)
            kwargs[name] = ABSENT
        if missing and not unknown:  # a misspelt name is one mistake, not two
            self.mistake("missing_argument", f"{title} needs {' and '.join(missing)}", names=missing)
        return args, kwargs

    # Arguments

    def absent(self, name: str, value: Any) -> bool:
        """Whether an argument was not given, or is its default, which is the binary's to know."""
        if isinstance(value, Absent):
            self.flaw(name)
            return True
        if value is None:
            return True
        return name in self.spec.defaults and type(value) is type(self.spec.defaults[name]) and value == self.spec.defaults[name]

    def text(self, name: str, value: Any, node: ast.expr | None = None, want: str = "a string", cure: str = "") -> Record | None:
        """A string argument, or an element of one that is a list."""
        if node is None:
            node = self.node(name)
        file = self.site.file
        if type(node) is ast.Constant and type(value) is str and node.value == value and value.isascii() and file is not None:
            return file.literal(node)
        if not isinstance(value, str):
            self.wrong(name, want, value, node, cure)
            return None
        value = str(value)
        if not value.isascii():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                self.wrong(name, "text that is valid Unicode", value, node)
                return None
        if isinstance(node, ast.Constant) and file is not None and node.value == value:
            return file.literal(node)
        if isinstance(node, ast.Constant):  # called through map() or partial: not what stands there
            node = None
        return {"text": value, "at": self.at(node)}

    def optional_text(self, name: str, value: Any, want: str = "a string", cure: str = "") -> Record | None:
        """A string argument that need not be given."""
        return None if self.absent(name, value) else self.text(name, value, want=want, cure=cure)

    def moment(self, name: str, value: Any) -> Record | None:
        """A time: RFC 3339 text, a date or a datetime."""
        if isinstance(value, (datetime.datetime, datetime.date)):
            return {"text": value.isoformat(), "at": self.at(self.node(name))}
        return self.optional_text(name, value, "a time like \"2024-01-31T00:00:00Z\"")

    def elements(self, name: str, value: Any, want: str) -> list[tuple[Any, ast.expr | None]] | None:
        """The elements of a list argument, each with its expression."""
        node = self.node(name)
        if not isinstance(value, (list, tuple)):
            cure = f"write [{value!r}]" if isinstance(value, str) and len(value) < 60 else ""
            if isinstance(value, (set, frozenset)):
                cure = "a set has no order: write a list"
            self.wrong(name, f"a list of {want}", value, node, cure)
            return None
        if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) == len(value) and not any(isinstance(e, ast.Starred) for e in node.elts):
            return list(zip(value, node.elts))
        return [(one, node) for one in value]

    def texts(self, name: str, value: Any, want: str = "strings") -> list[Record] | None:
        """A list of strings; None where it is not given."""
        if self.absent(name, value):
            return None
        elements = self.elements(name, value, want)
        if elements is None:
            return None
        found = [self.text(name, one, node) for one, node in elements]
        return [f for f in found if f is not None]

    def entries(self, name: str, value: Any, want: str) -> list[tuple[Record, Any, ast.expr | None]] | None:
        """The entries of a dictionary argument: key, value, and the value's expression."""
        if self.absent(name, value):
            return None
        if not isinstance(value, dict):
            self.wrong(name, f"a dictionary of {want}", value)
            return None
        node = self.node(name)
        keys: list[ast.expr | None] = [node] * len(value)
        values: list[ast.expr | None] = [node] * len(value)
        if isinstance(node, ast.Dict):
            by_key = {k.value: (k, v) for k, v in zip(node.keys, node.values) if isinstance(k, ast.Constant)}
            if len(node.keys) == len(value) and None not in node.keys:
                keys, values = list(node.keys), list(node.values)
            elif all(k in by_key for k in value):
                keys, values = [by_key[k][0] for k in value], [by_key[k][1] for k in value]
            self._twice(name, node)
        out = []
        for (key, one), key_node, value_node in zip(value.items(), keys, values):
            record = self.text(name, key, key_node, "names as keys")
            if record is not None:
                out.append((record, one, value_node))
        return out

    def _twice(self, name: str, node: ast.Dict) -> None:
        """Python keeps the last of two equal keys without a word; we do not."""
        seen: set[Any] = set()
        for key in node.keys:
            if isinstance(key, ast.Constant):
                if key.value in seen:
                    self.mistake("wrong_argument", f"{name} of {self.spec.title} has {key.value!r} twice", self.at(key), cure="Python would keep the last alone: remove one or rename it")
                seen.add(key.value)

    def expressions(self, name: str, value: Any, want: str = "name: SQL") -> list[Record] | None:
        """A dictionary of SQL by name."""
        entries = self.entries(name, value, want)
        if entries is None:
            return None
        out = []
        for key, one, node in entries:
            sql = self.text(name, one, node, "SQL as values")
            if sql is not None:
                out.append({"name": key, "sql": sql})
        return out

    def columns(self, name: str, value: Any) -> list[Record] | None:
        """A dictionary of types by name."""
        entries = self.entries(name, value, "name: type")
        if entries is None:
            return None
        out = []
        for key, one, node in entries:
            if isinstance(one, Type):
                out.append({"name": key, "type": one._declared(self.at(node))})
            else:
                self.wrong(name, "types as values", one, node, type_cure(one))
        return out

    def integer(self, name: str, value: Any) -> Record | None:
        """A whole number."""
        if self.absent(name, value):
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(name, "a whole number", value)
            return None
        if not -(2**63) <= value < 2**63:
            self.wrong(name, "a whole number of 64 bits", value)
            return None
        return {"value": int(value), "at": self.at(self.node(name))}

    def number(self, name: str, value: Any) -> Record | None:
        """A finite number."""
        if self.absent(name, value):
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
            self.wrong(name, "a number", value)
            return None
        return {"value": float(value), "at": self.at(self.node(name))}

    def truth(self, name: str, value: Any) -> Record | None:
        """True or False."""
        if self.absent(name, value):
            return None
        if not isinstance(value, bool):
            self.wrong(name, "True or False", value)
            return None
        return {"value": value, "at": self.at(self.node(name))}

    def path(self, name: str, value: Any, node: ast.expr | None = None) -> Record | None:
        """A path as text or as a Path."""
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        return None if self.absent(name, value) else self.text(name, value, node, "a path")

    def literal(self, name: str, value: Any) -> Record | None:
        """A constant that stands for a value of a feature."""
        if self.absent(name, value):
            return None
        kind, plain = constant(value)
        if not kind:
            self.wrong(name, "a constant", value, cure="NaN and infinity are null here: leave it out" if isinstance(value, float) else "")
            return None
        return {"kind": kind, "value": plain, "at": self.at(self.node(name))}


def recorded(function: Callable[Concatenate[Call, P], R]) -> Callable[P, R]:
    """Make a function know where it is called from: it gets a `Call` before its arguments."""
    spec = Spec(function, method=False)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> R:
        call = Call(spec, sys._getframe(1), args, kwargs)
        if not spec.fits(args, kwargs):
            args, kwargs = call.amend(args, kwargs)
        return function(call, *args, **kwargs)

    wrapper.__signature__ = spec.signature  # type: ignore[attr-defined]
    return wrapper


def recorded_method(function: Callable[Concatenate[S, Call, P], R]) -> Callable[Concatenate[S, P], R]:
    """As `recorded`, for a method."""
    spec = Spec(function, method=True)

    @functools.wraps(function)
    def wrapper(self: S, /, *args: Any, **kwargs: Any) -> R:
        call = Call(spec, sys._getframe(1), args, kwargs)
        if not spec.fits(args, kwargs):
            args, kwargs = call.amend(args, kwargs)
        return function(self, call, *args, **kwargs)

    wrapper.__signature__ = spec.signature  # type: ignore[attr-defined]
    return cast("Callable[Concatenate[S, P], R]", wrapper)
