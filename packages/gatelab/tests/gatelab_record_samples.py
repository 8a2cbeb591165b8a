"""What the tests of `gatelab record` share: a backend whose every step a test decides, and sockets to a relay."""

from __future__ import annotations

import contextlib
import socket

from gatelab.keeper import Keeper
from gatelab.relay import Relay
from gateway_runtime.addresses import Address
from gateway_runtime.testing import DEADLINE

KINDS = ("tcp", "unix")


class Bench(contextlib.AbstractContextManager):
    """A relay between sockets of two kinds. `pair()`: a front's and a backend's end of one connection through it."""

    def __init__(self, folder, front="tcp", backend="tcp", **limits):
        self._exits = contextlib.ExitStack()
        self.backend = listener(folder / "b", backend)
        self._exits.callback(self.backend.close)
        where = Address(path=str(folder / "f")) if front == "unix" else Address(host="127.0.0.1", port=0)
        self.keeper = Keeper(**limits)
        self.relay = self._exits.enter_context(Relay(where, address(self.backend), self.keeper))

    def __exit__(self, *_):
        self._exits.close()

    @property
    def connections(self):
        return self.keeper.recording.connections

    def front(self):
        return self._exits.enter_context(connected(self.relay.address))

    def pair(self):
        front = self.front()
        backend, _ = self.backend.accept()
        backend.settimeout(DEADLINE)
        return front, self._exits.enter_context(backend)


def listener(path, kind):
    if kind == "tcp":
        return socket.create_server(("127.0.0.1", 0))
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(path))
    sock.listen()
    return sock


def address(sock):
    name = sock.getsockname()
    return Address(path=name) if isinstance(name, str) else Address(*name[:2])


def connected(where):
    if not where.path:
        return socket.create_connection((where.host, where.port), DEADLINE)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(DEADLINE)
    sock.connect(where.path)
    return sock


def read_all(sock):
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)
