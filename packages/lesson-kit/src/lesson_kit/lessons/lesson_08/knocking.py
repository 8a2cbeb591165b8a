"""Bytes for a port, whatever it speaks, and what its log says of them."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

from gateway_bench.servers.presence import find_program
from gateway_lab.errors import LabError
from gateway_lab.servers import Server

__all__ = ["METHODS", "has_uwsgi", "knock", "promised", "uwsgi_itself"]

METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE")
PATIENCE = 5.0
"""Seconds for an answer; then there was none."""
ENOUGH = 65_536
UWSGI = "uwsgi|pyuwsgi"
"""The program, by either of its names."""
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


def has_uwsgi() -> bool:
    """Tell whether uWSGI is on this machine."""
    return find_program(UWSGI) is not None


def uwsgi_itself() -> Server:
    """Return uWSGI, without an application, for a `with` block. Raises LabError."""
    program = find_program(UWSGI)
    if program is None:
        raise LabError("uWSGI is not on this machine: the rest of the lesson does without.")
    return Server([sys.executable, "-I", str(Path(__file__).with_name("uwsgi_itself.py")), program])
