"""The web server's side of CGI: a WSGI application that runs a program for each request.

::

    environ --choose--> Job (which program)                  programs.py, or one program for all
            --start---> Output of a running program          start.py, spawn/, pump.py
            ----------> Run: status, fields, content         run.py
                        or Raw: bytes for the client         nph.py
            ----------> another program's response           redirects.py
                        a file                               sendfile.py
            --close---> reaped, or made to end               ending.py

A thread waits while its program works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from gateway_core.cgi import LocalRedirect, phrase
from gateway_core.errors import BackendError, BadGateway
from gateway_core.events import Response
from gateway_core.file_wrapper import FileWrapper
from gateway_core.response_checks import HOP_BY_HOP
from gateway_runtime import log

from .account import NO_BILL, Account, Bill
from .guard import Guard
from .job import Choose, Job
from .nph import Raw, raw_response
from .places import Places
from .redirects import REDIRECTS_MAX, NotFollowed, follow
from .refused import Refused
from .run import Run
from .sendfile import Files, NotSent, split
from .spawn import Spawn, strategy
from .start import Starter

__all__ = ["CgiApplication"]

StartResponse = Callable[..., Any]

PATH_SHOWN = 500
"""Characters of a path that stand in the log, so that there is room for what is wrong with it."""


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
            predict=bill is NO_BILL,  # a bill tells when the head has come, if the host sees that
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
            job = self._find(environ)
            if job.raw:
                return self._pass_through(job, environ, account)
            run = Run(self._starter.start(job, environ, account), no_content=no_content)
            head = run.head()
            onward = self._follow(job, head, run, environ)
            if onward is None:
                return self._pass_on(job, head, run, environ, start_response, account)
            environ = onward
        self._log(f"{job.name}: not followed: the programs redirect more than {REDIRECTS_MAX} times")
        raise Refused("502 Bad Gateway", f"The programs redirect in a circle (more than {REDIRECTS_MAX} times).")

    def _find(self, environ: dict[str, Any]) -> Job:
        """Choose the program. Raises Refused, which stands in the log too: it may be the owner's mistake."""
        try:
            return self._choose(environ)
        except Refused as refused:
            path = environ.get("REQUEST_URI", "").partition("?")[0] or environ.get("PATH_INFO", "")
            self._log(f"{path[:PATH_SHOWN]}: {refused.status[:3]}: {refused}")
            raise

    def _follow(self, job: Job, head: Response, run: Run, environ: dict[str, Any]) -> dict[str, Any] | None:
        """Return the request that is to be answered in place of this one; None if it is this one."""
        if not isinstance(head, LocalRedirect):
            return None
        try:
            onward = follow(environ, head.target)
        except NotFollowed as error:
            run.close()
            self._log(f"{job.name}: {error}")
            raise BadGateway("The program redirects to where nobody can go; the server's log says why.") from None
        if onward is not None:
            with closing(run):
                run.drain()
        return onward

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
        self,
        job: Job,
        head: Response,
        run: Run,
        environ: dict[str, Any],
        start_response: StartResponse,
        account: Account,
    ) -> Iterable[bytes]:
        """Give the response of a program, or the file that it names."""
        status, (fields, named) = f"{head.status} {head.reason}", split(_end_to_end(head))
        content: Iterable[bytes] = run
        try:
            if named and self._files:
                run.drain()
                status, fields, content = self._files.respond(
                    named, Response(head.status, head.reason, fields), environ
                )
            else:
                if named:
                    self._log(f"{job.name}: X-Sendfile is dropped: no --sendfile names a directory")
                whole = run.whole()
                content = run if whole is None else [whole]
            start_response(status, [*fields, *account.fields()])
        except BaseException as error:
            run.close()
            if isinstance(content, FileWrapper):
                content.close()
            if not isinstance(error, NotSent):
                raise
            self._log(f"{job.name}: {error}")
            raise BadGateway("The program names a file that cannot be sent; the server's log says why.") from None
        if content is not run:
            run.close()
        return content


def _refuse(refused: Refused, start_response: StartResponse) -> list[bytes]:
    start_response(refused.status, [("Content-Type", "text/plain; charset=utf-8"), *refused.fields])
    return [f"{refused}\n".encode()]


def _end_to_end(head: Response) -> list[tuple[str, str]]:
    """Return the fields that a program may set: those of the connection are the server's."""
    return [(name, value) for name, value in head.fields if name.lower() not in HOP_BY_HOP]
