"""One request over a socket: bytes out and in at the same time, whatever the codec.

::

    encoded request  -------- writable ----->  peer
    codec.receive_data  <---- readable ------  peer
    codec.next_event  -----------------------> events, as they come

A client that sends all before it reads would wait for ever for a server that answers while it reads. So both
directions go at once, and memory holds one block of each.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from gateway_core.errors import BackendUnavailable, RemoteProtocolError
from gateway_core.events import NotNow
from gateway_core.exchange import ClientCodec
from gateway_core.mismatch import ENOUGH, recognise
from gateway_runtime import addresses
from gateway_runtime.addresses import Address
from gateway_runtime.channel import Channel, Patience

from .request_content import BLOCK
from .request_errors import Exit, Failed, system_words
from .request_meter import Meter
from .request_url import NAMES

__all__ = ["Line", "connect"]

_WORDS = {
    errno.ENOENT: "there is no such socket",
    errno.ECONNREFUSED: "nobody listens there",
    errno.EACCES: "this user may not connect there",
    errno.EPERM: "this user may not connect there",
    errno.ENOTSOCK: "that is no socket",
    errno.EAGAIN: "its queue is full, it accepts no more connections now",
}
"""What an error number means for an address; others say it themselves."""


def connect(address: Address, meter: Meter, limit: float) -> Channel:
    """Return a connection within `limit` seconds, and those of the meter. Raises Failed."""
    left = meter.left()
    seconds = limit if left is None else min(limit, left)
    patience = Patience(connect=seconds, send=0, silence=0, whole=left or 0)
    try:
        channel = _within(seconds, partial(addresses.connect, address, patience))
    except TimeoutError:
        words = f"{address}: no connection within {min(limit, meter.limit or limit):g} s"
        raise Failed(Exit.TIMED_OUT, words) from None
    except (socket.gaierror, UnicodeError):
        raise Failed(Exit.NO_SUCH_HOST, f"nobody knows the host {address.host!r}") from None
    except OSError as error:
        raise Failed(Exit.NOT_REACHED, f"{address}: {_WORDS.get(error.errno or 0) or system_words(error)}") from None
    meter.mark("connect")
    return channel


def _within(seconds: float, connected: Callable[[], Channel]) -> Channel:
    """Return what `connected` gives. Raises its OSError, or TimeoutError: name servers know nothing of our limits."""
    outcome: list[Channel | Exception] = []

    def call() -> None:
        try:
            outcome.append(connected())
        except Exception as error:  # whatever it is, it is raised below
            outcome.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


class Line:
    """A connection in use, for one request. `outgoing` gives its bytes, `protocol` is what the peer should speak.

    What `gateway_core.exchange` does for a front is done here for somebody who looks: every event is given as it
    comes, every byte is counted, and each way to fail has its own exit code.
    """

    def __init__(self, channel: Channel, outgoing: Iterator[bytes], meter: Meter, protocol: str) -> None:
        self._channel = channel
        self._outgoing = outgoing
        self._meter = meter
        self._protocol = protocol
        self._pending = memoryview(b"")
        self._sending = True
        self._first = b""  # of the answer: they tell its protocol
        self._ended = False

    def talk(self, codec: ClientCodec) -> Iterator[Any]:
        """Yield the codec's events, as they come; who has seen the last one stops asking. Raises Failed."""
        self._channel.begin()
        self._load()
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
        data = None
        while data is None:
            self._meter.left()
            try:
                data = self._step() if self._sending else self._channel.recv(BLOCK)
            except TimeoutError:
                raise self._meter.over() from None
            except OSError as error:
                if self._sending:  # it takes no more; its answer, if there is one, can still be read
                    self._sending = False
                    continue
                when = "" if self._first else f" before an answer: does it speak {self._protocol}?"
                raise Failed(Exit.LOST, f"the connection broke{when} ({system_words(error)})") from None
        self._meter.gave(data)
        self._first = (self._first + data)[:ENOUGH]
        self._ended = not data
        if not self._first:
            raise Failed(Exit.NO_ANSWER, f"it closed without an answer: does it speak {self._protocol}?")
        return data

    def _step(self) -> bytes | None:
        """Send some of what waits, or receive some, whichever can be done first; return what came."""
        sent, data = self._channel.exchange(self._pending, BLOCK)
        if sent:
            self._meter.took(bytes(self._pending[:sent]))
            self._pending = self._pending[sent:]
            self._load()
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
