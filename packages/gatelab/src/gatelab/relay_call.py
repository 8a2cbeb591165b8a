"""Connecting to the backend without waiting for it, one address after the other.

::

    begin() or proceed() ---> CONNECTED
                         ---> WAIT        poll tells when the socket can be written to: proceed() then
                         ---> AGAIN       poll does not tell, the queue of a unix socket is full: proceed() in a moment
                         ---> OSError     no address is left; it says what was wrong with the last one
"""

from __future__ import annotations

import enum
import errno
import os
import socket
import struct
import time
from typing import Any

from gateway_runtime.addresses import Address
from gateway_runtime.errors import StartupError

__all__ = ["CONNECT_TIMEOUT", "Call", "Progress", "Target", "no_delay", "reset_on_close", "resolve"]

CONNECT_TIMEOUT = 10.0
"""Seconds that the backend has to accept. Fronts have more patience: about a minute."""

Target = tuple[int, Any]
"""A family, and an address of it."""


class Progress(enum.Enum):
    """How far a call is: see above."""

    CONNECTED = 0
    WAIT = errno.EINPROGRESS
    AGAIN = errno.EAGAIN


_PROGRESS = frozenset(progress.value for progress in Progress)


class Call:
    """The connection that `front` is to have to the backend, while it is being made."""

    def __init__(self, number: int, front: socket.socket, targets: list[Target]) -> None:
        self.number = number
        self.front = front
        self.sock: socket.socket | None = None
        self.progress = Progress.AGAIN
        self.deadline = time.monotonic() + CONNECT_TIMEOUT
        self._targets = list(targets)

    def close(self) -> None:
        """Give up: the front sees a broken connection, as far as its socket knows such a thing."""
        reset_on_close(self.front)
        self.front.close()
        if self.sock is not None:
            self.sock.close()

    def proceed(self) -> Progress:
        """Do what can be done. Raises OSError when nothing is left to try."""
        error = self._result() if self.progress is Progress.WAIT else self._try()
        while error not in _PROGRESS:
            self._targets.pop(0)
            if not self._targets or error == errno.ETIMEDOUT:
                raise OSError(error, os.strerror(error))
            error = self._try()
        self.progress = Progress(error)
        return self.progress

    def _result(self) -> int:
        """Return what has become of an attempt."""
        assert self.sock is not None
        if time.monotonic() > self.deadline:
            return errno.ETIMEDOUT
        return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def _try(self) -> int:
        """Begin an attempt; return its error number, 0 if it is connected."""
        if time.monotonic() > self.deadline:
            return errno.ETIMEDOUT
        family, address = self._targets[0]
        if self.sock is not None:
            self.sock.close()
            self.sock = None
        try:
            self.sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            return error.errno or errno.EMFILE
        self.sock.setblocking(False)
        no_delay(self.sock)
        return self.sock.connect_ex(address)


def resolve(to: Address) -> list[Target]:
    """Return where an address leads. Raises StartupError."""
    if to.fd >= 0:
        raise StartupError("a descriptor is nothing to connect to: write HOST:PORT or unix:PATH")
    if to.path:
        return [(socket.AF_UNIX, to.path)]
    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "that is no host name"
        raise StartupError(f"cannot connect to {to}: {words}") from None
    return [(family, address) for family, _, _, _, address in found]


def no_delay(sock: socket.socket) -> None:
    """Let small pieces go on at once, as they came."""
    if sock.family != socket.AF_UNIX:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:  # it has gone already, which reading it will tell
            pass


_LINGER = struct.pack("ii", 1, 0)


def reset_on_close(sock: socket.socket) -> None:
    """Let close() send RST in place of FIN. Unix sockets have no such thing."""
    if sock.family != socket.AF_UNIX:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        except OSError:  # macOS, if it is broken already
            pass
