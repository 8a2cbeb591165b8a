"""A job becomes a running program: environment, place, process, pump.

::

    Job, environ ----> variables        environment.py     400 if a value cannot be one
                 ----> a place          places.py          503 if there is none
                 --spawn--> Child       spawn/             500 or 503 if it cannot be started
                 ----> Output           run.py             reaped at the end, and the place is free again
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from gateway_core.client import VISITOR
from gateway_runtime import events

from .account import Account
from .environment import BadEnvironment, cgi_environment
from .guard import Guard
from .job import Job
from .places import Full, Places
from .pump import Pump
from .refused import Refused
from .run import Output
from .spawn import Child, Command, Spawn, TryAgain

__all__ = ["Starter"]

QUIET = 0.004
"""Seconds for which a program is left alone at first (see `pump`): more would delay those that talk for long."""

QUIET_MAX = 0.05
"""Seconds in which a program is left alone that has ended in half of them the last time, its output in one pipe: if it
goes on this time, nobody sees that its first words come so much later."""

QUIET_SIZE = 32 * 1024
"""Bytes of output that surely stand in a pipe. A program that gives more would wait for us to read."""

_KNOWN_MAX = 1000
"""Programs that are known to be small. It is only the names of files, but directories can be large."""

QUEUE_SECONDS = 10.0
"""How long a request waits for a place: a visitor's patience."""

_RETRY_AFTER = (("Retry-After", "5"),)


class Starter:
    """Starts programs, `places` of them at once.

    `own` are environment variables besides those of the request. `timeout`: seconds that a program may be silent.
    `predict`: leave programs alone for as long as they are expected to take, if that is little. The others are
    described at `host.CgiApplication`.
    """

    def __init__(
        self,
        spawn: Spawn,
        places: Places,
        guard: Guard,
        *,
        own: Mapping[bytes, bytes],
        timeout: float,
        authorization: bool,
        predict: bool,
        log: Callable[[str], None],
    ) -> None:
        self._spawn = spawn
        self._places = places
        self._guard = guard
        self._own = own
        self._timeout = timeout
        self._authorization = authorization
        self._log = log
        self._predict = predict
        self._quiet: dict[str, float] = {}  # by the name of a program that is known to be small

    def start(self, job: Job, environ: Mapping[str, Any], account: Account) -> Output:
        """Start a program. Raises Refused when there is no place for it, or it cannot be started."""
        length = environ.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()):
            raise Refused("400 Bad Request", "CONTENT_LENGTH is not a number.")
        try:
            variables = cgi_environment(environ, self._own, job.variables, authorization=self._authorization)
        except BadEnvironment as error:
            raise Refused("400 Bad Request", f"{error}.") from None
        try:
            place = self._places.take(QUEUE_SECONDS)
        except Full:
            self._log(f"{job.name}: refused: {self._places.count} programs are running (--max-children)")
            raise Refused("503 Service Unavailable", "Too many programs are running.", _RETRY_AFTER) from None
        account.mark("spawn")
        try:
            variables |= account.variables(job.argv)
            child = self._spawn(Command(job.argv, variables, job.directory, int(length) > 0))
        except BaseException as error:
            self._places.give(place)
            if not isinstance(error, OSError):
                raise
            self._log(f"{job.name}: cannot be started: {_why(error)}")
            raise _not_started(error) from None
        self._guard.started(place, child.pid)
        account.mark("spawned")
        if events.wanted("spawn"):
            route = f"{environ['REQUEST_METHOD']} {environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
            events.emit("spawn", pid=child.pid, ppid=os.getpid(), role="cgi", request=route)
        return self._watch(child, job, environ, int(length), place, account)

    def _watch(
        self, child: Child, job: Job, environ: Mapping[str, Any], length: int, place: int, account: Account
    ) -> Output:
        began = time.monotonic()

        def note(sentence: str) -> None:
            self._log(f"{job.name}[{child.pid}]: {sentence}")

        def done(status: int) -> None:
            self._learn(job, time.monotonic() - began, pump.size)
            self._guard.ended(place)
            self._places.give(place)
            if events.wanted("exit"):
                events.emit("exit", pid=child.pid, ppid=os.getpid(), role="cgi", status=status)
            account.close()

        pump = Pump(
            child, environ["wsgi.input"], length, self._timeout, note,
            client=environ.get(VISITOR, -1), mark=account.mark,
            quiet=0.0 if job.raw else self._quiet.get(job.name, QUIET),
        )  # fmt: skip
        return Output(child, pump, self._timeout, note, done, account.mark)

    def _learn(self, job: Job, took: float, size: int) -> None:
        """How long may the next of these be left alone? Twice as long as this one has taken."""
        if self._predict and 2 * took <= QUIET_MAX and size <= QUIET_SIZE:
            if len(self._quiet) >= _KNOWN_MAX:
                self._quiet.clear()
            self._quiet[job.name] = max(QUIET, 2 * took)
        else:
            self._quiet.pop(job.name, None)


def _not_started(error: OSError) -> Refused:
    if isinstance(error, TryAgain):
        return Refused("503 Service Unavailable", "The program cannot be started just now.", _RETRY_AFTER)
    return Refused("500 Internal Server Error", "The program cannot be started; the server's log says why.")


def _why(error: OSError) -> str:
    if error.errno == errno.ENOEXEC:  # the most common mistake with a new program
        return "it has no #! line, or one that names no interpreter for this machine"
    return error.strerror or str(error)
