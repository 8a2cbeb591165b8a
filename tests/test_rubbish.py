"""Wrong bytes on any port: an error in the protocol's own way, one line in the log, the same worker as before."""

from __future__ import annotations

import random
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateways import CLIENTS, Gateway, running

import fastcgi_server.protocol
import scgi_server.protocol
import uwsgi_gateway.protocol
from gateway_core.events import Request

TLS_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(200)
VARIABLES = [("CONTENT_LENGTH", "0"), ("SCGI", "1"), ("REQUEST_METHOD", "GET"), ("PATH_INFO", "/hello")]
WHOLE = Request(VARIABLES)
HTTP = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
OTHERS = {
    "wsgi_server": HTTP,
    "cgi_runner": HTTP,
    "fastcgi_server": fastcgi_server.protocol.ClientConnection().send(WHOLE),
    "scgi_server": scgi_server.protocol.ClientConnection().send(WHOLE),
    "uwsgi_gateway": uwsgi_gateway.protocol.ClientConnection().send(WHOLE),
}


@pytest.fixture(scope="module", params=CLIENTS)
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("rubbish")
    with running(request.param, "demo_app:app", folder, "--head-timeout", "5") as found:
        yield found


def exchange(gateway: Gateway, data: bytes, *, shut: bool = True) -> bytes:
    """Send, say that this was all, and read to the end."""
    with gateway.server.connect() as sock:
        try:
            sock.sendall(data)
            if shut:
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has refused already
        answer = b""
        try:
            while piece := sock.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        return answer


def still_well(gateway: Gateway, workers: list[int]) -> None:
    assert gateway.ask("GET", "/hello").body == b"Hello, world!\n"
    assert gateway.server.workers() == workers
    assert "Traceback" not in gateway.server.stderr


def lines(gateway: Gateway) -> int:
    return gateway.server.stderr.count("\n")


@pytest.mark.parametrize("other", OTHERS)
def test_another_protocol(gateway: Gateway, other: str) -> None:
    workers, before = gateway.server.workers(), lines(gateway)
    answer = exchange(gateway, OTHERS[other])
    same = other == gateway.program or {other, gateway.program} == {"wsgi_server", "cgi_runner"}
    if same:
        assert b"Hello, world!\n" in answer
    else:
        assert answer == b"" or b" 400 " in answer.split(b"\n")[0] or answer.startswith(b"Status: 400 ")
        gateway.server.wait_for_line(r"127\.0\.0\.1: ")
    still_well(gateway, workers)
    assert lines(gateway) - before == (0 if same else 1)


def test_http_is_told_so(gateway: Gateway) -> None:
    if gateway.program in ("wsgi_server", "cgi_runner"):
        assert exchange(gateway, HTTP).startswith(b"HTTP/1.1 200 ")
        return
    answer = exchange(gateway, HTTP, shut=False)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"this is HTTP on a" in answer
    assert (b"21573" in answer) == (gateway.program == "uwsgi_gateway")


@pytest.mark.parametrize("seed", range(8))
def test_noise(gateway: Gateway, seed: int) -> None:
    workers = gateway.server.workers()
    noise = random.Random(seed)
    exchange(gateway, noise.randbytes(noise.choice((1, 7, 300, 70_000))))
    still_well(gateway, workers)


@pytest.mark.parametrize("seed", range(8))
def test_spoilt_requests(gateway: Gateway, seed: int) -> None:
    """A good request with some bytes changed, which goes deeper than noise."""
    workers = gateway.server.workers()
    noise = random.Random(seed)
    good = bytearray(OTHERS[gateway.program])
    for _ in range(noise.randint(1, 4)):
        good[noise.randrange(len(good))] = noise.randrange(256)
    exchange(gateway, bytes(good))
    still_well(gateway, workers)


def test_tls(gateway: Gateway) -> None:
    workers = gateway.server.workers()
    answer = exchange(gateway, TLS_HELLO, shut=False)
    assert b"TLS" in answer or answer == b""
    gateway.server.wait_for_line("TLS")
    still_well(gateway, workers)


def test_half_a_request(gateway: Gateway) -> None:
    workers = gateway.server.workers()
    good = OTHERS[gateway.program]
    for cut in range(1, len(good), max(1, len(good) // 10)):
        exchange(gateway, good[:cut])
    still_well(gateway, workers)


def test_resets(gateway: Gateway) -> None:
    """A client that resets the connection at any moment of its request."""
    workers = gateway.server.workers()
    good = OTHERS[gateway.program]
    for cut in (0, 1, 5, len(good) - 1, len(good)):
        sock = gateway.server.connect()
        sock.sendall(good[:cut])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    still_well(gateway, workers)
