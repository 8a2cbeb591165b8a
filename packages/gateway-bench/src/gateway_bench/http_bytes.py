r"""The little HTTP that the crowd speaks: a request as bytes, and where an answer ends.

::

    GET /hello HTTP/1.1\r\n                     HTTP/1.1 200 OK\r\n
    Host: 127.0.0.1:8000\r\n                    Content-Length: 14\r\n
    \r\n                                        ...\r\n
                                                \r\n
                                                14 bytes

This is no codec, and shall not become one: the paths that the crowd asks for are ours, and every server says the
length of their answers. An answer that does not is an error of its own kind, never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway_bench.scenarios import Exchange

__all__ = ["HEAD_END", "Head", "read_head", "request_bytes"]

HEAD_END = b"\r\n\r\n"

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([2-5][0-9]{2})(?: |$)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*(?=\r\n|$)", re.IGNORECASE)
_CONNECTION = re.compile(rb"\r\nconnection:[ \t]*([^\r]*)", re.IGNORECASE)
_WORKER = re.compile(rb"\r\nworker:[ \t]*([0-9]{1,10})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Head:
    """What matters of an answer's head. `worker` is the process that a field named so tells of, else 0."""

    status: int
    length: int
    closes: bool
    worker: int


def request_bytes(exchange: Exchange, host: str, keep_alive: bool = True) -> bytes:
    """Return the request for an exchange, content included."""
    lines = [f"{exchange.method} {exchange.path} HTTP/1.1", f"Host: {host}"]
    if exchange.content_type:
        lines.append(f"Content-Type: {exchange.content_type}")
    if exchange.content:
        lines.append(f"Content-Length: {len(exchange.content)}")
    if not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("ascii") + HEAD_END + exchange.content


def read_head(head: bytes) -> Head | None:
    """Read a head, without the empty line at its end; None if it is no final answer with a Content-Length."""
    status, length = _STATUS_LINE.match(head), _LENGTH.search(head)
    if status is None or length is None:
        return None
    said = _CONNECTION.search(head)
    options = said[1].lower() if said else b""
    closes = b"close" in options or (status[1] == b"0" and b"keep-alive" not in options)
    worker = _WORKER.search(head)
    return Head(int(status[2]), int(length[1]), closes, int(worker[1]) if worker else 0)
