"""The host with real programs: streams, limits, redirects, ends. Every test checks that nothing is left behind."""

from __future__ import annotations

import io
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgi_host_world import HEAD, Host, descriptors, nothing_left, python, shell
from cgi_runner.environment import own_variables
from cgi_runner.programs import Programs
from gateway_core.client import VISITOR
from gateway_core.errors import BackendError
from gateway_runtime.testing import wait_until


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with nothing_left(monkeypatch):
        yield


# -- responses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "status", "content"),
    [
        (r"Content-Type: a/b\n\nhello", "200 OK", b"hello"),
        (r"Content-Type: a/b\r\n\r\nhello", "200 OK", b"hello"),
        (r"Status: 404 Nowhere\nContent-Type: a/b\n\nno", "404 Nowhere", b"no"),
        (r"Status: 404\nContent-Type: a/b\n\nno", "404 Not Found", b"no"),
        (r"Content-Type: a/b\n\n", "200 OK", b""),
        (r"Status: 204 No Content\n\n", "204 No Content", b""),
        (r"Location: http://example.org/\n\n", "302 Found", b""),
        (r"Status: 301 Moved\nLocation: /x\nContent-Type: a/b\n\nthere", "301 Moved", b"there"),
        (r"Content-Type: a/b\nContent-Length: 2\n\nhello", "200 OK", b"he"),
    ],
)
def test_responses(output: str, status: str, content: bytes) -> None:
    host = shell(f"printf '{output}'")
    assert host.get() == content
    assert host.status == status
    assert host.gone()
    cut = ["it gave more than its Content-Length; the rest was cut"] if content == b"he" else []
    assert [line.partition(": ")[2] for line in host.log] == cut


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("true", "the output is empty"),
        ("exit 3", "the output is empty"),
        ("echo hello; echo", "no colon"),
        ("echo 'Content-Type: a/b'", "before the blank line"),
        ("printf 'Status: 30\\n\\n'", "not a status"),
        ("printf 'Status: 101 Switch\\n\\n'", "not a status"),
        ("printf 'A b: c\\n\\n'", "not the name"),
        ("printf 'Content-Type: a\\nContent-Type: b\\n\\n'", "more than once"),
        ("printf 'Content-Length: -1\\n\\n'", "Content-Length"),
        ("printf 'X: a\\001b\\n\\n'", "control character"),
        ("kill -9 $$", "the output is empty"),
        ("i=0; while [ $i -lt 300 ]; do echo a: b; i=$((i+1)); done; echo", "more than 200 fields"),
    ],
)
def test_output_that_is_no_response_is_502(script: str, why: str) -> None:
    host = shell(script)
    text = host.get()
    assert host.status == "502 Bad Gateway"
    assert text.count(b"\n") == 1
    assert any(why in line for line in host.log)
    wait_until(host.gone)


def test_connection_fields_of_a_program_are_removed() -> None:
    host = shell(r"printf 'Content-Type: a/b\nConnection: close\nTrailers: x\nTransfer-Encoding: chunked\nX-A: 1\n\n'")
    host.get()
    assert host.fields == {"Content-Type": "a/b", "X-A": "1"}


def test_head_has_no_content_even_if_the_program_sends_some() -> None:
    host = shell(HEAD + "; echo content")
    assert host.get("HEAD") == b""
    assert host.status == "200 OK"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_program_that_never_ends_does_not_hold_what_is_complete(method: str) -> None:
    host = shell(r"printf 'Content-Type: a/b\nContent-Length: 2\n\n'; yes", timeout=1.0)
    began = time.monotonic()
    assert host.get(method) == (b"y\n" if method == "GET" else b"")
    assert time.monotonic() - began < 2
    wait_until(host.gone)  # yes has nowhere to write any more


def test_the_program_gets_method_content_and_environment_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SECRET", "s3cret")
    host = shell(HEAD + "; env; cat", own=own_variables(["COLOUR=blue"]))
    text = host.get("POST", b"the content", HTTP_X_A="1", CONTENT_TYPE="text/x", HTTP_PROXY="http://evil").decode()
    names = {line.partition("=")[0] for line in text.splitlines() if "=" in line} - {"PWD", "SHLVL", "_", "OLDPWD"}
    assert names == {
        "COLOUR", "CONTENT_LENGTH", "CONTENT_TYPE", "GATEWAY_INTERFACE", "HTTP_X_A", "PATH", "PATH_INFO",
        "QUERY_STRING", "REDIRECT_STATUS", "REQUEST_METHOD", "SCRIPT_NAME",
    }  # fmt: skip
    assert text.endswith("the content")
    assert "s3cret" not in text


def test_no_argument_comes_from_the_query() -> None:
    host = shell(HEAD + '; echo "$#:$*"')
    assert host.get(QUERY_STRING="-s+--version") == b"0:\n"


# -- the pump ---------------------------------------------------------------------------------------------------------

ECHO = "import sys, shutil; sys.stdout.write('Content-Type: a/b\\n\\n'); sys.stdout.flush(); "


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 3_000_000])
def test_echo(size: int) -> None:
    body = os.urandom(size)
    assert python(ECHO + "shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)").get("POST", body) == body


def test_a_program_may_write_everything_before_it_reads() -> None:
    script = ECHO + "sys.stdout.write('x' * 1_000_000); sys.stdout.flush(); n = len(sys.stdin.read()); print(n)"
    text = python(script).get("POST", b"y" * 1_000_000)
    assert text == b"x" * 1_000_000 + b"1000000\n"


def test_a_program_may_fill_stderr_before_it_reads() -> None:
    script = "import sys; sys.stderr.write('words of warning\\n' * 60_000); " + ECHO + "print(len(sys.stdin.read()))"
    host = python(script)
    assert host.get("POST", b"y" * 1_000_000) == b"1000000\n"
    assert host.log[0].endswith(": words of warning")
    assert "the rest is dropped" in host.log[-1]
    assert sum(map(len, host.log)) < 200_000


@pytest.mark.parametrize("script", [HEAD + "; echo no", "exec <&-; " + HEAD + "; sleep 0.05; echo no"])
def test_a_program_need_not_read_its_content(script: str) -> None:
    assert shell(script).get("POST", b"x" * 3_000_000) == b"no\n"


def test_content_ends_after_content_length() -> None:
    host = shell(HEAD + "; cat")
    iterable = host.start("POST", b"12345", **{"wsgi.input": io.BytesIO(b"12345 and the next request")})
    assert b"".join(iterable) == b"12345"


def test_output_is_passed_on_as_it_comes(tmp_path: Path) -> None:
    file = tmp_path / "seen"  # the second half comes only after the first has been seen
    host = shell(HEAD + f"; echo one; while [ ! -e {file} ]; do sleep 0.02; done; echo two")
    iterable = host.start()
    assert next(iterable) == b"one\n"
    file.touch()
    assert b"".join(iterable) == b"two\n"
    iterable.close()


def test_stderr_is_logged_by_lines_with_control_bytes_escaped() -> None:
    host = shell(HEAD + r"; printf 'one\n\033[31mred\\\r\ntail' >&2")
    host.get()
    tag = f"prog[{host.pids[0]}]"
    assert host.log == [f"{tag}: one", f"{tag}: \\x1b[31mred\\\\", f"{tag}: tail"]


def test_a_long_line_of_stderr_becomes_several() -> None:
    host = shell(HEAD + "; head -c 4000 /dev/zero | tr '\\0' 'x' >&2")
    host.get()
    assert [len(line.partition(": ")[2]) for line in host.log] == [1500, 1500, 1000]


# -- the client --------------------------------------------------------------------------------------------------------


@pytest.fixture()
def client() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: the client's, and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    with theirs, ours:
        yield theirs, ours


def visited(host: Host, ours: socket.socket) -> bytes:
    return host.get(**{VISITOR: ours.fileno()})


@pytest.mark.skipif(not hasattr(select, "POLLRDHUP"), reason="only Linux tells")
@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_client_that_leaves_ends_a_silent_program(
    client: tuple[socket.socket, socket.socket], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgi_runner.pump.LEFT_GRACE", 0.05 if how == "close" else 60)
    theirs, ours = client
    host = shell("sleep 60")
    if how == "reset":
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    threading.Timer(0.05, theirs.close).start()
    visited(host, ours)
    assert host.status.startswith("499 ")
    assert any("the client has left" in line for line in host.log)
    wait_until(host.gone)


@pytest.mark.skipif(not hasattr(select, "POLLRDHUP"), reason="only Linux tells")
@pytest.mark.parametrize("script", [f"{HEAD}; echo all", f"sleep 0.1; {HEAD}; echo all"])
def test_a_client_that_has_only_finished_sending_gets_its_response(
    client: tuple[socket.socket, socket.socket], script: str
) -> None:
    theirs, ours = client
    theirs.shutdown(socket.SHUT_WR)
    host = shell(script)
    assert visited(host, ours) == b"all\n"
    assert host.log == []


def test_a_client_that_leaves_in_the_middle_of_a_response(
    client: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgi_runner.pump.LEFT_GRACE", 0.05)
    theirs, ours = client
    host = shell(f"{HEAD}; echo one; sleep 60", timeout=2.0)
    iterable = host.start(**{VISITOR: ours.fileno()})
    assert next(iterable) == b"one\n"
    theirs.close()
    with pytest.raises(BackendError):  # where nobody tells that it has left, it is the silence that counts
        next(iterable)
    iterable.close()
    wait_until(host.gone)


# -- redirects --------------------------------------------------------------------------------------------------------


def programs(tmp_path: Path, **scripts: str) -> Host:
    for name, script in scripts.items():
        (tmp_path / name).write_text("#!/bin/sh\n" + script)
        (tmp_path / name).chmod(0o755)
    return Host([], choose=Programs(tmp_path))


SHOW = (
    HEAD + r"; echo $REQUEST_METHOD $SCRIPT_NAME $PATH_INFO q=$QUERY_STRING len=$CONTENT_LENGTH $PATH_TRANSLATED; cat"
)


def test_a_local_redirect_is_a_fresh_get(tmp_path: Path) -> None:
    host = programs(tmp_path, a=r"printf 'Location: /b/x%%20y?q=1\n\nignored'", b=SHOW)
    text = host.get("POST", b"content", PATH_INFO="/a", REQUEST_URI="/a", CONTENT_TYPE="a/b").decode()
    assert text == f"GET /b /x y q=q=1 len= {tmp_path}/x y\n"
    assert host.status == "200 OK"
    assert len(host.pids) == 2


@pytest.mark.parametrize(
    ("location", "status"),
    [("/nothing", "404"), ("//a", "404"), ("/../x", "400"), ("/%zz", "400"), ("/b%2fc", "404")],
)
def test_a_local_redirect_is_checked_like_any_path(tmp_path: Path, location: str, status: str) -> None:
    host = programs(tmp_path, a=f"printf 'Location: %s\\n\\n' '{location}'")
    host.get(PATH_INFO="/a", REQUEST_URI="/a")
    assert host.status.startswith(status)


def test_a_circle_of_redirects_ends(tmp_path: Path) -> None:
    host = programs(tmp_path, a=r"printf 'Location: /a\n\n'")
    host.get(PATH_INFO="/a", REQUEST_URI="/a")
    assert host.status == "502 Bad Gateway"
    assert len(host.pids) == 11


def test_a_local_redirect_below_a_mount(tmp_path: Path) -> None:
    host = programs(tmp_path, a=r"printf 'Location: /cgi/b/x\n\n'", b=SHOW, c=r"printf 'Location: /elsewhere\n\n'")
    assert host.get(SCRIPT_NAME="/cgi", PATH_INFO="/a").startswith(b"GET /cgi/b /x q=")
    host.get(SCRIPT_NAME="/cgi", PATH_INFO="/c")  # not ours to answer: the client may ask for it
    assert (host.status, host.fields) == ("302 Found", {"Location": "/elsewhere"})


def test_a_program_starts_in_its_own_directory(tmp_path: Path) -> None:
    host = programs(tmp_path, a=HEAD + "; pwd")
    assert host.get(PATH_INFO="/a") == f"{tmp_path}\n".encode()


def test_many_requests_of_every_kind_leave_nothing(tmp_path: Path) -> None:
    host = programs(tmp_path, good=HEAD + "; echo x", bad="echo x", dies="kill -9 $$", early=HEAD + "; yes")
    before = descriptors()
    for name in ("good", "bad", "dies", "early", "missing") * 8:
        iterable = host.start(PATH_INFO=f"/{name}")
        next(iter(iterable), None)
        if hasattr(iterable, "close"):
            iterable.close()
    wait_until(host.gone)
    wait_until(lambda: descriptors() == before)
