"""A tap: a relay on a free port that notes what passes between two programs, and changes none of it.

::

    front ----> tap ----> gateway          the front is told the tap's address in place of the gateway's
          <----     <----

Each connection has a thread that serves both directions in turn, so there is one only as long as somebody talks. The
beginning of each direction is kept.
"""

from __future__ import annotations

import select
import socket
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

__all__ = ["Passed", "Tap"]

KEPT = 65_536
"""Bytes of each direction that are kept: any head, and not all of a large file."""
BLOCK = 16_384
PATIENCE = 10.0
"""Seconds for the gateway to accept, and for either side to take what it is sent."""


@dataclass(slots=True)
class Passed:
    """What passed over one connection: `sent` by who opened it, `came` from who was asked."""

    sent: bytearray = field(default_factory=bytearray)
    came: bytearray = field(default_factory=bytearray)


class Tap:
    """A relay to a port of `host`, within a `with` block."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._passed: list[Passed] = []
        self._talks: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Listen on a free port of the loopback address."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ending, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="tap", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every connection, and wait for the threads."""
        self._end.close()  # end of file on the other half, which every thread watches
        self._thread.join()
        for talk in self._talks:
            talk.join()
        self._ending.close()
        self._listener.close()

    @property
    def port(self) -> int:
        """The port of the tap."""
        return int(self._listener.getsockname()[1])

    @property
    def passed(self) -> list[Passed]:
        """What has passed so far, one for each connection, in the order in which they were opened."""
        return list(self._passed)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while self._ending not in (ready := select.select([self._listener, self._ending], [], [])[0]):
            assert self._listener in ready
            client, _ = self._listener.accept()
            passed = Passed()
            self._passed.append(passed)
            talk = threading.Thread(target=self._relay, args=(client, passed), name="tapped", daemon=True)
            self._talks.append(talk)
            talk.start()

    def _relay(self, client: socket.socket, passed: Passed) -> None:
        with client:
            try:
                with socket.create_connection(self._to, PATIENCE) as server:
                    client.settimeout(PATIENCE)
                    self._copy({client: (server, passed.sent), server: (client, passed.came)})
            except OSError:  # either side has gone: so does the other
                pass

    def _copy(self, ways: dict[socket.socket, tuple[socket.socket, bytearray]]) -> None:
        """Pass on what comes until both sides have said their last, or the tap ends."""
        while ways:
            ready, _, _ = select.select([*ways, self._ending], [], [])
            if self._ending in ready:
                return
            for source in ready:
                target, kept = ways[source]
                if data := source.recv(BLOCK):
                    kept += data[: KEPT - len(kept)]
                    target.sendall(data)
                else:
                    target.shutdown(socket.SHUT_WR)
                    del ways[source]
