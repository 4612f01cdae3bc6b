"""What is being recorded, and what was found wrong on the way.

The binary runs the definition files of a project in one Python process, with a `Recording` active: every definition
enters it, and a mistake is noted with its place while the file runs on. Without one (a notebook, a script) definitions
are plain objects, and a mistake raises at once.
"""

from __future__ import annotations

import difflib
import json
import sys
from typing import Any, Iterable

from bighead._position import Sources
from bighead._text import SourceFile
from bighead._version import __version__

FORMAT_VERSION = 2

_LISTS = ("sources", "groups", "views", "training_sets", "models", "endpoints")


class DefinitionError(Exception):
    """A definition is wrong. Printing it shows the place, the cause and the cure.

    Parameters
    ----------
    report : str
        The whole report, as ``bighead check`` prints it.
    """

    def __init__(self, report: str) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return self.report

    def _render_traceback_(self) -> list[str]:  # IPython prints this in place of a traceback
        return self.report.splitlines()


class Recording:
    """Everything that is defined while it is active.

    Parameters
    ----------
    sources : Sources
        Where the positions of its files are looked up.
    """

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.objects: dict[str, list[Any]] = {name: [] for name in _LISTS}
        self.mistakes: list[dict[str, Any]] = []

    def document(self) -> dict[str, Any]:
        """The recording as the binary reads it."""
        return document(self.objects, self.mistakes, self.sources.touched())


_interactive = Sources()
_active: Recording | None = None


def active() -> Recording | None:
    """The recording that definitions enter; None in a notebook or a script."""
    return _active


def activate(recording: Recording | None) -> None:
    """Let definitions, of all threads, enter a recording."""
    global _active
    _active = recording


def sources() -> Sources:
    """Where positions are looked up just now."""
    recording = active()
    return recording.sources if recording else _interactive


def enter(kind: str, thing: Any) -> None:
    """Add a definition to the active recording."""
    recording = active()
    if recording is not None:
        recording.objects[kind].append(thing)


def report(mistake: dict[str, Any]) -> None:
    """Note a mistake, or raise it where nothing records."""
    recording = active()
    if recording is None:
        raise DefinitionError(printed(mistake))
    if mistake not in recording.mistakes[-100:]:  # a loop makes one mistake, however often it turns
        recording.mistakes.append(mistake)


def printed(mistake: dict[str, Any]) -> str:
    """A mistake in the form of ``bighead check``."""
    at = mistake.get("at", "")
    place, _, end = at.rpartition("-")
    lines = [f"{place}: error: {mistake['message']}" if place else f"error: {mistake['message']}"]
    lines += _caret(place, end)
    for caller in mistake.get("via", ()):
        lines.append(f"   called from {caller}")
    nearest = difflib.get_close_matches(mistake.get("got", ""), mistake.get("names", ()), 1)
    cure = mistake.get("cure", "")
    if nearest:
        cure = f'did you mean "{nearest[0]}"?' + (f"  {cure}" if cure else "")
    if cure:
        lines.append(f"   {cure}")
    return "\n".join(lines)


def _caret(place: str, end: str) -> list[str]:
    name, _, rest = place.partition(":") if place.count(":") == 2 else ("", "", "")
    file = next((f for f in sources().touched() if name and f.display == name), None)
    if file is None:
        return []
    line, col = (int(n) for n in rest.split(":"))
    end_line, end_col = (int(n) for n in end.split(":"))
    if line > len(file.lines):
        return []
    width = max(end_col - col, 1) if end_line == line else len(file.lines[line - 1]) - col + 1
    number = f"{line:5d}"
    return [f"{number} | {file.lines[line - 1]}", f"{' ' * len(number)} | {' ' * (col - 1)}{'^' * max(width, 1)}"]


def closure(thing: Any) -> dict[str, Any]:
    """The document of one object of a notebook, with all that it refers to."""
    objects: dict[str, list[Any]] = {name: [] for name in _LISTS}
    seen: set[int] = set()

    def visit(one: Any) -> None:
        if id(one) in seen:
            return
        seen.add(id(one))
        for needed in one._needs():
            visit(needed)
        objects[one._kind].append(one)

    visit(thing)
    # With their texts: what a notebook imports need not lie in the project, and a cell lies nowhere.
    return document(objects, [], _interactive.touched(), with_texts=True)


def document(objects: dict[str, list[Any]], mistakes: list[dict[str, Any]], files: Iterable[SourceFile], with_texts: bool = False) -> dict[str, Any]:
    """The document of objects, each list in order; references become indices."""
    numbers: dict[int, int] = {}
    for kind in _LISTS:
        for number, one in enumerate(objects[kind]):
            numbers[id(one)] = number
    out: dict[str, Any] = {
        "version": FORMAT_VERSION,
        "sdk": __version__,
        "python": ".".join(str(n) for n in sys.version_info[:3]),
        "files": [{"path": f.display, "text": f.text} if with_texts else {"path": f.display} for f in files],
    }
    for kind in _LISTS:
        out[kind] = [one._document(numbers) for one in objects[kind]]
    out["mistakes"] = mistakes
    return out


def dumps(doc: dict[str, Any]) -> str:
    """One line of JSON, ASCII alone, so that no encoding of a pipe can harm it."""
    return json.dumps(doc, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
