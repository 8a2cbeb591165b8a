"""Programs that write the whole response (nph-), through the real server: unchanged, at once, and then it closes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cgi_runner.nph import raw_response
from cgi_runner.refused import Refused
from gateway_runtime.testing import Server, wait_until

PROGRAMS = {
    "nph-whole": r"printf 'HTTP/1.1 299 Mine\r\nX-Case: kEpT\r\nTransfer-Encoding: whatever\r\n\r\nall'",
    "nph-echo": r"printf 'HTTP/1.0 200 OK\r\n\r\n'; cat; printf '%s' $REQUEST_METHOD$CONTENT_LENGTH",
    "nph-binary": r"printf '\000\001no HTTP'",
    "nph-empty": "true",
    "nph-fails": "exit 3",
    "nph-dies": "printf 'HTTP/1.1 200 OK\\r\\n\\r\\nsome'; kill -9 $$",
    "nph-exits": "printf 'HTTP/1.1 200 OK\\r\\n\\r\\nall'; exit 3",
    "nph-silent": "sleep 60",
    "nph-stops": "printf 'HTTP/1.1 200 OK\\r\\n\\r\\nsome'; sleep 60",
    "nph-goes-on": "printf 'HTTP/1.1 200 OK\\r\\n\\r\\nall'; exec >&- 2>&-; sleep 0.3; touch done",
    "nph-endless": "printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'; yes",
    "plain": r"printf 'Location: /nph-whole\n\n'",
    "hello": r"printf 'Content-Type: text/plain\n\nhello'",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("nph")
    for name, script in PROGRAMS.items():
        (made / name).write_text(f"#!/bin/sh\n{script}\n")
        (made / name).chmod(0o755)
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with Server("cgi_runner", str(folder), "--bind", "127.0.0.1:0", "--timeout", "0.5") as one:
        yield one


def ask(server: Server, target: str, method: str = "GET", content: bytes = b"", version: str = "1.1") -> bytes:
    """Ask twice on one connection; return all that comes, to its end."""
    length = f"Content-Length: {len(content)}\r\n" if content else ""
    first, last = (
        f"{method} {target} HTTP/{version}\r\nHost: h\r\n{fields}\r\n".encode() + content
        for fields in (length, f"{length}Connection: close\r\n")
    )
    with server.connect() as sock:
        sock.sendall(first + last)
        answer = bytearray()
        while piece := sock.recv(65536):
            answer += piece
    return bytes(answer)


WHOLE = b"HTTP/1.1 299 Mine\r\nX-Case: kEpT\r\nTransfer-Encoding: whatever\r\n\r\nall"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("target", ["/nph-whole", "/nph-whole/path?query", "/plain"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_unchanged_and_the_last_on_its_connection(server: Server, method: str, target: str, version: str) -> None:
    assert ask(server, target, method, version=version) == WHOLE


@pytest.mark.parametrize("size", [1, 300_000])
def test_content(server: Server, size: int) -> None:
    answer = ask(server, "/nph-echo", "POST", b"x" * size)
    assert answer == b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * size + b"POST%d" % size


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("/nph-binary", b"\0\1no HTTP"),
        ("/nph-exits", b"HTTP/1.1 200 OK\r\n\r\nall"),
        ("/nph-goes-on", b"HTTP/1.1 200 OK\r\n\r\nall"),
    ],
)
def test_what_comes_out_is_not_looked_at(server: Server, target: str, answer: bytes) -> None:
    assert ask(server, target) == answer


@pytest.mark.parametrize(("target", "status"), [("/nph-empty", 502), ("/nph-fails", 502), ("/nph-silent", 504)])
def test_before_the_first_byte_the_server_can_still_answer(server: Server, target: str, status: int) -> None:
    answer = ask(server, target)
    assert answer.count(b"HTTP/1.1 %d " % status) == 2  # and the connection stays
    wait_until(lambda: f"{target}[" in server.stderr)


@pytest.mark.parametrize("target", ["/nph-dies", "/nph-stops"])
def test_one_that_breaks_off_is_cut(server: Server, target: str) -> None:
    with pytest.raises(ConnectionResetError):
        ask(server, target)
    wait_until(lambda: f"{target}[" in server.stderr)


def test_a_client_that_leaves_ends_it(server: Server) -> None:
    with server.connect() as sock:
        sock.sendall(b"GET /nph-endless HTTP/1.1\r\nHost: h\r\n\r\n")
        assert sock.recv(65536)
    wait_until(lambda: "/nph-endless[" in server.stderr and "killed by SIG" in server.stderr.rpartition("/nph-end")[2])


def test_it_is_the_file_s_name_that_counts(server: Server) -> None:
    assert ask(server, "/hello", version="1.0").startswith(b"HTTP/1.1 200 OK\r\n")


def test_where_the_protocol_has_no_raw_response() -> None:
    with pytest.raises(Refused) as caught:
        raw_response({})
    assert caught.value.status.startswith("501 ")
