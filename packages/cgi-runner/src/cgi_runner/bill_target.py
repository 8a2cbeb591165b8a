"""What is measured, and how it is asked: a host as the command line would make it, called as what it is, a WSGI app.

What HTTP adds in front of a host is the same for every gateway and is measured by the bench; for a bill it would only
stand between the two clocks: the one inside, which takes the moments, and the one outside, around the whole call, whose
time the parts must add up to.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_core.environ import decode_path

from .account import Bill as Keeper
from .bill_watch import Tells, telling
from .environment import own_variables
from .host import CgiApplication
from .plan import Plan
from .spawn import DEFAULT, World, zygote

__all__ = ["MeasureError", "Target", "ask", "environ_of", "host_for", "tells"]


class MeasureError(Exception):
    """There is no bill; `str(error)` is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to run, as on the command line: either `app`, MODULE:APP, or a `directory` of programs; and how.

    `environment` is `--env`, `interpreters` maps endings to programs.
    """

    app: str | None = None
    directory: str | None = None
    path: str = "/"
    spawn: str = DEFAULT
    world: World = field(default_factory=World)
    environment: Sequence[str] = ()
    interpreters: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        """What is measured, in a few words."""
        return f"{self.app} {self.path}" if self.app else self.path


@contextlib.contextmanager
def host_for(target: Target, keeper: Keeper, note: Callable[[str], None], *, tells: bool) -> Iterator[CgiApplication]:
    """Make the host that the command line would make. `tells`: programs are started so that they tell their part.

    Raises ValueError for an odd target, StartupError for an application that a zygote cannot import.
    """
    plan = _plan(target)
    choose = telling(plan)[0] if tells else plan.choose()
    spawn = plan.strategy()
    try:
        yield CgiApplication(choose, own=plan.own, spawn=spawn, bill=keeper, log=note)
    finally:
        if isinstance(spawn, zygote.ZygoteStrategy):
            spawn.close()


def tells(target: Target) -> Tells:
    """Return which of its programs can tell their part."""
    return telling(_plan(target))[1]


def _plan(target: Target) -> Plan:
    if (target.app is None) == (target.directory is None):
        raise ValueError("say what to run: either DIRECTORY or --app MODULE:APP")
    if target.directory is not None and not Path(target.directory).is_dir():
        raise ValueError(f"{target.directory} is not a directory")
    own = own_variables(target.environment)
    return Plan(target.app, target.directory, own, target.spawn, target.world, target.interpreters)


def environ_of(target: Target) -> dict[str, Any]:
    """Return the environ of a GET for its path, as a server on this machine would make it."""
    path, _, query = target.path.partition("?")
    return {
        "REQUEST_METHOD": "GET", "REQUEST_URI": target.path,
        "SCRIPT_NAME": "", "PATH_INFO": decode_path(path), "QUERY_STRING": query,
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "cgi_runner",
        "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
        "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip


def ask(host: CgiApplication, target: Target, environ: dict[str, Any]) -> None:
    """Make a request, and take the whole response. Raises MeasureError if that is an error."""
    answers: list[str] = []

    def start_response(status: str, fields: list[tuple[str, str]], exc_info: object = None) -> Callable[..., None]:
        answers.append(status)
        return lambda data: None

    iterable: Iterable[bytes] = host(environ, start_response)
    try:
        content = b"".join(iterable)
    finally:
        if hasattr(iterable, "close"):
            iterable.close()
    if not answers[-1].startswith(("2", "3")):
        words = content.decode("utf-8", "replace").strip().partition("\n")[0][:200]
        why = f": {words}" if words and not words.startswith("<") else ""  # one sentence, or a page for a browser
        raise MeasureError(f"{target.name} is answered with {answers[-1]}{why}")
