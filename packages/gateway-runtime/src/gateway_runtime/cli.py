"""The command line that all servers share, and the way from it to a running master."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import NoReturn

from . import addresses, events, loader, log
from .access_log import FORMS, AccessLog
from .addresses import Listener
from .arguments import count, network, prefix, seconds, size, variable, workers
from .engine import Limits, SessionFactory
from .errors import EXIT_CANNOT_START, StartupError
from .master import Master
from .settings import Gateway, Settings
from .worker import ENDING

__all__ = ["main"]

_EPILOG = """\
Signals to the first process: TERM ends gracefully, INT and QUIT at once, HUP loads the application anew in new workers.
The line "ready URL" on standard error says that every worker can serve.
Exit codes: 0 stopped as asked, 1 failed while running, 2 could not start."""


class _Parser(argparse.ArgumentParser):
    """argparse, with one sentence for a mistake."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and exit with code 2."""
        self.exit(EXIT_CANNOT_START, f"{self.prog}: {message} (--help lists what there is)\n")


def _parser(gateway: Gateway) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=gateway.program,
        description=gateway.description,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if gateway.load is None:
        parser.add_argument("application", metavar="MODULE:APP", help="the WSGI application, such as demo_app:app")
    if gateway.add_arguments is not None:
        gateway.add_arguments(parser)
    serve = parser.add_argument_group("where and how many")
    serve.add_argument(
        "--bind", action="append", metavar="ADDRESS",
        help=f"HOST:PORT (port 0: any free one), unix:PATH or fd:N; may be repeated (default {gateway.default_bind})",
    )  # fmt: skip
    serve.add_argument("--workers", type=workers, default=1, metavar="N", help="processes, or auto (default 1)")
    serve.add_argument(
        "--threads", type=count(1, 1024), default=gateway.default_threads, metavar="N",
        help=f"threads in each, every one with its own connections (default {gateway.default_threads})",
    )  # fmt: skip
    serve.add_argument(
        "--backlog", type=count(1, 1024), default=1024, metavar="N", help="connections the kernel may queue"
    )
    serve.add_argument("--mount", type=prefix, metavar="PREFIX", help="the application's SCRIPT_NAME; / for the root")
    serve.add_argument(
        "--environ", type=variable, action="append", default=[], metavar="NAME=VALUE",
        help="a variable that the environ of every request has, for the application; may be repeated",
    )  # fmt: skip
    if gateway.guarded:
        serve.add_argument(
            "--allow-from", type=network, action="append", default=[], metavar="CIDR",
            help="who may connect from other machines; needed for a bind that they can reach",
        )  # fmt: skip
    limits = parser.add_argument_group("limits, in seconds and bytes")
    default = Limits()
    for name, value, text in (
        ("idle", default.idle, "a connection between two requests"),
        ("head", default.head, "a request's head, from its first byte"),
        ("body", default.body, "a silence within a request's content"),
        ("send", default.send, "a peer that does not take its response"),
        ("grace", default.grace, "requests under way at the end"),
    ):
        limits.add_argument(
            f"--{name}-timeout", type=seconds(zero=True), default=value, metavar="S", help=f"{text} ({value:g})"
        )
    limits.add_argument("--max-body", type=size, default=1 << 30, metavar="BYTES", help="a request's content (1 GiB)")
    limits.add_argument(
        "--max-connections",
        type=count(1, 1_000_000),
        default=default.connections,
        metavar="N",
        help="for each thread (10000)",
    )
    watch = parser.add_argument_group("to watch it")
    watch.add_argument(
        "--access-log", metavar="PATH", help="append a line for each request to this file; - is standard output"
    )
    watch.add_argument(
        "--access-log-format", choices=FORMS, default=FORMS[0], help=f"form of these lines (default {FORMS[0]})"
    )
    watch.add_argument("--events", metavar="PATH", help="send events as JSON to this unix datagram socket")
    watch.add_argument(
        "--event-kinds", default="", metavar="KINDS", help=f"only these, comma-separated: {', '.join(events.KINDS)}"
    )
    return parser


def _settings(gateway: Gateway, arguments: argparse.Namespace) -> Settings:
    """Turn the arguments into settings. Raises StartupError."""
    return Settings(
        workers=arguments.workers,
        threads=arguments.threads,
        bind=tuple(addresses.parse(text) for text in arguments.bind or [gateway.default_bind]),
        backlog=arguments.backlog,
        limits=Limits(
            idle=arguments.idle_timeout,
            head=arguments.head_timeout,
            body=arguments.body_timeout,
            send=arguments.send_timeout,
            grace=arguments.grace_timeout,
            connections=arguments.max_connections,
        ),
        max_body=arguments.max_body,
        mount=arguments.mount,
        allow_from=tuple(getattr(arguments, "allow_from", ())),
        variables=tuple(arguments.environ),
        access=AccessLog(arguments.access_log, arguments.access_log_format) if arguments.access_log else None,
        arguments=arguments,
    )


def _listen(gateway: Gateway, settings: Settings) -> list[Listener]:
    """Bind. Raises StartupError, also where the protocol trusts its peers and just anybody could be one."""
    listeners: list[Listener] = []
    try:
        for address in settings.bind:
            listeners.append(addresses.listen(address, settings.backlog))
            bound = listeners[-1].address  # a descriptor or a host name tells only now where it leads
            if gateway.guarded and bound.public and not settings.allow_from:
                raise StartupError(
                    f"{bound} can be reached from other machines, and {gateway.protocol} trusts whoever connects: "
                    "say who may, with --allow-from CIDR"
                )
    except StartupError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def main(gateway: Gateway, argv: list[str] | None = None) -> int:
    """Run a gateway from its command line until it is told to stop; return the exit code."""
    arguments = _parser(gateway).parse_args(argv)
    log.set_name(gateway.program)
    try:
        if not hasattr(os, "fork"):
            raise StartupError("this system cannot fork processes; use Linux, macOS or WSL")
        settings = _settings(gateway, arguments)
        if arguments.events:
            events.configure(arguments.events, arguments.event_kinds)
        if gateway.check is not None:
            gateway.check(arguments)
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # one that comes now leaves no socket file behind
        listeners = _listen(gateway, settings)
    except StartupError as error:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        print(f"{gateway.program}: {error}", file=sys.stderr)
        return EXIT_CANNOT_START

    def prepare() -> list[tuple[Listener, SessionFactory]]:
        application = gateway.load(arguments) if gateway.load else loader.load(arguments.application)
        return [(one, gateway.sessions(application, settings, one.address)) for one in listeners]

    return Master(listeners, prepare, settings, gateway.program, gateway.scheme).run()
