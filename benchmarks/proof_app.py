"""The application of the proofs: takes and gives more than it holds, and says which process answers.

POST /take            reads all that comes; answers "<bytes> <CRC-32>"
GET  /give?mib=N      N MiB in blocks, one at a time
GET  /file?mib=N      N MiB of zeros from a file, through wsgi.file_wrapper
GET  /until?us=N      waits until that moment of the monotonic clock, in microseconds
GET  /nap?ms=N        waits; the field `Worker` is the id of this process
"""

from __future__ import annotations

import os
import re
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

BLOCK = bytes(64 * 1024)
MIB = 1 << 20

_MOMENT = re.compile(r"us=([0-9]{1,16})")
_NUMBER = re.compile(r"[a-z]+=([0-9]{1,6})")

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Find the handler by its path."""
    handler = HANDLERS.get(environ["PATH_INFO"])
    if handler is None:
        start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return []
    return handler(environ, start_response)


def take(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Read the whole content, a block at a time, and keep none of it."""
    left, size, crc = int(environ.get("CONTENT_LENGTH") or 0), 0, 0
    while left and (block := environ["wsgi.input"].read(min(left, len(BLOCK)))):
        left -= len(block)
        size += len(block)
        crc = zlib.crc32(block, crc)
    return _text(start_response, f"{size} {crc:08x}\n")


def give(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Answer with many blocks."""
    size = _number(environ) * MIB
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))])
    return (BLOCK for _ in range(size // len(BLOCK)))


def file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a file, which takes no room on the disk: it is one hole."""
    size = _number(environ) * MIB
    content = tempfile.TemporaryFile()  # noqa: SIM115  # whoever sends it closes it (PEP 3333)
    content.truncate(size)
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))])
    return environ["wsgi.file_wrapper"](content, len(BLOCK))  # type: ignore[no-any-return]


def nap(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Wait a little."""
    time.sleep(_number(environ) / 1000)
    return _text(start_response, "napped\n")


def until(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Wait for a moment."""
    found = _MOMENT.fullmatch(environ.get("QUERY_STRING", ""))
    time.sleep(max(0.0, int(found[1]) / 1e6 - time.monotonic()) if found else 0.0)
    return _text(start_response, "done\n")


def _text(start_response: StartResponse, text: str) -> list[bytes]:
    content = text.encode("ascii")
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(content))), ("Worker", str(os.getpid()))]
    start_response("200 OK", fields)
    return [content]


def _number(environ: Environ) -> int:
    found = _NUMBER.fullmatch(environ.get("QUERY_STRING", ""))
    return int(found[1]) if found else 0


HANDLERS: dict[str, Callable[[Environ, StartResponse], Iterable[bytes]]] = {
    "/take": take,
    "/give": give,
    "/file": file,
    "/nap": nap,
    "/until": until,
}
