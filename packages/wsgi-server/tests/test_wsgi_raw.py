"""Responses that the application writes itself, head and all; and the client's connection, which it may watch."""

from __future__ import annotations

import json
import select
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from gateway_runtime.testing import Server, wait_until

APPLICATION = """
import select

WHOLE = b"HTTP/1.1 203 Mine\\r\\nX-Case: kEpT\\r\\nContent-Length: 2\\r\\n\\r\\nok"

def app(environ, start_response):
    how, raw = environ["QUERY_STRING"], environ["gatelab.raw_response"]
    if how == "watched":
        poll = select.poll()
        poll.register(environ["gatelab.visitor"], getattr(select, "POLLRDHUP", 0))
        print("left:", poll.poll(10_000) != [], file=environ["wsgi.errors"], flush=True)
    if how == "after":
        start_response("200 OK", [])
        raw()
    elif how != "plain":
        raw()
    if how in ("before", "plain"):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]
    if how == "twice":
        raw()
    if how == "finished":
        def content():
            yield WHOLE
            environ["gatelab.finish_response"]()
            yield b"too late"
        return content()
    if how == "pieces":
        return iter([WHOLE[:10], b"", WHOLE[10:]])
    if how == "large":
        return iter([b"HTTP/1.1 200 OK\\r\\n\\r\\n", *[b"x" * 65536] * 64])
    if how == "nonsense":
        return [b"\\0\\1 no HTTP at all"]
    if how == "nothing":
        return []
    if how == "breaks":
        return breaks()
    return [WHOLE]

def breaks():
    yield WHOLE[:-1]
    raise ValueError("in the middle")
"""

WHOLE = b"HTTP/1.1 203 Mine\r\nX-Case: kEpT\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("raw")
    (made / "raw.py").write_text(APPLICATION)
    return made


@pytest.fixture(scope="module", params=[1, 2])
def threads(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def log(folder: Path, threads: int) -> Path:
    return folder / f"access{threads}.log"


@pytest.fixture(scope="module")
def server(folder: Path, threads: int, log: Path) -> Iterator[Server]:
    options = ("--bind", "127.0.0.1:0", "--threads", str(threads), "--access-log", str(log))
    with Server("wsgi_server", "raw:app", *options, "--access-log-format", "json", cwd=folder) as one:
        yield one


def ask(server: Server, how: str, method: str = "GET", *, again: bool = False, path: str = "/") -> bytes:
    """Send a request, or two at once; return all that comes, to the end of the connection."""
    wire = f"{method} {path}?{how} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    with server.connect() as sock:
        sock.sendall(wire * (1 + again))
        answer = bytearray()
        while piece := sock.recv(65536):
            answer += piece
    return bytes(answer)


@pytest.mark.parametrize("how", ["one", "pieces", "finished"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_it_arrives_as_it_was_written_and_is_the_last(server: Server, how: str, method: str) -> None:
    assert ask(server, how, method, again=True) == WHOLE


def test_more_than_the_socket_takes_at_once(server: Server) -> None:
    assert ask(server, "large") == b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (64 * 65536)


@pytest.mark.parametrize(("how", "answer"), [("nonsense", b"\0\1 no HTTP at all"), ("nothing", b"")])
def test_what_it_is_is_not_looked_at(server: Server, how: str, answer: bytes) -> None:
    assert ask(server, how) == answer


def test_one_that_breaks_off_is_cut(server: Server) -> None:
    with pytest.raises(ConnectionResetError):
        ask(server, "breaks")
    wait_until(lambda: "in the middle" in server.stderr)


@pytest.mark.parametrize("how", ["after", "twice", "before"])
def test_too_late(server: Server, how: str) -> None:
    """The second of the two calls fails. Before anything was sent, that is an ordinary 500."""
    if how == "after":
        with server.connect() as sock:
            sock.sendall(b"GET /?after HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 500 ")
    else:
        with pytest.raises(ConnectionResetError):
            ask(server, how)


def test_an_application_that_does_not_ask_for_it_keeps_its_connection(server: Server) -> None:
    with server.connect() as sock:
        for _ in range(2):
            sock.sendall(b"GET /?plain HTTP/1.1\r\nHost: h\r\n\r\n")
            answer = b""
            while not answer.endswith(b"\r\n\r\nok"):
                answer += sock.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("how", "status", "size", "complete"),
    [
        ("one", 203, len(WHOLE), True), ("pieces", 203, len(WHOLE), True), ("nonsense", None, 17, True),
        ("nothing", None, 0, True), ("breaks", 203, len(WHOLE) - 1, False),
    ],
)  # fmt: skip
def test_the_access_log_takes_the_status_from_the_first_line(
    server: Server, log: Path, how: str, status: int | None, size: int, complete: bool
) -> None:
    with nullcontext() if complete else pytest.raises(ConnectionResetError):
        ask(server, how, path="/logged")
    lines: list[str] = []
    wait_until(lambda: lines.extend(line for line in log.read_text().splitlines() if f"/logged?{how}" in line) or lines)
    (line,) = map(json.loads, lines)
    assert (line["status"], line["bytes"], line["complete"]) == (status, size, complete)


@pytest.mark.skipif(not hasattr(select, "POLLRDHUP"), reason="only Linux tells")
def test_the_client_can_be_watched(server: Server) -> None:
    before = server.stderr.count("left: True")
    with server.connect() as sock:
        sock.sendall(b"GET /?watched HTTP/1.1\r\nHost: h\r\n\r\n")
    wait_until(lambda: server.stderr.count("left: True") == before + 1)
