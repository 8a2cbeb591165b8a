"""Where a server listens, as its ready line says it: `fastcgi://127.0.0.1:41873`, `uwsgi+unix:/run/app.sock`.

A FastCGI server of files (php-fpm, fcgiwrap) wants to be told in each request which file is to answer. The address says
it: `fastcgi+unix:/run/php.sock?script=/srv/site/index.php`.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from gateway_bench.errors import BenchError

__all__ = ["Address", "free_port", "parse_address"]

SCHEMES = ("http", "fastcgi", "scgi", "uwsgi")

_TCP = re.compile(r"([a-z]+)://(\[[0-9a-fA-F:]+\]|[^\s:/]+):([0-9]{1,5})/?")
_UNIX = re.compile(r"([a-z]+)\+unix:(?://)?(/[^?]+)(?:\?script=(/.+))?")


@dataclass(frozen=True, slots=True)
class Address:
    """A scheme and either host and port, or the path of a unix socket and the file that answers there, if any."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    script: str = ""

    def connect(self, timeout: float) -> socket.socket:
        """Return a connected socket with that time limit (seconds) on every call. Raises OSError."""
        if not self.path:
            connection = socket.create_connection((self.host, self.port), timeout)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            connection.connect(self.path)
        except OSError:
            connection.close()
            raise
        return connection

    def __str__(self) -> str:
        if self.path:
            return f"{self.scheme}+unix:{self.path}{f'?script={self.script}' if self.script else ''}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read an address. Raises BenchError for anything else, and for a scheme that the bench cannot speak."""
    unix, tcp = _UNIX.fullmatch(text), _TCP.fullmatch(text)
    found = unix or tcp
    if not found or found[1] not in SCHEMES:
        raise BenchError(f"{text!r} is not an address of one of {', '.join(SCHEMES)}")
    if unix:
        return Address(unix[1], path=unix[2], script=unix[3] or "")
    assert tcp
    return Address(tcp[1], tcp[2].strip("[]"), int(tcp[3]))


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that was free a moment ago, for servers that cannot say which one they took. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        return int(listener.getsockname()[1])
