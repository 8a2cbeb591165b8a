"""Debian's nginx in front of the four persistent servers: the same responses, whole, over TCP and unix sockets."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fronts import LOCATIONS, Reply, ask, nginx

from gateway_runtime.testing import Server, wait_until

pytestmark = pytest.mark.real("nginx")

PROGRAMS = {
    "fastcgi": "fastcgi_server",
    "fastcgi-kept": "fastcgi_server",
    "scgi": "scgi_server",
    "uwsgi": "uwsgi_gateway",
    "http": "wsgi_server",
}
FOOTER = re.compile(rb'<footer id="served">.*?</footer>', re.DOTALL)


@contextlib.contextmanager
def stack(
    folder: Path, transport: str, application: str = "demo_app:app"
) -> Iterator[tuple[dict[str, str], dict[str, Server]]]:
    """Start every server behind one nginx; give the socket files of the sites, and the servers."""
    with contextlib.ExitStack() as exits:
        servers = {}
        for name, program in PROGRAMS.items():
            bind = f"unix:{folder}/{name}.sock" if transport == "unix" else "127.0.0.1:0"
            server = Server(program, "demo_app:app", "--bind", bind, env={"DEMO_APP_DB": f"{folder}/guests.sqlite3"})
            servers[name] = exits.enter_context(server)
        yield exits.enter_context(nginx(folder, {name: one.address for name, one in servers.items()}))


@pytest.fixture(scope="module", params=["tcp", "unix"])
def sites(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with stack(tmp_path_factory.mktemp("nginx"), request.param) as found:
        yield found


def comparable(reply: Reply) -> tuple[object, ...]:
    """Everything but what must differ: the time, and the footer that says who served the page, with its length."""
    body, footers = FOOTER.subn(b"", reply.body)
    html = ("content-type", "text/html; charset=utf-8") in reply.fields
    assert footers == (html and reply.body != b"")
    never = {"date", "content-length"} if html else {"date"}
    return reply.status, reply.reason, [field for field in reply.fields if field[0] not in never], body


REQUESTS = {
    "hello": ("GET", "/hello", None, {}),
    "home": ("GET", "/", None, {}),
    "page": ("GET", "/cgi", None, {}),
    "head": ("HEAD", "/hello", None, {}),
    "head of a page": ("HEAD", "/cgi", None, {}),
    "not found": ("GET", "/no/such/page", None, {}),
    "utf-8 path": ("GET", "/caf%C3%A9", None, {}),
    "echo": ("POST", "/echo", bytes(range(256)) * 4096, {"Content-Type": "application/octet-stream"}),
    "empty post": ("POST", "/echo", b"", {"Content-Type": "text/plain"}),
    "put": ("PUT", "/echo", b"put", {"Content-Type": "text/plain"}),
    "chunked": (
        "POST",
        "/echo",
        [b"one", b"two" * 50_000],
        {"Content-Type": "text/plain"},
    ),
    "stream": ("GET", "/stream?n=5&ms=1", None, {}),
    "write": ("GET", "/write?n=5", None, {}),
    "204": ("GET", "/status/204", None, {}),
    "304": ("GET", "/status/304", None, {}),
    "404": ("GET", "/status/404", None, {}),
    "503": ("GET", "/status/503", None, {}),
    "cookies": ("GET", "/cookies", None, {"Cookie": "a=1; b=2"}),
    "crash": ("GET", "/crash", None, {}),
    "guestbook": ("GET", "/guestbook", None, {}),
    "bad form": ("POST", "/guestbook", b"name=&message=", {"Content-Type": "application/x-www-form-urlencoded"}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_whole_responses_are_the_same(sites: dict[str, str], name: str) -> None:
    method, target, body, headers = REQUESTS[name]
    replies = {
        site: ask(path, method, target, iter(body) if isinstance(body, list) else body, headers)
        for site, path in sites.items()
    }
    expected = comparable(replies["http"])
    for site, reply in replies.items():
        assert comparable(reply) == expected, site
    if name == "echo":
        assert replies["http"].body == body
    if name == "chunked":
        assert replies["http"].body == b"".join(body)


def test_every_page_says_how_it_was_served(sites: dict[str, str]) -> None:
    served = {"fastcgi": b"FastCGI", "fastcgi-kept": b"FastCGI", "scgi": b"SCGI", "uwsgi": b"uwsgi", "http": b"HTTP"}
    for site, path in sites.items():
        footer = FOOTER.search(ask(path, "GET", "/").body)
        assert footer is not None
        assert served[site] in footer[0]


def test_signing_is_seen_by_all(sites: dict[str, str]) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for site, path in sites.items():
        reply = ask(path, "POST", "/guestbook", f"name=Ada&message=from+{site}".encode(), form)
        assert reply.status == 303
    for path in sites.values():
        page = ask(path, "GET", "/guestbook").body
        assert all(f"from {site}".encode() in page for site in sites)


def test_environ_is_that_of_the_original_request(sites: dict[str, str]) -> None:
    for site, path in sites.items():
        reply = ask(path, "GET", "/environ?a=%20b&c", None, {"X-One": "1", "Proxy": "http://evil.test"})
        text = reply.body.decode()
        assert "QUERY_STRING = 'a=%20b&c'" in text, site
        assert "HTTP_X_ONE = '1'" in text, site
        assert "SCRIPT_NAME = ''" in text, site
        assert "HTTP_PROXY" not in text, site


@pytest.mark.parametrize("name", LOCATIONS)
def test_a_killed_worker_costs_its_own_request_only(name: str, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import os, time\n"
        "def app(environ, start_response):\n"
        "    if environ['PATH_INFO'] == '/die':\n"
        "        open(os.environ['BEGUN'], 'w').close()\n"
        "        time.sleep(60)\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [b'alive']\n"
    )
    begun = tmp_path / "begun"
    server = Server(PROGRAMS[name], "slow:app", "--bind", "127.0.0.1:0", cwd=tmp_path, env={"BEGUN": str(begun)})
    with server, nginx(tmp_path, {name: server.address}) as sites:
        replies: list[Reply] = []
        asking = threading.Thread(target=lambda: replies.append(ask(sites[name], "POST", "/die")))
        asking.start()
        wait_until(begun.exists, "the request has begun")
        os.kill(server.workers()[0], signal.SIGKILL)
        asking.join()
        assert replies[0].status == 502
        assert ask(sites[name], "GET", "/").body == b"alive"
        server.wait_for_line("was killed by SIGKILL while it served POST /die")
