"""Names that are not there."""

from __future__ import annotations

import ast
import difflib
import sys
from types import FrameType
from typing import Any

from bighead import _record
from bighead._arguments import ABSENT
from bighead._position import Sources


def unknown(module: str, name: str, known: list[str]) -> Any:
    """What `bighead.name` is where there is no such name: a mistake with its place.

    Raises
    ------
    AttributeError
        Where nothing records, and for the names that Python itself asks for.
    """
    recording = _record.active()
    if recording is not None and not name.startswith("_"):
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and not recording.sources.is_user(frame.f_code):
            frame = frame.f_back
        if frame is not None:
            at = _attribute_at(recording.sources, frame, name)
            via = recording.sources.callers(frame)
            mistake = {"kind": "unknown_name", "message": f'bighead has no "{name}"', "at": at, "got": name, "names": known}
            _record.report({**mistake, "via": via} if via else mistake)
            return ABSENT
    nearest = difflib.get_close_matches(name, known, 1)
    hint = f'; did you mean "{nearest[0]}"?' if nearest and not name.startswith("_") else ""
    raise AttributeError(f"module {module!r} has no attribute {name!r}{hint}")


def _attribute_at(sources: Sources, frame: FrameType, name: str) -> str:
    file = sources.file(frame.f_code.co_filename)
    if file is None:
        return f"{sources.display(frame.f_code.co_filename)}:{frame.f_lineno}:1-{frame.f_lineno}:1"
    place = sources.exact(frame.f_code, frame.f_lasti)
    found = [n for n in ast.walk(file.tree) if isinstance(n, (ast.Attribute, ast.alias)) and name in (getattr(n, "attr", ""), getattr(n, "name", ""))]
    if place is not None:
        line, end_line, col, end_col = place
        inside = [n for n in found if (line, col) <= (n.lineno, n.col_offset) and (n.end_lineno or 0, n.end_col_offset or 0) <= (end_line, end_col)]
        return file.span(inside[0]) if inside else file.stretch(line, col, end_line, end_col)
    here = [n for n in found if n.lineno == frame.f_lineno]
    return file.span(here[0]) if here else file.whole_line(frame.f_lineno or 1)
