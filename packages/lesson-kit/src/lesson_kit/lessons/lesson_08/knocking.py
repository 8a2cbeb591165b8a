"""Bytes for a port, whatever it speaks, and what its log says of them."""

from __future__ import annotations

import re
import socket

from lesson_kit.errors import LabError
from lesson_kit.lab.servers import Server

__all__ = ["METHODS", "knock", "promised"]

METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE")
PATIENCE = 5.0
"""Seconds for an answer; then there was none."""
ENOUGH = 65_536
_LINE = re.compile(r"these bytes spell '(.{4})'.* they promise (\d+) bytes")


def knock(server: Server, data: bytes) -> bytes:
    """Send these bytes and no more, and return what comes back: b"" if the server says nothing."""
    came = b""
    try:
        with socket.create_connection((server.host, server.port), PATIENCE) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while len(came) < ENOUGH and (more := sock.recv(ENOUGH)):
                came += more
    except ConnectionRefusedError:
        raise LabError("The server runs no more: put `knock` into the block of `with serve(...)`.") from None
    except OSError:  # it waits, or it has hung up
        pass
    return came


def promised(log: str) -> dict[str, int]:
    """Return the number that the log has for each beginning, such as {"GET ": 21573}."""
    return {first: int(size) for first, size in _LINE.findall(log)}
