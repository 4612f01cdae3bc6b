"""Where events and entities come from."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from bighead import _record
from bighead._arguments import Call, Record, recorded_method
from bighead._display import card
from bighead._types import Type


def about(call: Call, owner: str | None, description: str | None, tags: Sequence[str] | None) -> Record:
    """What a definition says of itself."""
    return {
        "owner": call.optional_text("owner", owner),
        "description": call.optional_text("description", description),
        "tags": call.texts("tags", tags),
    }


def given(record: Record) -> Record:
    """A record without what was not given."""
    return {k: v for k, v in record.items() if v is not None}


class _Place:
    """A table or a topic whose columns have other names than the source's."""

    def __init__(self, call: Call, name: str, select: Mapping[str, str] | None, time_unit: str | None) -> None:
        self._record = given(
            {
                **call.place(),
                "name": call.text("name", name),
                "select": call.expressions("select", select, "column: SQL"),
                "time_unit": call.optional_text("time_unit", time_unit),
                "flawed": call.flawed or None,
            }
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._record.get('name', {}).get('text', '')}>"


class Topic(_Place):
    """A topic whose messages look different from the rows of the source's path.

    Parameters
    ----------
    name : str
        The topic.
    select : mapping of str to str, optional
        The source's columns as SQL over the message's.
    time_unit : str, optional
        The unit of integer times: ``"s"``, ``"ms"``, ``"us"``, ``"ns"``.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.Topic("clicks", select={"price": "payload.price"}, time_unit="us")
    <Topic clicks>
    """

    @recorded_method
    def __init__(self, call: Call, name: str, *, select: Mapping[str, str] | None = None, time_unit: str | None = None) -> None:
        super().__init__(call, name, select, time_unit)


class Table(_Place):
    """A table whose columns have other names than the source's.

    Parameters
    ----------
    name : str
        The table, such as ``"hive:db.flights"``.
    select : mapping of str to str, optional
        The source's columns as SQL over the table's.
    time_unit : str, optional
        The unit of integer times: ``"s"``, ``"ms"``, ``"us"``, ``"ns"``.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.Table("hive:prod.flights", select={"dep_delay": "delay_minutes"})
    <Table hive:prod.flights>
    """

    @recorded_method
    def __init__(self, call: Call, name: str, *, select: Mapping[str, str] | None = None, time_unit: str | None = None) -> None:
        super().__init__(call, name, select, time_unit)


def place(call: Call, name: str, value: Any, kind: type[_Place]) -> Record | None:
    """A table or topic argument: its name, or an object that says more."""
    if isinstance(value, kind):
        return value._record if "name" in value._record else None
    article = "a topic" if kind is Topic else "a table"
    if call.absent(name, value):
        return None
    record = call.text(name, value, want=f"the name of {article} or bh.{kind.__name__}(…)")
    return {"at": record["at"], "name": record} if record else None


class Source:
    """What event and entity sources share."""

    _kind = "sources"
    _fields: Record
    _base: Source | None = None

    def _needs(self) -> list[Any]:
        return [self._base] if self._base is not None else []

    def _document(self, numbers: dict[int, int]) -> Record:
        if self._base is None:
            return self._fields
        return {**self._fields, "again": {"index": numbers[id(self._base)], "at": self._fields["at"]}}

    @property
    def name(self) -> str:
        """The source's name."""
        return str(self._fields["name"]["text"])

    def _where(self) -> str:
        for field in ("path", "table", "topic"):
            found = self._fields.get(field)
            if found:
                return f"{field} {found['name']['text'] if 'name' in found else found['text']}"
        return "no place"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self._where()}>"

    def _repr_html_(self) -> str:
        shown = [(f, self._fields.get(f)) for f in ("path", "table", "topic", "time", "keys", "id", "where", "order_by", "known_at", "columns")]
        return card(repr(self), shown_rows(shown))


def rows_of(call: Call, name: str, value: Any) -> Record:
    """The place of rows that need no name of their own: a table, or files; neither where they are a source's."""
    if isinstance(value, Source):
        return {}
    if isinstance(value, Table) or isinstance(value, str) and value.startswith(("hive:", "iceberg:")):
        return {"table": place(call, name, value, Table)}
    return {"path": call.path(name, value)}


def rows_name(source: Source | None, fields: Record) -> str:
    """What such rows are called."""
    if source is not None:
        return source.name
    if "table" in fields:
        return str(fields["table"]["name"]["text"])
    return str(fields.get("path", {}).get("text", ""))


def shown_rows(fields: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    """The rows of a notebook's table for fields of a record."""
    return [(name, shown(value)) for name, value in fields if value]


def shown(value: Any) -> str:
    """A field of a record as a reader wants it."""
    if isinstance(value, list):
        return ", ".join(shown(v) for v in value)
    if "type" in value:
        return f"{value['name']['text']} {value['type']['type']}"
    return str(value["name"]["text"] if "name" in value else value["text"])


def name_record(call: Call, name: Any) -> Record:
    """The record of a definition's name; a definition without one keeps its place and is reported."""
    record = None if name is None else call.text("name", name)
    return record or {"text": "", "at": call.site.at}


class EventSource(Source):
    """Events: rows that happened at a time.

    Parameters
    ----------
    name : str
        Its name in reports, settings and the log of events.
    path : str, optional
        A file, a folder, a hive-partitioned folder or a glob.
    table : str or Table, optional
        A table, such as ``"hive:db.flights"``.
    columns : mapping of str to Type, optional
        The columns and their types; needed where no file says them.
    topic : str or Topic, optional
        Live events.
    format : str, optional
        Of the files, where their names do not say it; or of the topic's records: ``"json"`` (the default), ``"avro"``, ``"protobuf"``.
    time : str
        When an event happened: a column or SQL.
    time_unit : str, optional
        The unit of an integer time: ``"s"``, ``"ms"``, ``"us"``, ``"ns"``.
    id : str, optional
        The column that tells copies: rows with the same id and time are one event.
    where : str, optional
        SQL; other rows are not events.
    order_by : str or list of str, optional
        Decides between events of one millisecond.
    known_at : str, optional
        When a row could first be known: a column or SQL.
    delay : str
        How far behind the events arrive, as a rule.
    lateness : str
        How late an event may come and still count in the stream.
    pii : list of str, optional
        Columns that hold personal data; they stay out of logs and errors.
    owner, description : str, optional
        For the catalog.
    tags : list of str, optional
        For the catalog.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.EventSource("flights", path="data/flights.parquet", time="dep_time", id="flight_id")
    <EventSource flights: path data/flights.parquet>
    """

    @recorded_method
    def __init__(
        self,
        call: Call,
        name: str,
        *,
        path: str | os.PathLike[str] | None = None,
        table: str | Table | None = None,
        columns: Mapping[str, Type] | None = None,
        topic: str | Topic | None = None,
        format: str | None = None,
        time: str,
        time_unit: str | None = None,
        id: str | None = None,
        where: str | None = None,
        order_by: str | Sequence[str] | None = None,
        known_at: str | None = None,
        delay: str = "0s",
        lateness: str = "1d",
        pii: Sequence[str] | None = None,
        owner: str | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> None:
        call.what = f'event source "{name}"'
        self._fields = _source_fields(call, "event", locals())
        _record.enter("sources", self)

    @recorded_method
    def again(
        self,
        call: Call,
        name: str,
        *,
        time: str | None = None,
        topic: str | Topic | None = None,
        time_unit: str | None = None,
        id: str | None = None,
        where: str | None = None,
        order_by: str | Sequence[str] | None = None,
        known_at: str | None = None,
        delay: str | None = None,
        lateness: str | None = None,
        owner: str | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> EventSource:
        """The same place, schema and topic, seen by another clock.

        Parameters
        ----------
        name : str
            The new source's name.
        time : str, optional
            When an event happened by this clock: a column or SQL.
        topic, time_unit, id, where, order_by, known_at, delay, lateness, owner, description, tags
            As in `EventSource`; what is not given is the same as before.

        Returns
        -------
        EventSource
            A source of its own; what this one is given again replaces what that one has.

        Examples
        --------
        >>> import bighead as bh
        >>> flights = bh.EventSource("flights", path="flights.parquet", time="dep_time")
        >>> flights.again("arrivals", time="arr_time")
        <EventSource arrivals: path flights.parquet>
        """
        call.what = f'event source "{name}"'
        new = object.__new__(EventSource)
        fields = _source_fields(call, "event", locals())
        inherited = {k: v for k, v in self._fields.items() if k not in ("via", "again")}
        new._fields = {**inherited, **fields}
        flawed = [*self._fields.get("flawed", ()), *call.flawed]
        if flawed:
            new._fields["flawed"] = list(dict.fromkeys(flawed))
        new._base = self
        _record.enter("sources", new)
        return new


class EntitySource(Source):
    """Entities: rows that replace each other, a dimension table or a log of changes.

    Parameters
    ----------
    name : str
        Its name in reports and settings.
    keys : list of str
        The columns that name an entity.
    time : str, optional
        When a row became true: a column or SQL. Without it a row has been true since ever.
    deleted : str, optional
        SQL that is true for a row that ends its entity.
    snapshot : str, optional
        The partition column of a table that is a whole picture in each partition.
    path, table, columns, topic, format, time_unit, where, order_by, known_at, delay, lateness, pii, owner, description, tags
        As in `EventSource`.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.EntitySource("planes", path="data/planes.parquet", keys=["tailnum"])
    <EntitySource planes: path data/planes.parquet>
    """

    @recorded_method
    def __init__(
        self,
        call: Call,
        name: str,
        *,
        path: str | os.PathLike[str] | None = None,
        table: str | Table | None = None,
        columns: Mapping[str, Type] | None = None,
        keys: Sequence[str],
        time: str | None = None,
        time_unit: str | None = None,
        topic: str | Topic | None = None,
        format: str | None = None,
        where: str | None = None,
        deleted: str | None = None,
        snapshot: str | None = None,
        order_by: str | Sequence[str] | None = None,
        known_at: str | None = None,
        delay: str = "0s",
        lateness: str = "1d",
        pii: Sequence[str] | None = None,
        owner: str | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> None:
        call.what = f'entity source "{name}"'
        self._fields = _source_fields(call, "entity", locals())
        _record.enter("sources", self)


_TEXTS = ("format", "time", "time_unit", "id", "where", "known_at", "deleted", "snapshot", "delay", "lateness")


def _source_fields(call: Call, kind: str, values: dict[str, Any]) -> Record:
    get = values.get
    order_by = get("order_by")
    if isinstance(order_by, str):
        one = call.text("order_by", order_by)
        orders = [one] if one else None
    else:
        orders = call.texts("order_by", order_by, "columns or SQL")
    fields: Record = {
        **call.place(),
        "kind": kind,
        "name": name_record(call, get("name")),
        "path": call.path("path", get("path")),
        "table": place(call, "table", get("table"), Table),
        "topic": place(call, "topic", get("topic"), Topic),
        "columns": call.columns("columns", get("columns")),
        **{name: call.optional_text(name, get(name)) for name in _TEXTS},
        "keys": call.texts("keys", get("keys"), "columns"),
        "order_by": orders,
        "pii": call.texts("pii", get("pii"), "columns"),
        **about(call, get("owner"), get("description"), get("tags")),
    }
    fields["flawed"] = call.flawed or None
    return given(fields)
