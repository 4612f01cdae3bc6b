"""The process that runs a user's training function for the binary.

It is started as a child of ``bighead`` in the Python of the model's environment. The request comes on standard input; what
is told (what was logged, the result, a mistake with its place) goes out on a file descriptor of its own, a line of JSON
each, so that what the function prints harms nothing. The model that the function returns is saved by its framework in the
framework's own format, and is asked some rows, so that the binary can compare.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import threading
import traceback
from typing import Any, NoReturn

from bighead import _frameworks, _record
from bighead._frameworks import Refused
from bighead._imports import Imports
from bighead._position import COMPREHENSIONS, Sources, shortened
from bighead._recorder import Channel

_RESULT_FD = 3


class Part:
    """Some of the training set's rows: ``x`` (the columns that go into the model), ``y`` (the label) and ``weight`` (None without one)."""

    def __init__(self, x: Any, y: Any, weight: Any) -> None:
        self.x, self.y, self.weight = x, y, weight

    def __repr__(self) -> str:
        return f"<Part: {len(self.y)} rows>"


class Data:
    """What a training function gets.

    Attributes
    ----------
    train, valid : Part
        The rows to learn from, and those to judge by while learning. The rows of the test stay with the binary.
    categorical : list of str
        The columns whose numbers are codes of categories.
    seed : int
        What everything random is to start from; ``random`` and ``numpy`` were started from it already.
    """

    def __init__(self, train: Part, valid: Part, request: dict[str, Any], channel: Channel) -> None:
        self.train, self.valid = train, valid
        self.categorical: list[str] = list(request["categorical"])
        self.seed: int = request["seed"]
        self._channel = channel

    def log(self, **metrics: float) -> None:
        """Note figures of this training, such as ``data.log(auc=0.71)``. Of one name the last one is kept with the version."""
        for name, x in metrics.items():
            try:
                number = float(x)
            except (TypeError, ValueError):
                raise TypeError(f"data.log({name}=…) takes a number, not a {type(x).__name__}") from None
            if not math.isfinite(number):
                raise ValueError(f"data.log({name}=…) takes a number that is finite, not {number}")
            self._channel.send(json.dumps({"log": {name: number}}))

    def __repr__(self) -> str:
        return f"<Data: {len(self.train.y)} rows to learn from, {len(self.valid.y)} to judge by>"


def main() -> NoReturn:
    """Serve one request and end the process, whatever threads the function left behind."""
    request = json.loads(sys.stdin.buffer.read())
    os.set_inheritable(_RESULT_FD, False)
    channel = Channel(_RESULT_FD)
    sources = Sources(request["root"])
    _stop_when_late(request, channel, sources)
    status = 1
    try:
        _limit(request)
        channel.send(json.dumps({"result": serve(request, channel, sources)}))
        status = 0
    except Refused as e:
        channel.send(json.dumps({"mistake": {"kind": "raised", "message": str(e), "at": request["at"], "cure": e.cure}}))
    except BaseException as e:
        channel.send(json.dumps({"mistake": _mistake(e, request, sources)}))
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass
        os._exit(status)


def serve(request: dict[str, Any], channel: Channel, sources: Sources) -> dict[str, Any]:
    """Run the function over the rows and save what it returns."""
    function = _function(request, sources)
    _seed(request["seed"])
    parts = [_part(request, name) for name in ("train", "valid")]
    channel.send('{"begun":true}')
    returned = function(Data(parts[0], parts[1], request, channel), request["params"])
    channel.send('{"returned":true}')
    sample = _frameworks.read(request["sample"], "numpy", request["x"])
    saved = _frameworks.save(returned, sample, request)
    return {**saved, "code": sources.definitions()}


def _function(request: dict[str, Any], sources: Sources) -> Any:
    """The training function, from its file. Definitions of the file are recorded, to nobody."""
    path = request["file"]
    recording = _record.Recording(sources)
    imports = Imports(request["root"], sources, lambda _: None)
    _record.activate(recording)
    imports.__enter__()  # for good: the function may import files of the project
    imports.find_all()
    imports.run_file(path)
    _record.activate(None)
    module = sys.modules.get(path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"))
    function = getattr(module, request["function"], None)
    if function is None:
        told = recording.mistakes[0]["message"] if recording.mistakes else f"it has no {request['function']} any more"
        raise Refused(f"{path} cannot be imported in the model's environment: {told}")
    return function


def _part(request: dict[str, Any], name: str) -> Part:
    whole = _frameworks.read(request["parts"][name], request["as"], None)
    return Part(*_frameworks.apart(whole, request))


def _seed(seed: int) -> None:
    random.seed(seed)
    try:
        import numpy
    except ImportError:
        return
    numpy.random.seed(seed % 2**32)


def _limit(request: dict[str, Any]) -> None:
    """Bound what this process, and each that it starts, may take: memory, and the size of a file."""
    try:
        import resource
    except ImportError:  # no such limits here
        return
    for kind, most in ((resource.RLIMIT_AS, request["memory"]), (resource.RLIMIT_FSIZE, request["disk"]), (resource.RLIMIT_CORE, -1)):
        try:
            if most:
                resource.setrlimit(kind, (max(most, 0), max(most, 0)))
        except (ValueError, OSError):
            pass  # below a limit that is there already


def _stop_when_late(request: dict[str, Any], channel: Channel, sources: Sources) -> None:
    """End the process, saying where it was, when its time is up."""
    caller = threading.main_thread().ident

    def stop() -> None:
        frame = sys._current_frames().get(caller or 0)
        stack = [(f, f.f_lasti, line) for f, line in traceback.walk_stack(frame)][::-1]
        at, via = _place([s for s in stack if _own(s[0], sources)], request, sources)
        message = f"{request['function']} took longer than {request['timeout_text']} and was stopped here"
        mistake = {"kind": "timed_out", "message": message, "at": at, "cure": "[train] timeout gives more time"}
        channel.send(json.dumps({"mistake": {**mistake, **({"via": via} if via else {})}}))
        os._exit(1)

    if request["timeout"] > 0:
        timer = threading.Timer(request["timeout"], stop)
        timer.daemon = True
        timer.start()


def _own(frame: Any, sources: Sources) -> bool:
    """Whether a frame is of a file of the project."""
    name = frame.f_code.co_filename
    if not os.path.isabs(name):  # Python's own, or a package's compiled
        return False
    name = os.path.realpath(name)
    return sources.root is not None and name.startswith(sources.root + os.sep) and os.sep + "site-packages" + os.sep not in name


def _place(frames: list[Any], request: dict[str, Any], sources: Sources) -> tuple[str, list[str]]:
    """The place of the innermost of some frames, outermost first, and the calls that led there, innermost first."""
    at, via = request["at"], list[str]()
    for i, (frame, lasti, line) in enumerate(frames):
        file = sources.file(frame.f_code.co_filename)
        exact = sources.exact(frame.f_code, lasti) if file else None
        if file is None:
            here = f"{sources.display(frame.f_code.co_filename)}:{line}:1-{line}:1"
        else:
            here = file.stretch(exact[0], exact[2], exact[1], exact[3]) if exact else file.whole_line(line)
        if i > 0 and frame.f_code.co_name not in COMPREHENSIONS:
            via.insert(0, at.rsplit("-", 1)[0])
        at = here
    return at, shortened(via) if via else []


def _mistake(e: BaseException, request: dict[str, Any], sources: Sources) -> dict[str, Any]:
    """What ended the function, at the line of the user's that did it."""
    frames = [(tb.tb_frame, tb.tb_lasti, tb.tb_lineno) for tb in _tracebacks(e)]
    at, via = _place([f for f in frames if _own(f[0], sources)], request, sources)
    name, text = request["function"], str(e).strip().split("\n")[0][:300]
    mistake: dict[str, Any] = {"kind": "raised", "at": at, "message": f"{name} raised {type(e).__name__}" + (f": {text}" if text else "")}
    if via:
        mistake["via"] = via
    if isinstance(e, ModuleNotFoundError) and e.name:
        mistake["message"] = f'there is no module "{e.name}" where {name} runs'
        mistake["cure"] = request["lacks"]
    elif isinstance(e, MemoryError):
        mistake["message"] = f"{name} takes more memory than it may: [train] memory is {request['memory_text']}"
        mistake["cure"] = "take fewer rows or columns, or give it more"
    elif isinstance(e, OSError) and e.errno in (27, 28):  # too large a file, a full disk
        mistake["message"] = f"{name} fills the disk: {e.strerror}; [train] disk is {request['disk_text']}"
        mistake["cure"] = "write less, or give it more"
    elif isinstance(e, SystemExit):
        mistake["message"], mistake["cure"] = f"{name} ends Python", "take it out: the model is what the function returns"
    mistake["traceback"] = "".join(traceback.format_exception(type(e), e, e.__traceback__, limit=-50))[:100_000]
    return mistake


def _tracebacks(e: BaseException) -> Any:
    tb = e.__traceback__
    while tb is not None:
        yield tb
        tb = tb.tb_next
