"""Features: calls of aggregations."""

from __future__ import annotations

from typing import Any

from bighead._arguments import Call, Record
from bighead._display import table
from bighead._sources import Source, given


class Feature:
    """One call of an aggregation; with several windows it stands for as many features.

    It is made by the functions of this package (``bh.avg("delay", windows=["1d"])``), not directly.
    """

    __slots__ = ("_record", "_source")

    def __init__(self, record: Record, source: Source | None) -> None:
        self._record = record
        self._source = source

    def _document(self, numbers: dict[int, int]) -> Record:
        if self._source is None:
            return self._record
        record = dict(self._record)
        record["source"] = {"index": numbers[id(self._source)], "at": record["source"]["at"]}
        return record

    def _input(self) -> str:
        return str(self._record["input"]["text"]) if "input" in self._record else ""

    def _windows(self) -> str:
        return ", ".join(w["text"] for w in self._record.get("windows", ()))

    def __repr__(self) -> str:
        record = self._record
        parts = [repr(self._input())] if self._input() else []
        if "windows" in record:
            parts.append(f"windows=[{self._windows()}]")
        if "name" in record:
            parts.append(f"name={record['name']['text']!r}")
        return f"<{record['aggregation']}({', '.join(parts)})>"

    def _repr_html_(self) -> str:
        return features_table([self], repr(self).strip("<>"))


def features_table(features: list[Feature], caption: str) -> str:
    """Features as a notebook's table."""
    rows = []
    for f in features:
        more = {k: f._record[k] for k in ("where", "by", "default", "fallback") if k in f._record}
        says = ", ".join(f"{k}={v.get('text', v.get('value'))}" for k, v in more.items())
        rows.append((f._record.get("name", {}).get("text", ""), f._record["aggregation"], f._input(), f._windows(), says))
    return table(("name", "aggregation", "input", "windows", ""), rows, caption)


_TEXTS = ("name", "where", "by", "description", "resolution", "offset", "refresh", "within")
_INTEGERS = ("by_max", "k", "max", "lg_k")
_NUMBERS = ("q", "accuracy")
_TRUTHS = ("sample", "tumbling")
_NOT_OPTIONS = ("call", "input", "columns")
_LITERALS = ("default", "fallback")


def feature(call: Call, aggregation: str, values: dict[str, Any]) -> Feature:
    """The feature that an aggregation's function was called for.

    Parameters
    ----------
    call : Call
        Where it stands.
    aggregation : str
        Its name in the contract.
    values : dict of str to object
        The function's arguments by name.
    """
    return _feature(call, aggregation, values, None if values.get("input") is None else call.text("input", values["input"], want="a column or SQL"))


def _feature(call: Call, aggregation: str, values: dict[str, Any], source_input: Record | None) -> Feature:
    record: Record = call.place()
    record["aggregation"] = aggregation
    if source_input is not None:
        record["input"] = source_input
    # Most arguments of most features are not given: ask for those that are.
    defaults = call.spec.defaults
    for name, value in values.items():
        if value is None or value is defaults.get(name) or name in _NOT_OPTIONS:
            continue
        found: Any = None
        if name in _TEXTS:
            found = call.optional_text(name, value)
        elif name in ("windows", "keys"):
            found = call.texts(name, value, 'durations like "7d"' if name == "windows" else "columns")
        elif name in _INTEGERS:
            found = call.integer(name, value)
        elif name in _NUMBERS:
            found = call.number(name, value)
        elif name in _TRUTHS:
            found = call.truth(name, value)
        elif name in _LITERALS:
            found = call.literal(name, value)
        elif name == "origin":
            found = call.moment(name, value)
        elif name != "source":
            raise AssertionError(f"bighead: an argument {name} that is not recorded")
        if found is not None:
            record[name] = found
    source = values.get("source")
    if isinstance(source, Source):
        record["source"] = {"at": call.at(call.node("source"))}
    elif source is not None:
        call.wrong("source", "a source", source, cure="pass the object, not its name" if isinstance(source, str) else "")
        source = None
    if call.flawed:
        record["flawed"] = call.flawed
    return Feature(given(record), source)


def several(call: Call, aggregation: str, columns: tuple[Any, ...], values: dict[str, Any]) -> Feature | list[Feature]:
    """A feature for each of several columns; one alone is no list."""
    if not columns:
        call.mistake("missing_argument", f"bh.{aggregation} needs a column")
        return []
    found = []
    for i, column in enumerate(columns):
        text = call.text("columns", column, call.node(f"*{i}"), "columns")
        if text is not None:
            found.append(_feature(call, aggregation, values, text))
    return found[0] if len(columns) == 1 and found else found


def flattened(call: Call, name: str, value: Any) -> list[Feature]:
    """The features of a list; lists in it are taken apart."""
    found: list[Feature] = []
    for one, node in call.elements(name, value, "features") or ():
        if isinstance(one, Feature):
            found.append(one)
        elif isinstance(one, (list, tuple)) and not isinstance(one, str):
            found.extend(f for f in one if isinstance(f, Feature))
            for bad in one:
                if not isinstance(bad, Feature):
                    call.wrong(name, "features", bad, node)
        else:
            call.wrong(name, "features", one, node, 'write bh.last("…")' if isinstance(one, str) else "")
    return found
