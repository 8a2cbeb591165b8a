"""Wrong bytes on any port: an error in the protocol's own way, one line in the log, the same worker as before."""

from __future__ import annotations

import random
import re
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateways import EVERY, Gateway, running

import fastcgi_server.protocol
import scgi_server.protocol
import uwsgi_gateway.protocol
from gateway_core.events import Request
from gateway_runtime.testing import wait_until

STRANGERS = {
    "TLS": bytes.fromhex("1603010200010001fc0303") + bytes(200),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "AJP13": bytes.fromhex("123400010a"),
    "the PROXY protocol": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n",
    "the PROXY protocol, in binary": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\1\x7f\0\0\1\0\1\0\x50",
}
VARIABLES = [("CONTENT_LENGTH", "0"), ("SCGI", "1"), ("REQUEST_METHOD", "GET"), ("PATH_INFO", "/hello")]
WHOLE = Request(VARIABLES)
HTTP = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
OTHERS = {
    "asgi_server": HTTP,
    "wsgi_server": HTTP,
    "cgi_runner": HTTP,
    "fastcgi_server": fastcgi_server.protocol.ClientConnection().send(WHOLE),
    "scgi_server": scgi_server.protocol.ClientConnection().send(WHOLE),
    "uwsgi_gateway": uwsgi_gateway.protocol.ClientConnection().send(WHOLE),
}
SPEAK = {
    "asgi_server": "HTTP",
    "wsgi_server": "HTTP",
    "cgi_runner": "HTTP",
    "fastcgi_server": "FastCGI",
    "scgi_server": "SCGI",
    "uwsgi_gateway": "uwsgi",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND", "QUERY")


@pytest.fixture(scope="module", params=EVERY)
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
    assert not re.search(
        r"[\0-\x09\x0b-\x1f\x7f-\x9f]", gateway.server.stderr
    )  # nothing forges lines or drives terminals


def lines(gateway: Gateway) -> int:
    return gateway.server.stderr.count("\n")


@pytest.mark.parametrize("other", OTHERS)
def test_another_protocol(gateway: Gateway, other: str) -> None:
    workers, before = gateway.server.workers(), lines(gateway)
    answer = exchange(gateway, OTHERS[other])
    same = SPEAK[other] == SPEAK[gateway.program]
    if same:
        assert b"Hello, world!\n" in answer
    else:
        assert answer == b"" or b" 400 " in answer.split(b"\n")[0] or answer.startswith(b"Status: 400 ")
        wait_until(lambda: lines(gateway) > before, "a line in the log")
        said = rf"127\.0\.0\.1: these bytes .*: this is {SPEAK[other]} on an? {SPEAK[gateway.program]} port"
        assert re.search(said, gateway.server.stderr)
    still_well(gateway, workers)
    assert lines(gateway) - before == (0 if same else 1)


@pytest.mark.parametrize("method", METHODS)
def test_http_is_told_so(gateway: Gateway, method: str) -> None:
    http = SPEAK[gateway.program] == "HTTP"
    answer = exchange(gateway, HTTP.replace(b"GET", method.encode()), shut=http)
    if http:
        assert answer.startswith(b"HTTP/1.1 ")
        assert b"this is HTTP" not in answer
        return
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"this is HTTP on a" in answer
    read_as_size = int.from_bytes(f"{method} "[1:3].encode(), "little")
    assert (f"{read_as_size} bytes".encode() in answer) == (gateway.program == "uwsgi_gateway")
    assert read_as_size == 21573 or method != "GET"


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


@pytest.mark.parametrize("name", STRANGERS)
def test_strangers_are_named(gateway: Gateway, name: str) -> None:
    protocol = name.partition(",")[0]
    said = re.compile(rf"127\.0\.0\.1: these bytes .* this is {protocol} on an? ")
    workers, before = gateway.server.workers(), len(said.findall(gateway.server.stderr))
    behind = HTTP if "PROXY" in name else b""
    answer = exchange(gateway, STRANGERS[name] + behind, shut=False)
    assert protocol.encode() in answer or answer == b""
    assert b"Hello" not in answer
    wait_until(lambda: len(said.findall(gateway.server.stderr)) > before, "a line in the log")
    still_well(gateway, workers)
    assert len(said.findall(gateway.server.stderr)) == before + 1


def test_half_a_request(gateway: Gateway) -> None:
    workers = gateway.server.workers()
    good = OTHERS[gateway.program]
    for cut in range(1, len(good), max(1, len(good) // 10)):
        exchange(gateway, good[:cut])
    still_well(gateway, workers)


def test_resets(gateway: Gateway) -> None:
    """A client that resets the connection at any moment of its request, and then of the answer to it."""
    workers, descriptors = gateway.server.workers(), opened(gateway)
    good = OTHERS[gateway.program]
    for cut in (*range(0, len(good), 7), len(good) - 1, len(good)):
        reset(gateway, good[:cut], read=0)
    for read in (1, 20):
        reset(gateway, good, read=read)
    still_well(gateway, workers)
    wait_until(lambda: opened(gateway) <= descriptors, "every descriptor is freed")


def reset(gateway: Gateway, data: bytes, *, read: int) -> None:
    sock = gateway.server.connect()
    sock.sendall(data)
    if read:
        sock.recv(read)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def opened(gateway: Gateway) -> int:
    """Return how many descriptors the workers have open; 0 where the system does not tell."""
    folders = [Path(f"/proc/{pid}/fd") for pid in gateway.server.workers()]
    return sum(len(list(folder.iterdir())) for folder in folders if folder.exists())


@pytest.mark.parametrize("size", [1, 3])
def test_a_spoilt_request_byte_by_byte(gateway: Gateway, size: int) -> None:
    """However the bytes come, a worker that has refused one peer serves the next."""
    workers = gateway.server.workers()
    noise = random.Random(size)
    good = bytearray(OTHERS[gateway.program])
    good[noise.randrange(len(good))] ^= 0x80
    with gateway.server.connect() as sock:
        try:
            for at in range(0, len(good), size):
                sock.sendall(good[at : at + size])
        except OSError:
            pass  # refused before the end
    still_well(gateway, workers)
