"""CPython's referee, `wsgiref.validate`, around the demo application, behind every gateway: it finds nothing to say.

The validator raises AssertionError inside the application, warns, or writes to `wsgi.errors` when an iterable is
dropped without close(). Warnings are errors in our servers, so all of it would be seen in what they log.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateways import CLIENTS, Gateway, running

DOCUMENT = Path(__file__).parents[1] / "docs" / "conformance" / "wsgi.md"

APPLICATION = """
from wsgiref.validate import validator

from demo_app import app as site

app = validator(site)
"""

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
UPLOAD = (
    b'--edge\r\nContent-Disposition: form-data; name="big"; filename="big.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n" + bytes(200_000) + b"\r\n--edge--\r\n"
)
BAD_SIGNS = ("AssertionError", "WSGIWarning", "garbage collected", "Traceback")


@pytest.fixture(scope="module", params=CLIENTS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("validated")
    (folder / "validated.py").write_text(APPLICATION)
    options = ("--env", "DEMO_APP_DB") if request.param == "cgi_runner" else ()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEMO_APP_DB", f"{folder}/guestbook")
        with running(request.param, "validated:app", folder, *options) as gateway:
            yield gateway
            found = [sign for sign in BAD_SIGNS if sign in gateway.server.stderr]
            assert not found, gateway.server.stderr


REQUESTS = [
    # method, target, content, headers, status, what the response begins with
    ("GET", "/hello", b"", {}, "200", b"Hello, world!\n"),
    ("HEAD", "/hello", b"", {}, "200", b""),
    ("GET", "/", b"", {}, "200", b"<!doctype html>"),
    ("HEAD", "/", b"", {}, "200", b""),
    ("GET", "/static/style.css", b"", {}, "200", b""),
    ("GET", "/environ", b"", {}, "200", b""),
    ("GET", "/stream?n=3&ms=0", b"", {}, "200", b"chunk 1 of 3\nchunk 2 of 3\nchunk 3 of 3\n"),
    ("GET", "/write?n=2", b"", {}, "200", b"written 1 of 2\nwritten 2 of 2\nreturned\n"),
    ("HEAD", "/write?n=2", b"", {}, "200", b""),
    ("GET", "/cookies", b"", {"Cookie": "a=1"}, "200", b"Cookie: a=1"),
    ("GET", "/status/204", b"", {}, "204", b""),
    ("GET", "/status/304", b"", {}, "304", b""),
    ("GET", "/status/404", b"", {}, "404", b"404"),
    ("GET", "/no/such/page", b"", {}, "404", b""),
    ("DELETE", "/hello", b"", {}, "405", b""),
    ("POST", "/echo", b"", {}, "200", b""),
    ("POST", "/echo", b"content", {"Content-Type": "text/x-test"}, "200", b"content"),
    ("PUT", "/echo", bytes(range(256)) * 1000, {}, "200", bytes(range(256)) * 1000),
    ("POST", "/upload", UPLOAD, {"Content-Type": "multipart/form-data; boundary=edge"}, "200", b"["),
    ("POST", "/guestbook", b"nothing=useful", FORM, "4", b""),
    ("GET", "/guestbook", b"", {}, "200", b"<!doctype html>"),
]


@pytest.mark.parametrize(("method", "target", "content", "headers", "status", "begins"), REQUESTS)
def test_the_validator_finds_nothing(
    site: Gateway, method: str, target: str, content: bytes, headers: dict[str, str], status: str, begins: bytes
) -> None:
    answer = site.ask(method, target, content, headers)
    assert answer.status.startswith(status), answer
    assert answer.body[: len(begins)].lower() == begins.lower()


def test_the_validator_is_there(site: Gateway) -> None:
    """That it looks at all: it passes an input of its own to the application."""
    shown = json.loads(site.ask("GET", "/environ?format=json").body)
    assert "wsgiref.validate.InputWrapper" in shown["wsgi.input"]
    assert "wsgiref.validate.ErrorWrapper" in shown["wsgi.errors"]


def test_every_variable_is_documented(site: Gateway) -> None:
    documented = set(re.findall(r"`([A-Za-z_.]+)`", DOCUMENT.read_text().partition("## The environ")[2]))
    shown = json.loads(site.ask("GET", "/environ?format=json").body)
    assert {name for name in shown if not name.startswith("HTTP_")} <= documented


CHUNKED = (
    b"POST /echo HTTP/1.1\r\nHost: museum.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    b"3\r\none\r\n4;x=y\r\n,two\r\n0\r\nX-Sum: 1\r\n\r\n"
)


def test_chunked_content(site: Gateway) -> None:
    if site.program not in ("wsgi_server", "cgi_runner"):
        pytest.skip("the protocol carries CONTENT_LENGTH: the front must know the length")
    with site.server.connect() as sock:
        sock.sendall(CHUNKED)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\none,two")


def test_a_client_that_leaves(site: Gateway) -> None:
    site.leave("/stream?n=1000&ms=10")
    assert site.ask("GET", "/hello").body == b"Hello, world!\n"
