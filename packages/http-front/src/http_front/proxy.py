"""A request on its way to an upstream, and what an answer may ask of the front instead of going to the visitor.

::

    the answer says                      the visitor gets
    Location: /path, and no Status       the answer to /path, as if he had asked for it (RFC 3875 section 6.2.2)
    X-Accel-Redirect: /protected/file    that file, if an internal route has it
    X-Sendfile: /srv/files/file          that file, if it lies in a folder that the route names
    X-Accel-Buffering: no                content as it comes, and never faster

Only a backend can say so. What a visitor sends under these names stays behind, and these fields never leave the front.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from gateway_core.cgi import LocalRedirect, phrase
from gateway_core.client import Content, answer
from gateway_core.environ import Environ, decode_path
from gateway_core.errors import BackendError, BadGateway
from gateway_core.events import Fields, Response
from gateway_core.interfaces import Application

from .buffering import ANSWERS, Answer
from .paths import below
from .scripts import Scripts
from .static import StartResponse, plain, send_file
from .upstream import Upstream

__all__ = ["REDIRECTS_MAX", "Proxy"]

REDIRECTS_MAX = 10
"""Local redirects for one request; a program that leads to itself would never end."""

_REDIRECTS = "http_front.redirects"

_TO_THE_FRONT = ("x-accel-", "x-sendfile")
_FROM_THE_VISITOR = ("HTTP_X_ACCEL_", "HTTP_X_SENDFILE")

_OF_THE_ANSWER = frozenset((
    "cache-control", "content-disposition", "content-language", "content-type", "expires", "set-cookie",
))  # fmt: skip
"""Fields of an answer that go with the file it leads to; the others describe content that nobody gets."""


class Proxy:
    """A WSGI application: sends requests to `upstream`.

    `scripts` chooses a script (php-fpm). `params` are more variables for the backend. `buffer`: read answers faster
    than a slow visitor does. `sendfile`: folders whose files X-Sendfile may name. `internal(path)` gives the
    application for a path of X-Accel-Redirect, None if there is none. `again` is where local redirects are answered.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        scripts: Scripts | None = None,
        params: Iterable[tuple[str, str]] = (),
        buffer: bool = True,
        sendfile: Iterable[str] = (),
        internal: Callable[[str], Application | None],
        again: Application,
        log: Callable[[str], None],
    ) -> None:
        self._upstream = upstream
        self._scripts = scripts
        self._params = dict(params)
        self._buffer = buffer
        self._sendfile = [os.fsencode(folder) for folder in sendfile]
        self._internal = internal
        self._again = again
        self._log = log

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with what the backend says, or with what it leads to."""
        sent = {name: value for name, value in environ.items() if not name.startswith(_FROM_THE_VISITOR)}
        if self._scripts is not None:
            chosen = self._scripts.choose(sent)
            if chosen is None:
                return plain(start_response, "404 Not Found", "There is no such script.")
            sent = chosen
        sent |= {"REQUEST_SCHEME": environ["wsgi.url_scheme"], **self._params}
        try:
            head, content = self._upstream.request(sent)
        except BackendError as error:
            return answer(error, start_response)
        elsewhere = self._elsewhere(environ, head)
        if elsewhere is not None:
            content.close()
            return elsewhere(start_response)
        return self._pass_on(environ, start_response, head, content)

    def _pass_on(
        self, environ: Environ, start_response: StartResponse, head: Response, content: Content
    ) -> Iterable[bytes]:
        fields = [field for field in head.fields if not field[0].lower().startswith(_TO_THE_FRONT)]
        try:
            start_response(f"{head.status} {head.reason or phrase(head.status)}", fields)
        except BaseException:
            content.close()
            raise
        if not self._buffer or _value(head.fields, "x-accel-buffering").lower() == "no":
            return content
        kept = Answer(content)
        environ[ANSWERS].append(kept)
        return kept

    # -- what leads elsewhere --------------------------------------------------------------------------------------

    def _elsewhere(self, environ: Environ, head: Response) -> Callable[[StartResponse], Iterable[bytes]] | None:
        """Return what answers in place of the backend; None: it has answered itself."""
        if isinstance(head, LocalRedirect):
            return self._redirect(environ, head.target)
        uri = _value(head.fields, "x-accel-redirect")
        if uri:
            return self._inside(environ, head, uri)
        file = _value(head.fields, "x-sendfile")
        return self._file(environ, head, file) if file else None

    def _redirect(self, environ: Environ, target: str) -> Callable[[StartResponse], Iterable[bytes]]:
        """Ask for `target`, as a new request of the same visitor: GET, without content."""
        count: int = environ.get(_REDIRECTS, 0) + 1
        if count > REDIRECTS_MAX:
            return self._refuse(environ, f"more than {REDIRECTS_MAX} local redirects, the last one to {target[:200]}")
        path, _, query = target.partition("#")[0].partition("?")
        inner: dict[str, Any] = environ | {
            "REQUEST_METHOD": "HEAD" if environ["REQUEST_METHOD"] == "HEAD" else "GET",
            "REQUEST_URI": target.partition("#")[0],
            "PATH_INFO": decode_path(path),
            "QUERY_STRING": query,
            "wsgi.input": BytesIO(),
            _REDIRECTS: count,
        }
        for name in ("CONTENT_LENGTH", "CONTENT_TYPE"):
            inner.pop(name, None)
        return lambda start_response: self._again(inner, start_response)

    def _inside(self, environ: Environ, head: Response, uri: str) -> Callable[[StartResponse], Iterable[bytes]]:
        path = decode_path(uri.partition("?")[0])
        application = self._internal(path)
        if application is None:
            return self._refuse(environ, f"X-Accel-Redirect leads to {uri[:200]}, which is below no internal route")
        inner = environ | {"SCRIPT_NAME": "", "PATH_INFO": path}
        kept = _kept(head)

        def send(start_response: StartResponse) -> Iterable[bytes]:
            return application(inner, lambda status, fields: start_response(status, _merge(status, kept, fields)))

        return send

    def _file(self, environ: Environ, head: Response, file: str) -> Callable[[StartResponse], Iterable[bytes]]:
        path = file.encode("latin-1")
        normal = posixpath.normpath(path)
        for folder in self._sendfile:
            if path == normal and path.startswith(folder.rstrip(b"/") + b"/"):
                found = below(folder, path[len(folder.rstrip(b"/")) + 1 :].split(b"/"))
                return lambda start_response: send_file(environ, start_response, found, _kept(head))
        return self._refuse(
            environ, f"X-Sendfile names {file[:200]}, which is in no folder that the route lets it name"
        )

    def _refuse(self, environ: Environ, sentence: str) -> Callable[[StartResponse], Iterable[bytes]]:
        """The backend leads where nobody may go: the log learns where, the visitor that it is not his fault."""
        self._log(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}: {sentence}")
        return lambda start_response: answer(BadGateway("the backend leads to what there is not"), start_response)


def _value(fields: Fields, wanted: str) -> str:
    return next((value for name, value in fields if name.lower() == wanted), "")


def _kept(head: Response) -> Fields:
    return [(name, value) for name, value in head.fields if name.lower() in _OF_THE_ANSWER]


def _merge(status: str, kept: Fields, fields: Fields) -> Fields:
    """Put the answer's fields in place of those of a file that was found; its own page says what went wrong else."""
    if not status.startswith("2"):
        return fields
    names = {name.lower() for name, _ in kept}
    return kept + [field for field in fields if field[0].lower() not in names]
