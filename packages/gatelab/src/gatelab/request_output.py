"""Where an answer goes: content to standard output or a file, as it comes; or everything as one JSON object.

Standard output carries the answer and nothing else. What people are told (errors, the backend's error stream, -v, the
timing line) goes to standard error, with every control character made harmless.
"""

from __future__ import annotations

import base64
import errno
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from gateway_core.cgi import phrase
from gateway_core.events import Response

from . import figures
from .request_errors import Exit, Failed, system_words
from .request_meter import PARTS, Meter
from .request_url import Url

__all__ = ["Answer", "Output", "as_json", "head_bytes", "tell", "timing_line"]

JSON_BODY_MAX = 16 * 1024 * 1024
"""Bytes of content that go into a JSON object, which is made in memory."""


class Output:
    """Takes content; `path` is a file, or "" or "-" for standard output. A context manager."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._looked = path != ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def open(self) -> None:
        """Open the file: not before there is an answer, so that a failure leaves an older file as it was."""
        try:
            if self._path in ("", "-"):
                if sys.stdout is None:
                    raise Failed(Exit.NOT_WRITTEN, "standard output is closed")
                self._file = open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115
            else:
                self._file = Path(self._path).open("wb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise Failed(Exit.NOT_WRITTEN, f"{self._path}: {system_words(error)}") from None

    def write(self, data: bytes) -> None:
        """Write content. Raises Failed, also for what would garble a terminal."""
        if not self._looked:
            self._looked = True
            if b"\0" in data and sys.stdout is not None and sys.stdout.isatty():
                raise Failed(Exit.NOT_WRITTEN, "this is not text: write it to a file with -o, or show it with -o -")
        self.write_head(data)

    def write_head(self, data: bytes) -> None:
        """Write what is text for certain. Raises Failed; its sentence is "" if the reader has had enough."""
        if self._file is None:
            self.open()
        assert self._file is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            words = "" if error.errno == errno.EPIPE else f"the answer cannot be written: {system_words(error)}"
            raise Failed(Exit.NOT_WRITTEN, words) from None


@dataclass(slots=True)
class Answer:
    """What came of a request, as far as it came.

    `content` is kept for the JSON only; `size` are the bytes of it. `tell` is called with each line of `stderr`.
    """

    meter: Meter
    tell: Callable[[str], None] | None = None
    head: Response | None = None
    content: bytearray = field(default_factory=bytearray)
    size: int = 0
    stderr: list[str] = field(default_factory=list)
    error: str = ""
    code: Exit = Exit.ANSWERED

    def hear(self, line: str) -> None:
        """The backend's error stream has said this."""
        self.stderr.append(line)
        if self.tell is not None:
            self.tell(line)

    def keep(self, data: bytes) -> None:
        """Keep content for the JSON. Raises Failed if that becomes too large."""
        if len(self.content) + len(data) > JSON_BODY_MAX:
            size = JSON_BODY_MAX >> 20
            raise Failed(Exit.TOO_LARGE, f"the content is longer than {size} MiB: write it to a file with -o")
        self.content += data


def head_bytes(url: Url, head: Response) -> bytes:
    """Return a head as text: the status, then the fields as they came, but for those of the connection itself."""
    status = f"{head.status} {head.reason or phrase(head.status)}"
    first = f"HTTP/1.1 {status}" if url.scheme in ("http", "uwsgi") else f"Status: {status}"
    lines = [first, *[f"{name}: {value}" for name, value in head.fields], "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


def timing_line(meter: Meter) -> str:
    """Return one line: when what had happened, and how many bytes went both ways."""
    times = [f"{part.replace('_', ' ')} {figures.seconds(meter.marks[part])}" for part in PARTS if part in meter.marks]
    amounts = f"{meter.sent} bytes sent, {meter.received} received"
    return f"{', '.join(times)}; {amounts}" if times else amounts


def tell(line: str) -> None:
    """Write a line to standard error, if anybody has that open: an answer is no worse for a remark that is lost."""
    try:
        if sys.stderr is not None:
            print(line, file=sys.stderr)
    except OSError:
        pass


def as_json(url: Url, answer: Answer, *, body: bool) -> bytes:
    """Return everything as one JSON object, in one line. `body`: with the content."""
    head, meter = answer.head, answer.meter
    document: dict[str, Any] = {
        "url": url.text,
        "protocol": url.protocol,
        "status": head.status if head else None,
        "reason": head.reason if head else None,
        "fields": head.fields if head else None,
        **(_content(answer) if body and (head or answer.content) else {"body": None, "encoding": None}),
        "stderr": "\n".join(answer.stderr),
        "timings_ms": {part: round(meter.marks[part] * 1000, 3) if part in meter.marks else None for part in PARTS},
        "bytes": {"sent": meter.sent, "received": meter.received, "body": answer.size},
        "error": answer.error or None,
        "exit_code": int(answer.code),
    }
    # What of a command line is no UTF-8 has no place in JSON but as an escape.
    return f"{json.dumps(document, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace")


def _content(answer: Answer) -> dict[str, str]:
    try:
        return {"body": answer.content.decode("utf-8"), "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(answer.content).decode(), "encoding": "base64"}
