"""The process that answers with a pickled model.

It is started by ``bighead`` in the Python that the model was trained with, as text: nothing of the SDK is beside it. Requests
come on a file descriptor of its own and answers go out on another, so that what the model prints harms nothing. A message is
``BHW1``, the length of a header, that of a body (little-endian, 4 and 8 bytes), the header in JSON, and the body: columns of
float64 one after the other, then of each text column its offsets and its UTF-8, each padded to 8 bytes.

Training asks the same functions what the model answers, so that there is one way to ask.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
import time
from typing import Any, NoReturn

_HEAD = struct.Struct("<4sIQ")
_MAGIC = b"BHW1"
_IN, _OUT = 3, 4


def frame(table: Any, kind: str) -> Any:
    """Rows of Arrow as the frame that the model was trained with; what is missing is what it was there."""
    if kind == "pandas":
        return table.to_pandas()
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    return table


def answers(model: Any, x: Any, task: str) -> tuple[list[int], bytes]:
    """What a model answers: its shape, and its numbers as float64, row by row.

    A classifier is asked for probabilities (of two classes the second's is kept); what has ``predict`` is asked that; and
    anything else is called.
    """
    if task in ("binary", "multiclass") and hasattr(model, "predict_proba"):
        found = model.predict_proba(x)
    elif hasattr(model, "predict"):
        found = model.predict(x)
    else:
        found = model(x)
    rows, width, numbers = _numbers(found)
    if task == "binary" and width == 2:
        numbers, width = memoryview(numbers).cast("d")[1::2].tobytes(), 1
    return [rows, width], numbers


def _numbers(found: Any) -> tuple[int, int, bytes]:
    try:
        import numpy
    except ImportError:
        from array import array

        rows = [list(r) if hasattr(r, "__iter__") else [r] for r in found]
        width = len(rows[0]) if rows else 1
        if any(len(r) != width for r in rows):
            raise ValueError("the model answered rows of different lengths") from None
        return len(rows), width, array("d", [float(v) for r in rows for v in r]).tobytes()
    whole = numpy.asarray(found, dtype=numpy.float64)
    if whole.ndim not in (1, 2):
        raise ValueError(f"the model answered an array of {whole.ndim} dimensions, where a number or a list of them is expected for each row")
    return len(whole), 1 if whole.ndim == 1 else whole.shape[1], whole.tobytes()


class _Closed(Exception):
    """The other side is gone."""


def _read(n: int) -> bytearray:
    data = bytearray(n)
    view = memoryview(data)
    while view:
        got = os.readv(_IN, [view])
        if got == 0:
            raise _Closed
        view = view[got:]
    return data


def _receive() -> tuple[dict[str, Any], memoryview]:
    magic, head, body = _HEAD.unpack(_read(_HEAD.size))
    if magic != _MAGIC:
        raise _Closed
    header = json.loads(bytes(_read(head)))
    return header, memoryview(_read(body))


def _send(header: dict[str, Any], body: bytes = b"") -> None:
    text = json.dumps(header).encode("ascii")
    data = memoryview(_HEAD.pack(_MAGIC, len(text), len(body)) + text + body)
    while data:
        try:
            data = data[os.write(_OUT, data) :]
        except BrokenPipeError:
            raise _Closed from None


def _table(rows: int, inputs: list[dict[str, str]], body: memoryview) -> Any:
    """The rows of a request, without a copy."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole, at = pa.py_buffer(body), 0
    columns: dict[str, Any] = {}
    for i in inputs:
        if i["type"] != "string":
            numbers = pa.Array.from_buffers(pa.float64(), rows, [None, whole.slice(at, 8 * rows)])
            columns[i["name"]] = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
            at += 8 * rows
    for i in inputs:
        if i["type"] == "string":
            offsets = whole.slice(at, 4 * (rows + 1))
            at += -(-4 * (rows + 1) // 8) * 8
            length = struct.unpack_from("<i", offsets, 4 * rows)[0]
            columns[i["name"]] = pa.Array.from_buffers(pa.string(), rows, [None, offsets, whole.slice(at, length)])
            at += -(-length // 8) * 8
    return pa.table({i["name"]: columns[i["name"]] for i in inputs})


def _said(e: BaseException) -> str:
    text = str(e).strip().split("\n")[0][:300]
    return type(e).__name__ + (f": {text}" if text else "")


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:  # no such limits here
        return
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, -1)):
        try:
            if most:
                resource.setrlimit(kind, (max(most, 0), max(most, 0)))
        except (ValueError, OSError):
            pass  # below a limit that is there already


def _end_with(parent: int) -> None:
    """End the process when its parent has, also in the middle of an answer."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _load(request: dict[str, Any]) -> Any:
    import pickle

    with open(request["pickle"], "rb") as f:
        return pickle.load(f)


def main() -> NoReturn:
    """Load the model, say so, and answer until the other side closes."""
    status = 1
    sys.path[:] = [p for p in sys.path if p]  # the folder that it was started in is no place for modules
    try:
        for fd in (_IN, _OUT):
            os.set_inheritable(fd, False)
        request, _ = _receive()
        _end_with(request["parent"])
        _limit(request["memory"])
        try:
            model = _load(request)
            texts = sum(i["type"] == "string" for i in request["inputs"])
            frame(_table(0, request["inputs"], memoryview(bytes(8 * texts))), request["as"])  # what it imports takes longer than an answer
        except BaseException as e:
            _send({"error": f"cannot load the model: {_said(e)}"})
            os._exit(1)
        _send({"ready": True})
        while True:
            header, body = _receive()
            try:
                x = frame(_table(header["rows"], request["inputs"], body), request["as"])
                shape, numbers = answers(model, x, request["task"])
            except BaseException as e:
                _send({"id": header["id"], "error": _said(e)})
                continue
            _send({"id": header["id"], "shape": shape}, numbers)
    except _Closed:
        status = 0
    finally:
        os._exit(status)
