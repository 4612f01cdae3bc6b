"""The text of a definition file, and where in it each call and each part of a string stands.

A file is parsed once, and what was asked of it is kept. Positions are written as the binary reads them:
``file:line:col-line:col``, from one, columns in code points.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any, Iterator


class SourceFile:
    """The text of one file, its tree, and the calls in it by where they end.

    Parameters
    ----------
    display : str
        The name that positions carry.
    text : str
        The source, lines ending in ``\\n``.
    line, col : int
        Where the text begins within the file of that name: a ``define`` block stands in the middle of a script.
    """

    def __init__(self, display: str, text: str, line: int = 1, col: int = 1) -> None:
        self.display = display
        self.text = text
        self.lines = text.split("\n")
        self._line, self._col = line - 1, col - 1
        self._starts: list[int] | None = None
        self._tree: ast.Module | None = None
        self._ends: dict[tuple[int, int], ast.Call] | None = None
        self._by_line: dict[int, list[ast.Call]] = {}
        self._spans: dict[int, str] = {}
        self._literals: dict[int, dict[str, Any] | None] = {}

    @property
    def tree(self) -> ast.Module:
        """The parsed file; empty where Python cannot parse it."""
        if self._tree is None:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # Python has said them when it compiled the file
                    self._tree = ast.parse(self.text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._tree = ast.Module(body=[], type_ignores=[])
        return self._tree

    @tree.setter
    def tree(self, tree: ast.Module) -> None:
        self._tree = tree

    def _index(self) -> dict[tuple[int, int], ast.Call]:
        # A call's closing parenthesis is its own, so its end names it; its start is shared by a(b)(c).
        if self._ends is None:
            self._ends = {}
            for node in _calls(self.tree):
                self._ends[node.end_lineno or 0, node.end_col_offset or 0] = node
                self._by_line.setdefault(node.lineno, []).append(node)
        return self._ends

    def call_ending(self, line: int, col: int) -> ast.Call | None:
        """The call that ends there, in the compiler's count: bytes, from zero."""
        return self._index().get((line, col))

    def calls_on(self, line: int) -> list[ast.Call]:
        """The calls that begin on a line."""
        self._index()
        return self._by_line.get(line, [])

    def column(self, line: int, offset: int) -> int:
        """The code points before a byte offset of a line."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        if text.isascii():
            return offset
        return len(text.encode("utf-8")[:offset].decode("utf-8", "replace"))

    def position(self, line: int, col: int) -> str:
        """``file:line:col`` of a column that is counted in code points from zero."""
        return f"{self.display}:{line + self._line}:{col + 1 + self._col}"

    def stretch(self, line: int, col: int, end_line: int, end_col: int) -> str:
        """``file:line:col-line:col`` of columns that are counted in bytes from zero."""
        if line == end_line and self.lines[line - 1].isascii():
            number, more = line + self._line, self._col + 1
            return f"{self.display}:{number}:{col + more}-{number}:{end_col + more}"
        begin = self.position(line, self.column(line, col))
        return f"{begin}-{end_line + self._line}:{self.column(end_line, end_col) + 1 + self._col}"

    def whole_line(self, line: int) -> str:
        """The span of what stands on a line."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        indent = len(text) - len(text.lstrip())
        end = max(len(text.rstrip()), indent)
        return f"{self.position(line, indent)}-{line + self._line}:{end + 1 + self._col}"

    def span(self, node: ast.AST) -> str:
        """The span of an expression."""
        known = self._spans.get(id(node))
        if known is None:
            n: Any = node
            known = self.stretch(n.lineno, n.col_offset, n.end_lineno, n.end_col_offset)
            self._spans[id(node)] = known
        return known

    def callee(self, call: ast.Call) -> str:
        """The span of what is called: ``bh.avg``; in a chain of calls the last name alone."""
        func = call.func
        if isinstance(func, ast.Attribute) and not isinstance(func.value, ast.Name):
            known = self._spans.get(-id(call))
            if known is None:
                line, end = func.end_lineno or func.lineno, func.end_col_offset or 0
                known = self.stretch(line, end - len(func.attr.encode("utf-8")), line, end)
                self._spans[-id(call)] = known
            return known
        return self.span(func)

    def literal(self, node: ast.Constant) -> dict[str, Any]:
        """The record of a string literal: its text, its span and where each part of the text stands."""
        known = self._literals.get(id(node))
        if known is None:
            known = self._simple(node)
            if known is None:
                known = {"text": node.value, "at": self.span(node)}
                runs = self._runs(node)
                if runs is not None:
                    known["runs"] = runs
            self._literals[id(node)] = known
        return known

    def _simple(self, node: ast.Constant) -> dict[str, Any] | None:
        """The record of a literal in quotes on one line, as nearly all are; None for any other."""
        line, col, end, value = node.lineno, node.col_offset, node.end_col_offset or 0, str(node.value)
        text = self.lines[line - 1]
        if end - col != len(value) + 2 or node.end_lineno != line or text[col] not in "'\"" or not text.isascii():
            return None
        if text[col + 1 : end - 1] != value:
            return None
        line, col, end = line + self._line, col + 1 + self._col, end + 1 + self._col
        return {"text": value, "at": f"{self.display}:{line}:{col}-{line}:{end}", "runs": [[0, line, col + 1]]}

    def _at(self, line: int, offset: int) -> int:
        if self._starts is None:
            self._starts, at = [], 0
            for text in self.lines:
                self._starts.append(at)
                at += len(text) + 1
        return self._starts[line - 1] + self.column(line, offset)

    def _runs(self, node: ast.Constant) -> list[list[int]] | None:
        begin = self._at(node.lineno, node.col_offset)
        end = self._at(node.end_lineno or node.lineno, node.end_col_offset or 0)
        col = begin - (self._starts or [0])[node.lineno - 1]
        scan = _LiteralScan(self.text, begin, end, node.lineno, begin - col)
        if not scan.run() or "".join(scan.pieces) != node.value:
            return None
        return [[o, line + self._line, c + 1 + self._col] for o, line, c in scan.runs]


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Every call of a tree; ast.walk visits names and operators too, and takes twice as long."""
    todo: list[Any] = [tree]
    while todo:
        node = todo.pop()
        if type(node) is ast.Call:
            yield node
        for field in node._fields:
            found = getattr(node, field, None)
            if type(found) is list:
                todo.extend([n for n in found if type(n) not in _LEAVES])
            elif type(found) not in _LEAVES:
                todo.append(found)


_LEAVES = (ast.Constant, ast.Name, ast.Load, ast.Store, type(None), str, int, bool)
_OPENING = re.compile(r"([A-Za-z]*)('''|\"\"\"|'|\")")
_ESCAPE = r"\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|N\{[^}]*\}|.)"
_COOKED = {q: re.compile(rf"{_ESCAPE}|\n|{q}", re.DOTALL) for q in ("'", '"', "'''", '"""')}
_RAW = {q: re.compile(rf"\\.|\n|{q}", re.DOTALL) for q in ("'", '"', "'''", '"""')}


class _LiteralScan:
    """Walks a string literal, "also" "in pieces", and notes where runs of its value stand."""

    def __init__(self, text: str, begin: int, end: int, line: int, line_start: int) -> None:
        self._text, self._at, self._end = text, begin, end
        self._line, self._line_start = line, line_start
        self._offset = 0
        self.pieces: list[str] = []
        self.runs: list[tuple[int, int, int]] = []

    def run(self) -> bool:
        """Walk; False for what is no plain string."""
        while self._at < self._end:
            opening = _OPENING.match(self._text, self._at)
            if opening:
                prefix = opening.group(1).lower()
                if prefix not in ("", "r", "u"):
                    return False
                self._at = opening.end()
                if not self._body(_RAW if prefix == "r" else _COOKED, opening.group(2)):
                    return False
                continue
            c = self._text[self._at]
            if c == "#":
                self._at = self._text.find("\n", self._at)
                continue
            if c not in " \t\f\\()\n":
                return False
            self._at += 1
            if c == "\n":
                self._newline()
        return True

    def _newline(self) -> None:
        self._line += 1
        self._line_start = self._at

    def _mark(self) -> None:
        here = (self._offset, self._line, self._at - self._line_start)
        if self.runs and self.runs[-1][0] == self._offset:
            self.runs[-1] = here
        else:
            self.runs.append(here)

    def _take(self, piece: str) -> None:
        self.pieces.append(piece)
        self._offset += len(piece) if piece.isascii() else len(piece.encode("utf-8", "surrogatepass"))

    def _body(self, patterns: dict[str, re.Pattern[str]], quote: str) -> bool:
        self._mark()
        while True:
            found = patterns[quote].search(self._text, self._at, self._end)
            if not found:
                return False
            self._take(self._text[self._at : found.start()])
            self._at = found.end()
            special = found.group()
            if special == quote:
                return True
            meant = special if special == "\n" or patterns is _RAW else _meaning(special)
            self._take(meant)
            if special.endswith("\n"):
                self._newline()
                self._mark()
            elif len(meant) != len(special):
                self._mark()


def _meaning(escape: str) -> str:
    if escape == "\\\n":
        return ""
    if escape in ("\\'", '\\"'):
        return escape[1]
    if escape[1] not in "\\abfnrtvxuUN01234567":
        return escape  # Python keeps an escape that it does not know
    try:
        return str(ast.literal_eval(f'"{escape}"'))
    except (SyntaxError, ValueError):
        return escape
