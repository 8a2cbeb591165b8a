"""One request over a socket: bytes out and in at the same time, whatever the codec.

::

    encoded request  ---- writable ---->  peer
    codec.receive_data  <--- readable --  peer
    codec.next_event    ----------------> events, as they come

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
from .request_url import NAMES, Url

__all__ = ["Line", "connect", "talk"]


def connect(address: Address, meter: Meter, limit: float) -> socket.socket:
    """Return a connected socket within `limit` seconds, and those of the meter. Raises Failed."""
    left = meter.left()
    seconds = limit if left is None else min(limit, left)
    try:
        if address.path:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.settimeout(seconds)
                sock.connect(address.path)
            except BaseException:
                sock.close()
                raise
        else:
            sock = socket.create_connection((address.host, address.port), seconds)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except TimeoutError:
        raise Failed(Exit.TIMED_OUT, f"{address}: no connection within {seconds:g} seconds") from None
    except (socket.gaierror, UnicodeError):
        raise Failed(Exit.NO_SUCH_HOST, f"nobody knows the host {address.host!r}") from None
    except OSError as error:
        raise Failed(Exit.NOT_REACHED, f"{address}: {system_words(error)}") from None
    meter.mark("connect")
    sock.setblocking(False)
    return sock


class Line:
    """A connection in use. `outgoing` gives the encoded request; `first` are the first bytes of the answer."""

    def __init__(self, sock: socket.socket, outgoing: Iterator[bytes], meter: Meter) -> None:
        self._sock = sock
        self._outgoing = outgoing
        self._pending = memoryview(b"")
        self._meter = meter
        self._poll = select.poll()
        self.first = b""
        self._sending = True
        self._load()

    def receive(self) -> bytes:
        """Return the next bytes of the peer, b"" at the end of file; send meanwhile. Raises Failed."""
        while True:
            wanted = select.POLLIN | (select.POLLOUT if self._sending else 0)
            self._poll.register(self._sock, wanted)
            left = self._meter.left()
            happened = self._poll.poll(None if left is None else left * 1000)
            if not happened:
                raise self._meter.over()
            if self._sending and happened[0][1] & (select.POLLOUT | select.POLLERR | select.POLLHUP):
                self._send()
            if happened[0][1] & ~select.POLLOUT and (data := self._receive()) is not None:
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

    def _receive(self) -> bytes | None:
        try:
            data = self._sock.recv(BLOCK)
        except BlockingIOError:
            return None
        except OSError as error:
            hint = "" if self.first else ", before any answer: does it speak this protocol?"
            raise Failed(Exit.LOST, f"the connection broke{hint} ({system_words(error)})") from None
        self.first = self.first or data[:ENOUGH]
        self._meter.gave(data)
        return data


def talk(line: Line, codec: ClientCodec, url: Url, meter: Meter) -> Iterator[Any]:
    """Yield the codec's events, as they come; who has seen the last one stops asking. Raises Failed."""
    over = False
    try:
        while True:
            event = codec.next_event()
            if not isinstance(event, NotNow):
                yield event
                continue
            data = line.receive()
            over = not data
            if over and not meter.received:
                raise Failed(Exit.NO_ANSWER, f"it closed without an answer: does it speak {url.protocol}?")
            codec.receive_data(data)
    except RemoteProtocolError as error:
        raise _broken(error, line.first, url, cut_short=over and "head" in meter.marks) from None


def _broken(error: RemoteProtocolError, first: bytes, url: Url, *, cut_short: bool) -> Failed:
    """Say what is wrong with an answer; above all, if it is one in another protocol."""
    if cut_short:
        return Failed(Exit.CUT_SHORT, f"the answer breaks off: {error}")
    if error.status == BackendUnavailable.status:  # it keeps the protocol, and says in its words that it has no room
        return Failed(Exit.BROKEN, str(error))
    other = _speaks(first)
    if other in NAMES.values() and other != url.protocol and (other, url.protocol) != ("HTTP", "uwsgi"):
        hint = f"write {other.lower()} in place of {url.scheme}"
        return Failed(Exit.BROKEN, f"it answers in {other}, not in {url.protocol}: {hint}")
    return Failed(Exit.BROKEN, f"the answer is not {url.protocol}: {error}")


def _speaks(first: bytes) -> str:
    """Return the protocol of an answer by its first bytes, "" if that cannot be told."""
    if first.startswith(b"HTTP"):
        return "HTTP"
    guess = recognise(first)
    return "FastCGI" if first[:1] == b"\x01" else guess.protocol if guess else ""
