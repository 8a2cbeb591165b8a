"""A client's connection: both directions at once, and nothing waits for ever."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gateway_runtime.channel import Channel, Patience

QUICK = 0.03
BIG = b"x" * 10_000_000


class Pair:
    def __init__(self, **patience: float) -> None:
        ours, self.peer = socket.socketpair()
        self.channel = Channel(ours, Patience(**{"send": 5, "silence": 5, **patience}))

    def close(self) -> None:
        self.channel.close()
        self.peer.close()


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    made: list[Pair] = []
    yield made
    for pair in made:
        pair.close()


def pair(pairs: list[Pair], **patience: float) -> Pair:
    pairs.append(Pair(**patience))
    return pairs[-1]


def test_exchange_sends_what_the_peer_takes(pairs: list[Pair]) -> None:
    made = pair(pairs)
    assert made.channel.exchange(b"hello", 100) == (5, None)
    assert made.peer.recv(100) == b"hello"


def test_exchange_receives_when_the_peer_takes_no_more(pairs: list[Pair]) -> None:
    made = pair(pairs)
    sent, came = made.channel.exchange(BIG, 100)
    assert (0 < sent < len(BIG), came) == (True, None)
    made.peer.sendall(b"answer")
    assert made.channel.exchange(BIG, 100) == (0, b"answer")
    made.peer.shutdown(socket.SHUT_WR)
    assert made.channel.exchange(BIG, 100) == (0, b"")


def test_exchange_with_a_peer_that_has_gone(pairs: list[Pair]) -> None:
    made = pair(pairs)
    made.peer.close()
    with pytest.raises(OSError, match="pipe"):
        made.channel.exchange(b"hello", 100)


@pytest.mark.parametrize("what", ["exchange", "sendall", "recv"])
def test_each_wait_has_its_limit(pairs: list[Pair], what: str) -> None:
    made = pair(pairs, **({"silence": QUICK} if what == "recv" else {"send": QUICK}))
    made.channel.begin()
    with pytest.raises(TimeoutError):
        if what == "recv":
            made.channel.recv(1)
        elif what == "sendall":
            made.channel.sendall(BIG)
        else:
            while True:
                made.channel.exchange(BIG, 100)


def test_a_limit_for_all_of_it(pairs: list[Pair]) -> None:
    made = pair(pairs, whole=QUICK)
    made.channel.begin()
    with pytest.raises(TimeoutError):  # although there is always something to read
        while True:
            made.peer.sendall(b"drip")
            assert made.channel.recv(4) == b"drip"
    made.channel.begin()  # another exchange has its own
    made.peer.sendall(b"drip")
    assert made.channel.recv(4) == b"drip"


def test_no_limit_is_none(pairs: list[Pair]) -> None:
    made = pair(pairs, send=0, silence=0)
    assert made.channel._milliseconds(0) is None


def test_waiting_ends_when_the_one_it_is_for_has_left(pairs: list[Pair]) -> None:
    made, visitor = pair(pairs), pair(pairs)
    made.channel.begin(visitor.channel.fileno())
    visitor.peer.sendall(b"that he speaks is no reason")
    made.peer.sendall(b"x")
    assert made.channel.recv(1) == b"x"
    visitor.peer.close()
    with pytest.raises(ConnectionAbortedError):
        made.channel.recv(1)
    with pytest.raises(ConnectionAbortedError):
        while True:
            made.channel.exchange(BIG, 100)
    made.peer.sendall(bytes(100))
    assert made.channel.recv(1) == b"\0"  # what is here already is not waited for
    made.channel.begin()
    assert made.channel.recv(99) == bytes(99)


def test_a_visitor_over_tcp_who_closes_has_left(pairs: list[Pair]) -> None:
    made = pair(pairs)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        visitor = socket.create_connection(listener.getsockname())
        served, _ = listener.accept()
        with served:
            made.channel.begin(served.fileno())
            visitor.close()
            with pytest.raises(ConnectionAbortedError):
                made.channel.recv(1)


def test_ready_when_there_is_something_to_read_or_the_other_can_be_written_to(pairs: list[Pair]) -> None:
    made, visitor = pair(pairs), pair(pairs)
    assert not made.channel.ready(visitor.channel.fileno())
    with pytest.raises(TimeoutError):
        visitor.channel.patience = Patience(send=QUICK)
        visitor.channel.sendall(BIG)
    made.peer.sendall(b"x")
    assert made.channel.ready(visitor.channel.fileno())
    made.channel.recv(1)
    made.channel.patience = Patience(silence=QUICK)
    with pytest.raises(TimeoutError):
        made.channel.ready(visitor.channel.fileno())
    made.peer.close()
    assert made.channel.ready(visitor.channel.fileno())  # the end, too
