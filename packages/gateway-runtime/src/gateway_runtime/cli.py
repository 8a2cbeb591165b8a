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

from . import events, loader, log, upgrade
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
from .sockets import Sockets, open_sockets

__all__ = ["main"]


def main(gateway: Gateway, argv: list[str] | None = None) -> int:
    """Run a gateway from its command line until it is told to stop; return the exit code."""
    log.complete_streams()
    arguments = new_parser(gateway).parse_args(argv)
    log.set_name(gateway.program)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    sockets = Sockets()
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
        sockets = open_sockets(gateway, settings, inheritance)
        if identity is not None:
            _become(identity, sockets)
        PidFile(settings.pid_file).check()
        settings = _open_logs(arguments, settings)
    except StartupError as error:
        sockets.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        print(f"{gateway.program}: {error}", file=sys.stderr)
        return EXIT_CANNOT_START

    @functools.cache  # in the master once for all workers, or in each of them
    def load() -> Application:
        return gateway.load(arguments) if gateway.load else loader.load(arguments.application)

    def prepare() -> list[tuple[Listener, SessionFactory]]:
        application = load()
        if settings.status_path or settings.ping_path:
            application = gateway.status(application, master.report, settings.status_path, settings.ping_path)
        return [(one, gateway.sessions(application, settings, one.address)) for one in sockets.serving]

    master = Master(gateway, settings, sockets, load, prepare, inheritance)
    return master.run()


def _become(identity: Identity, sockets: Sockets) -> None:
    """Leave root behind, but not the socket files. Raises StartupError."""
    for listener in sockets:
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
