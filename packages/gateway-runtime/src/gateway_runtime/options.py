"""The options that all servers share: what `--help` shows, and the settings that they come to."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from . import addresses, events
from .access_log import FORMS
from .arguments import bound, count, network, prefix, seconds, size, socket_file, spare, url_path, variable, workers
from .engine import Limits
from .errors import EXIT_CANNOT_START, StartupError
from .lifetime import Bound, Lifetime
from .pool import Kind, Pool
from .settings import Gateway, Settings

__all__ = ["new_parser", "settings_of"]

_EPILOG = """\
Signals to the first process:
  TERM        end gracefully: requests under way are finished
  INT, QUIT   end at once
  HUP         load the application anew, in new workers; the old ones finish when all the new ones can serve
  USR1        open log files anew, after they were moved away
  USR2        run the program anew in a new process, on the same sockets; when it can serve, this one finishes
  TTIN, TTOU  one worker more, one fewer

The line "ready URL" on standard error says that every worker can serve.
Exit codes: 0 stopped as asked, 1 failed while running, 2 could not start (one sentence on standard error says why).
To run it in the background, or at boot, let systemd start it: docs/how-to/systemd.md. To see how it is and steer it:
docs/how-to/status.md."""

_WIDTH = 118

_IDLE_WORKER = 10.0
"""Seconds that an idle worker is kept for the next request, on demand; php-fpm's default too."""


class _Parser(argparse.ArgumentParser):
    """argparse, with one sentence for a mistake."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and exit with code 2."""
        self.exit(EXIT_CANNOT_START, f"{self.prog}: {message} (--help lists what there is)\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """One line an option, where the terminal lets it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=_WIDTH)


def new_parser(gateway: Gateway) -> argparse.ArgumentParser:
    """Return the parser of a gateway's command line."""
    parser = _Parser(
        prog=gateway.program,
        usage=f"%(prog)s {gateway.usage} [options]",
        description=gateway.description,
        epilog=_EPILOG,
        formatter_class=_Formatter,
    )
    if gateway.load is None:
        parser.add_argument("application", metavar="MODULE:APP", help="the WSGI application, such as demo_app:app")
    if gateway.add_arguments is not None:
        gateway.add_arguments(parser)
    _add_where(parser, gateway)
    _add_pool(parser, gateway)
    _add_limits(parser)
    _add_process(parser)
    _add_watching(parser)
    return parser


def _add_where(parser: argparse.ArgumentParser, gateway: Gateway) -> None:
    group = parser.add_argument_group("where to listen")
    group.add_argument(
        "--bind", action="append", metavar="ADDRESS",
        help=f"HOST:PORT (port 0: a free one), unix:PATH or fd:N; repeatable ({gateway.default_bind})",
    )  # fmt: skip
    group.add_argument(
        "--backlog", type=count(1, 1024), default=1024, metavar="N", help="connections the kernel may queue (1024)"
    )
    group.add_argument("--mount", type=prefix, metavar="PREFIX", help="the application's SCRIPT_NAME; / for the root")
    group.add_argument(
        "--environ", type=variable, action="append", default=[], metavar="NAME=VALUE",
        help="a variable that the environ of every request has, for the application; repeatable",
    )  # fmt: skip
    if gateway.guarded:
        group.add_argument(
            "--allow-from", type=network, action="append", default=[], metavar="CIDR",
            help="who may connect from other machines; needed for a bind that they can reach",
        )  # fmt: skip


def _add_pool(parser: argparse.ArgumentParser, gateway: Gateway) -> None:
    group = parser.add_argument_group("processes and threads")
    group.add_argument(
        "--workers", type=workers, default=1, metavar="N", help="processes that serve, or auto: one a core (1)"
    )
    if gateway.threads is None:
        group.add_argument(
            "--threads", type=count(1, 1024), default=gateway.default_threads, metavar="N",
            help=f"calls of the application at once, in each ({gateway.default_threads})",
        )  # fmt: skip
    group.add_argument(
        "--manager", choices=[kind.value for kind in Kind], default=Kind.STATIC.value, metavar="KIND",
        help="static: always --workers; dynamic: as the load asks; ondemand: none at rest (static)",
    )  # fmt: skip
    group.add_argument("--min-workers", type=workers, metavar="N", help="dynamic: no fewer (1)")
    group.add_argument("--max-workers", type=workers, metavar="N", help="dynamic, ondemand: no more (as --workers)")
    group.add_argument("--spare", type=spare, metavar="MIN:MAX", help="dynamic: so many of them idle (1:3)")
    group.add_argument(
        "--idle-worker-timeout",
        type=seconds(zero=False),
        metavar="S",
        help="ondemand: an idle one ends after this (10)",
    )
    group.add_argument("--preload", action="store_true", help="load the application once, before the fork")


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits, in seconds and bytes")
    default = Limits()
    for name, value, text in (
        ("idle", default.idle, "a connection between two requests"),
        ("head", default.head, "a request's head, from its first byte"),
        ("body", default.body, "a request's content, plus a second for every 500 bytes"),
        ("send", default.send, "a peer that does not take its response"),
        ("grace", default.grace, "requests under way at the end"),
    ):
        group.add_argument(
            f"--{name}-timeout", type=seconds(zero=True), default=value, metavar="S", help=f"{text} ({value:g})"
        )
    group.add_argument(
        "--request-timeout", type=seconds(zero=True), default=0.0, metavar="S",
        help="a request in the application: log where it is, end its worker (0: none)",
    )  # fmt: skip
    group.add_argument(
        "--slow-log", type=seconds(zero=True), default=0.0, metavar="S",
        help="a request in the application: log where it is, let it go on (0: never)",
    )  # fmt: skip
    group.add_argument("--max-body", type=size, default=1 << 30, metavar="BYTES", help="a request's content (1G)")
    group.add_argument(
        "--max-connections", type=count(1, 1_000_000), default=default.connections, metavar="N",
        help=f"open connections of a worker ({default.connections})",
    )  # fmt: skip
    group = parser.add_argument_group("another worker takes the place of one that has reached its limit (0: none)")
    none = Bound()
    for name, read, unit, text in (
        ("requests", count(0, 1_000_000_000), "N", "requests served"),
        ("age", seconds(zero=True), "S", "seconds lived"),
        ("rss", size, "BYTES", "memory in use, such as 200M"),
    ):
        group.add_argument(
            f"--max-{name}", type=bound(read), default=none, metavar=f"{unit}[:JITTER]",
            help=f"{text}; each gets up to JITTER more by chance (0)",
        )  # fmt: skip


def _add_process(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the process")
    group.add_argument("--log-file", metavar="PATH", help="write there what would go to standard error")
    group.add_argument(
        "--pid-file", default="", metavar="PATH", help="write there the first process's id, once all serve"
    )
    group.add_argument("--user", default="", help="whom to become after binding, if root has started us")
    group.add_argument("--group", default="", help="likewise (the user's own)")


def _add_watching(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("to watch and steer it")
    for name, text in (("status", "say there how it is"), ("control", "also take orders there, from its owner")):
        group.add_argument(f"--{name}", type=socket_file, metavar="unix:PATH", help=text)
    group.add_argument("--status-path", type=url_path, metavar="/PATH", help="say it on a page among the application's")
    group.add_argument("--ping-path", type=url_path, metavar="/PATH", help='a page that says "pong"')
    group.add_argument(
        "--access-log", metavar="PATH", help="append a line for each request to this file; - is standard output"
    )
    group.add_argument(
        "--access-log-format", choices=FORMS, default=FORMS[0], metavar="FORM",
        help=f"form of these lines: {', '.join(FORMS)} ({FORMS[0]})",
    )  # fmt: skip
    group.add_argument("--events", metavar="PATH", help="send events as JSON to this unix datagram socket")
    group.add_argument(
        "--event-kinds", default="", metavar="KINDS", help=f"only these, comma-separated: {', '.join(events.KINDS)}"
    )


def settings_of(gateway: Gateway, arguments: argparse.Namespace) -> Settings:
    """Turn the arguments into settings. Raises StartupError."""
    return Settings(
        pool=_pool_of(arguments),
        threads=arguments.threads if gateway.threads is None else gateway.threads(arguments),
        bind=tuple(addresses.parse(text) for text in arguments.bind or ()),
        backlog=arguments.backlog,
        limits=Limits(
            idle=arguments.idle_timeout,
            head=arguments.head_timeout,
            body=arguments.body_timeout,
            send=arguments.send_timeout,
            grace=arguments.grace_timeout,
            connections=arguments.max_connections,
        ),
        lifetime=Lifetime(arguments.max_requests, arguments.max_age, arguments.max_rss),
        request_timeout=arguments.request_timeout,
        slow_log=arguments.slow_log,
        preload=arguments.preload,
        max_body=arguments.max_body,
        mount=arguments.mount,
        allow_from=tuple(getattr(arguments, "allow_from", ())),
        variables=tuple(arguments.environ),
        status=arguments.status or "",
        control=arguments.control or "",
        status_path=arguments.status_path or "",
        ping_path=arguments.ping_path or "",
        pid_file=arguments.pid_file,
        loop=gateway.loop,
        arguments=arguments,
    )


_POOL_OPTIONS = {
    Kind.STATIC: (),
    Kind.DYNAMIC: ("min_workers", "max_workers", "spare"),
    Kind.ONDEMAND: ("max_workers", "idle_worker_timeout"),
}


def _pool_of(arguments: argparse.Namespace) -> Pool:
    """Return the pool; an option that its kind has no use for is a mistake. Raises StartupError."""
    kind = Kind(arguments.manager)
    for name in ("min_workers", "max_workers", "spare", "idle_worker_timeout"):
        if getattr(arguments, name) is not None and name not in _POOL_OPTIONS[kind]:
            others = " or ".join(other.value for other, names in _POOL_OPTIONS.items() if name in names)
            raise StartupError(f"--{name.replace('_', '-')} is for --manager {others}, not for {kind.value}")
    number: int = arguments.workers
    if kind is Kind.STATIC:
        return Pool(kind, number, number, number)
    most: int = arguments.max_workers or number
    if kind is Kind.ONDEMAND:
        return Pool(kind, 0, 0, most, idle_timeout=arguments.idle_worker_timeout or _IDLE_WORKER)
    least: int = arguments.min_workers or 1
    if not least <= number <= most:
        raise StartupError(f"--workers {number} is not between --min-workers {least} and --max-workers {most}")
    given: Any = arguments.spare or (1, 3)
    if given[0] > most:
        raise StartupError(f"--spare {given[0]}:{given[1]} asks for more idle workers than --max-workers {most}")
    return Pool(kind, number, least, most, *given)
