"""A connection's sending side: order, files, peers that do not read, and files that are not what they were."""

from __future__ import annotations

import os
import select
import socket
import tempfile
import threading

import pytest

from gateway_runtime import connection as module
from gateway_runtime.connection import Connection
from gateway_runtime.testing import DEADLINE

BLOCK = b"0123456789abcdef" * 4096


@pytest.fixture
def pair():
    """Return a connection and the peer's socket."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(DEADLINE)
    connection = Connection(ours, "", patience=DEADLINE)
    yield connection, theirs
    connection.dispose()
    theirs.close()


@pytest.fixture
def file():
    with tempfile.TemporaryFile() as one:
        yield one


def fill(connection):
    """Write until something waits; return what was written."""
    written = b""
    while not connection.full:
        connection.write(BLOCK)
        written += BLOCK
    return written


def pump(connection, theirs, size):
    """Read `size` bytes while the connection sends what waits."""
    got = bytearray()
    while len(got) < size:
        if connection.full and select.select([], [connection.sock], [], 0)[1]:
            connection.flush()
        piece = theirs.recv(1 << 20)
        assert piece
        got += piece
    return bytes(got)


def test_what_the_socket_takes_does_not_wait(pair):
    connection, theirs = pair
    connection.write(b"hello")
    assert not connection.full
    assert theirs.recv(9) == b"hello"


def test_bytes_keep_their_order(pair):
    connection, theirs = pair
    expected = fill(connection)
    for number in range(100):
        connection.write(b"%d," % number)
        expected += b"%d," % number
    assert connection.full
    assert pump(connection, theirs, len(expected)) == expected
    assert not connection.full
    connection.write(b"more")
    assert theirs.recv(9) == b"more"


@pytest.mark.skipif(not Connection.can_send_file, reason="this system has no sendfile")
class TestFiles:
    @pytest.mark.parametrize("size", [1, 65536, 3_000_000])
    @pytest.mark.parametrize("offset", [0, 1000])
    def test_a_file_is_sent_from_an_offset(self, pair, file, size, offset):
        content = os.urandom(size + offset)
        file.write(content + b"not this")
        file.flush()
        connection, theirs = pair
        connection.send_file(file.fileno(), offset, size)
        assert connection.full == (size > 1_000_000)
        assert pump(connection, theirs, size) == content[offset:]

    def test_a_file_between_bytes(self, pair, file):
        file.write(BLOCK)
        file.flush()
        connection, theirs = pair
        expected = fill(connection)
        connection.send_file(file.fileno(), 0, len(BLOCK))
        connection.write(b"end")
        expected += BLOCK + b"end"
        assert pump(connection, theirs, len(expected)) == expected
        assert not connection.full

    @pytest.mark.parametrize("full", [False, True])
    def test_a_file_that_ends_early_cuts_the_connection(self, pair, file, full):
        file.write(b"short")
        file.flush()
        connection, theirs = pair
        if full:
            expected = fill(connection) + b"short"
            connection.send_file(file.fileno(), 0, 100)
            assert pump(connection, theirs, len(expected)) == expected
        else:
            with pytest.raises(ConnectionError):
                connection.send_file(file.fileno(), 0, 100)
            assert theirs.recv(9) == b"short"
        connection.flush()
        assert connection.lost

    def test_a_turn_has_an_end(self, pair, file, monkeypatch):
        """A peer that reads as fast as we send does not keep the loop to itself."""
        monkeypatch.setattr(module, "_TURN_BYTES", 10_000)
        file.write(BLOCK)
        file.flush()
        connection, theirs = pair
        connection.send_file(file.fileno(), 0, len(BLOCK))
        assert connection.full
        assert pump(connection, theirs, len(BLOCK)) == BLOCK


def test_drain_waits_for_the_peer(pair):
    connection, theirs = pair
    expected = fill(connection)
    got = bytearray()

    def read():
        while len(got) < len(expected):
            got.extend(theirs.recv(1 << 20))

    reader = threading.Thread(target=read)
    reader.start()
    connection.drain()
    assert not connection.full
    reader.join(DEADLINE)
    assert got == expected


def test_drain_does_not_wait_for_ever(pair):
    connection, _ = pair
    connection.patience = 0.01
    fill(connection)
    with pytest.raises(ConnectionError):
        connection.drain()
    assert connection.lost


def test_drain_of_nothing_is_nothing(pair):
    pair[0].drain()


@pytest.mark.parametrize("act", ["write", "flush", "drain", "file"])
def test_a_peer_that_has_gone(pair, file, act):
    connection, theirs = pair
    file.write(BLOCK)
    file.flush()
    if act in ("flush", "drain"):
        fill(connection)
    theirs.close()
    if act == "flush":
        assert not connection.flush()
    else:
        with pytest.raises(ConnectionError):
            if act == "write":
                connection.write(b"x")
            elif act == "drain":
                connection.drain()
            else:
                connection.send_file(file.fileno(), 0, 10)
    assert connection.lost
    with pytest.raises(ConnectionError):
        connection.write(b"x")
