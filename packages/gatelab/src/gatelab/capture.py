"""A recording as packets: what a sniffer would have seen if front and backend had talked over TCP without us.

::

    Capture    takes what passes, live or from a recording, and writes the file    a relay's watch
    Flow       makes the packets (tcp_frames)
    pcapng     the form of the file

The front keeps the address that it connected from, and the backend is where the relay connected to: the relay is left
out of the picture. A unix socket has no address, so one is made up, and the comments say so: 127.0.0.1, for the front a
port of its own for each connection, for the backend the port by which Wireshark may know the protocol.
"""

from __future__ import annotations

import ipaddress
import time
from operator import itemgetter
from typing import IO

from gateway_core.mismatch import ENOUGH, recognise
from gateway_runtime.addresses import parse
from gateway_runtime.errors import StartupError

from . import pcapng
from .recording import Recording, Segment, Sender
from .tcp_frames import Flow, Place

__all__ = ["PORTS", "Capture", "write"]

PORTS = {"FastCGI": 9000, "SCGI": 4000, "uwsgi": 3031, "HTTP": 80, "AJP13": 8009, "CGI": 9}
"""Usual ports. HTTP and AJP13 have theirs from IANA; CGI has no wire at all, and 9 is the port that discards."""

UNKNOWN_PORT = 9999

OWN_PORTS = (49152, 16384)
"""The first port that IANA leaves to everybody, and how many there are: for fronts that have none."""

LOOPBACK = ipaddress.IPv4Address("127.0.0.1")

APPLICATION = "gatelab record"


class Capture:
    """Writes packets as they come. `to`: where the backend is; `protocol` is recognised if nobody knows it.

    Raises OSError where the file cannot take more. Times are of `time.monotonic`, those in the file of the clock.
    """

    def __init__(
        self, file: IO[bytes], to: str, protocol: str | None = None, comment: str = "", clock: float | None = None
    ) -> None:
        self._file = file
        self._clock = time.time() - time.monotonic() if clock is None else clock
        self._backend = _place(to)
        self._port = PORTS.get(protocol or "")
        self._flows: dict[int, Flow] = {}
        self._waiting: dict[int, tuple[str, float]] = {}
        made_up = "" if self._backend else "the backend's address is made up"
        self._write(pcapng.section(APPLICATION, comment))
        self._write(pcapng.interface("relay", f"a relay to {to or 'a backend'}", made_up))
        file.flush()

    # -- as a relay's watch ------------------------------------------------------------------------------------------

    def opened(self, number: int, client: str, at: float) -> None:
        """A front has connected."""
        self._waiting[number] = client, at
        if self._port is not None or self._backend is not None:
            self._begin(number)

    def passed(self, number: int, sender: Sender, data: bytes, reset: bool, at: float) -> None:
        """Bytes have passed, or a side has ended."""
        if number in self._waiting:
            self._begin(number, data[:ENOUGH] if sender == "front" else b"")
        flow = self._flows[number]
        packets = flow.data(sender, data) if data else flow.reset(sender) if reset else flow.ended(sender)
        for one in packets:
            self._packet(one, at)
        self._file.flush()

    def closed(self, number: int, at: float) -> None:
        """The connection is over."""
        if number in self._waiting:
            self._begin(number)
        del self._flows[number]

    def lost(self, number: int, sender: Sender, count: int) -> None:
        """Of what one side sent some bytes are not known."""
        self._flows[number].lost(sender, count)

    # -- packets -----------------------------------------------------------------------------------------------------

    def _begin(self, number: int, first: bytes = b"") -> None:
        """Write the handshake; the first bytes may tell which port it was."""
        client, at = self._waiting.pop(number)
        if self._port is None:
            guess = recognise(first)
            self._port = PORTS.get(guess.protocol) if guess else None
        made_up = Place(LOOPBACK, OWN_PORTS[0] + number % OWN_PORTS[1])
        backend = self._backend or Place(LOOPBACK, self._port or UNKNOWN_PORT)
        front = _place(client)
        flow = self._flows[number] = Flow(*_one_family(front or made_up, backend))
        comment = f"connection {number}" if front else f"connection {number}, whose front's address is made up"
        for one in flow.opened():
            self._packet(one, at, comment)
            comment = ""

    def _packet(self, data: bytes, at: float, comment: str = "") -> None:
        self._write(pcapng.packet(data, self._clock + at, comment))

    def _write(self, block: bytes) -> None:
        self._file.write(block)


def write(recording: Recording, file: IO[bytes]) -> None:
    """Write a whole recording. Raises OSError."""
    known = {"front": recording.front, "backend": recording.backend, "note": recording.note}
    comment = "; ".join(f"{name}: {text}" for name, text in known.items() if text)
    capture = Capture(file, recording.to, recording.spoken, comment, recording.began)
    happened: list[tuple[float, int, int, Segment | None]] = []
    for number, (at, connection) in enumerate(zip(recording.beginnings(), recording.connections, strict=True), 1):
        happened.append((at, number, 0, None))
        late = at
        for index, segment in enumerate(connection.segments, 1):
            late = max(late, at + segment.t)
            happened.append((late, number, index, segment))
    for at, number, _, event in sorted(happened, key=itemgetter(0, 1, 2)):
        connection = recording.connections[number - 1]
        if event is None:
            capture.opened(number, connection.client, at)
            continue
        if connection.cut is not None and not event.data:
            capture.lost(number, event.sender, getattr(connection.cut, event.sender))
        capture.passed(number, event.sender, event.data, event.reset, at)
    for number in range(1, len(recording.connections) + 1):
        capture.closed(number, 0.0)


def _place(address: str) -> Place | None:
    """Return where an address is; None for a unix socket, and where it is not known."""
    try:
        found = parse(address)
        return Place(ipaddress.ip_address("127.0.0.1" if found.host == "localhost" else found.host), found.port)
    except (StartupError, ValueError):
        return None


def _one_family(front: Place, backend: Place) -> tuple[Place, Place]:
    """Return both with addresses of the same family: if they differ, IPv4 as IPv6 has it (RFC 4291, 2.5.5.2)."""
    if front.ip.version == backend.ip.version:
        return front, backend
    return _as_six(front), _as_six(backend)


def _as_six(place: Place) -> Place:
    return place if place.ip.version == 6 else Place(ipaddress.IPv6Address(f"::ffff:{place.ip}"), place.port)
