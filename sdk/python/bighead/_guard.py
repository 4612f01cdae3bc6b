"""What a definition file may not do while it is recorded.

What a definition depends on must stand in it: a file, a network or a process behind it would change what features mean
without anybody seeing it. Python reports such acts to audit hooks before they happen.
"""

from __future__ import annotations

import contextlib
import os
import sys
from types import FrameType
from typing import Any, Iterator, NoReturn

from bighead import _record
from bighead._position import Sources

_FILES = ("open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink", "os.chmod")
_NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg")
_PROCESSES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.kill", "os.killpg", "pty.spawn")

_ACTS = {
    **dict.fromkeys(_FILES, ("files", "write what it needs into the definition: a file that changes would change features unseen")),
    **dict.fromkeys(_NETWORK, ("the network", "write what it needs into the definition")),
    **dict.fromkeys(_PROCESSES, ("other processes", "definitions are recorded, nothing else runs")),
}

_SDK = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PYTHON = tuple({os.path.realpath(p) + os.sep for p in (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), "/usr/share/zoneinfo")})


class NotAllowed(PermissionError):
    """A definition file used what it may not; it has been reported."""


class Exited(BaseException):
    """A definition file called os._exit."""


class Guard:
    """An audit hook that refuses, while it watches, what definitions may not do."""

    def __init__(self) -> None:
        self._sources: Sources | None = None
        self._busy = False

    @contextlib.contextmanager
    def watching(self, sources: Sources) -> Iterator[None]:
        """Watch while a unit is recorded."""
        self._sources = sources
        really, os._exit = os._exit, _refuse_exit
        try:
            yield
        finally:
            os._exit = really
            self._sources = None

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        """The audit hook itself."""
        if self._sources is None or event not in _ACTS or self._busy:
            return
        self._busy = True
        try:
            if event == "open" and _is_pythons(args[0]):
                return
            frame = self._culprit(sys._getframe(1))
            if frame is not None:
                self._refuse(event, args, frame)
        finally:
            self._busy = False

    def _culprit(self, frame: FrameType | None) -> FrameType | None:
        """The definition's frame behind an act; None where Python's import or the SDK is."""
        assert self._sources is not None
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(("<frozen importlib", _SDK)):
                return None
            if self._sources.is_user(frame.f_code):
                return frame
            frame = frame.f_back
        return None

    def _refuse(self, event: str, args: tuple[Any, ...], frame: FrameType) -> NoReturn:
        assert self._sources is not None
        what, cure = _ACTS[event]
        shown = f" ({args[0]})" if what == "files" and isinstance(args[0], (str, os.PathLike)) else ""
        message = f"a definition must not use {what}{shown}"
        via = self._sources.callers(frame)
        mistake = {"kind": "not_allowed", "message": message, "at": self._sources.site(frame).at, "cure": cure}
        _record.report({**mistake, "via": via} if via else mistake)
        raise NotAllowed(message)


def _is_pythons(path: Any) -> bool:
    """Whether a file belongs to Python: what its own modules read is none of the definition's."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return True
    full = os.path.realpath(os.fsdecode(path))
    return full.startswith(_PYTHON) or full == os.devnull


def _refuse_exit(status: int = 0) -> NoReturn:
    raise Exited(status)
