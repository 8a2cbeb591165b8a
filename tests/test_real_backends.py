"""Our clients in front of servers that others wrote, started as docs/how-to says.

The WSGI servers run the same application as our own, so behind `http_front` they have to give the same answers; PHP and
the shell script say what they were asked.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import howto
from backends import PEERS, Backends, pairs
from programs import ask
from questions import REQUESTS, ask_for, comparable

from gateway_runtime.addresses import Address
from gateway_runtime.testing import Server

WSGI = [pair.name for pair in pairs("uwsgi")]
FILES = [
    pytest.param("php-fpm", marks=pytest.mark.real("php-fpm8.2")),
    pytest.param("php-cgi", marks=pytest.mark.real("php-cgi", "spawn-fcgi")),
    pytest.param("fcgiwrap", marks=pytest.mark.real("fcgiwrap")),
]
assert [pair.name for pair in pairs("php-fpm")] == [parameter.values[0] for parameter in FILES]

SCRIPT = {"php-fpm": "/index.php", "php-cgi": "", "fcgiwrap": ""}
"""What of a path names the script; for two of them the page names it on the command line."""

CRASHES = {
    "uwsgi": 502,
    "uwsgi-fastcgi": 502,
    "uwsgi-scgi": 502,
    "gunicorn": 500,
    "flup-fastcgi": 500,
    "flup-scgi": 500,
}
"""An exception in the application: uWSGI closes the connection without a word, which is our 502; others have a page."""


@pytest.fixture(scope="module")
def wsgi() -> Iterator[Backends]:
    if not (PEERS / "uwsgi").exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("needs what `nox -s peers` installs")
    with contextlib.ExitStack() as exits:
        yield Backends("uwsgi", exits)


@pytest.fixture(scope="module")
def files() -> Iterator[Backends]:
    with contextlib.ExitStack() as exits:
        yield Backends("php-fpm", exits)


@pytest.fixture(scope="module")
def spawned() -> Iterator[Backends]:
    with contextlib.ExitStack() as exits:
        yield Backends("spawn-fcgi", exits)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    folder = tmp_path_factory.mktemp("own")
    env = {"DEMO_APP_DB": f"{folder}/guests.sqlite3"}
    with Server("wsgi_server", "demo_app:app", "--bind", f"unix:{folder}/http.sock", env=env) as server:
        yield server.address


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("backend", WSGI)
def test_responses_are_those_of_our_own_server(wsgi: Backends, own: Address, backend: str, name: str) -> None:
    reply = ask_for(wsgi[backend].address, name)
    if name == "crash":
        assert reply.status == CRASHES[backend]
    else:
        assert comparable(reply) == comparable(ask_for(own, name))


@pytest.mark.real("spawn-fcgi")
@pytest.mark.parametrize("name", REQUESTS)
def test_our_server_on_descriptor_0(spawned: Backends, own: Address, name: str) -> None:
    assert comparable(ask_for(spawned["spawned"].address, name)) == comparable(ask_for(own, name))


@pytest.mark.parametrize("backend", FILES)
@pytest.mark.parametrize(
    ("method", "target", "body", "status", "says"),
    [
        ("GET", "/rooms/3?lamp=%20on", None, 200, b"GET /rooms/3?lamp=%20on\n0 bytes of content\n"),
        ("GET", "/gone", None, 410, b"GET /gone?\n0 bytes of content\n"),
        ("HEAD", "/gone", None, 410, b""),
        ("POST", "/", b"x" * 1_000_000, 200, b"POST /?\n1000000 bytes of content\n"),
        ("PUT", "/", [b"one", b"two"], 200, b"PUT /?\n6 bytes of content\n"),
    ],
)
def test_a_file_answers(
    files: Backends, backend: str, method: str, target: str, body: bytes | list[bytes] | None, status: int, says: bytes
) -> None:
    reply = ask(
        files[backend].address, method, SCRIPT[backend] + target, iter(body) if isinstance(body, list) else body
    )
    assert (reply.status, reply.body) == (status, says)
    assert re.match("text/(html|plain)", dict(reply.fields)["content-type"])
    if backend != "fcgiwrap":
        assert dict(reply.fields)["x-served-by"] == "PHP"


@pytest.mark.parametrize("backend", FILES)
def test_what_a_file_logs_is_in_our_log(files: Backends, backend: str) -> None:
    ask(files[backend].address, "GET", SCRIPT[backend] + "/logged")
    files[backend].wait_for_line("GET .*: .*a line for the log")


@pytest.mark.real("php-fpm8.2")
@pytest.mark.parametrize("words", [words for words in howto.commands("php-fpm") if words[0] == "gatelab"], ids=" ".join)
def test_the_page_asks_php_fpm_itself(files: Backends, words: list[str]) -> None:
    assert files["php-fpm"].address
    arguments = [howto.replace(word, files.replaced) for word in words[1:]]
    done = subprocess.run([sys.executable, "-m", "gatelab", *arguments], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert re.match(rb"pong|pool: +museum|GET \?", done.stdout)


KEEPERS = {"php-fpm": {0}, "php-cgi": {0}, "fcgiwrap": {0}, "flup-fastcgi": {0, 1, 2, 3, 4}}
"""Backends that keep a connection, and how many new ones our front opens. Of the FastCGI servers here uWSGI does not.

flup sends END_REQUEST on its own, after the content. Our front may be done by then and not wait for it.
"""


@pytest.mark.parametrize("backend", FILES)
def test_a_connection_is_kept_by_fastcgi_servers(files: Backends, backend: str) -> None:
    assert opened(files, backend, requests=4) in KEEPERS.get(backend, {4})


@pytest.mark.parametrize("backend", WSGI)
def test_a_connection_is_kept_by_wsgi_servers_that_can(wsgi: Backends, backend: str) -> None:
    assert opened(wsgi, backend, requests=4) in KEEPERS.get(backend, {4})


def opened(backends: Backends, name: str, requests: int) -> int:
    """Return how many connections our front opens for requests one after another, when it has asked before."""
    address, target = backends[name].address, SCRIPT.get(name, "") + "/hello"
    ask(address, "GET", target)
    before = len(backends.recorders[name].connections)
    for _ in range(requests):
        assert ask(address, "GET", target).status == 200
    return len(backends.recorders[name].connections) - before
