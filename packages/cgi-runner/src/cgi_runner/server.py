"""The HTTP server with a CGI host in it: what the command line says, as a `CgiApplication` in each worker.

HTTP comes in through `wsgi_server`, unchanged; only the application is another one. The application that a visitor
means is never imported here: it lives in the programs, and each of them imports it for one request.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import wsgi_server.server
from gateway_runtime.arguments import count, seconds
from gateway_runtime.errors import StartupError
from gateway_runtime.settings import Application

from .environment import own_variables
from .guard import Guard
from .host import CgiApplication, each_request_runs, programs_below

__all__ = ["GATEWAY"]

CHECK_SECONDS = 60.0
"""How long the application may take to be imported, when that is tried at the start."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to run: one of the two")
    what.add_argument("directory", nargs="?", metavar="DIRECTORY", help="a directory of CGI programs")
    what.add_argument("--app", metavar="MODULE:APP", help="a WSGI application, in a new process for each request")
    programs = parser.add_argument_group("programs")
    programs.add_argument(
        "--timeout", type=seconds(zero=False), default=30.0, metavar="S",
        help="seconds a program may be silent; then it is ended and the answer is 504 (default 30)",
    )  # fmt: skip
    programs.add_argument(
        "--max-children", type=count(1, 10_000), default=32, metavar="N",
        help="programs that each worker runs at once; more requests wait, then get 503 (default 32)",
    )  # fmt: skip
    programs.add_argument(
        "--env", action="append", default=[], metavar="NAME[=VALUE]",
        help="a variable for the programs, besides PATH and the request; NAME alone passes this process's value on",
    )  # fmt: skip
    programs.add_argument(
        "--authorization", action="store_true",
        help="give programs the client's Authorization field (RFC 3875 section 4.1.18 keeps it from them)",
    )  # fmt: skip


def _check(arguments: argparse.Namespace) -> None:
    """Find mistakes before anything is bound. Raises StartupError."""
    if (arguments.app is None) == (arguments.directory is None):
        raise StartupError("say what to run: either DIRECTORY or --app MODULE:APP")
    try:
        own = own_variables(arguments.env)
    except ValueError as error:
        raise StartupError(f"--env: {error}") from None
    if arguments.app is not None:
        _try_import(arguments.app, own)
    elif not Path(arguments.directory).is_dir():
        raise StartupError(f"{arguments.directory} is not a directory")


def _child_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cgi_runner.child", *arguments]


def _try_import(app: str, own: dict[str, str]) -> None:
    """Import the application once, in a process and an environment like those of a request."""
    environment = {name.encode(): value.encode("latin-1") for name, value in own.items()}
    try:
        tried = subprocess.run(
            _child_command("--check", app),
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=CHECK_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise StartupError(f"{app} was not imported within {CHECK_SECONDS:g} seconds") from None
    if tried.returncode:
        words = tried.stderr.decode("utf-8", "backslashreplace").strip().splitlines() or ["it ended without a word"]
        raise StartupError(words[-1].removeprefix("cgi_runner.child: "))


def _load(arguments: argparse.Namespace) -> Application:
    """Return the host. Runs in each worker, before it has threads."""
    guard = Guard()
    guard.start()
    if arguments.app is not None:
        choose = each_request_runs(_child_command(arguments.app), arguments.app)
    else:
        choose = programs_below(arguments.directory)
    return CgiApplication(
        choose,
        own=own_variables(arguments.env),
        timeout=arguments.timeout,
        max_children=arguments.max_children,
        guard=guard,
        authorization=arguments.authorization,
    )


GATEWAY = replace(
    wsgi_server.server.GATEWAY,
    program="cgi_runner",
    description="Serve CGI programs (RFC 3875) over HTTP/1.1: a new process for each request.\n"
    "A thread waits while its program works, so --threads is how many run at once in each worker.",
    default_threads=4,
    load=_load,
    check=_check,
    add_arguments=_add_arguments,
    usage="(DIRECTORY | --app MODULE:APP)",
)
