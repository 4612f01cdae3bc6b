"""Tables that come from the binary, and a user's own that go to it.

pandas, polars and pyarrow are asked for only by who wants their frames.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import tempfile
import weakref
from typing import Any, Iterator, Sequence

from bighead._display import table


class ProjectError(Exception):
    """The binary could not do what was asked, or is not there."""


def library(name: str, what: str) -> Any:
    """A library that is needed for one thing alone.

    Raises
    ------
    ProjectError
        With the cure, where it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as e:
        top = name.partition(".")[0]
        raise ProjectError(f"{what} needs {top}, which is not installed here ({e}): pip install {top}") from None


class Rows:
    """A few rows, to look at.

    Attributes
    ----------
    columns : list of str
        The columns' names.
    rows : list of list
        The rows' values, null as None.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
        self.columns = list(columns)
        self.rows = [list(r) for r in rows]
        self._title = title

    @classmethod
    def of_json(cls, data: dict[str, Any], title: str) -> Rows:
        """The rows of a command's ``--json``: ``{"columns": […], "rows": [[…], …]}``."""
        columns = [c["name"] if isinstance(c, dict) else c for c in data["columns"]]
        return cls(columns, data["rows"], title)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(zip(self.columns, row)) for row in self.rows)

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame."""
        return library("pandas", "to_pandas").DataFrame(self.rows, columns=self.columns)

    def to_polars(self) -> Any:
        """The rows as a polars DataFrame."""
        return library("polars", "to_polars").DataFrame(self.rows, schema=self.columns, orient="row", infer_schema_length=None)

    def to_arrow(self) -> Any:
        """The rows as a pyarrow Table."""
        columns = {name: [row[i] for row in self.rows] for i, name in enumerate(self.columns)}
        return library("pyarrow", "to_arrow").table(columns)

    def __repr__(self) -> str:
        cells = [self.columns, *([_cell(v) for v in row] for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in cells)

    def _repr_html_(self) -> str:
        return table(self.columns, [[_cell(v) for v in row] for row in self.rows], self._title)


def _cell(value: Any) -> str:
    if value is None:
        return "null"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Table:
    """Rows that the binary wrote, as a Parquet file.

    The file lives as long as this object; `path` names it, and copying it keeps it.

    Attributes
    ----------
    path : str
        The Parquet file.
    report : dict
        What the binary says of the rows: how many, nulls and their reasons, what was dropped.
    """

    def __init__(self, path: str, report: dict[str, Any], title: str) -> None:
        self.path = path
        self.report = report
        self._title = title

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame."""
        pandas = library("pandas", "to_pandas")
        library("pyarrow", "to_pandas")
        return pandas.read_parquet(self.path)

    def to_polars(self) -> Any:
        """The rows as a polars DataFrame."""
        return library("polars", "to_polars").read_parquet(self.path)

    def to_arrow(self) -> Any:
        """The rows as a pyarrow Table."""
        return library("pyarrow.parquet", "to_arrow").read_table(self.path)

    def __repr__(self) -> str:
        rows = self.report.get("report", self.report).get("rows")
        return f"<{self._title}{'' if rows is None else f': {rows} rows'}>"


class Folder:
    """A private folder that goes when its owner does."""

    def __init__(self) -> None:
        self.path = tempfile.mkdtemp(prefix="bighead-")
        self._end = weakref.finalize(self, shutil.rmtree, self.path, True)

    def file(self, name: str) -> str:
        """The path of a file in it."""
        return os.path.join(self.path, name)

    def outlives(self, owner: Any) -> None:
        """Keep the folder until another object goes."""
        self._end.detach()
        weakref.finalize(owner, shutil.rmtree, self.path, True)


class Frame:
    """A user's own frame: written for the binary, and given back with columns beside its own.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table, or str
        The frame, or the path of a Parquet file.
    """

    def __init__(self, frame: Any) -> None:
        module = type(frame).__module__.partition(".")[0]
        name = type(frame).__name__
        self.kind = {("pandas", "DataFrame"): "pandas", ("polars", "DataFrame"): "polars", ("pyarrow", "Table"): "pyarrow"}.get((module, name), "")
        if isinstance(frame, (str, os.PathLike)):
            self.kind = "path"
        if not self.kind:
            hint = "; collect() it first" if name == "LazyFrame" else ""
            raise ProjectError(f"features takes a pandas or polars DataFrame, a pyarrow Table or the path of a Parquet file, not {module}.{name}{hint}")
        self._frame = frame
        self.left_out: list[str] = []

    def columns(self) -> list[str]:
        """The names of its columns."""
        if self.kind == "pyarrow":
            return list(self._frame.column_names)
        if self.kind == "path":
            return list(library("pyarrow.parquet", "features of a file").read_schema(os.fspath(self._frame)).names)
        return [str(c) for c in self._frame.columns]

    def write(self, path: str) -> str:
        """A Parquet file of its rows, in order."""
        if self.kind == "path":
            return str(os.path.abspath(os.fspath(self._frame)))
        if self.kind == "polars":
            self._frame.write_parquet(path)
            return path
        pa = library("pyarrow", "features")
        arrow = self._frame if self.kind == "pyarrow" else self._arrow(pa)
        library("pyarrow.parquet", "features").write_table(arrow, path)
        return path

    def _arrow(self, pa: Any) -> Any:
        """The columns of a pandas frame that Arrow can hold; the index is the frame's own affair."""
        columns: dict[str, Any] = {}
        for i, name in enumerate(self._frame.columns):
            try:
                columns[str(name)] = pa.Array.from_pandas(self._frame.iloc[:, i])
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
                self.left_out.append(str(name))
        return pa.table(columns)

    def beside(self, path: str) -> Any:
        """The frame, as it was, with the columns of a file that it has not itself."""
        own = set(self.columns())
        if self.kind == "polars":
            found = library("polars", "features").read_parquet(path)
            self._same(len(found), len(self._frame))
            return self._frame.hstack(found.select([c for c in found.columns if c not in own]))
        found = library("pyarrow.parquet", "features").read_table(path)
        new = [c for c in found.column_names if c not in own]
        if self.kind == "path":
            return found
        self._same(found.num_rows, len(self._frame))
        if self.kind == "pyarrow":
            out = self._frame
            for c in new:
                out = out.append_column(found.schema.field(c), found.column(c))
            return out
        pandas = library("pandas", "features")
        features = found.select(new).to_pandas()
        features.index = self._frame.index
        return pandas.concat([self._frame, features], axis=1)

    def _same(self, got: int, want: int) -> None:
        if got != want:
            raise ProjectError(f"the binary answered {got} rows for {want}: this is a defect of bighead, please report it")
