"""Bytes that are no request, over real sockets: one refusal, one line in the log, and nothing more is read."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateway_runtime.testing import Server, wait_until
from http_peer import CHUNKED, CLOSE, answers, application, ask, called, request, talk


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = application(tmp_path_factory.mktemp("refusals"))
    with Server("wsgi_server", "told:app", "--bind", "127.0.0.1:0", "--max-body", "1000", cwd=folder) as one:
        yield one


TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(194)
HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
PROXY = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n"
PROXY_2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x01\0\x50"

REFUSALS = [
    # checklist, what is sent, status, word of the sentence
    ("HTTP-2", b"GET / HTTP/1.1\nHost: a\n\n", 400, "LF"),
    ("HTTP-4", request("/", "X: a\rY: b"), 400, "control character"),
    ("HTTP-5", b"\r\n" * 10, 400, "empty lines"),
    ("HTTP-6", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded"),
    ("HTTP-11", b"GET /\r\n\r\n", 400, "version"),
    ("HTTP-10", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1.1"),
    ("HTTP-13", b"M" * 40 + b" / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method"),
    ("HTTP-19", b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "CONNECT"),
    ("HTTP-80", b"TRACE / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n", 501, "TRACE"),
    ("HTTP-21", b"GET / HTTP/1.1\r\n\r\n", 400, "Host"),
    ("HTTP-22", request("/", "Host: museum.test"), 400, "Host"),
    ("HTTP-26", request("https://museum.test/"), 400, "scheme"),
    ("HTTP-29", request("/", "X : a"), 400, "blank"),
    ("HTTP-31", request("/", "X: a", " b"), 400, "folded"),
    ("HTTP-43", request("/", "Transfer-Encoding: gzip"), 400, "chunked"),
    ("HTTP-44", request("/", "Transfer-Encoding: gzip, chunked"), 501, "chunked"),
    ("HTTP-46", request("/", "Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"), 400, "both"),
    ("HTTP-47", request("/", CHUNKED, version="HTTP/1.0", body=b"0\r\n\r\n"), 400, "1.0"),
    ("HTTP-48", request("/", "Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), 400, "control"),
    ("HTTP-49", request("/", "Content-Length: +5", body=b"hello"), 400, "Content-Length"),
    ("HTTP-50", request("/", "Content-Length: 5", "Content-Length: 5", body=b"hello"), 400, "Content-Length"),
    ("HTTP-57", request("/", CHUNKED, body=b"5\r\nhello0\r\n\r\n"), 400, "CRLF"),
    ("HTTP-59", request("/", CHUNKED, body=b"5;\r\nhello\r\n0\r\n\r\n"), 400, "hexadecimal"),
    ("HTTP-60", request("/", CHUNKED, body=b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n"), 400, "longer"),
    ("HTTP-104", request("/" + "a" * 9000), 414, "longer"),
    ("HTTP-105", request("/", "Content-Length: 1001"), 413, "larger"),
    ("HTTP-105", request("/", CHUNKED, body=b"3e9\r\n"), 413, "larger"),
    ("HTTP-106", request("/", *["X: y"] * 101), 431, "100 fields"),
    ("HTTP-106", request("/", "X: " + "y" * 9000), 431, "longer"),
    ("HTTP-116", TLS_HELLO, 400, "TLS"),
    ("HTTP-116", HTTP_2, 505, "HTTP/2"),
    ("HTTP-117", PROXY + request("/"), 400, "PROXY"),
    ("HTTP-117", PROXY_2 + request("/"), 400, "PROXY"),
]


@pytest.mark.parametrize(("item", "sent", "status", "word"), REFUSALS)
def test_one_refusal_and_one_line(server: Server, item: str, sent: bytes, status: int, word: str) -> None:
    # HTTP-7, HTTP-81, HTTP-96, HTTP-108, HTTP-115
    smuggled = request("/smuggled") * 3
    calls = called(server)
    for pieces in (
        [sent + smuggled],
        [*sent.splitlines(keepends=True), smuggled],
        [sent[i : i + 1] for i in range(min(len(sent), 300))] + [sent[300:] + smuggled],
    ):
        lines = server.stderr.count("\n")
        (answer,) = answers(refused(server, pieces))
        assert (answer.status, answer.fields["connection"]) == (status, "close")
        assert answer.fields["content-type"].startswith("text/plain")
        assert word in answer.body.decode()
        wait_until(lambda lines=lines: server.stderr.count("\n") > lines)
        assert server.stderr.split("\n")[lines + 1 :][0].endswith(f"127.0.0.1: {answer.body.decode().strip()}")
        assert server.stderr.count("\n") == lines + 1
    assert called(server) == calls


def refused(server: Server, pieces: list[bytes]) -> bytes:
    """Send until we are refused, then read."""
    with server.connect() as sock:
        try:
            for piece in pieces:
                sock.sendall(piece)
        except OSError:
            pass  # it has heard enough
        found = b""
        while piece := sock.recv(65536):
            found += piece
        return found


def test_a_refusal_of_head_has_no_content(server: Server) -> None:  # HTTP-69
    raw = talk(server, request("/", "Host: twice", method="HEAD"))
    assert answers(raw, ["HEAD"])[0].status == 400
    assert raw.endswith(b"\r\n\r\n")


SMUGGLING = [
    # streams in which a lenient reader would find a second request
    request("/", "Content-Length: 4", CHUNKED, method="POST", body=b"0\r\n\r\n"),
    request("/", "Content-Length: 6", "Transfer-Encoding: chunked ", method="POST", body=b"0\r\n\r\nG"),
    request("/", "Transfer-Encoding: xchunked", "Content-Length: 5", method="POST", body=b"0\r\n\r\n"),
    request("/", "Transfer-Encoding : chunked", "Content-Length: 5", method="POST", body=b"0\r\n\r\n"),
    request("/", "Transfer-Encoding:", " chunked", "Content-Length: 5", method="POST", body=b"0\r\n\r\n"),
    request("/", "X: y\nTransfer-Encoding: chunked", "Content-Length: 5", method="POST", body=b"0\r\n\r\n"),
    request("/", "X: y\rTransfer-Encoding: chunked", "Content-Length: 5", method="POST", body=b"0\r\n\r\n"),
    request("/", "Transfer-Encoding: chunked, identity", method="POST", body=b"0\r\n\r\n"),
    request("/", "Transfer-Encoding: chunked", "Transfer-Encoding: x", method="POST", body=b"0\r\n\r\n"),
    request("/", "Transfer-Encoding: ,chunked", method="POST", body=b"0\r\n\r\n"),
    request("/", "Content-Length: 0", "Content-Length: 5", method="POST", body=b"hello"),
    request("/", "Content-Length: 0, 5", method="POST", body=b"hello"),
    request("/", "Content-Length: 5 ", "content-length:\t5", method="POST", body=b"hello"),
    request("/", "Content\0-Length: 5", method="POST", body=b"hello"),
    request("/", CHUNKED, method="POST", body=b"5\r\nhelloXX0\r\n\r\n"),
    request("/", CHUNKED, method="POST", body=b"5;\nxx\r\nhello\r\n0\r\n\r\n"),
    request("/", CHUNKED, method="POST", body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    request("/", CHUNKED, method="POST", body=b"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n"),
    request("/", CHUNKED, method="POST", body=b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    b"GET / HTTP/1.1\r\nHost: a\r\n\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
]


@pytest.mark.parametrize("stream", SMUGGLING)
def test_nothing_is_smuggled(server: Server, stream: bytes) -> None:  # HTTP-46, HTTP-48, HTTP-49, HTTP-50, HTTP-96
    calls = called(server)
    (answer,) = answers(refused(server, [stream + request("/smuggled", CLOSE)]))
    assert answer.status in (400, 501)
    assert called(server) == calls


def test_what_a_peer_says_cannot_forge_a_line_or_drive_a_terminal(server: Server) -> None:  # HTTP-114
    for sent in (
        b"GET /\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX\x1b[2J: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \x1b[2J\r\n\r\n",
        request("/", CHUNKED, method="POST", body=b"\x1b[2J\x07\x9b1m\r\n"),
        b"\x1b]0;title\x07\x9b31m \r\n\r\n",
        b"\x1b\x1b\x1b\x1b",
    ):
        assert answers(refused(server, [sent]))[0].status == 400
    ask(server, "/status/404?\x9b".replace("\x9b", "%9b"))
    called(server)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", server.stderr)
