"""Which line of which definition file is calling.

Every call of the SDK asks for its place, thousands of times in a large project. So a place in the bytecode is looked up
once, and what the text says of it is kept. Nothing here imports a definition or runs one.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import os
import sys
from types import CodeType, FrameType
from typing import Any

from bighead._text import SourceFile

_SDK = os.path.dirname(os.path.abspath(__file__)) + os.sep
_STDLIB = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_SITE = os.sep + "site-packages" + os.sep
COMPREHENSIONS = frozenset(("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"))


class Site:
    """One place in the bytecode that called, and what the source says of it."""

    __slots__ = ("file", "node", "at", "here", "_code")

    def __init__(self, code: CodeType | None, file: SourceFile | None, node: ast.Call | None, at: str) -> None:
        self._code = code  # kept alive: sites are found by its id
        self.file = file
        self.node = node
        self.at = at
        self.here = at.rsplit("-", 1)[0]


NOWHERE = Site(None, None, None, "")


class Sources:
    """The files that positions are looked up in.

    Parameters
    ----------
    root : str, optional
        Files under it are named relative to it.
    """

    def __init__(self, root: str | None = None) -> None:
        self.root = os.path.realpath(root) if root else None
        self._files: dict[str, SourceFile | None] = {}
        self._positions: dict[int, list[Any]] = {}
        self._sites: dict[tuple[int, int], Site] = {}
        self._own: dict[str, bool] = {}
        self._definitions: set[str] = set()
        self._kept: list[CodeType] = []

    def add(self, filename: str, file: SourceFile) -> None:
        """Make the text of a definition file known under the name it is compiled with."""
        self._definitions.add(filename)
        self._files[filename] = file

    def file(self, filename: str) -> SourceFile | None:
        """The file of a code object, None where its text is not to be had."""
        if filename not in self._files:
            self._files[filename] = self._read(filename)
        return self._files[filename]

    def defines(self, code: CodeType) -> bool:
        """Whether a code object is of a definition file, or of what is typed into a notebook or a script."""
        if _SITE in code.co_filename or not self.is_user(code):
            return False
        return self.root is None or code.co_filename in self._definitions

    def definitions(self) -> dict[str, str]:
        """The SHA-256 of the text of each file of the project that was run, by its name."""
        found = {}
        for filename in self._definitions:
            file = self._files[filename]
            assert file is not None  # it was added with its text
            found[file.display] = hashlib.sha256(file.text.encode("utf-8", "surrogatepass")).hexdigest()
        return found

    def touched(self) -> list[SourceFile]:
        """The files that were looked at, in that order."""
        return [f for f in self._files.values() if f is not None]

    def _read(self, filename: str) -> SourceFile | None:
        if os.path.isfile(filename):
            try:
                with open(filename, encoding="utf-8-sig", newline=None) as f:
                    text = f.read()
            except (OSError, UnicodeDecodeError):
                return None
        else:
            text = "".join(linecache.getlines(filename))
            if not text:
                return None
        return SourceFile(self.display(filename), text)

    def display(self, filename: str) -> str:
        """The name of a file in positions."""
        cell = _cell_number(filename)
        if cell:
            return cell
        base = self.root or os.getcwd()
        full = os.path.realpath(filename) if os.path.isabs(filename) or os.path.exists(filename) else filename
        if os.path.isabs(full) and full.startswith(base.rstrip(os.sep) + os.sep):
            full = os.path.relpath(full, base)
        return full.replace(os.sep, "/")

    def is_user(self, code: CodeType) -> bool:
        """Whether a code object is neither ours nor Python's own."""
        name = code.co_filename
        known = self._own.get(name)
        if known is None:
            full = name if name.startswith("<") else os.path.abspath(name)
            own = full.startswith(_SDK) or full.startswith("<frozen")
            if full.startswith(_STDLIB) and _SITE not in full:
                own = True
            known = self._own[name] = not own
        return known

    def site(self, frame: FrameType, callee: str = "", args: tuple[Any, ...] | None = None, kwargs: dict[str, Any] | None = None) -> Site:
        """The call that a frame is in the middle of, by what is called and how where Python does not say."""
        code = frame.f_code
        key = (id(code), frame.f_lasti)
        known = self._sites.get(key)
        if known is None:
            known, certain = self._find(frame, callee, args, kwargs)
            if certain:
                self._sites[key] = known
        return known

    def _find(self, frame: FrameType, callee: str, args: tuple[Any, ...] | None, kwargs: dict[str, Any] | None) -> tuple[Site, bool]:
        code = frame.f_code
        file = self.file(code.co_filename)
        if file is None:
            line = frame.f_lineno or 1
            name = self.display(code.co_filename)
            return Site(code, None, None, f"{name}:{line}:1-{line}:1"), True
        place = self.exact(code, frame.f_lasti)
        if place is not None:
            line, end_line, col, end_col = place
            node = file.call_ending(end_line, end_col)
            at = file.callee(node) if node else file.stretch(line, col, end_line, end_col)
            return Site(code, file, node, at), True
        node = _likely(file.calls_on(frame.f_lineno or 1), callee, args, kwargs or {})
        at = file.callee(node) if node else file.whole_line(frame.f_lineno or 1)
        # Without exact places two calls on one line can be told apart by their values alone, each time anew.
        return Site(code, file, node, at), False

    def exact(self, code: CodeType, lasti: int) -> tuple[int, int, int, int] | None:
        """Line, end line, column and end column of an instruction, where Python (3.11 and later) keeps them."""
        positions = self._positions.get(id(code))
        if positions is None:
            get = getattr(code, "co_positions", None)
            positions = list(get()) if get else []
            self._positions[id(code)] = positions
            self._kept.append(code)  # found by its id
        index = lasti // 2
        if lasti < 0 or index >= len(positions) or None in positions[index]:
            return None
        place: tuple[int, int, int, int] = positions[index]
        return place

    def callers(self, frame: FrameType) -> list[str]:
        """The places of the calls that led into a frame, innermost first, up to the top of its file.

        A class's body has a frame of its own, before Python 3.12 a comprehension too; they are part of what holds them.
        """
        found: list[str] = []
        while frame.f_code.co_name != "<module>":
            inside = frame.f_code.co_name in COMPREHENSIONS or not frame.f_code.co_flags & inspect.CO_OPTIMIZED
            back = frame.f_back
            while back is not None and not self.is_user(back.f_code):
                back = back.f_back
            if back is None:
                break
            callee, frame = frame.f_code.co_name, back
            if not inside:
                found.append(self.site(frame, callee).here)
        return shortened(found)


def shortened(callers: list[str]) -> list[str]:
    """A chain of callers that somebody will read: a recursion once, of a long one both ends."""
    once = [c for i, c in enumerate(callers) if i == 0 or c != callers[i - 1]]
    return once if len(once) <= 8 else [*once[:7], once[-1]]


def _likely(calls: list[ast.Call], callee: str, args: tuple[Any, ...] | None, kwargs: dict[str, Any]) -> ast.Call | None:
    """The call on a line that the arguments fit best (Python 3.10 keeps lines alone)."""
    candidates = [c for c in calls if getattr(c.func, "attr", getattr(c.func, "id", "")) == callee] or calls
    if len(candidates) > 1 and args is not None:
        values = {repr(v) for v in _flat((*args, *kwargs.values()))}
        fitting = [c for c in candidates if {k.arg for k in c.keywords} - {None} <= set(kwargs) and _literals(c) <= values]
        candidates = sorted(fitting or candidates, key=lambda c: (-len(c.args) - len(c.keywords), -len(_literals(c)), c.col_offset))
    return candidates[0] if candidates else None


def _literals(call: ast.Call) -> set[str]:
    nodes = [*call.args, *(k.value for k in call.keywords)]
    flat: list[ast.expr] = []
    for node in nodes:
        flat.extend(node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node])
    return {repr(n.value) for n in flat if isinstance(n, ast.Constant)}


def _flat(values: tuple[Any, ...]) -> list[Any]:
    out: list[Any] = []
    for value in values:
        out.extend(value if isinstance(value, (list, tuple)) else [value])
    return out


def _cell_number(filename: str) -> str:
    """The name of a notebook's cell, from IPython where it runs."""
    if not ("ipykernel" in filename or filename.startswith("<ipython-input")):
        return ""
    shell = sys.modules.get("IPython")
    get = getattr(shell, "get_ipython", None)
    ip = get() if get else None
    names = getattr(getattr(ip, "compile", None), "_filename_map", {}) or {}
    number = names.get(filename) or getattr(ip, "execution_count", None)
    return f"cell [{number}]" if number else "cell"
