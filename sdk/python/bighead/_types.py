"""Types of columns and request fields.

A type is its text, the one that the binary prints and parses; whether it fits where it stands is the binary's question.
"""

from __future__ import annotations

import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Type:
    """A type of values, such as ``bh.Int`` or ``bh.List(bh.String)``.

    Parameters
    ----------
    text : str
        The type as the binary writes it.
    is_optional : bool
        Whether a request may leave the field out.
    """

    __slots__ = ("_text", "_optional")

    def __init__(self, text: str, is_optional: bool = False) -> None:
        self._text = text
        self._optional = is_optional

    def _declared(self, at: str) -> dict[str, Any]:
        record: dict[str, Any] = {"type": self._text, "at": at}
        if self._optional:
            record["optional"] = True
        return record

    def __repr__(self) -> str:
        return f"optional({self._text})" if self._optional else self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and (self._text, self._optional) == (other._text, other._optional)

    def __hash__(self) -> int:
        return hash((self._text, self._optional))


Bool = Type("bool")
Int = Type("int")
Float = Type("float")
String = Type("string")
Bytes = Type("bytes")
Timestamp = Type("timestamp")
Date = Type("date")


def field_name(name: str) -> str:
    """The name of a struct's field in a type's text."""
    return name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"'
