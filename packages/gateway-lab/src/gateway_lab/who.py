"""Who is who: a front before five gateways, each asked through it, and what of them can be seen from outside.

::

    visitor --HTTP--> front --FastCGI--> fastcgi_server  --call--> application
                            --uwsgi----> uwsgi_gateway   --call--> application
                            --SCGI-----> scgi_server     --call--> application
                            --HTTP-----> wsgi_server     --call--> application
                            --HTTP-----> cgi_runner ------CGI----> application, in a process of its own

Three things can be seen: a process has a **pid**; who waits for others has a **socket** to listen at; and what one
process says to another is **bytes**, which a tap notes on each way. A call within a process shows none of the three.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import psutil

from gateway_core.mismatch import recognise
from gateway_lab.asking import ask
from gateway_lab.errors import LabError
from gateway_lab.servers import Server, serve
from gateway_lab.tap import Tap

__all__ = ["ROUTES", "Call", "Hop", "Process", "Who", "beginning", "who"]

STAGE = Path(__file__).with_name("stage")
"""The folder of the application that is asked."""
SHOWN = 24
"""Bytes of the beginning of each direction: enough to know a protocol by."""
LETTERS, TEXT, NUMBERS = 4, 16, 8
"""So many bytes tell text from numbers; of text so many are written down, of numbers so many."""
ROUTES: Final[Mapping[str, tuple[str, str]]] = {
    "fastcgi": ("fastcgi_server", "php-fpm"),
    "uwsgi": ("uwsgi_gateway", "uWSGI"),
    "scgi": ("scgi_server", ""),
    "wsgi": ("wsgi_server", "gunicorn"),
    "cgi": ("cgi_runner", "Apache httpd with mod_cgi"),
}
"""The gateway of each route, and the well-known program whose part it plays here."""
FRONT: Final = ("http_front", "nginx")
SCHEMES: Final = {"wsgi": "http", "cgi": "http"}
"""What the front speaks to a gateway, where that is not the gateway's own name."""


@dataclass(frozen=True, slots=True)
class Process:
    """A program that ran: `pids` are of its first process and its workers, `listens` the addresses that it waits at.

    `part`: the well-known program that does the same work, or "".
    """

    name: str
    part: str
    pids: tuple[int, ...]
    listens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """A way between two processes. `rule` is what the first bytes look like; `sent` and `came` are these bytes.

    `mentions` counts where all that passed has "wsgi." in it, as every key that WSGI adds has.
    """

    sender: str
    receiver: str
    rule: str
    sent: bytes
    came: bytes
    mentions: int


@dataclass(frozen=True, slots=True)
class Call:
    """How the application was reached in a gateway: in the process `pid`.

    `own`: that is no process of the gateway, but one that was born for the request. `keys`: of those that it was
    given, how many are WSGI's own.
    """

    gateway: str
    pid: int
    own: bool
    keys: int


@dataclass(frozen=True, slots=True)
class Who:
    """All that was seen."""

    processes: tuple[Process, ...]
    hops: tuple[Hop, ...]
    calls: tuple[Call, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON; bytes are hexadecimal."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self), default=bytes.hex))
        return found


def who(rounds: int = 1) -> Who:
    """Start the front and the gateways on free ports, ask through each `rounds` times, look, and end them.

    Raises LabError if one of them does not start or does not answer.
    """
    with contextlib.ExitStack() as exits:
        notes = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="who-")))
        gateways = {route: exits.enter_context(_gateway(route, notes)) for route in ROUTES}
        taps = {route: exits.enter_context(Tap(one.host, one.port)) for route, one in gateways.items()}
        front = exits.enter_context(_front(notes, {route: tap.port for route, tap in taps.items()}))
        taps["visitor"] = exits.enter_context(Tap(front.host, front.port))
        base = f"http://127.0.0.1:{taps['visitor'].port}"
        processes = {route: _process(one, *ROUTES[route]) for route, one in gateways.items()}  # before anybody asks
        calls = tuple(_called(processes[route], f"{base}/{route}") for _ in range(rounds) for route in ROUTES)
        return Who((_process(front, *FRONT), *processes.values()), tuple(_hops(taps, notes)), calls)


def beginning(data: bytes) -> str:
    """Return the beginning of bytes in writing: as text if they begin with letters, else in hexadecimal."""
    if all(0x20 <= byte < 0x7F for byte in data[:LETTERS]):
        return repr(data[:TEXT])[2:-1]
    return data[:NUMBERS].hex(" ")


# -- the programs ------------------------------------------------------------------------------------------------------


@contextmanager
def _gateway(route: str, notes: Path) -> Iterator[Server]:
    """Start the gateway of a route, which answers below /ROUTE."""
    if route != "cgi":
        with serve(route, "whoami:app", options=("--mount", f"/{route}"), folder=STAGE) as server:
            yield server
        return
    program = notes / "cgi-bin" / "cgi"  # its name is its path, /cgi
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{STAGE / "whoami.py"}"\n')
    program.chmod(0o755)
    command = [sys.executable, "-m", "cgi_runner", str(program.parent), "--bind", "127.0.0.1:0"]
    with Server([*command, "--env", f"WHO_NOTES={notes}"]) as server:
        yield server


def _front(notes: Path, ports: Mapping[str, int]) -> Server:
    """Return a front that knows each gateway by its tap."""
    plan = notes / "front.toml"
    plan.write_text(
        "".join(
            f'[[route]]\nprefix = "/{route}"\nto = ["{SCHEMES.get(route, route)}://127.0.0.1:{port}"]\n'
            for route, port in ports.items()
        )
    )
    return Server([sys.executable, "-m", "http_front", "--config", str(plan), "--bind", "127.0.0.1:0"])


# -- what can be seen --------------------------------------------------------------------------------------------------


def _process(server: Server, name: str, part: str) -> Process:
    pids = tuple(server.pids)
    if not pids:
        raise LabError(f"{name} ended before anybody had asked it: run it again.")
    return Process(name, part, pids, _listening(pids[0]) or (server.url.partition("://")[2],))


def _listening(pid: int) -> tuple[str, ...]:
    """Return the addresses at which a process listens; none where the system keeps that to itself."""
    try:
        found = psutil.Process(pid).net_connections("inet")
    except psutil.Error:
        return ()
    at = {f"{one.laddr.ip}:{one.laddr.port}" for one in found if one.status == psutil.CONN_LISTEN}
    return tuple(sorted(at))


def _called(gateway: Process, url: str) -> Call:
    """Ask through the front, and return what the application said of itself."""
    answer = ask(url)
    if answer.status != HTTPStatus.OK:
        raise LabError(f"{gateway.name} answered with status {answer.status}: {answer.text[:80]!r}.")
    said = json.loads(answer.content)
    return Call(gateway.name, said["pid"], said["pid"] not in gateway.pids, said["keys"])


def _hops(taps: Mapping[str, Tap], notes: Path) -> Iterator[Hop]:
    """Yield every way between two processes: those with a tap, and the one by environment and pipes."""
    yield _tapped(taps["visitor"], f"visitor, pid {os.getpid()}", FRONT[0])
    for route, (gateway, _) in ROUTES.items():
        yield _tapped(taps[route], FRONT[0], gateway)
    given, written = ((notes / name).read_bytes() for name in ("environment", "stdout"))
    rule = "CGI" if given.startswith(b"GATEWAY_INTERFACE=CGI/") else "?"
    mentions = given.count(b"wsgi.") + written.count(b"wsgi.")
    yield Hop("cgi_runner", "whoami.py", rule, given.partition(b"\0")[0], written[:SHOWN], mentions)


def _tapped(tap: Tap, sender: str, receiver: str) -> Hop:
    passed = next((one for one in tap.passed if one.sent), None)
    if passed is None:
        raise LabError(f"Nothing came from {sender} to {receiver}: run it again.")
    guess = recognise(bytes(passed.sent))
    mentions = sum(one.sent.count(b"wsgi.") + one.came.count(b"wsgi.") for one in tap.passed)
    return Hop(sender, receiver, guess.protocol if guess else "?", bytes(passed.sent[:SHOWN]),
               bytes(passed.came[:SHOWN]), mentions)  # fmt: skip
