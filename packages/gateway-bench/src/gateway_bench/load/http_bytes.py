r"""The little HTTP that the crowd speaks: a request as bytes, and where an answer ends.

::

    GET /hello HTTP/1.1\r\n                     HTTP/1.1 200 OK\r\n
    Host: 127.0.0.1:8000\r\n                    Content-Length: 14\r\n
    \r\n                                        ...\r\n
                                                \r\n
                                                14 bytes

This is no codec, and shall not become one: the paths that the crowd asks for are ours, and every server says the
length of their answers, or ends them by closing, as HTTP/1.0 has it. Any other is an error of its own kind, never a
guess. Lines may end without the carriage return (RFC 9112, section 2.2), since `http.server --cgi` lets the lines of a
program through as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway_bench.load.address import Address
from gateway_bench.load.scenarios import Answer, Exchange

__all__ = ["HEAD_END", "Head", "fetch", "read_head", "request_bytes", "split_head"]

HEAD_END = b"\r\n\r\n"
BARE_END = b"\n\n"

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([2-5][0-9]{2})(?: |$)")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*(?=\r?\n|$)", re.IGNORECASE)
_CONNECTION = re.compile(rb"\nconnection:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CODED = re.compile(rb"\ntransfer-encoding:", re.IGNORECASE)
_WORKER = re.compile(rb"\nworker:[ \t]*([0-9]{1,10})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Head:
    """What matters of an answer's head. `worker` is the process that a field named so tells of, else 0.

    `length` is None where the end of the connection is that of the content.
    """

    status: int
    length: int | None
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


def split_head(data: bytes) -> tuple[int, int]:
    """Return where the head ends, and where the content begins; (-1, -1) if that has not come yet."""
    end = data.find(HEAD_END)
    if end >= 0:
        return end, end + len(HEAD_END)
    end = data.find(BARE_END)
    return (end, end + len(BARE_END)) if end >= 0 else (-1, -1)


def fetch(address: Address, exchange: Exchange, limit: float) -> Answer:
    """Make one request on a connection of its own, read to its end, and return the answer.

    Raises OSError, and ValueError for what is no whole answer.
    """
    data = b""
    with address.connect(limit) as sock:
        sock.sendall(request_bytes(exchange, f"{address.host}:{address.port}", keep_alive=False))
        while piece := sock.recv(65_536):
            data += piece
    end, start = split_head(data)
    head = read_head(data[:end]) if end >= 0 else None
    if head is None or head.length not in (None, len(data) - start):
        raise ValueError("no whole answer")
    return Answer(head.status, data[start:])


def read_head(head: bytes) -> Head | None:
    """Read a head, without the empty line at its end; None if it is no final answer whose end is known."""
    status, length = _STATUS_LINE.match(head), _LENGTH.search(head)
    if status is None:
        return None
    said = _CONNECTION.search(head)
    options = said[1].lower() if said else b""
    closes = b"close" in options or (status[1] == b"0" and b"keep-alive" not in options)
    if length is None and (not closes or _CODED.search(head)):
        return None
    worker = _WORKER.search(head)
    return Head(int(status[2]), int(length[1]) if length else None, closes, int(worker[1]) if worker else 0)
