"""The relay: either side sees the other as if nobody stood between, and the keeper has seen everything."""

from __future__ import annotations

import itertools
import os
import random
import select
import socket
import struct
import threading

import pytest

from gatelab.keeper import Keeper
from gatelab.relay import Relay
from gatelab.relay_pair import BLOCK
from gatelab_record_samples import KINDS, Bench, address, connected, listener, read_all
from gateway_runtime.addresses import Address
from gateway_runtime.errors import StartupError
from gateway_runtime.testing import wait_until

LINGER = struct.pack("ii", 1, 0)


@pytest.fixture(params=list(itertools.product(KINDS, KINDS)), ids="-".join)
def bench(request, tmp_path):
    with Bench(tmp_path, *request.param) as made:
        yield made


def open_files():
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - names are all that is wanted


def ended(connection):
    return {segment.sender for segment in connection.segments if not segment.data}


def test_bytes_and_ends_pass_both_ways(bench):
    front, backend = bench.pair()
    front.sendall(b"question")
    assert backend.recv(100) == b"question"
    front.shutdown(socket.SHUT_WR)
    assert backend.recv(100) == b""
    backend.sendall(b"late answer")  # the other half is still open
    assert front.recv(100) == b"late answer"
    backend.close()
    assert front.recv(100) == b""
    wait_until(lambda: ended(bench.connections[0]) == {"front", "backend"})
    segments = [(segment.sender, segment.data, segment.reset) for segment in bench.connections[0].segments]
    assert segments == [
        ("front", b"question", False),
        ("front", b"", False),
        ("backend", b"late answer", False),
        ("backend", b"", False),
    ]
    times = [segment.t for segment in bench.connections[0].segments]
    assert times == sorted(times)


@pytest.mark.parametrize("seed", range(6))
def test_transparent_for_any_split_of_large_content(bench, seed):
    """Both sides send at once, in random pieces and with pauses for what the other says, and end when they like."""
    chance = random.Random(seed)
    sent = {side: chance.randbytes(chance.choice([0, 1, 3000, 400_000, 1_500_000])) for side in ("front", "backend")}
    front, backend = bench.pair()
    got = {}

    def talk(side, sock, other):
        def send():
            at, cuts = 0, random.Random(seed + len(side))
            while at < len(sent[side]):
                size = cuts.choice([1, 7, 1000, 65_536, 300_000])
                sock.sendall(sent[side][at : at + size])
                at += size
            sock.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        got[other] = read_all(sock)
        sender.join()

    threads = [
        threading.Thread(target=talk, args=arguments)
        for arguments in (("front", front, "backend"), ("backend", backend, "front"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == sent
    wait_until(lambda: ended(bench.connections[0]) == {"front", "backend"})
    assert bench.connections[0].cut is None
    assert {side: bench.connections[0].bytes_from(side) for side in sent} == sent


@pytest.mark.parametrize("breaker", ["front", "backend"])
def test_a_reset_is_a_reset(tmp_path, breaker):
    with Bench(tmp_path) as bench:
        ends = dict(zip(("front", "backend"), bench.pair(), strict=True))
        ends["front"].sendall(b"x")
        assert ends["backend"].recv(1) == b"x"
        ends[breaker].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        ends.pop(breaker).close()
        with pytest.raises(ConnectionResetError):
            ends.popitem()[1].recv(1)
        wait_until(lambda: bench.connections[0].segments[-1].reset)
        assert bench.connections[0].segments[-1].sender == breaker


def test_who_has_closed_a_unix_socket_takes_no_more(tmp_path):
    if not hasattr(select, "epoll"):
        pytest.skip("only Linux tells a close from a half-close")
    with Bench(tmp_path, "unix", "unix") as bench:
        front, backend = bench.pair()
        front.sendall(b"the last words")
        front.close()
        assert read_all(backend) == b"the last words"

        def refused():
            try:
                backend.send(b"is anybody there?")
            except (BrokenPipeError, ConnectionResetError):
                return True
            return False

        wait_until(refused)


def test_who_reads_slowly_slows_the_other(bench):
    """What is under way is what the kernel's buffers hold, and a block: not all that the sender has."""
    front, backend = bench.pair()
    backend.setblocking(False)
    sent = 0
    silent = 0
    while silent < 20:  # the relay may need a moment to make room
        _, writable, _ = select.select([], [backend], [], 0.01)
        silent = 0 if writable else silent + 1
        if writable:
            sent += backend.send(bytes(BLOCK))
        assert sent < 100 << 20, "it takes everything"
    backend.settimeout(20)
    backend.shutdown(socket.SHUT_WR)
    assert len(read_all(front)) == sent


def test_many_at_once_and_nothing_stays_open(tmp_path):
    before = open_files()
    with Bench(tmp_path, "unix") as bench:
        pairs = [bench.pair() for _ in range(40)]
        for number, (front, _) in enumerate(pairs):
            front.sendall(b"%d" % number)
        assert sorted(int(backend.recv(9)) for _, backend in pairs) == list(range(40))
        for front, _ in pairs[:20]:
            front.close()
    assert len(bench.connections) == 40
    assert open_files() == before
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_backend_that_is_not_there(tmp_path, capfd, kind):
    gone = listener(tmp_path / "b", kind)
    to = address(gone)
    gone.close()
    keeper = Keeper()
    with Relay(Address(host="127.0.0.1", port=0), to, keeper) as relay:
        with pytest.raises(ConnectionResetError), connected(relay.address) as front:
            front.recv(1)
        wait_until(lambda: "cannot be reached: Connection refused" in capfd.readouterr().err)
    assert len(keeper.recording.connections) == 1


def test_a_full_queue_of_a_unix_socket_is_waited_for(tmp_path):
    backend = listener(tmp_path / "b", "unix")
    backend.listen(0)
    with backend, Relay(Address(path=str(tmp_path / "f")), address(backend), Keeper()):
        fronts = []
        for number in range(6):
            front = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            front.settimeout(20)
            front.connect(str(tmp_path / "f"))
            front.sendall(b"%d" % number)
            fronts.append(front)
        heard = set()
        for _ in fronts:
            sock, _ = backend.accept()
            with sock:
                sock.settimeout(20)
                heard.add(int(sock.recv(9)))
        for front in fronts:
            front.close()
    assert heard == set(range(6))


def test_a_front_that_only_looks_in(bench):
    front, backend = bench.pair()
    front.close()
    assert backend.recv(1) == b""
    backend.close()
    wait_until(lambda: "front" in ended(bench.connections[0]))


@pytest.mark.parametrize(
    ("limits", "kept", "cut"),
    [
        ({}, b"12345678", None),
        ({"max_connection": 6}, b"1234", (4, 2)),
        ({"max_recording": 4}, b"1234", (4, 2)),
    ],
)
def test_past_a_limit_bytes_pass_and_are_counted(tmp_path, limits, kept, cut):
    with Bench(tmp_path, **limits) as bench:
        front, backend = bench.pair()
        for piece in (b"1234", b"5678"):
            front.sendall(piece)
            assert backend.recv(9) == piece
        backend.sendall(b"ab")
        assert front.recv(9) == b"ab"
        wait_until(lambda: len(bench.connections[0].segments) == 3 or bench.connections[0].cut)
        connection = bench.connections[0]
        if cut:
            wait_until(lambda: (connection.cut.front, connection.cut.backend) == cut)
        assert connection.bytes_from("front") == kept


def test_a_long_list_of_connections_ends_too(tmp_path, monkeypatch):
    monkeypatch.setattr("gatelab.keeper.MAX_SEGMENTS", 2)
    with Bench(tmp_path) as bench:
        for _ in range(4):
            front, backend = bench.pair()
            front.sendall(b"x")
            assert backend.recv(1) == b"x"
    assert [connection.bytes_from("front") for connection in bench.connections] == [b"x"]
    assert bench.keeper.recording.more == 3


def test_an_unknown_host_is_told_at_once():
    with pytest.raises(StartupError, match=r"cannot connect to no\.such\.host\.invalid:1: "):
        Relay(Address(host="127.0.0.1", port=0), Address(host="no.such.host.invalid", port=1), Keeper())
    with pytest.raises(StartupError, match="a descriptor is nothing to connect to"):
        Relay(Address(host="127.0.0.1", port=0), Address(fd=3), Keeper())
