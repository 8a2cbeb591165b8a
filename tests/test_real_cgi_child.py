"""Our child under servers that others wrote: Apache's mod_cgid, lighttpd's mod_cgi, and fcgiwrap behind nginx.

Each starts the three lines of docs/how-to/cgi-wsgi.md for every request, and is asked a dozen of REQUESTS. The answer
must be that of our own host, which starts the same file at the same address.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import howto
from fronts import STARTERS, Running, running
from programs import Reply, ask, full_path, started
from questions import FOOTER, REQUESTS, comparable

from gateway_runtime.addresses import Address
from gateway_runtime.testing import Server, wait_until

PROGRAM = "/cgi-bin/museum.py"
SERVERS = [
    pytest.param("apache", marks=pytest.mark.real("apache2")),
    pytest.param("lighttpd", marks=pytest.mark.real("lighttpd")),
    pytest.param("nginx", marks=pytest.mark.real("nginx", "fcgiwrap")),
]

ASKED = (
    "hello", "head of a page", "not found", "utf-8 path", "echo", "empty post", "chunked", "stream", "write", "304",
    "cookies", "bad form",
)  # fmt: skip
"""A dozen of REQUESTS: each of them starts Python, and with it the museum, four times."""

WHOLE = ("hello", "head of a page", "utf-8 path", "cookies")
"""Of those, what is asked of a whole site too, where only the addresses are others."""

ADDED = [("lighttpd", "accept-ranges")]
"""Server, a field that it adds. lighttpd offers to cut ranges out of any 200, whoever has made it."""


class Starters(dict[str, Running]):
    """Running servers by name, each started when it is first asked for."""

    def __init__(self, exits: contextlib.ExitStack) -> None:
        super().__init__()
        self._exits = exits

    def __missing__(self, name: str) -> Running:
        found = self[name] = self._exits.enter_context(running(STARTERS[name], {}))
        if name == "nginx":
            (words,) = [words for words in howto.commands("cgi-wsgi") if words[0] == "fcgiwrap"]
            words = [howto.replace(word, {"/run/museum": f"{found.folder}/run"}) for word in words]
            wrapper = Address(path=words[-1].removeprefix("unix:"))
            self._exits.enter_context(started([full_path(words[0]), *words[1:]], found.folder, [wrapper]))
        return found


@pytest.fixture(scope="module")
def starters() -> Iterator[Starters]:
    with contextlib.ExitStack() as exits:
        yield Starters(exits)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Address]]:
    """Our host: the same program at the same addresses."""
    folder = tmp_path_factory.mktemp("own")
    (text,) = [text for path, text in howto.files("cgi-wsgi").items() if path.endswith("museum.py")]
    program = folder / PROGRAM.strip("/")
    program.parent.mkdir()
    program.write_text(howto.replace(text, {"/srv/museum/venv/bin/python": sys.executable}))
    program.chmod(0o755)
    options = "--env", f"DEMO_APP_DB={folder}/guests.sqlite3"
    with (
        Server("cgi_runner", str(folder), "--bind", f"unix:{folder}/cgi.sock", *options) as cgi,
        Server("cgi_runner", "--app", "demo_app:app", "--bind", f"unix:{folder}/whole.sock", *options) as whole,
    ):
        yield {"cgi": cgi.address, "whole": whole.address}


@pytest.fixture(scope="module")
def expected(own: dict[str, Address]) -> Callable[[str, str], tuple[object, ...]]:
    """What our own host answers at a site; it is asked once."""
    return cache(lambda site, name: comparable(ask_site(own[site], site, name)))


def ask_site(address: Address, site: str, name: str) -> Reply:
    method, target, body, headers = REQUESTS[name]
    return ask(address, method, at(site, target), iter(body) if isinstance(body, list) else body, headers)


def at(site: str, target: str) -> str:
    """Return where a site has a page of the museum."""
    return target if site == "whole" else PROGRAM + target


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ASKED)
def test_responses_are_those_of_our_own_host(
    starters: Starters, expected: Callable[[str, str], tuple[object, ...]], server: str, name: str
) -> None:
    for site, address in starters[server].sites.items():
        if site == "whole" and name not in WHOLE:
            continue
        reply = ask_site(address, site, name)
        reply.fields[:] = [field for field in reply.fields if (server, field[0]) not in ADDED]
        assert comparable(reply) == expected(site, name), f"{server}/{site}"


@pytest.mark.parametrize("server", SERVERS)
def test_every_page_says_that_it_was_served_over_cgi(starters: Starters, server: str) -> None:
    for site, address in starters[server].sites.items():
        footer = FOOTER.search(ask(address, "GET", at(site, "/")).body)
        assert footer is not None
        assert b"<dt>Protocol</dt><dd>CGI</dd>" in footer[0], site
        assert b"<dt>run_once</dt><dd>yes</dd>" in footer[0], site


@pytest.mark.parametrize("server", SERVERS)
def test_what_goes_wrong_stands_in_the_server_s_log(starters: Starters, server: str) -> None:
    running = starters[server]
    site, address = next(iter(running.sites.items()))
    assert ask(address, "GET", at(site, "/crash")).status == 500
    wait_until(lambda: f"GET {at(site, '/crash')}: the application raised" in running.log, "the log has it")


@pytest.mark.parametrize("server", SERVERS)
def test_content_may_be_left_unread(starters: Starters, server: str) -> None:
    for site, address in starters[server].sites.items():
        reply = ask(address, "POST", at(site, "/hello"), bytes(1_000_000), {"Content-Type": "text/plain"})
        assert reply.status == 405, site
