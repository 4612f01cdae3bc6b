"""The process that records definition files for the binary.

It is started as a child of ``bighead`` in a bare Python. The request comes on standard input, what was recorded goes out
on a file descriptor of its own, one line of JSON at a time, so that what a definition file prints harms nothing; a
second descriptor gets the stack where Python was when its time was up. A unit is a set of definition files or a text,
recorded with names of its own.
"""

from __future__ import annotations

import faulthandler
import fcntl
import gc
import json
import os
import sys
from typing import Any

from bighead import _record
from bighead._guard import Guard
from bighead._imports import Imports, explain
from bighead._position import Sources
from bighead._text import SourceFile

_RESULT_FD, _STACK_FD = 3, 4
_OUT_OF_THE_WAY = 200  # a definition file that closes "all" descriptors rarely goes so far


class Channel:
    """The lines that go to the binary."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def send(self, message: str) -> None:
        """Write one line; there is nobody to tell when it fails but the binary, which sees the end."""
        data = memoryview(message.encode("ascii") + b"\n")
        while data:
            data = data[os.write(self._fd, data) :]


def main() -> None:
    """Serve one request and end the process, whatever threads or hooks a definition file left behind."""
    status = 1
    try:
        request = json.loads(sys.stdin.buffer.read())
        channel = Channel(_move(_RESULT_FD))
        stack = _move(_STACK_FD)
        _limit_memory(request.get("memory", 0))
        _close_stdin()
        faulthandler.enable(file=stack)
        gc.set_threshold(100_000, 50, 50)  # recording makes many objects and hardly any garbage
        guard = Guard()
        sys.addaudithook(guard.hook)
        for number, unit in enumerate(request["units"], request.get("first", 0)):
            faulthandler.dump_traceback_later(request["timeout"], exit=True, file=stack)
            channel.send(json.dumps({"start": number}))
            definitions = record(unit, channel, guard)
            channel.send(f'{{"unit":{number},"definitions":{_record.dumps(definitions)}}}')
            faulthandler.cancel_dump_traceback_later()
        channel.send('{"done":true}')
        status = 0
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass
        os._exit(status)


def record(unit: dict[str, Any], channel: Channel, guard: Guard) -> dict[str, Any]:
    """Record one unit.

    Parameters
    ----------
    unit : dict
        ``root`` and ``files`` (relative to it, in the order to record), or ``name``, ``text``, ``line`` and ``col`` of a
        text that stands in another file, or both.
    channel : Channel
        Told which file runs.
    guard : Guard
        What a definition may not do.
    """
    sources = Sources(unit.get("root"))
    recording = _record.Recording(sources)
    imports = Imports(unit.get("root"), sources, lambda name: channel.send(json.dumps({"file": name})))
    _record.activate(recording)
    try:
        with imports, guard.watching(sources):
            for path in unit.get("files", ()):
                imports.run_file(path)
            if "text" in unit:
                file = SourceFile(unit["name"], unit["text"], unit.get("line", 1), unit.get("col", 1))
                imports.run_text(file)
    except BaseException as e:  # a definition file can hardly get here: only what ends Python itself does
        explain(e, sources)
    finally:
        _record.activate(None)
    return recording.document()


def _move(fd: int) -> int:
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
    os.close(fd)
    return moved


def _close_stdin() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _limit_memory(limit: int) -> None:
    if limit <= 0:
        return
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ValueError, OSError):
        pass  # not on this system, or below a limit that is there already
