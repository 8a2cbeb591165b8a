"""Programs that write the whole response (nph-), through the real server: unchanged, at once, and then it closes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgi_host_world import alive
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
    "nph-half": "printf 'HTTP/1.'",
    "nph-chunks": r"printf 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'",
    "nph-cgi": r"printf 'Status: 404 No\nContent-Type: a/b\nX-Sendfile: /etc/passwd\n\nno'",
    "nph-redirects": r"printf 'Location: /hello\n\n'",
    "nph-large": "printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'; head -c 8000000 /dev/zero",
    "nph-closes": "exec >&- 2>&-; sleep 0.3; touch closed",
    "nph-complains": "printf 'HTTP/1.1 200 OK\\r\\n\\r\\nall'; yes complaint | head -c 300000 >&2",
    "nph-leaves-others": "printf 'HTTP/1.1 200 OK\\r\\n\\r\\nall'; sleep 60 & echo $! >other",
    "nph-ignores": "trap '' TERM; echo $$ >ignores; printf 'HTTP/1.0 200 OK\\n\\nsome'; while :; do sleep 0.1; done",
    "nph-waits": "echo $$ >waits; exec sleep 60",
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
        ("/nph-complains", b"HTTP/1.1 200 OK\r\n\r\nall"),
        ("/nph-half", b"HTTP/1."),
        ("/nph-cgi", b"Status: 404 No\nContent-Type: a/b\nX-Sendfile: /etc/passwd\n\nno"),
        ("/nph-redirects", b"Location: /hello\n\n"),
        ("/nph-chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("/nph-large", b"HTTP/1.1 200 OK\r\n\r\n" + bytes(8_000_000)),
    ],
)
def test_what_comes_out_is_not_looked_at(server: Server, target: str, answer: bytes) -> None:
    assert ask(server, target) == answer


@pytest.mark.parametrize(
    ("target", "status"), [("/nph-empty", 502), ("/nph-fails", 502), ("/nph-silent", 504), ("/nph-closes", 502)]
)
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


@pytest.mark.parametrize(("name", "answers"), [("ignores", True), ("waits", False)])
def test_one_that_is_not_wanted_any_more_ends(server: Server, folder: Path, name: str, answers: bool) -> None:
    with server.connect() as sock:
        sock.sendall(f"GET /nph-{name} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        if answers:
            assert sock.recv(65536).endswith(b"some")
        wait_until(lambda: (folder / name).exists() and (folder / name).read_text())
    wait_until(lambda: not alive(int((folder / name).read_text())))


def test_who_holds_its_output_holds_no_client(server: Server, folder: Path) -> None:
    assert ask(server, "/nph-leaves-others") == b"HTTP/1.1 200 OK\r\n\r\nall"
    wait_until(lambda: not alive(int((folder / "other").read_text())))


def test_a_client_that_waits_for_100_is_told_to_go_on(server: Server) -> None:
    with server.connect() as sock:
        sock.sendall(b"POST /nph-echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"ok")
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    assert answer == b"HTTP/1.0 200 OK\r\n\r\nokPOST2"


def test_content_in_chunks_comes_without_them(server: Server) -> None:
    """Section 5.2 would have it as it was sent; but then no program could know where it ends."""
    with server.connect() as sock:
        sock.sendall(
            b"POST /nph-echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
        )
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    assert answer == b"HTTP/1.0 200 OK\r\n\r\nokPOST2"


def test_content_may_be_left_unread(server: Server) -> None:
    assert ask(server, "/nph-whole", "POST", bytes(3_000_000)) == WHOLE


def test_a_copy_of_the_zygote_can_do_it_too(folder: Path) -> None:
    program = folder / "nph-python"
    program.write_text(f"#!{sys.executable}\nprint('HTTP/1.1 299 Mine\\r\\n\\r\\nall', end='')\n")
    program.chmod(0o755)
    with Server("cgi_runner", str(folder), "--bind", "127.0.0.1:0", "--spawn", "zygote") as server:
        assert ask(server, "/nph-python") == b"HTTP/1.1 299 Mine\r\n\r\nall"


def test_it_is_the_file_s_name_that_counts(server: Server) -> None:
    assert ask(server, "/hello", version="1.0").startswith(b"HTTP/1.1 200 OK\r\n")


def test_where_the_protocol_has_no_raw_response() -> None:
    with pytest.raises(Refused) as caught:
        raw_response({})
    assert caught.value.status.startswith("501 ")
