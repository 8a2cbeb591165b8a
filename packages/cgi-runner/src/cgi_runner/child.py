"""The program's side of CGI: a WSGI application as a program that answers one request and ends.

::

    python -m cgi_runner.child MODULE:APP        started by a web server, never by hand

or, as a program in a server's CGI directory, three lines::

    #!/usr/bin/python3
    from cgi_runner.child import run
    from demo_app import app; run(app)

The request stands in the environment and on standard input, the response goes to standard output (RFC 3875 sections 4
and 6). Three promises to the application:

* What it prints goes to the server's log, since one stray line on standard output would break the response.
* `wsgi.input` ends where the content does, whatever else stands in the pipe or does not come.
* A response that breaks off ends the process by a signal: CGI has no other way to tell that it is incomplete.

Everything that this module imports is paid for by every single request, so it imports next to nothing: not even `re`
and `typing`, which would double its start. `python -X importtime -m cgi_runner.child --check MODULE:APP` shows what
the application itself costs. A server starts it without `-m`, which is a module that costs more than this one:
`python -c "from cgi_runner.child import main; main()" MODULE:APP`.
"""

from __future__ import annotations

import gc
import io
import os
import sys

from gateway_core.errors import ApplicationError
from gateway_core.file_wrapper import FileWrapper
from gateway_core.response import Response

from .variables import of_the_request

TYPE_CHECKING = False  # not from typing, which every request would pay for
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from gateway_core.events import Fields
    from gateway_core.interfaces import Application

    from .content import Content

__all__ = ["load_application", "main", "run"]

EXIT_USAGE = 2
"""Not started by a web server, or the application cannot be loaded."""

DEFAULT_NAME = "application"
"""What a module's application is called when the server does not say, as in `gateway_runtime.loader`."""

LENGTH_DIGITS = 18
"""Digits of a CONTENT_LENGTH: more bytes than that nobody has."""

_ONCE = ("content-type", "location")

_USAGE = "usage: python -m cgi_runner.child [--check] MODULE:APP   (a web server starts this, once for each request)"


class Encoder:
    """Values to the bytes of a CGI response (RFC 3875 section 6): a head, then the content as it is.

    Actually `gateway_core.cgi.encode_head` writes the same head, but its module has the decoder too, and importing that
    would cost each request more than encoding it. `Response` has checked that no value holds a line break.
    """

    close_after = True
    raw = True

    def head(self, status: str, fields: Fields, length: int | None) -> bytes:
        """Encode the head. Content-Length saves the server from having to find another way to mark the end.

        Section 6.3: no field of CGI's own may come twice. Raises ApplicationError.
        """
        lines = [f"Status: {status}\r\n", *(f"{name}: {value}\r\n" for name, value in fields)]
        names = [name.lower() for name, _ in fields]
        if "status" in names:
            raise ApplicationError("a response header cannot be named Status: in CGI that is the status itself")
        for name in _ONCE:
            if names.count(name) > 1:
                raise ApplicationError(f"a CGI response can have {name} only once")
        if length is not None:
            lines.append(f"Content-Length: {length}\r\n")
        return ("".join(lines) + "\r\n").encode("latin-1")

    def data(self, data: bytes) -> bytes:
        """Content needs no frame."""
        return data

    def skip(self, count: int) -> None:
        """Content needs no count either."""

    def end(self) -> bytes:
        """Nothing: the end of the output is the end of the message (section 6.4)."""
        return b""

    def whole(self, status: str, fields: Fields, data: bytes) -> bytes:
        """Encode all of a response."""
        return self.head(status, fields, len(data)) + data


class Output:
    """Standard output, kept for the response alone: what the application prints goes to standard error."""

    full = False
    can_send_file = False

    def __init__(self) -> None:
        self.lost = False
        self.aborted = False
        self.content: Content | None = None
        self._descriptor = os.dup(1)
        os.dup2(2, 1)

    def write(self, data: bytes) -> None:
        """Write all of it. Raises BrokenPipeError when the server has closed its end."""
        view = memoryview(data)
        try:
            while view:
                room = len(view) if self.content is None else self.content.room(self._descriptor, len(view))
                view = view[os.write(self._descriptor, view[:room]) :]
        except BrokenPipeError:
            self.lost = True
            raise

    def send_file(self, fd: int, offset: int, count: int) -> None:
        """Nobody calls this: sendfile to a pipe is Linux's alone, and saves a program that ends next little."""
        raise AssertionError

    def drain(self) -> None:
        """Nothing to wait for: `write` does."""

    def close(self, *, linger: bool = False) -> None:
        """End the response."""
        os.close(self._descriptor)

    def finish(self, *, close: bool) -> None:
        """End the output: the server's side sees the end of the message, while we work on."""
        os.dup2(2, self._descriptor)

    def abort(self) -> None:
        """Remember that the response cannot be completed."""
        self.aborted = True


def run(application: Application) -> None:
    """Answer the request that this process was started for. Call it last: the process should end then.

    Ends the process with status 2, and one sentence, when it was not started as a CGI program; and by a signal when the
    response breaks off in the middle. The arguments of the process are not looked at: old servers put there what a
    visitor has written into the query (section 4.4).
    """
    _check_start()
    _answer(application, Output())


def _check_start() -> None:
    """Leave unless a web server has started this; and make sure that there are descriptors 0 to 2."""
    if "REQUEST_METHOD" not in os.environ or "GATEWAY_INTERFACE" not in os.environ:
        _stop("this is a CGI program: a web server must start it, with the request in its environment")
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # else the first file that the application opens would be its standard output
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    if sys.stderr is None:  # Python has found it closed
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - open to the end


def _answer(application: Application, output: Output) -> None:
    environ = _environ()
    if not _find_content(environ, output):
        application = _bad_length
    Response(Encoder(), output, environ["REQUEST_METHOD"]).respond(application, environ)
    output.close()
    if output.content is not None and not output.lost:
        output.content.leave()
    if output.aborted:
        _die()


def _find_content(environ: dict[str, Any], output: Output) -> bool:
    """Set `wsgi.input`; return whether CONTENT_LENGTH is one."""
    length = environ.get("CONTENT_LENGTH") or "0"
    environ["wsgi.input"] = io.BytesIO()
    if not (length.isascii() and length.isdigit() and len(length) <= LENGTH_DIGITS):
        return False
    if int(length):
        from .content import Content  # not above: most requests have none

        output.content = Content(int(length))
        environ["wsgi.input"] = output.content.file()
    elif environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked" and "CONTENT_LENGTH" not in environ:
        from .content import collect

        environ["wsgi.input"], size = collect()
        environ["CONTENT_LENGTH"] = str(size)
    return True


def _die() -> NoReturn:
    """End this process by a signal: TERM, which leaves no core file."""
    import signal  # needed by few requests, and slow to import

    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTERM)
    raise AssertionError


def _environ() -> dict[str, Any]:
    """Return the WSGI environ: what of the process environment belongs to the request, and what PEP 3333 adds.

    PATH, passwords and other settings of the server's stay in `os.environ`, where an application may look for them.
    """
    environ: dict[str, Any] = {"SCRIPT_NAME": "", "PATH_INFO": "", "QUERY_STRING": ""}
    variables = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in os.environb.items())
    environ |= {name: value for name, value in variables if of_the_request(name)}
    secure = environ.get("HTTPS", "").lower() in ("on", "1") or environ.get("REQUEST_SCHEME") == "https"
    environ |= {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if secure else "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": True,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
        "gatelab.protocol": "CGI",
    }
    return environ


def _bad_length(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
    return [b"CONTENT_LENGTH is not a number.\n"]


def _not_loaded(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
    return [b"The application cannot be loaded. The server's log says why.\n"]


def load_application(spec: str) -> Application | str:
    """Import the application; return one sentence instead when that fails."""
    module, _, name = spec.partition(":")
    try:
        found: Any = __import__(module, fromlist=[name])
        for part in (name or DEFAULT_NAME).split("."):
            found = getattr(found, part)
        if callable(found):
            return found  # type: ignore[no-any-return]  # callable() has been asked
    except (Exception, SystemExit):  # noqa: S110 - the loader below says it in words
        pass
    from gateway_runtime.errors import StartupError
    from gateway_runtime.loader import load  # not above: it is slow to import, and right after a failure nobody cares

    try:
        return load(spec)
    except StartupError as error:
        return str(error)


def _stop(sentence: str) -> NoReturn:
    if sys.stderr is not None:
        sys.stderr.write(f"cgi_runner.child: {sentence}\n")
    raise SystemExit(EXIT_USAGE)


def main(arguments: list[str] | None = None) -> None:
    """Run `MODULE:APP`; with `--check` before it, only import it. `arguments`: default those of the process.

    An application that cannot be loaded is answered with 500, since a response is never empty (section 6.1), and ends
    the process with status 2 and one sentence.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    check = arguments[:1] == ["--check"]
    specs = arguments[check:]
    if len(specs) != 1 or specs[0].startswith("-"):
        _stop(_USAGE)
    if not check:
        _check_start()
        output = Output()  # before the import, which may print too
    gc.disable()  # nothing that is imported is garbage: looking for some would be a twentieth of the start
    application = load_application(specs[0])
    gc.freeze()
    gc.unfreeze()  # all of it is old now, without a look at it, which would take longer than the answer
    gc.enable()
    if not check:
        _answer(_not_loaded if isinstance(application, str) else application, output)
    if isinstance(application, str):
        _stop(application)


if __name__ == "__main__":
    main()
