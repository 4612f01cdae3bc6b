"""Models: how rows become predictions, and the endpoints that answer with them."""

from __future__ import annotations

import datetime
from typing import Any, Callable, Mapping, Sequence

from bighead import _record
from bighead._arguments import Call, Record, recorded_method
from bighead._display import card, table
from bighead._functions import function_record
from bighead._sources import Source, Table, about, given, name_record, rows_name, rows_of, shown_rows
from bighead._step import Step
from bighead._training import TrainingSet


class Pipeline:
    """Steps between a view's columns and a model, fitted over the training rows and applied alike in training and in serving.

    Parameters
    ----------
    steps : list of Step
        What is done, in this order: ``bh.impute(bh.numeric, "median")`` and the like. A step reads what those before it leave.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.Pipeline([])
    <Pipeline: 0 steps>
    """

    @recorded_method
    def __init__(self, call: Call, steps: Sequence[Step]) -> None:
        self._steps: list[Step] = []
        for one, node in call.elements("steps", steps, "steps") or ():
            if isinstance(one, Step):
                self._steps.append(one)
            else:
                call.wrong("steps", "steps", one, node, 'write bh.impute("…", "median") or another step')
        self._record: Record = {**call.place(), "steps": [s._record for s in self._steps]}
        if call.flawed:
            self._record["flawed"] = call.flawed

    def __repr__(self) -> str:
        n = len(self._steps)
        return f"<Pipeline: {n} step{'s' * (n != 1)}>"

    def _repr_html_(self) -> str:
        return table(("", "step"), [(str(i + 1), repr(s).strip("<>")) for i, s in enumerate(self._steps)], repr(self).strip("<>"))


class TimeSplit:
    """Which rows are learned from, and which judge: rows are parted by the time they ask for.

    Parameters
    ----------
    valid : str or datetime
        The first time of validation; before it rows are for training.
    test : str or datetime
        The first time of the test; from ``valid`` to it rows are for validation.
    end : str or datetime, optional
        The first time that is left out.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.TimeSplit(valid="2013-09-01", test="2013-11-01")
    <TimeSplit valid 2013-09-01 test 2013-11-01>
    """

    @recorded_method
    def __init__(
        self, call: Call, *, valid: str | datetime.date, test: str | datetime.date, end: str | datetime.date | None = None
    ) -> None:
        self._record: Record = given(
            {**call.place(), **{name: call.moment(name, value) for name, value in (("valid", valid), ("test", test), ("end", end))}}
        )
        if call.flawed:
            self._record["flawed"] = call.flawed

    def __repr__(self) -> str:
        times = [f"{name} {self._record[name]['text']}" for name in ("valid", "test", "end") if name in self._record]
        return f"<TimeSplit {' '.join(times)}>"


class Environment:
    """The packages that a model is trained with.

    Parameters
    ----------
    requirements : list of str
        Packages with their versions: ``"lightgbm==4.7.0"``.
    python : str, optional
        The version of Python, such as ``"3.11"``; the project's own where it is not given.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.Environment(["lightgbm==4.7.0"], python="3.11")
    <Environment lightgbm==4.7.0 on Python 3.11>
    """

    @recorded_method
    def __init__(self, call: Call, requirements: Sequence[str], *, python: str | None = None) -> None:
        self._record: Record = given(
            {
                **call.place(),
                "packages": call.texts("requirements", requirements, 'packages like "lightgbm==4.7.0"'),
                "python": call.optional_text("python", python, 'a version like "3.11"', 'write python="3.11"'),
            }
        )
        if call.flawed:
            self._record["flawed"] = call.flawed

    def __repr__(self) -> str:
        python = f" on Python {self._record['python']['text']}" if "python" in self._record else ""
        return f"<Environment {', '.join(p['text'] for p in self._record.get('packages', ()))}{python}>"


class Model:
    """A function that learns from the rows of a training set, or a model that answers elsewhere.

    Parameters
    ----------
    name : str
        Its name.
    training_set : TrainingSet
        The rows.
    pipeline : Pipeline, optional
        What is done to the view's columns before they go in; nothing where it is not given.
    train : function
        ``def train(data, params)`` of a definition file, which returns the fitted model. ``data.train`` and ``data.valid`` have
        ``.x``, ``.y`` and ``.weight``. What it needs is imported inside it.
    remote : str, optional
        In place of ``train``: the address of a model that was trained, and answers, elsewhere, by the Open Inference Protocol:
        ``"http://host:8000/v2/models/late"`` or ``"grpc://host:8001/late"``. ``split`` is needed only where it is to be measured.
    as_ : str
        The kind of table that it takes: ``"pandas"``, ``"polars"`` or ``"arrow"``.
    task : str
        ``"binary"``, ``"multiclass"``, ``"regression"`` or ``"ranking"``.
    label : str, optional
        Which of the training set's labels is learned, where it has several.
    split : TimeSplit
        Which rows are for training, for validation and for the test.
    environment : Environment, optional
        The packages that it is trained with; the project's own Python where it is not given.
    metrics : list of str, optional
        What is measured; all that the task knows where it is not given.
    gate : str, optional
        What a version must hold to be promoted: ``"auc > 0.74 and auc >= champion.auc - 0.005"``, over metrics of the test.
    params : mapping, optional
        Handed to ``train``; plain JSON.
    seed : int
        Of everything that is drawn.
    pickle : bool
        Whether a model that has no format of its own may be pickled; it is then served by Python alone.
    owner, description : str, optional
        For the catalog.
    tags : list of str, optional
        For the catalog.
    """

    _kind = "models"

    @recorded_method
    def __init__(
        self,
        call: Call,
        name: str,
        *,
        training_set: TrainingSet,
        pipeline: Pipeline | None = None,
        train: Callable[[Any, Any], Any] | None = None,
        remote: str | None = None,
        as_: str = "pandas",
        task: str = "binary",
        label: str | None = None,
        split: TimeSplit | None = None,
        environment: Environment | None = None,
        metrics: Sequence[str] | None = None,
        gate: str | None = None,
        params: Mapping[str, Any] | None = None,
        seed: int = 1,
        pickle: bool = False,
        owner: str | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> None:
        call.what = f'model "{name}"'
        self._training_set = training_set if isinstance(training_set, TrainingSet) else None
        if self._training_set is None:
            cure = "pass the object, not its name" if isinstance(training_set, str) else ""
            call.wrong("training_set", "a training set", training_set, cure=cure)
        self._set_at = call.at(call.node("training_set"))
        self._pipeline = _part(call, "pipeline", pipeline, Pipeline, "write bh.Pipeline([…])")
        self._split = _part(call, "split", split, TimeSplit, 'write bh.TimeSplit(valid="…", test="…")')
        self._environment = _part(call, "environment", environment, Environment, 'write bh.Environment(["lightgbm==4.7.0"])')
        self._fields: Record = given(
            {
                **call.place(),
                "name": name_record(call, name),
                "pipeline": self._pipeline and self._pipeline._record,
                "train": None if train is None else function_record(call, "train", train),
                "remote": call.optional_text("remote", remote, "an address"),
                "as": call.optional_text("as_", as_),
                "task": call.optional_text("task", task),
                "label": call.optional_text("label", label),
                "split": self._split and self._split._record,
                "environment": self._environment and self._environment._record,
                "metrics": call.texts("metrics", metrics, "names of metrics"),
                "gate": call.optional_text("gate", gate, "an expression over metrics"),
                "params": _params(call, params),
                "seed": call.integer("seed", seed),
                "pickle": call.truth("pickle", pickle),
                **about(call, owner, description, tags),
            }
        )
        if call.flawed:
            self._fields["flawed"] = call.flawed
        _record.enter("models", self)

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self._fields["name"]["text"])

    def _needs(self) -> list[Any]:
        return [] if self._training_set is None else [self._training_set]

    def _document(self, numbers: dict[int, int]) -> Record:
        if self._training_set is None:
            return self._fields
        return {**self._fields, "training_set": {"index": numbers[id(self._training_set)], "at": self._set_at}}

    def __repr__(self) -> str:
        of = self._training_set.name if self._training_set else "nothing"
        return f"<Model {self.name}: {self._fields.get('task', {}).get('text', 'binary')} over {of}>"

    def _repr_html_(self) -> str:
        rows = [("training set", repr(self._training_set))]
        rows += [(f"step {i + 1}", repr(s).strip("<>")) for i, s in enumerate(self._pipeline._steps if self._pipeline else ())]
        if "train" in self._fields:
            rows.append(("train", f"{self._fields['train']['name']} ({self._fields['train']['def'].rpartition('-')[0]})"))
        rows += [(n, repr(one).strip("<>")) for n, one in (("split", self._split), ("environment", self._environment)) if one is not None]
        if "params" in self._fields:
            rows.append(("params", ", ".join(f"{k}={v!r}" for k, v in self._fields["params"]["value"].items())))
        return card(repr(self), rows + shown_rows([(f, self._fields.get(f)) for f in ("remote", "label", "metrics", "gate", "description")]))


class LabelSource:
    """Where the truth of an endpoint's predictions comes to be known, as rows of a table, a topic or files.

    Parameters
    ----------
    source : EventSource or EntitySource or Table or str
        A source, a table, or the path of a file.
    on : list of str or mapping of str to str, optional
        Keys and request fields of the view by which a row finds the predictions that it is the truth of: columns of that name, or SQL over
        the row. Without it the rows have a column ``prediction_id``.
    value : str
        SQL over the row for the truth; null where it is not known yet.
    at : str
        SQL over the row for when it was known: it is the truth of predictions that asked as of that time or before.
    where : str, optional
        SQL that a row must meet.
    take : str
        Which of several rows that were known after a prediction is its truth: ``"only"``, there must be one; ``"first"`` or ``"last"``.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.LabelSource("data/landed.parquet", on=["tailnum", "sched_dep"], value="arr_delay >= 15", at="arr_time")
    <LabelSource data/landed.parquet: arr_delay >= 15 on tailnum, sched_dep>
    """

    @recorded_method
    def __init__(
        self,
        call: Call,
        source: Source | Table | str,
        *,
        value: str,
        at: str,
        on: Sequence[str] | Mapping[str, str] | None = None,
        where: str | None = None,
        take: str = "only",
    ) -> None:
        self._source = source if isinstance(source, Source) else None
        self._source_at = call.at(call.node("source"))
        self._fields: Record = given(
            {
                **call.place(),
                **rows_of(call, "source", source),
                "value": call.optional_text("value", value, "SQL"),
                "as_of": call.optional_text("at", at, "SQL"),
                "on": _on(call, on),
                "where": call.optional_text("where", where),
                "take": call.optional_text("take", take),
            }
        )
        if call.flawed:
            self._fields["flawed"] = call.flawed

    def _document(self, numbers: dict[int, int]) -> Record:
        if self._source is None:
            return self._fields
        return {**self._fields, "source": {"index": numbers[id(self._source)], "at": self._source_at}}

    def __repr__(self) -> str:
        rows = rows_name(self._source, self._fields)
        on = ", ".join(n["name"]["text"] for n in self._fields.get("on", ())) or "prediction_id"
        return f"<LabelSource {rows}: {self._fields.get('value', {}).get('text', '')} on {on}>"


class Endpoint:
    """A name under which predictions of a model are asked for.

    Parameters
    ----------
    name : str
        Its name.
    model : Model
        What answers.
    traffic : mapping of str to float, optional
        Versions, by alias or number, and their parts of the requests: ``{"champion": 90, "challenger": 10}``. All to ``"champion"``
        where it is not given.
    shadow : str, optional
        A version that is asked too, and not answered with.
    fallback : float or str, optional
        What is answered where no version can: a constant; ``"popular"``, what most of the version's training says (of classes their
        shares, of values the median); or ``"last"``, the last version that was good.
    degraded_when : str
        When a prediction says of itself that it is degraded: an expression over ``share_defaulted``, the share of the row's columns
        that are not what they should be.
    deadline : str
        How long a request waits.
    sticky : str, optional
        The key or request field that decides which version answers; all keys of the view where it is not given.
    max_batch : int, optional
        How many rows of several requests are answered together at most; trees answer each by itself, for it costs them nothing.
    max_delay : str
        How long a row waits for others at most.
    labels : LabelSource or str, optional
        Where the truth of its predictions comes to be known: ``bh.LabelSource(landed, on=["tailnum"], value="arr_delay >= 15", at="arr_time")``;
        or ``"training"``: what the model learned of what happens within a span after ``at``, computed of history in the same way.
    owner, description : str, optional
        For the catalog.
    tags : list of str, optional
        For the catalog.
    """

    _kind = "endpoints"

    @recorded_method
    def __init__(
        self,
        call: Call,
        name: str,
        *,
        model: Model,
        traffic: Mapping[str, float] | None = None,
        shadow: str | None = None,
        fallback: float | str | None = None,
        degraded_when: str = "share_defaulted > 0.3",
        deadline: str = "50ms",
        sticky: str | None = None,
        max_batch: int | None = None,
        max_delay: str = "0s",
        labels: LabelSource | str | None = None,
        owner: str | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> None:
        call.what = f'endpoint "{name}"'
        self._model = model if isinstance(model, Model) else None
        if self._model is None:
            call.wrong("model", "a model", model, cure="pass the object, not its name" if isinstance(model, str) else "")
        self._model_at = call.at(call.node("model"))
        word = call.text("labels", labels) if isinstance(labels, str) else None
        cure = 'write bh.LabelSource(source, on=["…"], value="…", at="…"), or "training"'
        self._labels = None if word else _part(call, "labels", labels, LabelSource, cure)
        self._fields: Record = given(
            {
                **call.place(),
                "name": name_record(call, name),
                "traffic": _traffic(call, traffic),
                "shadow": call.optional_text("shadow", shadow, "an alias or a version's number, as text"),
                "fallback": call.literal("fallback", fallback),
                "degraded_when": call.optional_text("degraded_when", degraded_when, "an expression over share_defaulted"),
                "deadline": call.optional_text("deadline", deadline),
                "sticky": call.optional_text("sticky", sticky, "the name of a key or request field"),
                "max_batch": call.integer("max_batch", max_batch),
                "max_delay": call.optional_text("max_delay", max_delay),
                "labels": {"at": word["at"], "word": word} if word else None,
                **about(call, owner, description, tags),
            }
        )
        if call.flawed:
            self._fields["flawed"] = call.flawed
        _record.enter("endpoints", self)

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return str(self._fields["name"]["text"])

    def _needs(self) -> list[Any]:
        found = [self._model, self._labels._source if self._labels else None]
        return [f for f in found if f is not None]

    def _document(self, numbers: dict[int, int]) -> Record:
        record = dict(self._fields)
        if self._model is not None:
            record["model"] = {"index": numbers[id(self._model)], "at": self._model_at}
        if self._labels is not None:
            record["labels"] = self._labels._document(numbers)
        return record

    def __repr__(self) -> str:
        parts = [f"{t['version']['text']} {t['weight']['value']:g}" for t in self._fields.get("traffic", ())]
        return f"<Endpoint {self.name}: {self._model.name if self._model else 'nothing'} by {', '.join(parts) or 'champion'}>"

    def _repr_html_(self) -> str:
        rows = [("model", repr(self._model))]
        rows += [(f"traffic {t['version']['text']}", f"{t['weight']['value']:g}") for t in self._fields.get("traffic", ())]
        if "fallback" in self._fields:
            rows.append(("fallback", repr(self._fields["fallback"]["value"])))
        if self._labels is not None:
            rows.append(("labels", repr(self._labels).strip("<>")))
        elif "labels" in self._fields:
            rows.append(("labels", self._fields["labels"]["word"]["text"]))
        rows += shown_rows([(f, self._fields.get(f)) for f in ("shadow", "degraded_when", "deadline", "sticky", "max_delay", "description")])
        return card(repr(self), rows)


def _part(call: Call, name: str, value: Any, kind: type[Any], cure: str) -> Any:
    """An argument that is an object of its own; None where it is not given or not one."""
    if call.absent(name, value):
        return None
    if isinstance(value, kind):
        return value
    call.wrong(name, f"a bh.{kind.__name__}", value, cure=cure)
    return None


def _params(call: Call, params: Any) -> Record | None:
    if call.absent("params", params):
        return None
    if not isinstance(params, dict):
        call.wrong("params", "a dictionary of plain values", params)
        return None
    record = call.literal("params", params)
    if record is None:
        return None
    return record if record["kind"] == "map" else None


def _traffic(call: Call, traffic: Any) -> list[Record] | None:
    entries = call.entries("traffic", traffic, "version: weight")
    if entries is None:
        return None
    found = []
    for version, weight, node in entries:
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not abs(weight) < float("inf"):
            call.wrong("traffic", "numbers as weights", weight, node)
            continue
        found.append({"version": version, "weight": {"value": float(weight), "at": call.at(node)}})
    return found


def _on(call: Call, on: Any) -> list[Record] | None:
    """Keys and request fields as SQL over the row; one of a list is the column of its name."""
    if isinstance(on, (list, tuple)):
        names = call.texts("on", on, "keys and request fields")
        return None if names is None else [{"name": n, "sql": n} for n in names]
    return call.expressions("on", on, "a list of keys and request fields, or a dictionary of name: SQL")
