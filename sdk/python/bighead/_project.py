"""A project from a notebook or a script, over the same binary as on the command line."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from typing import Any, Sequence

from bighead import _record
from bighead._frames import Folder, Frame, ProjectError, Rows, Table
from bighead._models import Endpoint, Model
from bighead._record import FORMAT_VERSION, DefinitionError
from bighead._sources import Source
from bighead._training import TrainingSet
from bighead._version import __version__
from bighead._views import FeatureGroup, FeatureView

_DEFINED = (FeatureGroup, FeatureView, TrainingSet, Source, Model, Endpoint)
_GRACE = 10.0  # seconds that the binary may take to end after an interrupt
_PREFIX = re.compile(r"^(?:bighead: |Error: )", re.MULTILINE)


class Text(str):
    """Text that a notebook shows as it is."""

    def __repr__(self) -> str:
        return str(self)


class Diagram:
    """A model's pipeline as a picture in a notebook, as text elsewhere."""

    def __init__(self, text: str, svg: str) -> None:
        self.text, self.svg = text, svg

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text.rstrip("\n")

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x:auto">{self.svg}</div>'


class Answer(dict[str, Any]):
    """What made one value: the fields of ``bighead why --json``."""

    @property
    def value(self) -> Any:
        """The value."""
        return self.get("value")

    @property
    def events(self) -> Rows:
        """The events that made it."""
        events = self.get("events") or []
        columns = list(dict.fromkeys(name for e in events for name in e))
        return Rows(columns, [[e.get(c) for c in columns] for e in events], f"events of {self.get('feature', '')}")

    @property
    def sql(self) -> str:
        """A DuckDB statement that gives the same."""
        return Text(self.get("duckdb", ""))

    def __repr__(self) -> str:
        lines = [f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}" for name, value in self.items() if name not in ("events", "duckdb")]
        if self.get("events"):
            lines += ["", repr(self.events)]
        if self.get("duckdb"):
            lines += ["", self["duckdb"]]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        fields = [(n, v if isinstance(v, str) else json.dumps(v)) for n, v in self.items() if n != "events"]
        return Rows(("", ""), fields, "why")._repr_html_() + self.events._repr_html_()


class Vector(dict[str, Any]):
    """The features of one row as they are served, by their names.

    Attributes
    ----------
    status : dict of str
        What each is: ``present``, ``empty``, ``defaulted``, ``stale``, … (docs/interface.md, section 6).
    at : str
        As of when.
    view, fingerprint : str
        Of what they are, and in which version.
    """

    def __init__(self, answer: dict[str, Any]) -> None:
        row = answer["rows"][0]
        super().__init__(zip(answer["features"], row["values"]))
        said = row["status"]
        self.status: dict[str, str] = {name: said if isinstance(said, str) else said[i] for i, name in enumerate(answer["features"])}
        self.view, self.fingerprint, self.at = answer["view"], answer["fingerprint"], answer["at"]

    def _table(self) -> Rows:
        return Rows(["feature", "value", "status"], [[name, value, self.status[name]] for name, value in self.items()], f"{self.view} as of {self.at}")

    def __repr__(self) -> str:
        return f"{self.view} as of {self.at}\n{self._table()!r}"

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


class SourceRows:
    """A source of a project, to look at."""

    def __init__(self, project: Project, source: str | Source) -> None:
        self._project, self._source = project, source

    def head(self, n: int = 5) -> Rows:
        """The first rows.

        Parameters
        ----------
        n : int
            How many.
        """
        return self._project._rows("source", self._source, n)

    def __repr__(self) -> str:
        return f"<source {_name(self._source)}>"


class Project:
    """A project, over the same binary that the command line uses.

    Parameters
    ----------
    path : str or path
        Its folder, or one below it.
    profile : str, optional
        Lays ``bighead.<profile>.toml`` over the settings.
    binary : str, optional
        The ``bighead`` to use; ``BIGHEAD_BINARY``, else the one on the path.

    Raises
    ------
    ProjectError
        Where there is no binary, or one that this package does not belong to.
    """

    def __init__(self, path: str | os.PathLike[str] = ".", *, profile: str | None = None, binary: str | None = None) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self._profile = profile
        self._binary = _find_binary(binary)
        self._check_version()

    def features(self, view: str | FeatureView, df: Any, *, at: str) -> Any:
        """Your own frame with the features of a view as of each row's time.

        Parameters
        ----------
        view : str or FeatureView
            The view, by name or as defined in a cell.
        df : pandas.DataFrame, polars.DataFrame, pyarrow.Table, or path of a Parquet file
            The rows: the view's keys, its request fields and a time.
        at : str
            The column of the time at which a row asks.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            The same kind: your columns, your order, your rows, plus the view's columns. For a path a pyarrow Table.
        """
        frame = Frame(df)
        if at not in frame.columns():
            raise ProjectError(f'the frame has no column "{at}" to ask at; it has {", ".join(frame.columns())}')
        folder = Folder()
        spine = frame.write(folder.file("spine.parquet"))
        out = folder.file("features.parquet")
        try:
            self._run(["features", _name(view), "--spine", spine, "--at", at, "-o", out], view, folder)
        except ProjectError as e:
            if frame.left_out:
                raise ProjectError(f"{e}\n(left out, for Arrow cannot hold them: {', '.join(frame.left_out)})") from None
            raise
        return frame.beside(out)

    def preview(self, what: str | FeatureGroup | FeatureView | TrainingSet, n: int = 20) -> Rows:
        """A few rows of a group, a view or a training set.

        Parameters
        ----------
        what : str, FeatureGroup, FeatureView or TrainingSet
            Its name, or the object itself, also one defined in a cell.
        n : int
            How many rows.
        """
        return self._rows("preview", what, n)

    def training_set(self, what: str | TrainingSet, *, start: Any = None, end: Any = None) -> Table:
        """Compute a training set.

        Parameters
        ----------
        what : str or TrainingSet
            Its name, or the object itself.
        start, end : str, date or datetime, optional
            Bounds of ``at``, ``[start, end)``.

        Returns
        -------
        Table
            With ``to_pandas()``, ``to_polars()``, ``to_arrow()``, ``path`` and ``report``.
        """
        folder = Folder()
        out = folder.file(f"{re.sub('[^A-Za-z0-9_.-]', '_', _name(what))}.parquet")
        args = ["training-set", _name(what), "-o", out, "--json"]
        for flag, bound in (("--start", start), ("--end", end)):
            if bound is not None:
                args += [flag, moment(bound)]
        report = self._json(args, what, folder)
        rows = Table(out, report, f"training set {_name(what)}")
        folder.outlives(rows)
        return rows

    def source(self, what: str | Source) -> SourceRows:
        """A source, to look at: ``p.source("flights").head()``."""
        return SourceRows(self, what)

    def explain(self, what: str | FeatureGroup | FeatureView | TrainingSet | Model | Endpoint, *, engine: str | None = None) -> str:
        """The typed definition and the plan, and with an engine what that one is handed."""
        args = ["explain", _name(what)]
        if engine is not None:
            args += ["--engine", engine]
        return Text(self._run(args, what, Folder()))

    def diagram(self, model: str | Model, *, version: int | str | None = None) -> Diagram:
        """A model's pipeline, drawn.

        Parameters
        ----------
        model : str or Model
            Its name, or the object itself, also one defined in a cell.
        version : int or str, optional
            A version's number or alias, to see what it was fitted to; without one the steps as they are defined.

        Returns
        -------
        Diagram
            A picture in a notebook; ``print`` shows it as text, ``svg`` is the picture's source.
        """
        if version is None:
            found = self._json(["explain", _name(model), "--diagram", "svg", "--json"], model, Folder())
        else:  # what was fitted is in the catalog, whatever the definitions say by now
            found = self._json(["explain", f"{_name(model)}@{version}", "--diagram", "svg", "--json"], None, Folder())
        return Diagram(found["text"], found["svg"])

    def why(self, view: str | FeatureView, feature: str, /, *, at: Any, **key: Any) -> Answer:
        """What made one value.

        Parameters
        ----------
        view : str or FeatureView
            The view.
        feature : str
            The view's column.
        at : str or datetime
            The time of the question.
        **key
            The values of the key's columns.
        """
        pairs = [f"{name}={plain(value)}" for name, value in key.items()]
        return Answer(self._json(["why", _name(view), feature, *pairs, "--at", moment(at), "--json"], view, Folder()))

    def get(self, view: str | FeatureView, /, *, at: Any = None, server: str | None = None, **row: Any) -> Vector:
        """The features of one row as they are online now, of the definitions that were applied.

        Parameters
        ----------
        view : str or FeatureView
            The view.
        at : str or datetime, optional
            The time of the question; the past is refused, since an online store cannot look back.
        server : str, optional
            The address of a server elsewhere, else the project's own, or where none runs its store.
        **row
            The values of the view's keys and request fields.

        Raises
        ------
        ProjectError
            Where the row cannot be answered.
        """
        pairs = [f"{name}={plain(value)}" for name, value in row.items()]
        more = ["--at", moment(at)] if at is not None else []
        more += ["--server", server] if server is not None else []
        answer = self._json(["get", _name(view), *pairs, *more, "--json"], _name(view), Folder())
        wrong = answer["rows"][0].get("error")
        if wrong:
            cure = f" ({wrong['cure']})" if wrong.get("cure") else ""
            raise ProjectError(f"{wrong.get('code', '')}: {wrong.get('detail') or wrong.get('title')}{cure}")
        return Vector(answer)

    def __repr__(self) -> str:
        return f"<Project {self.path}>"

    def _rows(self, command: str, what: Any, n: int) -> Rows:
        data = self._json([command, _name(what), "--limit", str(n), "--json"], what, Folder())
        return Rows.of_json(data, _name(what))

    def _json(self, args: Sequence[str], what: Any, folder: Folder) -> dict[str, Any]:
        out = self._run(args, what, folder)
        try:
            found = json.loads(out)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ProjectError(f"bighead {args[0]} answered what is no JSON object: {out[:200]}")
        return found

    def _run(self, args: Sequence[str], what: Any, folder: Folder) -> str:
        command = [self._binary, "--project", self.path]
        if self._profile is not None:
            command += ["--profile", self._profile]
        if isinstance(what, _DEFINED):
            path = folder.file("definitions.json")
            with open(path, "w", encoding="ascii") as f:
                f.write(_record.dumps(_record.closure(what)))
            command += ["--definitions", path]
        status, out, err = run([*command, *args])
        if status == 0:
            return out
        report = _PREFIX.sub("", err).strip()
        if status == 1 and "error[" in err:
            raise DefinitionError(report)
        raise ProjectError(report or f"bighead {args[0]} failed with status {status}")

    def _check_version(self) -> None:
        status, out, err = run([self._binary, "version", "--json"])
        try:
            said = json.loads(out) if status == 0 else {}
        except ValueError:
            said = {}
        if "version" not in said:
            raise ProjectError(f"{self._binary} is no bighead binary: {(err or out).strip()[:200]}")
        theirs = str(said["version"])
        if said.get("format") != FORMAT_VERSION:
            raise ProjectError(f"this package is SDK {__version__}, {self._binary} is binary {theirs}; they do not understand each other: pip install bighead=={theirs}")
        if theirs != __version__:
            warnings.warn(f"this package is SDK {__version__}, {self._binary} is binary {theirs}: pip install bighead=={theirs}", stacklevel=3)


def run(command: Sequence[str]) -> tuple[int, str, str]:
    """Run the binary; an interrupt reaches it, so that it leaves nothing half-written."""
    env = {**os.environ, "BIGHEAD_KERNEL_PYTHON": sys.executable or ""}
    child = None
    try:
        # An interrupt within Popen would lose the process that it has started, so that it comes when there is one to pass it to.
        came: list[tuple[Any, ...]] = []
        handler = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
        if callable(handler):
            signal.signal(signal.SIGINT, lambda *what: came.append(what))
        try:
            # A group of its own: in a terminal Ctrl-C would reach it twice, in a notebook not at all.
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=env, text=True, encoding="utf-8", errors="replace", start_new_session=True)
        finally:
            if callable(handler):
                signal.signal(signal.SIGINT, handler)
        if came and callable(handler):
            handler(*came[0])
        out, err = child.communicate()
    except BaseException:
        if child is None:
            raise
        child.send_signal(signal.SIGINT)
        try:
            child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
        child.communicate()
        raise
    return child.returncode, out, err


def _find_binary(binary: str | None) -> str:
    wanted = binary or os.environ.get("BIGHEAD_BINARY") or "bighead"
    found = shutil.which(wanted)
    if found is None:
        raise ProjectError(f"the bighead binary ({wanted}) is not there; install it, or name it: bh.Project(…, binary=…), BIGHEAD_BINARY")
    return found


def _name(what: Any) -> str:
    if isinstance(what, str):
        return what
    if isinstance(what, _DEFINED):
        return what.name
    raise ProjectError(f"this takes a name or a definition, not {type(what).__name__}")


def moment(value: Any) -> str:
    """A time as the binary reads it; without a zone it is UTC.

    Examples
    --------
    >>> moment(datetime.datetime(2013, 3, 1, 12))
    '2013-03-01T12:00:00Z'
    >>> moment(datetime.date(2013, 3, 1))
    '2013-03-01'
    """
    if isinstance(value, datetime.datetime):
        text = value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
        return text + "Z" if value.tzinfo is None else text
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


def plain(value: Any) -> str:
    """A key's value on the command line.

    Examples
    --------
    >>> plain(True), plain(None), plain("UA")
    ('true', 'null', 'UA')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return moment(value)
