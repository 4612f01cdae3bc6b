"""Python's values, as messages name them and as JSON holds them."""

from __future__ import annotations

import base64
import datetime
import sys
from typing import Any


def described(value: Any) -> str:
    """A value in a message, short."""
    try:
        text = repr(value)
    except Exception:  # the author's own class
        text = f"<{type(value).__name__}>"
    if len(text) > 60:
        text = text[:57] + "…"
    name = type(value).__name__
    return text if name in text or isinstance(value, type) else f"{name} {text}"


def type_cure(value: Any) -> str:
    python = {int: "bh.Int", float: "bh.Float", str: "bh.String", bool: "bh.Bool", bytes: "bh.Bytes"}
    if isinstance(value, type) and value in python:
        return f"write {python[value]}"
    if value is datetime.datetime or value is datetime.date:
        return "write bh.Timestamp" if value is datetime.datetime else "write bh.Date"
    return "types are bh.Bool, bh.Int, bh.Float, bh.String, bh.Bytes, bh.Timestamp, bh.Date, bh.List(T), bh.Map(T), bh.Struct({…})"


class Typical:
    """What a feature usually is: see ``bighead.typical``. There is one of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "bh.typical"


typical = Typical()
"""As ``fallback=``: the median, or of what has no order the most frequent value, in the newest training set of the feature."""


_SCALARS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "string"}


def constant(value: Any, depth: int = 0) -> tuple[str, Any]:
    """The kind of a constant and its JSON; no kind where it is none."""
    for python, kind in _SCALARS.items():
        if type(value) is python:
            return (kind, value) if _representable(value) else ("", None)
    if depth == 0 and value is typical:
        return "typical", None
    if depth == 0 and isinstance(value, bytes):
        return "bytes", base64.b64encode(value).decode("ascii")
    if depth == 0 and isinstance(value, datetime.datetime):
        return "timestamp", value.isoformat()
    if depth == 0 and isinstance(value, datetime.date):
        return "date", value.isoformat()
    if depth < 16 and isinstance(value, (list, tuple)):
        return _gather("list", value, depth)
    if depth < 16 and isinstance(value, dict) and all(isinstance(k, str) for k in value):
        kind, inner = _gather("map", list(value.values()), depth)
        return kind, dict(zip(value, inner)) if kind else None
    return "", None


def _representable(value: Any) -> bool:
    """Whether JSON and the binary can hold a scalar as it is."""
    if isinstance(value, str):
        return not any(0xD800 <= ord(c) < 0xE000 for c in value) if not value.isascii() else True
    if type(value) is int:
        return -(2**63) <= value < 2**63
    return type(value) is not float or abs(value) <= sys.float_info.max


def _gather(kind: str, values: Any, depth: int) -> tuple[str, Any]:
    out = []
    for one in values:
        inner, plain = ("null", None) if one is None else constant(one, depth + 1)
        if not inner:
            return "", None
        out.append(plain)
    return kind, out
