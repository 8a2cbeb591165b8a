"""What a front is to the bench: a program that takes HTTP from the generator and hands each request on to a backend.

::

    generator --HTTP, kept--> front --HTTP, FastCGI, SCGI or uwsgi, over a unix socket or TCP--> backend

What is alike for all of them, so that their figures can be set side by side:

* one process that works, and in it one thread where it can be told (Apache: threads that take turns);
* no access log, and no check of health; room for `CONNECTIONS`, which is what sizes tables in memory;
* the visitor keeps his connection for as long as he asks (`IDLE_SECONDS` between two requests, no limit of requests);
* buffering as it is by default: that is part of what a front is.

What is not alike is what each can do. `keeps` names the protocols over which it can keep connections to the backend;
over the others each request has a new one, whoever asks for more (SCGI and uwsgi know nothing else). And each sends CGI
variables of its own. nginx alone sends just what it is told: `nginx.PARAMS`. The others have a fixed set, to which one
can only add (Apache could take some away, by an expression that is evaluated for each request); the head of each
module says how many they are.

A front is ready when it has said so in its log. It listens by then, and connections wait for its worker.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway_bench.errors import NotReady
from gateway_bench.load.address import Address, free_port
from gateway_bench.servers.gateways import LOOPBACK
from gateway_bench.servers.presence import ASK_LIMIT, Presence, find_program
from gateway_bench.servers.service import DISTURBING, READY_LIMIT, Service, started

__all__ = ["CONNECTIONS", "IDLE_SECONDS", "Front", "Place", "where"]

CONNECTIONS = 1024
"""More than any suite opens. Some fronts make a table for as many as they may have, which may be a million."""
IDLE_SECONDS = 60
"""A visitor of an open loop may rest for a while; fronts close after 5 seconds by default, and some after 75."""

_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a front stands: its program, the backend behind it, where it listens, and a folder of its own.

    `kept` idle connections to the backend stay open; 0 is a new connection for each request.
    """

    program: str
    backend: Address
    kept: int
    host: str
    port: int
    folder: Path

    @property
    def at(self) -> str:
        """Where it listens: HOST:PORT."""
        return str(Address("http", self.host, self.port)).partition("://")[2]

    def write(self, name: str, text: str) -> str:
        """Write a file into the folder; return its path."""
        (self.folder / name).write_text(text, "utf-8")
        return str(self.folder / name)


@dataclass(frozen=True, slots=True)
class Front:
    """One front. `argv` writes its files and returns the command; `environment` is added to ours.

    `programs` are all needed, the first is the front itself; "a|b" is one that has two names. It says its version when
    it is given the words of `asks`. `scripts`: it is told here which file of a backend such as PHP answers.
    """

    name: str
    label: str
    speaks: tuple[str, ...]
    keeps: tuple[str, ...]
    programs: tuple[str, ...]
    install: str
    argv: Callable[[Place], Sequence[str]]
    ready: re.Pattern[str]
    asks: tuple[str, ...] = ("-v",)
    scripts: bool = False
    environment: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})

    def presence(self) -> Presence:
        """Say which version is here, or what is missing and which command installs it."""
        missing = [names.partition("|")[0] for names in self.programs if find_program(names) is None]
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            return Presence("", f"{' and '.join(missing)} {verb} not installed", self.install)
        command = [find_program(self.programs[0]) or "", *self.asks]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ASK_LIMIT)
        except (OSError, subprocess.TimeoutExpired) as error:
            return Presence("", f"{self.label} does not run: {error}", self.install)
        found = _VERSION.search(done.stdout + done.stderr)
        if done.returncode or not found:
            return Presence("", f"{self.label} does not say its version", self.install)
        return Presence(found[0])

    @contextmanager
    def before(
        self, backend: Address, kept: int, folder: Path, limit: float = READY_LIMIT, host: str = LOOPBACK
    ) -> Iterator[tuple[Service, Address]]:
        """Run it before a backend for the length of a block: gives it and its address. Raises NotReady.

        `folder` is made for it; whatever it writes is in there, for the caller to remove. It listens at `host`.
        """
        if backend.scheme not in self.speaks:
            raise NotReady(f"{self.label} does not speak {backend.scheme}; it speaks {', '.join(self.speaks)}")
        if backend.script and not self.scripts:
            raise NotReady(f"{self.label} is not set up here for a backend that serves files; nginx is, and ours")
        program = find_program(self.programs[0])
        if program is None:
            raise NotReady(f"{self.label} is not installed; on Debian: {self.install}")
        folder.mkdir(parents=True)
        place = Place(program, backend, kept if backend.scheme in self.keeps else 0, host, free_port(), folder)
        inherited = {name: value for name, value in os.environ.items() if name not in DISTURBING}
        environment = {**inherited, **self.environment(place)}
        listens_at = f"http://{place.at}"
        with ExitStack() as stack:
            try:
                server = started(self.argv(place), self.ready, environment, folder, limit, listens_at)
                running = stack.enter_context(server)
            except NotReady as error:
                raise NotReady(f"{self.label} before it did not start: {error}", error.output) from error
            yield running


def where(backend: Address, unix: str = "unix:{}") -> str:
    """Return an address without its scheme: HOST:PORT, or the path of a socket as the front writes it."""
    return unix.format(backend.path) if backend.path else str(backend).partition("://")[2]
