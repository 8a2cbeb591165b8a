"""What RFC 3875 asks of a server and no other test shows, over HTTP; and that the limits in the docs are true."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import gateway_core.cgi
from cgi_runner import redirects, stderr_log
from cgi_world import Answer, World, program, read_answer, request, world
from gateway_core.http1 import Limits

PAGE = Path(__file__).parents[3] / "docs" / "conformance" / "cgi.md"
SHOW = r"printf 'Content-Type: text/plain\n\n'; env; echo; cat"
SCRIPTS = {
    "hello": "printf 'Content-Type: text/plain\\n\\nhello\\n'",
    "show": SHOW,
    "own": r"printf 'Content-Type: a/b; charset=x\nDate: Thu, 01 Jan 1970 00:00:00 GMT\nServer: mine\nX-CGI-A: b\n\n'",
    "untyped": r"printf 'Status: 200 OK\n\n<html>'",
    "moved-with-a-page": r"printf 'Status: 301 West\nLocation: http://museum.test/x#y\nContent-Type: a/b\n\nthere'",
    "moved-with-status": r"printf 'Status: 307 Over There\nLocation: /show.cgi\n\n'",
    "moved-to-a-fragment": r"printf 'Location: /show.cgi#part\n\n'",
    "circle": r"printf 'Location: /circle.cgi\n\n'",
    "nph-slow": r"printf 'HTTP/1.1 200 OK\r\n\r\none'; while [ ! -e seen ]; do sleep 0.02; done; printf two",
    "moved-to-a-host": r"printf 'Location: //museum.test/show.cgi\n\n'",
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("rules")
    programs = folder / "programs"
    programs.mkdir()
    for name, script in SCRIPTS.items():
        program(programs, f"{name}.cgi", script)
    with world(folder, programs, "posix-spawn", "--max-body", "1M") as found:
        yield found


def variables(answer: Answer) -> dict[str, str]:
    assert answer.status == 200
    lines = answer.body.decode("latin-1").split("\n\n")[0].splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


# -- variables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/show.cgi", "/show.cgi?", "/show.cgi/a%20b/%25c//d?x=%41&y+z", "/x/../show.cgi/"])
def test_the_uri_can_be_rebuilt(host: World, target: str) -> None:
    first = variables(host.ask(target))
    path = quote((first["SCRIPT_NAME"] + first.get("PATH_INFO", "")).encode("latin-1"), safe="/")
    query = f"?{first['QUERY_STRING']}" if first["QUERY_STRING"] else ""
    scheme = first["SERVER_PROTOCOL"].partition("/")[0].lower()
    uri = f"{scheme}://{first['SERVER_NAME']}:{first['SERVER_PORT']}{path}{query}"
    second = variables(host.ask(uri))
    for name in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"):
        assert second.get(name) == first.get(name)
    assert urlsplit(uri).port == host.server.address.port


def test_the_server_names_itself(host: World) -> None:
    answer = host.ask("/show.cgi")
    seen = variables(answer)
    assert seen["SERVER_PORT"] == str(host.server.address.port)
    assert seen["SERVER_SOFTWARE"] == answer.fields["server"]
    assert "/" in seen["SERVER_SOFTWARE"]
    assert seen["GATEWAY_INTERFACE"] == "CGI/1.1"
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert not {"REMOTE_HOST", "REMOTE_IDENT", "REMOTE_USER", "AUTH_TYPE"} & seen.keys()


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("museum.test", "museum.test"), ("museum.test:81", "museum.test"), ("192.0.2.1:81", "192.0.2.1"),
        ("[2001:db8::1]:81", "[2001:db8::1]"), ("[2001:db8::1]", "[2001:db8::1]"),
    ],
)  # fmt: skip
def test_the_server_s_name_is_what_the_client_called_it(host: World, field: str, name: str) -> None:
    answer = host.talk(f"GET /show.cgi HTTP/1.1\r\nHost: {field}\r\nConnection: close\r\n\r\n".encode())
    seen = variables(answer)
    assert (seen["SERVER_NAME"], seen["HTTP_HOST"]) == (name, field)
    assert seen["SERVER_PORT"] == str(host.server.address.port)


def test_without_host_it_is_the_address(host: World) -> None:
    answer = host.talk(b"GET /show.cgi HTTP/1.0\r\n\r\n")
    seen = variables(answer)
    assert (seen["SERVER_NAME"], seen["SERVER_PROTOCOL"]) == (host.server.address.host, "HTTP/1.0")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH", "OPTIONS", "pUrGe", "QUERY"])
def test_any_method_goes_to_the_program(host: World, method: str) -> None:
    assert variables(host.ask("/show.cgi", method=method))["REQUEST_METHOD"] == method


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_that_the_server_refuses(host: World, method: str) -> None:
    started = host.started()
    assert host.ask("/show.cgi", method=method).status in (400, 405, 501)
    assert host.started() == started


# -- content ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("framing", "length", "content"),
    [
        (b"", None, b""),
        (b"Content-Length: 3\r\nContent-Type: a/b\r\n", "3", b"abc"),
        (b"Content-Length: 003\r\n", "3", b"abc"),
        (b"Transfer-Encoding: chunked\r\n", "3", b"1\r\na\r\n2;x=y\r\nbc\r\n0\r\nX-Trailer: z\r\n\r\n"),
    ],
)
def test_the_length_of_the_content(host: World, framing: bytes, length: str | None, content: bytes) -> None:
    head = b"POST /show.cgi HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + framing + b"\r\n"
    answer = host.talk(head + content)
    seen = variables(answer)
    assert seen.get("CONTENT_LENGTH") == length
    assert seen.get("CONTENT_TYPE") == ("a/b" if b"a/b" in framing else None)
    assert answer.body.partition(b"\n\n")[2] == (b"abc" if length else b"")
    assert not {"HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_LENGTH", "HTTP_X_TRAILER"} & seen.keys()


def test_too_much_content_is_413_and_no_program(host: World) -> None:
    started = host.started()
    assert host.ask("/show.cgi", method="POST", body=bytes((1 << 20) + 1)).status == 413
    assert host.started() == started


def test_who_waits_for_100_is_told_to_go_on(host: World) -> None:
    head = request("/show.cgi", "Expect: 100-continue", "Content-Length: 3", method="POST")
    with host.server.connect() as sock:
        sock.sendall(head)
        received = sock.recv(65536)
        assert received.startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"abc")
        while piece := sock.recv(65536):
            received += piece
    answer = read_answer(received.partition(b"\r\n\r\n")[2], "POST")
    assert answer.body.endswith(b"\n\nabc")
    assert b"HTTP_EXPECT" not in answer.body


# -- responses --------------------------------------------------------------------------------------------------------


def test_fields_that_both_could_send_come_once(host: World) -> None:
    with host.server.connect() as sock:
        sock.sendall(request("/own.cgi"))
        received = b""
        while piece := sock.recv(65536):
            received += piece
    head = received.partition(b"\r\n\r\n")[0].lower()
    assert head.count(b"\r\ndate:") == 1
    assert head.count(b"\r\nserver:") == 1
    assert b"\r\ncontent-type: a/b; charset=x" in head  # as it was given
    assert b"\r\nx-cgi-a: b" in head
    assert b"\n" not in head.replace(b"\r\n", b"")


def test_no_type_is_guessed(host: World) -> None:
    answer = host.ask("/untyped.cgi")
    assert (answer.status, answer.body) == (200, b"<html>")
    assert "content-type" not in answer.fields


@pytest.mark.parametrize(
    ("name", "status", "location", "body"),
    [
        ("moved-with-a-page", 301, "http://museum.test/x#y", b"there"),
        ("moved-with-status", 307, "/show.cgi", b""),
        ("moved-to-a-fragment", 302, "/show.cgi#part", b""),
    ],
)
def test_redirects_that_the_client_follows(host: World, name: str, status: int, location: str, body: bytes) -> None:
    answer = host.ask(f"/{name}.cgi")
    assert (answer.status, answer.fields["location"], answer.body) == (status, location, body)


def test_another_host_is_no_local_redirect(host: World) -> None:
    """`//host/x` is a path with an empty segment, so it names no program."""
    answer = host.ask("/moved-to-a-host.cgi")
    assert answer.status == 404
    assert "location" not in answer.fields


def test_a_circle_of_redirects_is_502_and_a_line(host: World) -> None:
    before = host.started()
    assert host.ask("/circle.cgi").status == 502
    host.said(r" /circle\.cgi: not followed: the programs redirect more than 10 times")
    assert len(host.started() - before) == 11


def test_what_an_nph_program_writes_is_passed_on_at_once(host: World) -> None:
    """The second half is not written before the first has been seen."""
    received = b""
    with host.server.connect() as sock:
        sock.sendall(request("/nph-slow.cgi"))
        while not received.endswith(b"one"):
            received += sock.recv(65536)
        (host.folder / "programs" / "seen").touch()
        while piece := sock.recv(65536):
            received += piece
    assert received == b"HTTP/1.1 200 OK\r\n\r\nonetwo"


# -- the page ---------------------------------------------------------------------------------------------------------

LIMITS = {
    "a request line": Limits().request_line,
    "a line of a field": Limits().field_line,
    "fields of a request": Limits().fields,
    "the head of a request": Limits().head,
    "a line of a program's head": gateway_core.cgi.MAX_LINE,
    "fields of a program's head": gateway_core.cgi.MAX_FIELDS,
    "a program's head": gateway_core.cgi.MAX_HEAD,
    "a line of standard error": stderr_log.LINE_MAX,
    "all of standard error": stderr_log.TOTAL_MAX,
    "local redirects": redirects.REDIRECTS_MAX,
}


def test_the_limits_in_the_docs_are_the_real_ones() -> None:
    found = dict(re.findall(r"^\| ([a-z][^|]*) \| (\d+) ", PAGE.read_text(), re.MULTILINE))
    assert {name: int(value) for name, value in found.items()} == LIMITS
