"""Record what real fronts and real backends say: `python captures/make.py [NAME...]` writes a JSON file for each.

A front is asked the REQUESTS below, with our server behind it; a backend is asked those that suit it, by our
`http_front`. They run as docs/how-to says, in a folder whose name is always the same, and a relay between the two sides
keeps the bytes as they came, with their times. Nothing is made up and nothing is left out; only `made`, times, versions
and the clients' ports differ from one run to the next. The form of a file: `gatelab.recording`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from backends import PEERS, Backends, pairs
from fronts import FRONTS, addresses, museum, running
from programs import Http, full_path
from recorder import Connection, Recorder

from gatelab import recording
from gateway_runtime.addresses import Address
from gateway_runtime.testing import wait_until

HERE = Path(__file__).resolve().parent
FOLDER = Path("/tmp/gatelab-capture")  # noqa: S108 - the same on every machine: it stands in DOCUMENT_ROOT
FIFO = FOLDER / "fifo"

Fields = list[tuple[str, str | bytes]]
TYPE = ("Content-Type", "text/plain")
ODD: Fields = [
    ("Cookie", "a=1"),
    ("Cookie", "b=2"),
    ("X-Tag", "one"),
    ("X-Tag", "two"),
    ("X-Empty", ""),
    ("X_Under", "score"),
    ("X-Latin", b"caf\xe9"),
    ("Proxy", "http://evil.test"),
]
Ask = tuple[str, str, Fields, list[bytes]]
GET: Ask = ("GET", "/cookies?a=%20b&c", ODD, [])
POST: Ask = ("POST", "/echo", [TYPE, ("Content-Length", "11")], [b"hello world"])
CHUNKED: Ask = ("POST", "/echo", [TYPE, ("Transfer-Encoding", "chunked")], [b"5\r\nhello\r\n", b"0\r\n\r\n"])
HEAD: Ask = ("HEAD", "/hello", [], [])
AGAIN: Ask = ("GET", "/hello", [], [])
LEFT: Ask = ("GET", f"/stepwise?fifo={FIFO}", [], [])

FRONT_NOTE = (
    "In order: a GET with odd fields (repeated, empty, underscore, latin-1, Proxy), a POST, a chunked POST{}, a HEAD, "
    "two GETs on one client connection, a GET whose client leaves when the first piece of the response is out."
)
BACKEND_NOTE = "In order: a GET with odd fields, a POST, a chunked POST, a HEAD, two GETs one after the other."
REFUSED = ("apache-scgi", "apache-uwsgi")
"""Captures without the chunked POST, which the front refuses by itself."""


def ask(connection: Http, request: Ask) -> None:
    """Send a request and read its response."""
    send(connection, request)
    connection.getresponse().read()


def send(connection: Http, request: Ask) -> None:
    """Send a request, its content in the pieces that it has."""
    method, target, fields, pieces = request
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in fields:
        connection.putheader(name, value)
    connection.endheaders()
    for piece in pieces:
        connection.send(piece)


def ask_all(address: Address, script: str = "") -> None:
    """Ask for everything but LEFT; every path begins with that of the script."""
    for requests in ([GET], [POST], [CHUNKED], [HEAD], [AGAIN, AGAIN]):
        with contextlib.closing(Http(address)) as connection:
            for method, path, *rest in requests:
                ask(connection, (method, script + path, *rest))


def leave(address: Address, recorder: Recorder) -> None:
    """Ask for what takes its time, and close as soon as the backend has begun to answer."""
    os.mkfifo(FIFO)
    with contextlib.closing(Http(address)) as connection:
        send(connection, LEFT)
        wait_until(lambda: any(b"piece 1" in each.backend for each in recorder.connections), "the first piece")
    with contextlib.suppress(AssertionError):  # a front that waits for the response to end has nothing to say
        wait_until(
            lambda: b"\1\2" in recorder.connections[-1].front or recorder.connections[-1].ended("front"), deadline=1
        )
    FIFO.write_bytes(b"")
    wait_until(FIFO.with_suffix(".closed").exists, "the response is closed")
    FIFO.unlink()
    FIFO.with_suffix(".closed").unlink()


def write(name: str, protocol: str, front: str, backend: str, note: str, connections: Iterable[Connection]) -> None:
    """Write one capture."""
    found = [
        recording.Connection(
            segments=[recording.Segment(t=round(t, 6), sender=sender, data=data) for t, sender, data in each.segments]
        )
        for each in connections
    ]
    recording.Recording(
        made=recording.now(), protocol=protocol, front=front, backend=backend, note=note, connections=found
    ).save(HERE / f"{name}.json")
    print(name, front, backend, len(found), "connections")


PROTOCOLS = {"fastcgi": "FastCGI", "scgi": "SCGI", "uwsgi": "uwsgi", "http": "HTTP"}
OURS = {"fastcgi": "fastcgi-server", "scgi": "scgi-server", "uwsgi": "uwsgi-gateway", "http": "wsgi-server"}


def ours(package: str) -> str:
    """Return name and version of a package of this repository."""
    return f"{package.replace('-', '_')} {importlib.metadata.version(package)}"


def version(program: str, *arguments: str) -> str:
    """Return the first number with dots that a program says when asked for its version."""
    done = subprocess.run([full_path(program), *arguments], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    assert found, program
    return found[0]


VERSION = {"caddy": "version", "fcgiwrap": "-h", "uwsgi": "--version", "gunicorn": "--version"}


def front_captures(name: str, wanted: set[str]) -> None:
    """Record one front with each of its sites."""
    program = FRONTS[name].program
    said = f"{name} {version(program, VERSION.get(program, '-v'))}"
    for site in FRONTS[name].sites():
        capture = f"{name}-{site}"
        kind = site.partition("-")[0]
        if kind not in OURS or site.endswith("-unbuffered") or (wanted and capture not in wanted):
            continue
        with contextlib.ExitStack() as exits:
            servers = exits.enter_context(museum(FOLDER, "behind_fronts:app", cwd=HERE.parent / "tests/sites"))
            found = addresses(servers)
            behind = f"/run/museum/{kind}.sock"
            recorder = exits.enter_context(Recorder(f"{FOLDER}/recorded", found[behind]))
            found[behind] = recorder.path
            address = exits.enter_context(running(FRONTS[name], found, folder=FOLDER / name, page_ports=True)).sites[
                site
            ]
            ask_all(address)
            leave(address, recorder)
        note = FRONT_NOTE.format(" (refused by the front)" if capture in REFUSED else "")
        write(capture, PROTOCOLS[kind], said, ours(OURS[kind]), note, recorder.connections)
        (FOLDER / "recorded").unlink()


def backend_captures(page: str, wanted: set[str]) -> None:
    """Record each backend of a page."""
    for pair in pairs(page):
        if wanted and pair.name not in wanted:
            continue
        with contextlib.ExitStack() as exits:
            backends = Backends(page, exits, FOLDER / "backend")
            ask_all(backends[pair.name].address, "/index.php" if "--root" in pair.front else "")
            recorder = backends.recorders[pair.name]
        protocol = PROTOCOLS[pair.url.partition("+")[0]]
        write(pair.name, protocol, ours("http-front"), backend_version(pair.name), BACKEND_NOTE, recorder.connections)


def backend_version(name: str) -> str:
    """Return name and version of a backend."""
    if name.startswith("flup"):
        code = "import importlib.metadata; print(importlib.metadata.version('flup'))"
        return "flup " + subprocess.check_output([PEERS / "python", "-c", code], text=True).strip()
    program = {"php-fpm": "php-fpm8.2"}.get(name, name.partition("-")[0] if name.startswith("uwsgi") else name)
    os.environ["PATH"] = os.pathsep.join((str(PEERS), os.environ["PATH"]))
    said = f"{name.removesuffix('-fastcgi').removesuffix('-scgi')} {version(program, VERSION.get(program, '-v'))}"
    return said + f" under spawn-fcgi {version('spawn-fcgi', '-v')}" if name == "php-cgi" else said


def main(wanted: set[str]) -> None:
    """Record those that are wanted, or all."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    try:
        for front in FRONTS:
            front_captures(front, wanted)
        for page in ("php-fpm", "uwsgi"):
            backend_captures(page, wanted)
    finally:
        shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main(set(sys.argv[1:]))
