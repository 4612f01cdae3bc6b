"""Training sets: a spine of rows, the features that were known then, and what came of it."""

from __future__ import annotations

import datetime
from typing import Any, Mapping, Sequence

from bighead import _record
from bighead._arguments import Call, Record, recorded_method
from bighead._display import card
from bighead._feature import Feature
from bighead._sources import Source, Table, about, given, name_record, rows_name, rows_of, shown_rows
from bighead._views import FeatureView, ViewSelection


class Spine:
    """The rows of a training set: which keys, and as of when.

    Parameters
    ----------
    source : EventSource or EntitySource or Table or str
        A source, a table, or the path of a file.
    at : str
        SQL for the time at which a row asks.
    where : str, optional
        SQL that a row must meet; it may read keys, what ``at`` and the request name.
    columns : mapping of str to str, optional
        Keys of the view and request fields as SQL over the spine, where their names differ.
    keep : list of str, optional
        Columns of the spine that go into the table.
    sample : float, optional
        The share of rows to take.
    sample_by : str, optional
        SQL; rows with an equal value are taken or left together.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.Spine("data/flights.parquet", at="sched_dep - interval '2 hours'", keep=["flight_id"])
    <Spine data/flights.parquet at sched_dep - interval '2 hours'>
    """

    @recorded_method
    def __init__(
        self,
        call: Call,
        source: Source | Table | str,
        *,
        at: str,
        where: str | None = None,
        columns: Mapping[str, str] | None = None,
        keep: Sequence[str] | None = None,
        sample: float | None = None,
        sample_by: str | None = None,
    ) -> None:
        self._source = source if isinstance(source, Source) else None
        self._source_at = call.at(call.node("source"))
        self._fields: Record = given(
            {
                **call.place(),
                **rows_of(call, "source", source),
                "as_of": call.optional_text("at", at, "SQL"),
                "where": call.optional_text("where", where),
                "columns": call.expressions("columns", columns),
                "keep": call.texts("keep", keep, "columns"),
                "sample": call.number("sample", sample),
                "sample_by": call.optional_text("sample_by", sample_by),
            }
        )
        if call.flawed:
            self._fields["flawed"] = call.flawed

    def _document(self, numbers: dict[int, int]) -> Record:
        if self._source is None:
            return self._fields
        return {**self._fields, "source": {"index": numbers[id(self._source)], "at": self._source_at}}

    def __repr__(self) -> str:
        return f"<Spine {rows_name(self._source, self._fields)} at {self._fields.get('as_of', {}).get('text', '')}>"


class TrainingSet:
    """Rows to learn from: for each row of a spine, what was known at its time, and its labels.

    Parameters
    ----------
    name : str
        Its name.
    view : FeatureView or ViewSelection
        The features.
    spine : Spine
        The rows.
    labels : mapping of str to str or Feature, optional
        What is to be predicted: SQL over the spine's row, or an aggregation of what happens within a span after ``at``:
        ``bh.count(source=purchases, keys=["user"], within="7d")``. The only thing that may look forward.
    label_time : str, optional
        SQL for when a row's label is known.
    unlabelled : str
        What happens to rows whose labels are all null: ``"drop"``.
    weight : str, optional
        SQL over the spine for a row's weight.
    start, end : str or datetime, optional
        Bounds of ``at``, ``[start, end)``.
    features : list of str, optional
        The view's columns that the model gets; all of them where it is not given.
    owner, description : str, optional
        For the catalog.
    tags : list of str, optional
        For the catalog.
    """

    _kind = "training_sets"

    @recorded_method
    def __init__(
        self,
        call: Call,
        name: str,
        *,
        view: FeatureView | ViewSelection,
        spine: Spine,
        labels: Mapping[str, str | Feature] | None = None,
        label_time: str | None = None,
        unlabelled: str = "drop",
        weight: str | None = None,
        start: str | datetime.date | None = None,
        end: str | datetime.date | None = None,
        features: Sequence[str] | None = None,
        owner: str | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> None:
        call.what = f'training set "{name}"'
        self._selected = view._columns if isinstance(view, ViewSelection) else None
        view = view._view if isinstance(view, ViewSelection) else view
        self._view = view if isinstance(view, FeatureView) else None
        if self._view is None:
            call.wrong("view", "a feature view", view, cure="pass the object, not its name" if isinstance(view, str) else "")
        self._spine = spine if isinstance(spine, Spine) else None
        if self._spine is None:
            cure = 'write bh.Spine("…", at="…")' if isinstance(spine, (str, Source)) else ""
            call.wrong("spine", "a spine", spine, cure=cure)
        self._view_at = call.at(call.node("view"))
        self._labels = _labels(call, labels)
        self._fields: Record = given(
            {
                **call.place(),
                "name": name_record(call, name),
                "label_time": call.optional_text("label_time", label_time),
                "unlabelled": call.optional_text("unlabelled", unlabelled),
                "weight": call.optional_text("weight", weight),
                "start": call.moment("start", start),
                "end": call.moment("end", end),
                "features": call.texts("features", features, "names of columns"),
                **about(call, owner, description, tags),
            }
        )
        if call.flawed:
            self._fields["flawed"] = call.flawed
        _record.enter("training_sets", self)

    @property
    def name(self) -> str:
        """The training set's name."""
        return str(self._fields["name"]["text"])

    def _needs(self) -> list[Any]:
        label_sources = [f._source for _, f in self._labels if isinstance(f, Feature)]
        found = [self._view, self._spine._source if self._spine else None, *label_sources]
        return [f for f in found if f is not None]

    def _document(self, numbers: dict[int, int]) -> Record:
        record = dict(self._fields)
        if self._view is not None:
            record["view"] = given({"view": {"index": numbers[id(self._view)], "at": self._view_at}, "select": self._selected})
        if self._spine is not None:
            record["spine"] = self._spine._document(numbers)
        record["labels"] = [
            {"name": name, "within": one._document(numbers)} if isinstance(one, Feature) else {"name": name, "sql": one}
            for name, one in self._labels
        ]
        return record

    def __repr__(self) -> str:
        view = self._view.name if self._view else "nothing"
        return f"<TrainingSet {self.name}: {', '.join(n['text'] for n, _ in self._labels)} from {view}>"

    def _repr_html_(self) -> str:
        rows = [("view", repr(self._view)), ("spine", repr(self._spine))]
        for name, one in self._labels:
            rows.append((f"label {name['text']}", repr(one) if isinstance(one, Feature) else one["text"]))
        rows += shown_rows([(f, self._fields.get(f)) for f in ("label_time", "weight", "start", "end", "features")])
        return card(repr(self), rows)


def _labels(call: Call, labels: Any) -> list[tuple[Record, Record | Feature]]:
    found: list[tuple[Record, Record | Feature]] = []
    if labels is None:
        return found
    for name, one, node in call.entries("labels", labels, "name: SQL") or ():
        if isinstance(one, Feature):
            found.append((name, one))
            continue
        sql = call.text("labels", one, node, 'SQL, or an aggregation with within="7d"')
        if sql is not None:
            found.append((name, sql))
    return found
