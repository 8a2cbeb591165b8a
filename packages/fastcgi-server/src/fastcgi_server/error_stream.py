r"""`wsgi.errors` of a FastCGI request: its STDERR stream, by which what the application says reaches the front's log.

::

    write("one, ")  write("two\n")          ->  {1: STDERR, "one, two\n"}       a record is whole lines
    write("three")  flush()                 ->  {1: STDERR, "three"}            or what was flushed
    print("late", file=errors)              ->  the server's own log            after the end of the request

Also what threads of the application's own write goes to the server's log: they may outlive the request, and only the
thread that serves it knows that its records come before END_REQUEST. So does what the peer is not there to take.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import get_ident
from typing import TextIO

from gateway_core.errors import LocalProtocolError
from gateway_core.interfaces import Transport

from .request import Encoder

__all__ = ["ErrorStream"]

_TAIL_MAX = 8 * 1024
"""Bytes that may wait for the end of their line; then they go without one."""


class ErrorStream:
    """A text stream, as PEP 3333 asks for it. `log` is the server's own; `owner` is the thread that serves."""

    __slots__ = ("encoder", "log", "owner", "transport")

    encoding = "utf-8"
    errors = "backslashreplace"
    closed = False

    def __init__(self, encoder: Encoder, transport: Transport, log: TextIO) -> None:
        self.encoder = encoder
        self.transport = transport
        self.log = log
        self.owner = get_ident()

    def take(self) -> None:
        """From now on this thread serves the request."""
        self.owner = get_ident()

    def write(self, text: str, /) -> int:
        """Send the lines that have an end now; keep the rest until it has one. Raises TypeError if it is not `str`."""
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, not {type(text).__name__}")
        if not self._open():
            self.log.write(text)
            return len(text)
        data = self.encoder.tail + text.encode(self.encoding, self.errors)
        end = len(data) if len(data) > _TAIL_MAX else data.rfind(b"\n") + 1
        self.encoder.tail = data[end:]
        self._send(data[:end])
        return len(text)

    def writelines(self, lines: Iterable[str], /) -> None:
        """Write one after another."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Send what has no end yet."""
        if self._open():
            tail, self.encoder.tail = self.encoder.tail, b""
            self._send(tail)
        else:
            self.log.flush()

    def close(self) -> None:
        """Send what has no end yet, and stay open: the server may have something to say."""
        self.flush()

    def writable(self) -> bool:
        """It is for writing only."""
        return True

    def isatty(self) -> bool:
        """It is no terminal."""
        return False

    def report(self, text: str) -> None:
        """Say what is for both logs: the application has failed."""
        self.log.write(text)
        self.log.flush()
        if self._open():
            self.write(text)

    def _open(self) -> bool:
        return get_ident() == self.owner and not self.encoder.ended and not self.transport.lost

    def _send(self, data: bytes) -> None:
        if not data:
            return
        try:
            self.transport.write(self.encoder.stderr(data))
            if self.transport.full:  # whoever writes to a log cannot rest
                self.transport.drain()
        except (ConnectionError, LocalProtocolError):
            pass  # the peer has gone, and the response will find out
