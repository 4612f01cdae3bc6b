"""Runs definition files: by our own loader, so that each is read as UTF-8 and compiled anew, never from a stale cache.

A file that goes wrong becomes a mistake with its place, and the others are recorded all the same.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.machinery
import os
import sys
import traceback
from types import CodeType, FrameType, ModuleType
from typing import Any, Callable, Sequence, cast

import bighead
from bighead import _record
from bighead._arguments import ABSENT
from bighead._guard import Exited, NotAllowed
from bighead._position import COMPREHENSIONS, Sources, shortened
from bighead._text import SourceFile


_SDK = os.path.dirname(os.path.abspath(__file__)) + os.sep


class NotUTF8(SyntaxError):
    """A definition file is in another encoding."""


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles a definition file from its text."""

    imports: Imports

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        text = _decoded(self.get_data(path), path)
        file = SourceFile(self.imports.sources.display(path), text)
        self.imports.sources.add(path, file)
        file.tree = ast.parse(text, path)  # once, for Python and for the places
        return compile(file.tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        with self.imports.running(self.imports.sources.display(self.path)):
            super().exec_module(module)


def _decoded(data: bytes, path: str) -> str:
    def place(at: int) -> tuple[str, int, int, str]:
        before = data[data.rfind(b"\n", 0, at) + 1 : at].decode("utf-8-sig", "replace")
        return path, data.count(b"\n", 0, at) + 1, len(before) + 1, ""

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        at = e.start + len(data) - len(e.object)  # the signature is not counted
        raise NotUTF8(f"the file is not UTF-8: byte 0x{data[at]:02x}", place(at)) from None
    if "\0" in text:
        raise NotUTF8("the file holds a null byte: it is no text", place(data.index(0)))
    return text.replace("\r\n", "\n").replace("\r", "\n")


class Imports:
    """How one unit's files find each other; as a context it leaves Python's modules as they were.

    Parameters
    ----------
    root : str, optional
        The folder of the definition files.
    sources : Sources
        Where positions are looked up.
    tell : callable
        Told the name of the file that runs, as control goes from one to the other.
    """

    def __init__(self, root: str | None, sources: Sources, tell: Callable[[str], None]) -> None:
        self.root = os.path.realpath(root) if root else None
        self.sources = sources
        self._tell = tell
        self._stack: list[str] = []
        self._missing = _MissingFinder(self)
        self._loader = type("Loader", (_Loader,), {"imports": self})

    def __enter__(self) -> Imports:
        self._modules = set(sys.modules)
        self._path, self._hooks, self._finders = sys.path[:], sys.path_hooks[:], sys.meta_path[:]
        if self.root is not None:
            sys.path_hooks.insert(0, self._hook)
            sys.path.insert(0, self.root)
        sys.meta_path.append(self._missing)
        return self

    def find_all(self) -> None:
        """From here on a module that is missing is an error like any other: packages are there, which try what they can import."""
        sys.meta_path.remove(self._missing)

    def __exit__(self, *_: object) -> None:
        sys.path[:], sys.path_hooks[:], sys.meta_path[:] = self._path, self._hooks, self._finders
        for name in set(sys.modules) - self._modules:
            origin = getattr(sys.modules[name], "__file__", None)
            ours = self.root is not None and origin and os.path.realpath(origin).startswith(self.root + os.sep)
            if ours or isinstance(sys.modules[name], _MissingModule):
                del sys.modules[name]
        for path in list(sys.path_importer_cache):
            if self.root is not None and path.startswith(self.root):
                del sys.path_importer_cache[path]

    def _hook(self, path: str) -> importlib.machinery.FileFinder:
        assert self.root is not None
        inside = path.removeprefix(self.root)
        if inside == path or inside[:1] not in ("", os.sep) or not os.path.isdir(path):
            raise ImportError("not a folder of definitions")
        if any(part.startswith(".") or part == "site-packages" for part in inside.split(os.sep)):
            raise ImportError("a folder of packages, which an environment in the project has")
        return importlib.machinery.FileFinder(path, (self._loader, [".py"]))

    def running(self, name: str) -> _Running:
        """A context in which a file runs."""
        return _Running(self._stack, self._tell, name)

    def siblings(self) -> list[str]:
        """The modules of the folder, for the nearest name."""
        names = os.listdir(self.root) if self.root else []
        return sorted(n[:-3] for n in names if n.endswith(".py"))

    def run_file(self, path: str) -> None:
        """Import one definition file, if no other has."""
        assert self.root is not None
        if not os.path.isfile(os.path.join(self.root, path)):
            _record.report({"kind": "raised", "message": f'there is no file "{path}"', "at": f"{path}:1:1-1:1"})
            return
        name = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        try:
            module = importlib.import_module(name)
        except BaseException as e:
            explain(e, self.sources, path, self.siblings())
            return
        found = getattr(module, "__file__", None)
        if found is None or os.path.realpath(found) != os.path.realpath(os.path.join(self.root, path)):
            _record.report(
                {
                    "kind": "raised",
                    "message": f'the name of the file is that of the module "{name}" of Python itself',
                    "at": f"{path}:1:1-1:1",
                    "cure": "rename the file",
                }
            )

    def run_text(self, file: SourceFile) -> None:
        """Run a text with names of its own; ``bh`` is there already."""
        name = f"<{file.display}>"
        self.sources.add(name, file)
        try:
            with self.running(file.display):
                file.tree = ast.parse(file.text, name)
                code = compile(file.tree, name, "exec", dont_inherit=True)
                exec(code, {"__name__": "__definitions__", "bh": bighead})
        except BaseException as e:
            explain(e, self.sources, file.display, self.siblings())


class _Running:
    def __init__(self, stack: list[str], tell: Callable[[str], None], name: str) -> None:
        self._stack, self._tell, self._name = stack, tell, name

    def __enter__(self) -> None:
        self._stack.append(self._name)
        self._tell(self._name)

    def __exit__(self, *_: object) -> None:
        self._stack.pop()
        if self._stack:
            self._tell(self._stack[-1])


class _MissingModule(ModuleType):
    """Stands for a module that is not there and has been reported, so that the rest of the file is seen too."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return ABSENT


class _MissingFinder:
    """Asked last: reports an import at the top of a definition file that nothing else finds."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        parent = fullname.rpartition(".")[0]
        if isinstance(sys.modules.get(parent), _MissingModule):
            return importlib.machinery.ModuleSpec(fullname, cast(Any, self))
        if parent:
            return None
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
            frame = frame.f_back
        if frame is None or frame.f_code.co_name != "<module>" or not self._imports.sources.is_user(frame.f_code):
            return None
        file = self._imports.sources.file(frame.f_code.co_filename)
        line = frame.f_lineno
        top = file.tree.body if file else []
        statement = next((s for s in top if isinstance(s, (ast.Import, ast.ImportFrom)) and s.lineno <= line <= (s.end_lineno or 0)), None)
        if file is None or statement is None:  # within try: the file has an answer of its own
            return None
        _record.report(_missing(fullname, file, statement, self._imports.siblings()))
        return importlib.machinery.ModuleSpec(fullname, cast(Any, self))

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _MissingModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def _missing(name: str, file: SourceFile, statement: ast.stmt, names: list[str]) -> dict[str, Any]:
    at = file.span(statement)
    line = at.rsplit("-", 1)[0].split(":")[-2]
    return {
        "kind": "missing_module",
        "message": f'there is no module "{name}" in the bare Python that records definitions',
        "at": at,
        "cure": f"move line {line} into train: what a model needs is imported there",
        "got": name,
        "names": difflib.get_close_matches(name, names, 1),  # a file of the project may be meant, most are not
    }


def explain(e: BaseException, sources: Sources, path: str = "", siblings: Sequence[str] = ()) -> None:
    """Report what ended a definition file."""
    if isinstance(e, NotAllowed):
        return
    frames = _user_frames(e, sources)
    if isinstance(e, SyntaxError) and e.filename and e.filename != "<string>":  # that is eval's
        mistake = _syntax(e, sources)
    else:
        mistake = _raised(e, sources, frames, path, siblings)
    recording = _record.active()
    known = recording.mistakes if recording else []
    # A file that others import fails once for each of them.
    if not any(m["at"] == mistake["at"] and m["message"] == mistake["message"] for m in known):
        _record.report(mistake)


def _user_frames(e: BaseException, sources: Sources) -> list[tuple[FrameType, int, int]]:
    found, tb = [], e.__traceback__
    while tb is not None:
        if sources.is_user(tb.tb_frame.f_code):
            found.append((tb.tb_frame, tb.tb_lasti, tb.tb_lineno))
        tb = tb.tb_next
    return found


def _syntax(e: SyntaxError, sources: Sources) -> dict[str, Any]:
    line, col = max(e.lineno or 1, 1), max(e.offset or 1, 1)
    file = sources.file(e.filename or "")
    if file is not None:
        at = file.position(line, col - 1)
    else:
        at = f"{sources.display(e.filename or '?')}:{line}:{col}"
    place, _, last = at.rpartition(":")
    width = 1
    if e.end_lineno == e.lineno and e.end_offset and e.offset and e.end_offset > e.offset:
        width = e.end_offset - e.offset
    span = f"{at}-{place.rpartition(':')[2]}:{int(last) + width}"
    if isinstance(e, NotUTF8):
        return {"kind": "encoding", "message": str(e.msg), "at": span, "cure": "save it as UTF-8"}
    return {"kind": "syntax", "message": f"Python cannot read this: {e.msg}", "at": span}


def _raised(e: BaseException, sources: Sources, frames: list[tuple[FrameType, int, int]], path: str, siblings: Sequence[str]) -> dict[str, Any]:
    at, via = f"{path or '?'}:1:1-1:1", list[str]()
    for frame, lasti, line in frames:
        file = sources.file(frame.f_code.co_filename)
        if file is None:
            name = sources.display(frame.f_code.co_filename)
            here = f"{name}:{line}:1-{line}:1"
        else:
            exact = sources.exact(frame.f_code, lasti)
            here = file.stretch(exact[0], exact[2], exact[1], exact[3]) if exact else file.whole_line(line)
        if frame is not frames[0][0] and frame.f_code.co_name not in COMPREHENSIONS:
            via.insert(0, at.rsplit("-", 1)[0])
        at = here
    mistake: dict[str, Any] = {"at": at}
    if via:
        mistake["via"] = shortened(via)
    if isinstance(e, (SystemExit, Exited)):
        mistake.update(kind="exited", message="the definition file ends Python", cure="take it out: a definition file is imported, not run")
    elif isinstance(e, ModuleNotFoundError) and e.name:
        mistake.update(
            kind="missing_module",
            message=f'there is no module "{e.name}" in the bare Python that records definitions',
            cure="import it inside train: what a model needs is imported there",
            got=e.name,
            names=difflib.get_close_matches(e.name, siblings, 1),
        )
    elif isinstance(e, MemoryError):
        mistake.update(kind="raised", message="the definition file takes more memory than it may")
    else:
        text = str(e).strip().split("\n")[0]
        message = f"{type(e).__name__}: {text[:300]}" if text else type(e).__name__
        mistake.update(kind="raised", message=f"the definition file raised {message}")
    mistake["traceback"] = _traceback(e, sources)
    return mistake


def _traceback(e: BaseException, sources: Sources) -> str:
    summary = traceback.TracebackException(type(e), e, e.__traceback__, limit=-50)
    skip = [i for i, f in enumerate(summary.stack) if f.filename.startswith(("<frozen importlib", _SDK)) or f.filename == importlib.__file__]
    for i in reversed(skip):
        del summary.stack[i]
    text = "".join(summary.format())
    return text if len(text) < 100_000 else text[:100_000] + "…\n"
