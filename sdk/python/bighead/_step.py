"""Steps of a model's pipeline: what is done to a view's columns before a model sees them."""

from __future__ import annotations

from typing import Any, Sequence, Union

from bighead._arguments import Call, Record


class Selector:
    """Columns by their type: ``bh.numeric``, ``bh.strings``, ``bh.bools``, ``bh.times``."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"bh.{self._name}"


numeric = Selector("numeric")
"""The columns of ints and floats that are there before the step, but for the codes of categories."""

strings = Selector("strings")
"""The columns of strings that are there before the step."""

bools = Selector("bools")
"""The columns of bools that are there before the step."""

times = Selector("times")
"""The columns of timestamps and dates that are there before the step."""

Columns = Union[str, Selector, Sequence[Union[str, Selector]]]


class Step:
    """One step of a pipeline.

    It is made by the functions of this package (``bh.impute(bh.numeric, "median")``), not directly.
    """

    __slots__ = ("_record",)

    def __init__(self, record: Record) -> None:
        self._record = record

    def __repr__(self) -> str:
        columns = [c["text"] for c in self._record.get("columns", ())]
        parts = [", ".join(columns)] if columns else []
        parts += [f"{a['name']}={a['value']['value']!r}" for a in self._record.get("args", ())]
        return f"<{self._record['kind']}({', '.join(parts)})>"


def step(call: Call, kind: str, values: dict[str, Any]) -> Step:
    """The step that its function was called for.

    Parameters
    ----------
    call : Call
        Where it stands.
    kind : str
        Its name.
    values : dict of str to object
        The function's arguments by name.
    """
    record: Record = {**call.place(), "kind": kind, "columns": _columns(call, values["columns"])}
    args = []
    for name in call.spec.names:
        if name == "columns":
            continue
        found = call.literal(name, values[name])
        if found is not None:
            args.append({"name": name, "value": found})
    record["args"] = args
    if call.flawed:
        record["flawed"] = call.flawed
    return Step(record)


_WANT = "a column, a glob, a selector such as bh.numeric, or a list of those"


def _columns(call: Call, value: Any) -> list[Record]:
    if call.absent("columns", value):
        return []
    if isinstance(value, (str, Selector)):
        elements = [(value, call.node("columns"))]
    elif isinstance(value, (list, tuple)):
        elements = call.elements("columns", value, "columns") or []
    else:
        call.wrong("columns", _WANT, value)
        return []
    found: list[Record] = []
    for one, node in elements:
        if isinstance(one, Selector):
            found.append({"text": f"@{one._name}", "at": call.at(node)})
            continue
        text = call.text("columns", one, node, _WANT)
        if text is not None:
            found.append(text)
    return found
