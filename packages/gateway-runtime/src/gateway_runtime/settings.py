"""What the command line says, as values; and what makes one gateway differ from another."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .access_log import AccessLog
from .addresses import Address
from .engine import Limits, Serving
from .lifetime import Lifetime
from .line_stream import ERRORS
from .pool import Pool
from .status_page import StatusApplication

__all__ = ["Application", "Gateway", "NewLoop", "Settings"]

Application = Callable[..., Any]

NewLoop = Callable[..., Serving]
"""Makes what serves in a worker. It is called as `gateway_runtime.engine.Loop` is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is to run. Times in seconds, sizes in bytes; where there is no limit, 0."""

    pool: Pool = field(default_factory=Pool)
    threads: int = 1
    bind: tuple[Address, ...] = ()
    backlog: int = 2048
    limits: Limits = field(default_factory=Limits)
    lifetime: Lifetime = field(default_factory=Lifetime)
    request_timeout: float = 0.0
    """After which the worker that serves a request is ended."""
    slow_log: float = 0.0
    """After which the worker shows what it is doing."""
    preload: bool = False
    max_body: int = 1 << 30
    mount: str | None = None
    allow_from: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    """Names and values that every environ has, for the application."""
    access: AccessLog | None = field(default=None, compare=False)
    status: str = ""
    """Path of the status socket."""
    control: str = ""
    """Path of the control socket."""
    status_path: str = ""
    """Of the status page, among the application's pages."""
    ping_path: str = ""
    pid_file: str = ""
    loop: NewLoop | None = field(default=None, compare=False)
    """See `Gateway`."""
    arguments: argparse.Namespace = field(default_factory=argparse.Namespace, compare=False)
    """All of the command line, for the options that a gateway has added (`Gateway.add_arguments`)."""

    @property
    def workers(self) -> int:
        """How many processes serve at most."""
        return self.pool.most

    @property
    def multithread(self) -> bool:
        """For `wsgi.multithread`: may another thread of the process call the application at the same time?"""
        return self.threads > 1

    @property
    def multiprocess(self) -> bool:
        """For `wsgi.multiprocess`: may another process call an equal application at the same time?"""
        return self.workers > 1

    def environ(self, address: Address) -> dict[str, Any]:
        """Return what every environ of requests to `address` says, as `gateway_core.environ.base_environ` names it."""
        return {
            "server_name": address.host or "localhost",
            "server_port": str(address.port or 80),
            "multithread": self.multithread,
            "multiprocess": self.multiprocess,
            "errors": ERRORS,
            "variables": dict(self.variables),
        }

    def allowed(self, ip: str) -> bool:
        """May a peer with this address connect? Everybody on the machine, and whoever --allow-from names."""
        address = ipaddress.ip_address(ip)
        return address.is_loopback or any(address in network for network in self.allow_from)


@dataclass(frozen=True, slots=True)
class Gateway:
    """What makes one server differ from another.

    `sessions(application, settings, address)` gives the session factory for a listener; it runs in each worker.
    `load(arguments)` gives the application, in each worker (with --preload in the master, once); by default it imports
    `MODULE:APP`. `check(arguments)` runs once, before anything is bound; it raises StartupError.
    `loop` serves in each worker in place of the engine's, for a server whose calls do not wait in threads;
    then what `sessions` gives is for that loop to understand.
    `status(application, report, status_path, ping_path)` puts pages of ours before an application that is no WSGI one.
    `guarded`: the protocol trusts its peer, so a bind beyond this machine needs --allow-from.
    """

    program: str
    protocol: str
    scheme: str
    description: str
    sessions: Callable[[Application, Settings, Address], Any]
    version: str = "0.1.0"
    usage: str = "MODULE:APP"
    default_bind: str = "127.0.0.1:8000"
    default_threads: int = 1
    threads: Callable[[argparse.Namespace], int] | None = None
    """Says how many, from the gateway's own options; then there is no --threads."""
    guarded: bool = False
    loop: NewLoop | None = None
    status: Callable[..., Application] = StatusApplication
    load: Callable[[argparse.Namespace], Application] | None = None
    check: Callable[[argparse.Namespace], None] | None = None
    add_arguments: Callable[[argparse.ArgumentParser], None] | None = None
