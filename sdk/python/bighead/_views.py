"""Feature groups, and the views that join them."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from bighead import _record
from bighead._arguments import Call, Record, recorded_method
from bighead._display import table
from bighead._feature import Feature, features_table, flattened
from bighead._sources import Source, about, given, name_record, shown
from bighead._types import Type


class FeatureGroup:
    """Features of one source by the same keys.

    Parameters
    ----------
    name : str
        Its name; features of it are ``{name}__{feature}`` in a view.
    source : EventSource or EntitySource
        Where its rows come from.
    keys : list of str, optional
        The columns that name what the features are of; over an entity source its own keys.
    features : list of Feature
        What is computed: ``bh.avg("delay", windows=["1d"])`` and the like.
    flush : str
        How long writes of a hot key are gathered before they go to the online store.
    max_staleness : str
        How old an answer from the cache may be.
    deadline : str
        How long a request waits for this group.
    owner, description : str, optional
        For the catalog.
    tags : list of str, optional
        For the catalog.

    Examples
    --------
    >>> import bighead as bh
    >>> flights = bh.EventSource("flights", path="flights.parquet", time="dep_time")
    >>> bh.FeatureGroup("carrier", source=flights, keys=["carrier"], features=[bh.avg("dep_delay", windows=["1h", "1d"])])
    <FeatureGroup carrier: 1 feature of flights by carrier>
    """

    _kind = "groups"

    @recorded_method
    def __init__(
        self,
        call: Call,
        name: str,
        *,
        source: Source,
        keys: Sequence[str] | None = None,
        features: Sequence[Feature | Sequence[Feature]],
        flush: str = "100ms",
        max_staleness: str = "0s",
        deadline: str = "10ms",
        owner: str | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> None:
        call.what = f'feature group "{name}"'
        self._source: Source | None = source if isinstance(source, Source) else None
        if self._source is None:
            call.wrong("source", "a source", source, cure="pass the object, not its name" if isinstance(source, str) else "")
        self._features = [] if call.absent("features", features) else flattened(call, "features", features)
        self._source_at = call.at(call.node("source"))
        self._fields: Record = given(
            {
                **call.place(),
                "name": name_record(call, name),
                "keys": call.texts("keys", keys, "columns"),
                "flush": call.optional_text("flush", flush),
                "max_staleness": call.optional_text("max_staleness", max_staleness),
                "deadline": call.optional_text("deadline", deadline),
                **about(call, owner, description, tags),
            }
        )
        if call.flawed:
            self._fields["flawed"] = call.flawed
        _record.enter("groups", self)

    @property
    def name(self) -> str:
        """The group's name."""
        return str(self._fields["name"]["text"])

    @recorded_method
    def prefix(self, call: Call, prefix: str) -> GroupUse:
        """This group in a view, its features named ``{prefix}__{feature}``.

        Parameters
        ----------
        prefix : str
            In place of the group's name. Groups may share one.
        """
        return GroupUse(self, call.text("prefix", prefix), None)

    @recorded_method
    def on(self, call: Call, /, **keys: str) -> GroupUse:
        """This group in a view, its keys taken from columns of other names.

        Parameters
        ----------
        **keys : str
            The view's column for a key of the group: ``.on(carrier="operating_carrier")``.
        """
        return GroupUse(self, None, _key_uses(call, keys))

    def _needs(self) -> list[Any]:
        sources = [self._source, *(f._source for f in self._features)]
        return [s for s in sources if s is not None]

    def _document(self, numbers: dict[int, int]) -> Record:
        record = dict(self._fields)
        if self._source is not None:
            record["source"] = {"index": numbers[id(self._source)], "at": self._source_at}
        record["features"] = [f._document(numbers) for f in self._features]
        return record

    def __repr__(self) -> str:
        n, keys = len(self._features), shown(self._fields.get("keys", []))
        source = self._source.name if self._source else "nothing"
        return f"<FeatureGroup {self.name}: {n} feature{'s' * (n != 1)} of {source}{' by ' * bool(keys)}{keys}>"

    def _repr_html_(self) -> str:
        return features_table(self._features, repr(self).strip("<>"))


def _key_uses(call: Call, keys: dict[str, Any]) -> list[Record]:
    found = []
    for key, column in keys.items():
        text = call.text(key, column)
        if text is not None:
            found.append({"key": {"text": key, "at": call.keyword_at(key)}, "column": text})
    return found


class GroupUse:
    """A group as one view joins it: under a prefix, by other columns."""

    __slots__ = ("_group", "_prefix", "_on")

    def __init__(self, group: FeatureGroup, prefix: Record | None, on: list[Record] | None) -> None:
        self._group, self._prefix, self._on = group, prefix, on

    @recorded_method
    def prefix(self, call: Call, prefix: str) -> GroupUse:
        """As `FeatureGroup.prefix`."""
        return GroupUse(self._group, call.text("prefix", prefix), self._on)

    @recorded_method
    def on(self, call: Call, /, **keys: str) -> GroupUse:
        """As `FeatureGroup.on`; keys that were mapped before stay so."""
        return GroupUse(self._group, self._prefix, [*(self._on or ()), *_key_uses(call, keys)])

    def __repr__(self) -> str:
        prefix = f" as {self._prefix['text']}" if self._prefix else ""
        on = "".join(f" {o['key']['text']}={o['column']['text']}" for o in self._on or ())
        return f"<GroupUse {self._group.name}{prefix}{on}>"


class FeatureView:
    """Groups side by side, with what a request brings and what is derived from both.

    Parameters
    ----------
    name : str
        Its name.
    groups : list of FeatureGroup or GroupUse
        What is joined, in the order of its columns.
    request : mapping of str to Type, optional
        Fields that come with a request, and are columns of a spine.
    derive : mapping of str to str, optional
        Columns as SQL over keys, request fields, features, ``at`` and each other.
    required : list of str, optional
        Features without which a row fails.
    required_value : list of str, optional
        Features that must not be null.
    owner, description : str, optional
        For the catalog.
    tags : list of str, optional
        For the catalog.
    """

    _kind = "views"

    @recorded_method
    def __init__(
        self,
        call: Call,
        name: str,
        *,
        groups: Sequence[FeatureGroup | GroupUse],
        request: Mapping[str, Type] | None = None,
        derive: Mapping[str, str] | None = None,
        required: Sequence[str] | None = None,
        required_value: Sequence[str] | None = None,
        owner: str | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> None:
        call.what = f'feature view "{name}"'
        self._uses = [] if call.absent("groups", groups) else _uses(call, groups)
        self._fields: Record = given(
            {
                **call.place(),
                "name": name_record(call, name),
                "request": call.columns("request", request),
                "derive": call.expressions("derive", derive),
                "required": call.texts("required", required, "names of features"),
                "required_value": call.texts("required_value", required_value, "names of features"),
                **about(call, owner, description, tags),
            }
        )
        if call.flawed:
            self._fields["flawed"] = call.flawed
        _record.enter("views", self)

    @property
    def name(self) -> str:
        """The view's name."""
        return str(self._fields["name"]["text"])

    @recorded_method
    def select(self, call: Call, columns: Sequence[str]) -> ViewSelection:
        """This view, cut to some of its columns.

        Parameters
        ----------
        columns : list of str
            The columns to keep.
        """
        return ViewSelection(self, call.texts("columns", columns, "names of columns") or [])

    def _needs(self) -> list[Any]:
        return [use._group for use, _ in self._uses]

    def _document(self, numbers: dict[int, int]) -> Record:
        groups = []
        for use, at in self._uses:
            ref = {"index": numbers[id(use._group)], "at": at}
            groups.append(given({"group": ref, "prefix": use._prefix, "on": use._on}))
        return {**self._fields, "groups": groups}

    def __repr__(self) -> str:
        return f"<FeatureView {self.name}: {', '.join(use._group.name for use, _ in self._uses)}>"

    def _repr_html_(self) -> str:
        rows = [("group", use._group.name, repr(use).strip("<>").removeprefix("GroupUse ")) for use, _ in self._uses]
        rows += [("request", f["name"]["text"], f["type"]["type"]) for f in self._fields.get("request", ())]
        rows += [("derive", d["name"]["text"], d["sql"]["text"]) for d in self._fields.get("derive", ())]
        return table(("", "name", ""), rows, f"FeatureView {self.name}")


class ViewSelection:
    """A view cut to some of its columns."""

    __slots__ = ("_view", "_columns")

    def __init__(self, view: FeatureView, columns: list[Record]) -> None:
        self._view, self._columns = view, columns

    def __repr__(self) -> str:
        return f"<FeatureView {self._view.name}: {shown(self._columns)}>"


def _uses(call: Call, groups: Any) -> list[tuple[GroupUse, str]]:
    found = []
    for one, node in call.elements("groups", groups, "feature groups") or ():
        if isinstance(one, FeatureGroup):
            one = GroupUse(one, None, None)
        if isinstance(one, GroupUse):
            found.append((one, call.at(node or call.node("groups"))))
        else:
            call.wrong("groups", "feature groups", one, node, "pass the object, not its name" if isinstance(one, str) else "")
    return found
