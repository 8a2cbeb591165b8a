"""The HTTP server with a CGI host in it: what the command line says, as a `CgiApplication` in each worker.

HTTP comes in through `wsgi_server`, unchanged; only the application is another one. The application that a visitor
means is never imported here: it lives in the programs, and each of them imports it for one request.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import wsgi_server.server
from gateway_runtime.arguments import count, seconds
from gateway_runtime.errors import StartupError
from gateway_runtime.settings import Application

from . import bill_command
from .account import NO_BILL, Bill
from .environment import own_variables
from .guard import Guard
from .host import CgiApplication
from .job import Choose
from .plan import Plan, child_command
from .spawn import DEFAULT, STRATEGIES, World, strategy
from .spawn.limits import NAMES, limit

__all__ = ["GATEWAY"]

SOFTWARE = "cgi_runner/0.1.0"
"""SERVER_SOFTWARE (RFC 3875 section 4.1.17), and the value of the Server field."""

CHECK_SECONDS = 60.0
"""How long the application may take to be imported, when that is tried at the start."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to run: one of the two")
    what.add_argument("directory", nargs="?", metavar="DIRECTORY", help="a directory of CGI programs")
    what.add_argument("--app", metavar="MODULE:APP", help="a WSGI application, in a new process for each request")
    what.add_argument(
        "--interpreter", type=interpreter, action="append", default=[], metavar=".EXT=PROGRAM",
        help="run files of this ending by a program, such as .php=php-cgi; they need not be executable; repeatable",
    )  # fmt: skip
    programs = parser.add_argument_group("programs")
    programs.add_argument(
        "--spawn", choices=(*STRATEGIES, "zygote"), default=DEFAULT, metavar="HOW",
        help=f"how they are started: {', '.join(STRATEGIES)}, or zygote ({DEFAULT}); docs/how-to/cgi-spawn.md",
    )  # fmt: skip
    programs.add_argument(
        "--timeout", type=seconds(zero=False), default=30.0, metavar="S",
        help="seconds a program may be silent; then it is ended and the answer is 504 (30)",
    )  # fmt: skip
    programs.add_argument(
        "--max-children", type=count(1, 1000), default=16, metavar="N", help="programs of each worker at once (16)"
    )
    programs.add_argument(
        "--queue", type=count(0, 1000), default=64, metavar="N",
        help="requests that wait up to 10 seconds for one of them to end; any others get 503 (64)",
    )  # fmt: skip
    programs.add_argument(
        "--limit", type=limit, action="append", default=[], metavar="NAME=VALUE",
        help=f"what a program may take: {', '.join(NAMES)}, such as cpu=10 or memory=200M; repeatable",
    )  # fmt: skip
    programs.add_argument("--umask", type=mask, metavar="MASK", help="for files that they make, such as 027")
    programs.add_argument(
        "--env", action="append", default=[], metavar="NAME[=VALUE]",
        help="a variable for them, besides PATH and the request; NAME alone passes this process's value on; repeatable",
    )  # fmt: skip
    programs.add_argument(
        "--sendfile", action="append", default=[], metavar="DIRECTORY",
        help="send files below it that a program names in an X-Sendfile field; repeatable",
    )  # fmt: skip
    programs.add_argument(
        "--server-timing", action="store_true",
        help="tell in each response where its time went (Server-Timing); browsers show it beside the request",
    )  # fmt: skip
    programs.add_argument(
        "--authorization", action="store_true",
        help="give them the client's Authorization field (RFC 3875 section 4.1.18 keeps it from them)",
    )  # fmt: skip
    bill_command.add_arguments(parser)
    wsgi_server.server.add_arguments(parser)


_MASK = re.compile(r"[0-7]{1,4}")


def mask(text: str) -> int:
    """Read an octal umask."""
    if not _MASK.fullmatch(text) or int(text, 8) > 0o777:
        raise argparse.ArgumentTypeError(f"{text!r} is not an octal number up to 777")
    return int(text, 8)


def interpreter(text: str) -> tuple[str, str]:
    """Read .EXT=PROGRAM; return the ending, and where on PATH the program is."""
    ending, equals, program = text.partition("=")
    if not (equals and ending.startswith(".") and ending[1:] and "/" not in ending and program):
        raise argparse.ArgumentTypeError(f"{text!r} is not .EXT=PROGRAM, such as .php=php-cgi")
    path = shutil.which(program)
    if path is None:
        raise argparse.ArgumentTypeError(f"there is no program {program!r} on PATH")
    return ending, os.path.abspath(path)  # noqa: PTH100 - links are followed when it is run, not now


def _check(arguments: argparse.Namespace) -> None:
    """Find mistakes before anything is bound. Raises StartupError."""
    if (arguments.app is None) == (arguments.directory is None):
        raise StartupError("say what to run: either DIRECTORY or --app MODULE:APP")
    if arguments.preload:  # and each worker has a guard of its own, which has to be forked there
        raise StartupError("--preload: no program is loaded here; --spawn zygote loads an application before requests")
    try:
        own = own_variables(arguments.env)
    except ValueError as error:
        raise StartupError(f"--env: {error}") from None
    if arguments.spawn in STRATEGIES:
        try:
            strategy(arguments.spawn, _world(arguments))
        except ValueError as error:
            raise StartupError(f"--limit: {error}") from None
    for directory in arguments.sendfile:
        if not Path(directory).is_dir():
            raise StartupError(f"--sendfile: {directory} is not a directory")
    if arguments.app is not None:
        _try_import(arguments.app, own)
    elif not Path(arguments.directory).is_dir():
        raise StartupError(f"{arguments.directory} is not a directory")


def _world(arguments: argparse.Namespace) -> World:
    return World(arguments.umask, tuple(dict(arguments.limit).items()))


def _try_import(app: str, own: Mapping[bytes, bytes]) -> None:
    """Import the application once, in a process and an environment like those of a request."""
    try:
        tried = subprocess.run(
            child_command("--check", app),
            env=own, stdin=subprocess.DEVNULL, capture_output=True, timeout=CHECK_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise StartupError(f"{app} was not imported within {CHECK_SECONDS:g} seconds") from None
    if tried.returncode:
        words = tried.stderr.decode("utf-8", "backslashreplace").strip().splitlines() or ["it ended without a word"]
        raise StartupError(words[-1].removeprefix("cgi_runner.child: "))


def _load(arguments: argparse.Namespace) -> Application:
    """Return the host. Runs in each worker, before it has threads."""
    plan = _plan(arguments)
    choose, bill = _timed(plan) if arguments.server_timing else (plan.choose(), NO_BILL)
    guard = Guard(arguments.max_children)
    guard.start()
    application = CgiApplication(
        choose,
        own=plan.own,
        timeout=arguments.timeout,
        max_children=arguments.max_children,
        queue=arguments.queue,
        spawn=plan.strategy(),
        guard=guard,
        authorization=arguments.authorization,
        sendfile=arguments.sendfile,
        bill=bill,
    )
    if arguments.directory is not None:
        os.chdir(arguments.directory)  # where most programs start, so that posix_spawn has nowhere to go
    return application


def _plan(arguments: argparse.Namespace) -> Plan:
    return Plan(
        arguments.app,
        arguments.directory,
        own_variables(arguments.env),
        arguments.spawn,
        _world(arguments),
        dict(arguments.interpreter),
    )


def _timed(plan: Plan) -> tuple[Choose, Bill]:
    """Return what chooses programs that tell their part of the time, and who writes it down."""
    from .bill import Ledger
    from .bill_watch import telling  # not above: few servers have any use for them

    choose, tells = telling(plan)
    return choose, Ledger(tells=tells)


def _threads(arguments: argparse.Namespace) -> int:
    """One for each program, and for each request that waits; and one that says 503 to any other.

    With one program at a time, and nobody to wait, there is one thread: requests stand in line in their connections.
    """
    if arguments.max_children == 1 and arguments.queue == 0:
        return 1
    threads: int = arguments.max_children + arguments.queue + 1
    return threads


GATEWAY = replace(
    wsgi_server.server.GATEWAY,
    program="cgi_runner",
    description="Serve CGI programs (RFC 3875) over HTTP/1.1: a new process for each request.",
    sessions=partial(wsgi_server.server.sessions, software=SOFTWARE),
    threads=_threads,
    load=_load,
    check=_check,
    add_arguments=_add_arguments,
    usage="(DIRECTORY | --app MODULE:APP)",
)
