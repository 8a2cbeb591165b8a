"""The web server's side of CGI: a WSGI application that runs a program for each request.

::

    environ --choose--> Job (which program)                  programs.py, or one program for all
            ----------> environment variables                environment.py
            ----------> a place, or 503                      places.py
            --spawn---> Child                                spawn/
    content --Pump----> program --Pump--> ResponseParser     pump.py, run.py
            <---------- status, fields, content
            --close---> reaped, or made to end               ending.py

A thread waits while its program works, and a worker runs at most `max_children` of them at once.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gateway_core.cgi import LocalRedirect, ResponseParser, phrase
from gateway_core.client import VISITOR
from gateway_core.environ import decode_path, mount
from gateway_core.errors import BackendError
from gateway_core.events import Response
from gateway_core.response_checks import HOP_BY_HOP
from gateway_runtime import events, log

from .account import NO_BILL, Account, Bill
from .environment import BadEnvironment, cgi_environment
from .guard import Guard
from .job import Choose
from .places import Full, Places
from .pump import Pump
from .refused import Refused
from .run import Run
from .spawn import Child, Command, Spawn, TryAgain, strategy

__all__ = ["CgiApplication"]

REDIRECTS_MAX = 10
"""Local redirects that one request may cause: enough for any honest chain, few enough to stop a circle."""

QUEUE_SECONDS = 10.0
"""How long a request waits for a place when `max_children` run: a visitor's patience."""

_RETRY_AFTER = (("Retry-After", "5"),)


class CgiApplication:
    """A WSGI application that runs a program for each request.

    `choose` says which. `own` are environment variables besides those of the request (`environment.own_variables`).
    `timeout`: seconds that a program may be silent. `max_children`: programs that run at once; `queue` more requests
    wait `queue_seconds` for a place, and any others are refused with 503. `spawn` starts them; `log` takes one line.
    `guard`: ends the programs when this process dies; it has as many places. `authorization`: programs get the
    Authorization field. `bill` takes the time of everything.
    """

    def __init__(
        self,
        choose: Choose,
        *,
        own: Mapping[bytes, bytes] | None = None,
        timeout: float = 30.0,
        max_children: int = 32,
        queue: int = 32,
        queue_seconds: float = QUEUE_SECONDS,
        spawn: Spawn | None = None,
        log: Callable[[str], None] = log.line,
        guard: Guard | None = None,
        authorization: bool = False,
        bill: Bill = NO_BILL,
    ) -> None:
        self._choose = choose
        self._own = own or {}
        self._timeout = timeout
        self._places = Places(max_children, queue)
        self._queue_seconds = queue_seconds
        self._spawn = spawn or strategy("posix-spawn")
        self._log = log
        self._authorization = authorization
        self._guard = guard or Guard(max_children)  # one that was not started does nothing
        self._bill = bill

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Run the program that `environ` asks for and pass its response on."""
        account = self._bill.open(environ)
        try:
            head, run = self._answer(environ, account)
        except Refused as refused:
            return _refuse(refused, start_response)
        except BackendError as error:
            return _refuse(Refused(f"{error.status} {phrase(error.status)}", f"{error}"), start_response)
        try:
            whole = run.whole()
            start_response(f"{head.status} {head.reason}", [*_end_to_end(head), *account.fields()])
        except BaseException:
            run.close()
            raise
        if whole is None:
            return run
        run.close()
        return [whole]

    def _answer(self, environ: dict[str, Any], account: Account) -> tuple[Response, Run]:
        """Run the program, and those that it redirects to (RFC 3875 section 6.2.2), until one has a response."""
        no_content = environ["REQUEST_METHOD"] == "HEAD"
        for _ in range(REDIRECTS_MAX + 1):
            run = self._start(environ, no_content, account)
            head = run.head()
            redirected = _redirected(environ, head.target) if isinstance(head, LocalRedirect) else None
            if redirected is None:
                return head, run
            try:
                run.drain()
            finally:
                run.close()
            environ = redirected
        raise Refused("502 Bad Gateway", f"The programs redirect in a circle (more than {REDIRECTS_MAX} times).")

    def _start(self, environ: dict[str, Any], no_content: bool, account: Account) -> Run:
        """Start the program. Raises Refused when there is none, no place for it, or it cannot be started."""
        job = self._choose(environ)
        length = environ.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()):
            raise Refused("400 Bad Request", "CONTENT_LENGTH is not a number.")
        try:
            variables = cgi_environment(environ, self._own, job.variables, authorization=self._authorization)
        except BadEnvironment as error:
            raise Refused("400 Bad Request", f"{error}.") from None
        try:
            place = self._places.take(self._queue_seconds)
        except Full:
            self._log(f"{job.name}: refused: {self._places.count} programs are running (--max-children)")
            raise Refused("503 Service Unavailable", "Too many programs are running.", _RETRY_AFTER) from None
        account.mark("spawn")
        variables |= account.variables(job.argv)
        try:
            child = self._spawn(Command(job.argv, variables, job.directory, length != "0"))
        except OSError as error:
            self._places.give(place)
            account.close()
            self._log(f"{job.name}: cannot be started: {_why(error)}")
            raise _not_started(error) from None
        self._guard.started(place, child.pid)
        account.mark("spawned")
        if events.wanted("spawn"):
            events.emit("spawn", pid=child.pid, ppid=os.getpid(), role="cgi")
        return self._watch(child, job.name, environ, int(length), no_content, place, account)

    def _watch(
        self,
        child: Child,
        name: str,
        environ: dict[str, Any],
        length: int,
        no_content: bool,
        place: int,
        account: Account,
    ) -> Run:
        def note(sentence: str) -> None:
            self._log(f"{name}[{child.pid}]: {sentence}")

        def done(status: int) -> None:
            self._guard.ended(place)
            self._places.give(place)
            if events.wanted("exit"):
                events.emit("exit", pid=child.pid, ppid=os.getpid(), role="cgi", status=status)
            account.close()

        pump = Pump(
            child, environ["wsgi.input"], length, self._timeout, note,
            client=environ.get(VISITOR, -1), mark=None if self._bill is NO_BILL else account.mark,
        )  # fmt: skip
        return Run(child, pump, ResponseParser(head=no_content), self._timeout, note, done, account.mark)


def _redirected(environ: dict[str, Any], target: str) -> dict[str, Any] | None:
    """Return the environ of a fresh GET for `target`; None if that lies outside of what is mounted here."""
    path, _, query = target.partition("?")
    fresh = {name: value for name, value in environ.items() if name not in ("CONTENT_LENGTH", "CONTENT_TYPE")}
    fresh.update(REQUEST_METHOD="GET", REQUEST_URI=target, SCRIPT_NAME="", PATH_INFO=decode_path(path))
    fresh.update({"QUERY_STRING": query, "wsgi.input": io.BytesIO()})
    return fresh if mount(fresh, environ.get("SCRIPT_NAME", "")) else None


def _refuse(refused: Refused, start_response: Callable[..., Any]) -> list[bytes]:
    start_response(refused.status, [("Content-Type", "text/plain; charset=utf-8"), *refused.fields])
    return [f"{refused}\n".encode()]


def _end_to_end(head: Response) -> list[tuple[str, str]]:
    """Return the fields that a program may set: those of the connection are the server's."""
    return [(name, value) for name, value in head.fields if name.lower() not in HOP_BY_HOP]


def _not_started(error: OSError) -> Refused:
    if isinstance(error, TryAgain):
        return Refused("503 Service Unavailable", "The program cannot be started just now.", _RETRY_AFTER)
    return Refused("500 Internal Server Error", "The program cannot be started; the server's log says why.")


def _why(error: OSError) -> str:
    if error.errno == errno.ENOEXEC:  # the most common mistake with a new program
        return "it has no #! line, or one that names no interpreter for this machine"
    return error.strerror or str(error)
