"""From a command line to a running master.

Everything that can be refused is refused before the first fork, in one sentence, and leaves nothing behind. The order
is that of privileges: what only root may do comes first, then root is left, then the application is loaded.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
import signal
import sys

from . import addresses, events, loader, log, systemd, upgrade
from .access_log import AccessLog
from .addresses import Listener
from .engine import SessionFactory
from .errors import EXIT_CANNOT_START, StartupError
from .identity import Identity
from .master import Master
from .options import new_parser, settings_of
from .pidfile import PidFile
from .settings import Application, Gateway, Settings
from .signals import HELD
from .upgrade import Inheritance

__all__ = ["main"]


def main(gateway: Gateway, argv: list[str] | None = None) -> int:
    """Run a gateway from its command line until it is told to stop; return the exit code."""
    arguments = new_parser(gateway).parse_args(argv)
    log.set_name(gateway.program)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    listeners: list[Listener] = []
    try:
        if not hasattr(os, "fork"):
            raise StartupError("this system cannot fork processes; use Linux, macOS or WSL")
        settings = settings_of(gateway, arguments)
        identity = Identity.of(arguments.user, arguments.group)
        if arguments.events:
            events.configure(arguments.events, arguments.event_kinds)
        if gateway.check is not None:
            gateway.check(arguments)
        inheritance = upgrade.inherit(os.environ)
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD)  # one that comes now leaves no socket file behind
        _listen(gateway, settings, inheritance, listeners)
        if identity is not None:
            _become(identity, listeners)
        PidFile(settings.pid_file).check()
        settings = _open_logs(arguments, settings)
    except StartupError as error:
        for listener in listeners:
            listener.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        print(f"{gateway.program}: {error}", file=sys.stderr)
        return EXIT_CANNOT_START
    return _master(gateway, arguments, settings, listeners, inheritance).run()


def _listen(gateway: Gateway, settings: Settings, inheritance: Inheritance | None, listeners: list[Listener]) -> None:
    """Bind, or take what was bound for us: by the program in whose place we are, or by systemd. Raises StartupError.

    Also where the protocol trusts its peers and just anybody could be one.
    """
    passed = [] if settings.bind or inheritance else systemd.listen_fds(os.environ)
    bind = settings.bind or (addresses.parse(gateway.default_bind),)
    if inheritance is not None:
        for index, fd in enumerate(inheritance.sockets):
            bound = settings.bind[index] if settings.bind else None
            listeners.append(addresses.inherit(fd, with_file=bound is not None and bound.fd < 0))
    elif passed:
        listeners += (addresses.take(fd, name) for fd, name in passed)
    else:
        listeners += (addresses.listen(address, settings.backlog) for address in bind)
    for listener in listeners:  # a descriptor or a host name tells only now where it leads
        if gateway.guarded and listener.address.public and not settings.allow_from:
            raise StartupError(
                f"{listener.address} can be reached from other machines, and {gateway.protocol} trusts whoever "
                "connects: say who may, with --allow-from CIDR"
            )


def _become(identity: Identity, listeners: list[Listener]) -> None:
    """Leave root behind, but not the socket files. Raises StartupError."""
    for listener in listeners:
        if listener.file:
            identity.give(listener.file)
    identity.assume()


def _open_logs(arguments: argparse.Namespace, settings: Settings) -> Settings:
    """Open what is written to, as the user who will have to open it again. Raises StartupError."""
    if arguments.access_log:
        access = AccessLog(arguments.access_log, arguments.access_log_format)
        settings = dataclasses.replace(settings, access=access)
        log.on_reopen(access.reopen)
    if arguments.log_file:
        log.open_file(arguments.log_file)
    return settings


def _master(
    gateway: Gateway,
    arguments: argparse.Namespace,
    settings: Settings,
    listeners: list[Listener],
    inheritance: Inheritance | None,
) -> Master:
    @functools.cache  # in the master once for all workers, or in each of them
    def load() -> Application:
        return gateway.load(arguments) if gateway.load else loader.load(arguments.application)

    def prepare() -> list[tuple[Listener, SessionFactory]]:
        application = load()
        return [(one, gateway.sessions(application, settings, one.address)) for one in listeners]

    return Master(listeners, load, prepare, settings, gateway.program, gateway.scheme, inheritance)
