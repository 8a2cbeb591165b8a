"""The web server's side of CGI: a WSGI application that runs a program for each request.

::

    environ --choose--> Job (which program)                  programs.py, or one program for all
            --start---> Output of a running program          start.py, spawn/, pump.py
            ----------> Run: status, fields, content         run.py
                        or Raw: bytes for the client         nph.py
            ----------> another program's response           a local redirect, here
                        a file                               sendfile.py
            --close---> reaped, or made to end               ending.py

A thread waits while its program works.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gateway_core.cgi import LocalRedirect, phrase
from gateway_core.environ import decode_path, mount
from gateway_core.errors import BackendError, BadGateway
from gateway_core.events import Response
from gateway_core.response_checks import HOP_BY_HOP
from gateway_runtime import log

from .account import NO_BILL, Account, Bill
from .guard import Guard
from .job import Choose, Job
from .nph import Raw, raw_response
from .places import Places
from .refused import Refused
from .run import Run
from .sendfile import Files, NotSent, split
from .spawn import Spawn, strategy
from .start import Starter

__all__ = ["CgiApplication"]

StartResponse = Callable[..., Any]

REDIRECTS_MAX = 10
"""Local redirects that one request may cause: enough for any honest chain, few enough to stop a circle."""


class CgiApplication:
    """A WSGI application that runs a program for each request.

    `choose` says which. `own` are environment variables besides those of the request (`environment.own_variables`).
    `timeout`: seconds that a program may be silent. `max_children`: programs that run at once; `queue` more requests
    wait for a place, and any others are refused with 503. `spawn` starts them; `log` takes one line. `guard`: ends the
    programs when this process dies; it has as many places. `authorization`: programs get the Authorization field.
    `sendfile`: directories whose files X-Sendfile may name. `bill` takes the time of everything.
    """

    def __init__(
        self,
        choose: Choose,
        *,
        own: Mapping[bytes, bytes] | None = None,
        timeout: float = 30.0,
        max_children: int = 32,
        queue: int = 32,
        spawn: Spawn | None = None,
        log: Callable[[str], None] = log.line,
        guard: Guard | None = None,
        authorization: bool = False,
        sendfile: Sequence[str] = (),
        bill: Bill = NO_BILL,
    ) -> None:
        self._choose = choose
        self._log = log
        self._files = Files(sendfile)
        self._bill = bill
        self._starter = Starter(
            spawn or strategy("posix-spawn"),
            Places(max_children, queue),
            guard or Guard(max_children),  # one that was not started does nothing
            own=own or {},
            timeout=timeout,
            authorization=authorization,
            log=log,
        )

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Run the program that `environ` asks for and pass its response on."""
        account = self._bill.open(environ)
        try:
            return self._answer(environ, start_response, account)
        except Refused as refused:
            account.close()
            return _refuse(refused, start_response)
        except BackendError as error:
            return _refuse(Refused(f"{error.status} {phrase(error.status)}", f"{error}"), start_response)

    def _answer(self, environ: dict[str, Any], start_response: StartResponse, account: Account) -> Iterable[bytes]:
        """Run the program, and those that it redirects to (RFC 3875 section 6.2.2), until one has a response."""
        no_content = environ["REQUEST_METHOD"] == "HEAD"
        for _ in range(REDIRECTS_MAX + 1):
            job = self._choose(environ)
            if job.raw:
                return self._pass_through(job, environ, account)
            run = Run(self._starter.start(job, environ, account), no_content=no_content)
            head = run.head()
            redirected = _redirected(environ, head.target) if isinstance(head, LocalRedirect) else None
            if redirected is None:
                return self._pass_on(job, head, run, start_response, account)
            try:
                run.drain()
            finally:
                run.close()
            environ = redirected
        raise Refused("502 Bad Gateway", f"The programs redirect in a circle (more than {REDIRECTS_MAX} times).")

    def _pass_through(self, job: Job, environ: dict[str, Any], account: Account) -> Raw:
        """Give what an nph- program gives, as it is."""
        begin = raw_response(environ)
        raw = Raw(self._starter.start(job, environ, account))
        raw.wait()
        try:
            begin()
        except BaseException:
            raw.close()
            raise
        return raw

    def _pass_on(
        self, job: Job, head: Response, run: Run, start_response: StartResponse, account: Account
    ) -> Iterable[bytes]:
        """Give the response of a program, or the file that it names."""
        fields, named = split(_end_to_end(head))
        file, whole = None, None
        try:
            if named and self._files:
                run.drain()  # it has said what it had to say; let it end
                file, fields = self._files.open(named, fields)
            else:
                whole = run.whole()
            start_response(f"{head.status} {head.reason}", [*fields, *account.fields()])
        except NotSent as error:
            run.close()
            self._log(f"{job.name}: {error}")
            raise BadGateway("The program names a file that cannot be sent; the server's log says why.") from None
        except BaseException:
            run.close()
            raise
        if whole is None and file is None:
            return run
        run.close()
        return file if file is not None else [whole or b""]


def _redirected(environ: dict[str, Any], target: str) -> dict[str, Any] | None:
    """Return the environ of a fresh GET for `target`; None if that lies outside of what is mounted here."""
    path, _, query = target.partition("?")
    fresh = {name: value for name, value in environ.items() if name not in ("CONTENT_LENGTH", "CONTENT_TYPE")}
    fresh.update(REQUEST_METHOD="GET", REQUEST_URI=target, SCRIPT_NAME="", PATH_INFO=decode_path(path))
    fresh.update({"QUERY_STRING": query, "wsgi.input": io.BytesIO()})
    return fresh if mount(fresh, environ.get("SCRIPT_NAME", "")) else None


def _refuse(refused: Refused, start_response: StartResponse) -> list[bytes]:
    start_response(refused.status, [("Content-Type", "text/plain; charset=utf-8"), *refused.fields])
    return [f"{refused}\n".encode()]


def _end_to_end(head: Response) -> list[tuple[str, str]]:
    """Return the fields that a program may set: those of the connection are the server's."""
    return [(name, value) for name, value in head.fields if name.lower() not in HOP_BY_HOP]
