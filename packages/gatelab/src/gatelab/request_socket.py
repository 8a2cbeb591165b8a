"""One request over a socket: bytes out and in at the same time, whatever the codec.

::

    encoded request  -------- writable ----->  peer
    codec.receive_data  <---- readable ------  peer
    codec.next_event  -----------------------> events, as they come

A client that sends all before it reads would wait for ever for a server that answers while it reads. So one poll
watches both directions, and memory holds one block of each.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from typing import Any

from gateway_core.client import ClientCodec
from gateway_core.errors import BackendUnavailable, RemoteProtocolError
from gateway_core.events import NotNow
from gateway_core.mismatch import ENOUGH, recognise
from gateway_runtime.addresses import Address

from .request_content import BLOCK
from .request_errors import Exit, Failed, system_words
from .request_meter import Meter
from .request_url import NAMES

__all__ = ["Line", "connect"]


def connect(address: Address, meter: Meter, limit: float) -> socket.socket:
    """Return a connected socket within `limit` seconds, and those of the meter. Raises Failed."""
    left = meter.left()
    seconds = limit if left is None else min(limit, left)
    try:
        sock = _connected(address, seconds)
    except TimeoutError:
        raise Failed(Exit.TIMED_OUT, f"{address}: no connection within {seconds:.3g} seconds") from None
    except (socket.gaierror, UnicodeError):
        raise Failed(Exit.NO_SUCH_HOST, f"nobody knows the host {address.host!r}") from None
    except OSError as error:
        raise Failed(Exit.NOT_REACHED, f"{address}: {system_words(error)}") from None
    meter.mark("connect")
    sock.setblocking(False)
    return sock


def _connected(address: Address, seconds: float) -> socket.socket:
    if not address.path:
        sock = socket.create_connection((address.host, address.port), seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect(address.path)
    except BaseException:
        sock.close()
        raise
    return sock


class Line:
    """A connection in use, for one request. `outgoing` gives its bytes, `protocol` is what the peer should speak."""

    def __init__(self, sock: socket.socket, outgoing: Iterator[bytes], meter: Meter, protocol: str) -> None:
        self._sock = sock
        self._outgoing = outgoing
        self._meter = meter
        self._protocol = protocol
        self._first = b""  # of the answer: they tell its protocol
        self._ended = False
        self._pending = memoryview(b"")
        self._sending = True
        self._poll = select.poll()
        self._load()

    def talk(self, codec: ClientCodec) -> Iterator[Any]:
        """Yield the codec's events, as they come; who has seen the last one stops asking. Raises Failed."""
        try:
            while True:
                event = codec.next_event()
                if isinstance(event, NotNow):
                    codec.receive_data(self._receive())
                else:
                    yield event
        except RemoteProtocolError as error:
            raise self._broken(error) from None

    def _receive(self) -> bytes:
        """Return the next bytes of the peer, b"" at the end of file; send meanwhile."""
        while True:
            self._poll.register(self._sock, select.POLLIN | (select.POLLOUT if self._sending else 0))
            left = self._meter.left()
            happened = self._poll.poll(None if left is None else left * 1000)
            if not happened:
                raise self._meter.over()
            readiness = happened[0][1]
            if self._sending and readiness & ~select.POLLIN:
                self._send()
            if readiness & ~select.POLLOUT and (data := self._read()) is not None:
                return data

    def _load(self) -> None:
        """Have something to send, unless all is sent."""
        while not self._pending and self._sending:
            piece = next(self._outgoing, None)
            if piece is None:
                self._sending = False
                self._meter.mark("sent")
            else:
                self._pending = memoryview(piece)

    def _send(self) -> None:
        try:
            count = self._sock.send(self._pending)
        except BlockingIOError:
            return
        except OSError:  # it takes no more; its answer, if there is one, can still be read
            self._sending = False
            return
        self._meter.took(bytes(self._pending[:count]))
        self._pending = self._pending[count:]
        self._load()

    def _read(self) -> bytes | None:
        try:
            data = self._sock.recv(BLOCK)
        except BlockingIOError:
            return None
        except OSError as error:
            when = "" if self._first else f" before an answer: does it speak {self._protocol}?"
            raise Failed(Exit.LOST, f"the connection broke{when} ({system_words(error)})") from None
        self._meter.gave(data)
        self._first = (self._first + data)[:ENOUGH]
        self._ended = not data
        if not self._first:
            raise Failed(Exit.NO_ANSWER, f"it closed without an answer: does it speak {self._protocol}?")
        return data

    def _broken(self, error: RemoteProtocolError) -> Failed:
        """Say what is wrong with an answer; above all, if it is one in another protocol."""
        if error.status == BackendUnavailable.status:  # the protocol's own words for "no room"
            return Failed(Exit.BROKEN, str(error))
        if self._ended and "head" in self._meter.marks:
            return Failed(Exit.CUT_SHORT, f"the answer breaks off: {error}")
        other = _spoken(self._first)
        if other in NAMES.values() and {other, self._protocol} not in ({self._protocol}, {"HTTP", "uwsgi"}):
            return Failed(Exit.BROKEN, f"it answers in {other}, not in {self._protocol}: change the scheme of the URL")
        return Failed(Exit.BROKEN, f"the answer is not {self._protocol}: {error}")


def _spoken(first: bytes) -> str:
    """Return the protocol of an answer by its first bytes, "" if that cannot be told."""
    if first.startswith(b"HTTP"):
        return "HTTP"
    guess = recognise(first)
    return "FastCGI" if first[:1] == b"\x01" else guess.protocol if guess else ""
