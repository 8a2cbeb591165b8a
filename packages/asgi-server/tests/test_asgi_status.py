"""The status page and the ping before an ASGI application: the tests of their twins for WSGI, asked of these."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "gateway-runtime" / "tests"))

from asgi_peer import bridged, probed

import test_status_page as pages  # isort: skip
import test_status_server as servers  # isort: skip
from http_peer import ask, request  # isort: skip
from asgi_server.status import StatusPages
from gateway_runtime.testing import Server


class Asked:
    """`StatusPages`, to be called as its twin is: an environ becomes a scope, and messages a response."""

    def __init__(self, _application: object, *options: Any) -> None:
        self._pages = StatusPages(hello, *options)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        scope = {
            "type": "http", "root_path": environ["SCRIPT_NAME"], "path": environ["SCRIPT_NAME"] + environ["PATH_INFO"],
            "method": environ["REQUEST_METHOD"], "query_string": environ["QUERY_STRING"].encode(),
            "headers": [(b"accept", environ.get("HTTP_ACCEPT", "").encode())],
        }  # fmt: skip
        start, body = played(self._pages, scope)
        fields = [(name.decode(), value.decode()) for name, value in start["headers"]]
        start_response(f"{start['status']} {REASONS[start['status']]}", fields)
        return [body["body"]] if scope["method"] != "HEAD" else []


REASONS = {200: "OK", 400: "Bad Request", 405: "Method Not Allowed"}


def played(application: Callable[..., Any], scope: dict[str, Any]) -> list[dict[str, Any]]:
    """Call an application; return what it sends."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application(scope, None, send))
    return sent


async def hello(scope: dict[str, Any], _receive: object, send: Callable[..., Any]) -> None:
    fields = [(b"Content-Type", b"text/plain"), (b"Content-Length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"hello", "scope": scope})


@pytest.fixture(autouse=True)
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests of the twin ask these pages, and their server be this one."""

    class Ours(Server):
        def __init__(self, _program: str, _application: str, *options: str, env: dict[str, str]) -> None:
            bridged(Path.cwd())
            Path("told.py").write_text(servers.APP)
            super().__init__("asgi_server", "bridge:app", *options, env=env)

    monkeypatch.setattr(pages, "StatusApplication", Asked)
    monkeypatch.setattr(servers, "Server", Ours)


here, application = servers.here, pages.application
test_all_else = pages.test_all_else_is_the_application_s
test_ping = pages.test_ping
test_each_form = pages.test_the_page_in_each_form
test_what_is_refused = pages.test_what_the_page_refuses
test_surrogates = pages.test_lone_surrogates_do_not_stop_it
test_not_given = pages.test_a_path_that_was_not_given_is_not_served
test_of_a_worker = servers.test_the_page_and_the_ping_of_a_worker


def test_below_the_mount_point_and_beside_a_lifespan(tmp_path: Path) -> None:
    options = ("--bind", "127.0.0.1:0", "--ping-path", "/.ping", "--mount", "/app", "--preload")
    with Server("asgi_server", "probe:app", *options, cwd=probed(tmp_path)) as server:
        assert ask(server, "/app/.ping").body == b"pong\n"
        assert ask(server, "/.ping").status == 404
        with server.connect() as sock:  # a kept connection goes on, also after a refusal
            for method, status in (("POST", b"405 "), ("HEAD", b"200 "), ("GET", b"200 ")):
                sock.sendall(request("/app/.ping", method=method))
                assert sock.recv(65536).startswith(b"HTTP/1.1 " + status)
    server.wait_for_line("^shut down$")


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_only_requests_are_answered(kind: str) -> None:
    scope = {"type": kind, "root_path": "", "path": "/.ping"}
    assert played(StatusPages(hello, dict, "", "/.ping"), scope)[1]["scope"] is scope


def test_several_fields_of_what_is_accepted() -> None:
    headers = [(b"accept", b"image/png"), (b"accept", b"text/html")]
    scope = {"type": "http", "root_path": "", "path": "/s", "method": "GET", "query_string": b"", "headers": headers}
    start, _ = played(StatusPages(hello, lambda: pages.REPORT, "/s"), scope)
    assert (b"Content-Type", b"text/html; charset=utf-8") in start["headers"]
