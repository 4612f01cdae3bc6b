"""Types made of types."""

from __future__ import annotations

from typing import Any, Mapping

from bighead._arguments import Call, recorded
from bighead._types import Type, field_name
from bighead._values import type_cure


def _inner(call: Call, name: str, value: Any) -> str | None:
    if isinstance(value, Type):
        if not value._optional:
            return value._text
        call.wrong(name, "a type that is always there", value, cure="bh.optional goes outside: bh.optional(bh.List(bh.Int))")
        return None
    call.wrong(name, "a type", value, cure=type_cure(value))
    return None


@recorded
def List(call: Call, element: Type) -> Type:
    """A list.

    Parameters
    ----------
    element : Type
        The type of its elements.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.List(bh.Int)
    list<int>
    """
    text = _inner(call, "element", element)
    return Type(f"list<{text or 'string'}>")


@recorded
def Map(call: Call, value: Type) -> Type:
    """A map from strings.

    Parameters
    ----------
    value : Type
        The type of its values.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.Map(bh.Float)
    map<string,float>
    """
    text = _inner(call, "value", value)
    return Type(f"map<string,{text or 'string'}>")


@recorded
def Struct(call: Call, fields: Mapping[str, Type]) -> Type:
    """A struct.

    Parameters
    ----------
    fields : mapping of str to Type
        Its fields, in order.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.Struct({"city": bh.String, "zip code": bh.Int})
    struct<city:string,"zip code":int>
    """
    parts = []
    for key, one, _ in call.entries("fields", fields, "name: type") or ():
        text = _inner(call, "fields", one)
        if text:
            parts.append(f"{field_name(key['text'])}:{text}")
    return Type(f"struct<{','.join(parts)}>")


@recorded
def optional(call: Call, type: Type) -> Type:
    """A request field or a key that may be absent, and is null then.

    Parameters
    ----------
    type : Type
        Its type where it is there.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.optional(bh.Int)
    optional(int)
    """
    if not isinstance(type, Type):
        call.wrong("type", "a type", type, cure=type_cure(type))
        return Type("string", True)
    return Type(type._text, True)
