"""Files that an application names (`http.response.pathsend`): what arrives, what is refused, and what it costs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from asgi_peer import probed

from http_peer import CLOSE, answers, ask, read_all, request, reset, talk  # isort: skip
from asgi_server.files import PIECE
from gateway_runtime.lifetime import resident
from gateway_runtime.testing import Server, wait_until

BIG = bytes(range(256)) * (2 * PIECE // 256) + b"end"
HUGE = 64 << 20
START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
MORE: dict[str, Any] = {"type": "http.response.body", "body": b"x", "more_body": True}
ERROR = "gateway_core.errors.ApplicationError"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = probed(tmp_path_factory.mktemp("files"))
    for name, content in (("small", b"0123456789"), ("empty", b""), ("big", BIG), ("p\u00e9", b"accent")):
        (folder / name).write_bytes(content)
    with (folder / "huge").open("wb") as file:
        file.truncate(HUGE)
    os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with Server("asgi_server", "probe:app", "--bind", "127.0.0.1:0", cwd=folder) as one:
        yield one


def start(*headers: Any, **more: Any) -> dict[str, Any]:
    return {**START, "headers": list(headers), **more}


def file(folder: Path, name: object) -> dict[str, Any]:
    path = str(folder / name) if isinstance(name, str) and not name.startswith("./") else name
    return {"type": "http.response.pathsend", "path": path}


def played(folder: Path, names: list[Any], *fields: str, method: str = "POST") -> bytes:
    """Return the request that lets the application send these messages; what is no message is the name of a file."""
    messages = [one if isinstance(one, dict) else file(folder, one) for one in names]
    content = repr(messages).encode()
    return request("/play", f"Content-Length: {len(content)}", *fields, method=method, body=content)


SENT = [
    # messages and names of files, method, status, content, its length as declared
    ([START, "small"], "POST", 200, b"0123456789", "10"),
    ([START, "p\u00e9"], "POST", 200, b"accent", "6"),
    ([start((b"content-length", b"10")), "small"], "POST", 200, b"0123456789", "10"),
    ([START, "empty"], "POST", 200, b"", "0"),
    ([START, "big"], "POST", 200, BIG, str(len(BIG))),
    ([START, "small"], "HEAD", 200, b"", "10"),
    ([START, "huge"], "HEAD", 200, b"", str(HUGE)),
    ([start(status=304), "small"], "POST", 304, b"", "10"),
    ([start(status=204), "small"], "POST", 204, b"", None),
    ([START, "small", "small", {"type": "nonsense"}], "POST", 200, b"0123456789", "10"),  # what comes later is ignored
]


@pytest.mark.parametrize(("names", "method", "status", "content", "length"), SENT)
def test_a_file_arrives(
    server: Server, folder: Path, names: list[Any], method: str, status: int, content: bytes, length: str | None
) -> None:
    stream = played(folder, names, method=method) + request("/unread", CLOSE)  # the connection is kept
    answer, other = answers(talk(server, stream), [method, "GET"])
    assert (answer.status, answer.body, answer.fields.get("content-length")) == (status, content, length)
    assert "transfer-encoding" not in answer.fields
    assert other.body == b"unread"


REFUSED = [
    # messages and names of files, a word of the sentence
    (["small"], "http.response.pathsend comes before http.response.start"),
    ([START, "missing"], "No such file"),
    ([START, "."], "Is a directory"),
    ([START, "pipe"], "is no regular file"),
    ([START, "a\0b"], "null byte"),
    ([START, "./small"], "is a str, and absolute"),
    ([START, b"/etc/hosts"], "is a str, and absolute"),
    ([START, None], "is a str, and absolute"),
    ([start((b"content-length", b"9")), "small"], "brings 10 bytes, and not the Content-Length"),
    ([start((b"content-length", b"11")), "small"], "brings 10 bytes, and not the Content-Length"),
]


@pytest.mark.parametrize(("names", "word"), REFUSED)
def test_what_cannot_be_sent_is_an_error_and_500(server: Server, folder: Path, names: list[Any], word: str) -> None:
    (answer,) = answers(talk(server, played(folder, names, CLOSE)), ["POST"])
    assert (answer.status, answer.body[:21]) == (500, b"Internal Server Error")
    server.wait_for_line(f"{ERROR}.*{re.escape(word)}")


def test_a_file_behind_a_piece_cuts_the_response(server: Server, folder: Path) -> None:
    with server.connect() as sock, pytest.raises(ConnectionResetError):
        sock.sendall(played(folder, [START, MORE, "small"]))
        read_all(sock)
    server.wait_for_line(f"{ERROR}.*is a whole body, and comes after a piece of one")


def begun(sock: Any) -> bytes:
    found = b""
    while b"\r\n\r\n" not in found:
        found += sock.recv(1000)
    return found


def test_a_file_that_becomes_shorter_cuts_the_response(server: Server, folder: Path) -> None:
    path = folder / "shrinks"
    path.touch()
    os.truncate(path, HUGE)
    with server.connect() as sock, pytest.raises(ConnectionResetError):
        sock.sendall(played(folder, [START, "shrinks"]))
        begun(sock)
        os.truncate(path, 1)  # no more than the buffers of two sockets has been read
        read_all(sock)
    server.wait_for_line(f"{ERROR}.*bytes fewer than its Content-Length")


def test_a_large_file_takes_no_memory_and_a_client_that_leaves_frees_it(server: Server, folder: Path) -> None:
    (worker,) = server.workers()
    before = resident(worker)
    with server.connect() as sock:
        sock.sendall(played(folder, [START, "huge"]))
        begun(sock)
        assert ask(server, "/unread").body == b"unread"  # nobody reads the file: that holds up nobody
        reset(sock)
    with server.connect() as sock:
        sock.sendall(played(folder, [START, "huge"], CLOSE))
        read = 0
        while piece := sock.recv(1 << 20):
            read += len(piece)
    assert read > HUGE
    assert resident(worker) - before < 16 << 20
    held = Path(f"/proc/{worker}/fd")
    if held.is_dir():
        wait_until(lambda: not [one for one in held.iterdir() if one.readlink().name == "huge"], "the file is closed")
    assert "ClientGone" not in server.stderr
