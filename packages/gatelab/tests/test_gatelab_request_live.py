"""`gatelab request` meets real servers: the five of this repository, and others if they are here."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from gatelab_request_samples import ask
from gateway_runtime.testing import Server

SERVERS = ("wsgi_server", "fastcgi_server", "scgi_server", "uwsgi_gateway")


@pytest.fixture(scope="module", params=SERVERS)
def server(request, tmp_path_factory):
    """The demo application, behind one protocol."""
    socket = tmp_path_factory.mktemp("s") / "s"
    with Server(request.param, "demo_app:app", "--bind", "127.0.0.1:0", "--bind", f"unix:{socket}") as running:
        yield running


@pytest.fixture(params=[0, 1], ids=["tcp", "unix"])
def url(server, request):
    """The server's URL, to be followed by a path."""
    address = server.addresses[request.param]
    return address.url(server.url.partition("://")[0]) + (":" if address.path else "")


def test_a_page(capfdbinary, url):
    done = ask(capfdbinary, f"{url}/hello")
    assert (done.code, done.out, done.err) == (0, b"Hello, world!\n", "")


def test_a_status_and_a_path_with_escapes(capfdbinary, url):
    done = ask(capfdbinary, "--json", f"{url}/status/404")
    assert (done.code, done.json["status"]) == (0, 404)
    environ = ask(capfdbinary, "-H", "X-Y: é", f"{url}/environ?a=%20b").out.decode()
    assert "HTTP_X_Y" in environ
    assert "a=%20b" in environ


def test_content_goes_and_comes_back(capfdbinary, url, tmp_path):
    content = os.urandom(200_000)
    (tmp_path / "content").write_bytes(content)
    sent = ["--data-binary", f"@{tmp_path}/content", "-H", "Content-Type: a/b"]
    assert ask(capfdbinary, *sent, f"{url}/echo").out == content
    document = ask(capfdbinary, *sent, "--json", "-o", tmp_path / "back", f"{url}/echo").json
    assert (tmp_path / "back").read_bytes() == content
    assert document["bytes"]["body"] == 200_000
    assert document["bytes"]["sent"] > 200_000
    assert ask(capfdbinary, "-d", "a=b", "-d", "c", f"{url}/echo").out == b"a=b&c"


def test_what_the_demo_application_says_of_head(capfdbinary, url):
    done = ask(capfdbinary, "-I", f"{url}/hello")
    assert done.code == 0
    assert b"Content-Length: 14\r\n" in done.out
    assert done.out.endswith(b"\r\n\r\n")


def test_each_protocol_on_the_port_of_each(capfdbinary, server):
    """Nothing hangs, nothing is taken for an answer but what is one, and the sentence names a protocol."""
    place = f"{server.address}/hello"
    spoken = server.url.partition("://")[0]
    for scheme in {"http", "fastcgi", "scgi", "uwsgi"} - {spoken}:
        done = ask(capfdbinary, "-m", "10", "--json", f"{scheme}://{place}")
        document = done.json
        if document["status"] is None:
            assert done.code in (8, 52, 56)
            assert re.search(r"does it speak|not in|the answer is not", document["error"])
        else:
            assert document["status"] >= 400


QUESTIONS = {"uwsgi": ("--ping", b"pong\n"), "fastcgi": ("--values", b"FCGI_MPXS_CONNS=")}


def test_questions(capfdbinary, server):
    option, answer = QUESTIONS.get(server.url.partition(":")[0], ("--ping", b""))
    done = ask(capfdbinary, option, f"{server.url}/")
    assert done.code == (0 if answer else 2)
    assert answer in done.out


ROLES = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    file = environ["fastcgi.data"].read() if environ["fastcgi.role"] == "filter" else b""
    return [environ["fastcgi.role"].encode(), b" ", environ["wsgi.input"].read(), file.upper()]
"""


def test_all_roles_of_fastcgi(capfdbinary, tmp_path):
    (tmp_path / "roles.py").write_text(ROLES)
    (tmp_path / "file").write_bytes(b"words\n" * 50_000)
    roles = ("--role", "responder", "--role", "authorizer", "--role", "filter")
    with Server("fastcgi_server", "roles:app", "--bind", "127.0.0.1:0", *roles, cwd=tmp_path) as running:
        said = [
            ask(capfdbinary, *options, f"{running.url}/").out
            for options in (["-d", "a"], ["--authorizer"], ["--filter", tmp_path / "file", "-d", "b"])
        ]
    assert said == [b"responder a", b"authorizer ", b"filter b" + b"WORDS\n" * 50_000]


MIB = 1024 * 1024
LARGE = 24 * MIB

PEAKS = """
import resource, sys
import gatelab.request_command
from gatelab.__main__ import main
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sys.argv = ["gatelab", "request", *sys.argv[1:]]
try:
    main()
finally:
    print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def test_large_content_both_ways_in_little_memory(server, tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(LARGE)
    arguments = ["--data-binary", f"@{tmp_path}/large", "-o", str(tmp_path / "back"), f"{server.url}/echo"]
    done = subprocess.run(
        [sys.executable, "-c", PEAKS, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    assert (tmp_path / "back").stat().st_size == LARGE
    before, after = (int(word) * (1 if sys.platform == "darwin" else 1024) for word in done.stderr.split())
    assert after - before < 8 * MIB
