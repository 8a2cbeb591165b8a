"""Endpoints to measure and to break: each does one thing to the process, or to the wire.

They answer in plain text, take numbers in the query, and keep every number within a bound, so that
no request holds a worker for ever or eats the machine. `/hello` is not here: the router answers it
before anything else.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING

from demo_app.exchange import BadValueError, RefusalError, Request, send, send_text, status_line

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

#: Milliseconds: a minute is longer than any proxy's patience, and than a test's.
MAX_SLEEP = 60_000
MAX_CPU = 10_000
MAX_CHUNKS = 10_000
#: KiB that one request, and all requests of a process together, may keep.
MAX_LEAK = 16 * 1024
MAX_LEAKED = 256 * 1024

STATUS_PREFIX = "/status/"

#: Codes whose answers have no body: RFC 9110 §15.3.5, §15.3.6, §15.4.5.
WITHOUT_BODY = {204, 205, 304}

_STATUS = re.compile(r"[2-5][0-9][0-9]", re.ASCII)

_answered = count(1)
_leaked: list[bytes] = []


def _begin() -> None:
    """Start counting again: a forked child has answered nothing yet, and what was leaked is its parent's."""
    global _answered
    _answered = count(1)
    _leaked.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


def show_environ(request: Request, start_response: "StartResponse") -> list[bytes]:
    """List the environ, one ``KEY = repr`` a line, or as JSON with ``?format=json``."""
    layout = request.word("format", "text")
    visible = _of_the_request(request)
    if layout == "text":
        return send_text(start_response, "\n".join(f"{key} = {visible[key]!r}" for key in sorted(visible)))
    if layout != "json":
        raise BadValueError("The value 'format' must be 'text' or 'json'.")
    body = json.dumps(visible, default=repr, sort_keys=True, indent=2)
    return send(start_response, "application/json", body.encode() + b"\n")


def _of_the_request(request: Request) -> dict[str, object]:
    """Leave out what the server merged in from its own process, as `wsgiref` does: it is no part of the request.

    In CGI the process's environment *is* the request, so there everything is shown.
    """
    environ = request.environ
    if environ["wsgi.run_once"]:
        return environ
    own = os.environ
    return {key: value for key, value in environ.items() if key not in own or own[key] != value}


def stream(request: Request, start_response: "StartResponse") -> Iterator[bytes]:
    """Yield ``n`` chunks, ``ms`` milliseconds apart, without saying how many bytes will come."""
    chunks, pause = chunks_and_pause(request)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return _chunks(chunks, pause)


def chunks_and_pause(request: Request) -> tuple[int, float]:
    """Return how many chunks are wanted, and the seconds between two of them."""
    chunks = request.number_in("n", 5, 0, MAX_CHUNKS)
    pause = request.number_in("ms", 100, 0, MAX_SLEEP)
    if chunks * pause > MAX_SLEEP:
        raise BadValueError(f"The whole stream must end within {MAX_SLEEP} ms.")
    return chunks, pause / 1000


def chunk(number: int, chunks: int) -> bytes:
    """Return one chunk of a stream."""
    return b"chunk %d of %d\n" % (number, chunks)


def _chunks(chunks: int, pause: float) -> Iterator[bytes]:
    for number in range(1, chunks + 1):
        if number > 1 and pause:
            time.sleep(pause)
        yield chunk(number, chunks)


def write(request: Request, start_response: "StartResponse") -> list[bytes]:
    """Use the ``write`` callable ``n`` times, then return one more line: it must come last (PEP 3333)."""
    times = request.number_in("n", 3, 0, MAX_CHUNKS)
    push = start_response("200 OK", [("Content-Type", "text/plain")])
    if request.method != "HEAD":
        for number in range(1, times + 1):
            push(b"written %d of %d\n" % (number, times))
    return [b"returned\n"]


def sleep(request: Request, start_response: "StartResponse") -> list[bytes]:
    """Wait ``ms`` milliseconds, as an application waits for its database."""
    pause = request.number_in("ms", 100, 0, MAX_SLEEP)
    time.sleep(pause / 1000)
    return send_text(start_response, f"slept {pause} ms")


def burn(request: Request, start_response: "StartResponse") -> list[bytes]:
    """Use ``ms`` milliseconds of processor time, counted for this thread alone."""
    wanted = request.number_in("ms", 100, 0, MAX_CPU)
    end = time.thread_time() + wanted / 1000
    rounds = 0
    while time.thread_time() < end:
        rounds += sum(range(500)) > 0
    return send_text(start_response, f"used {wanted} ms of processor time")


def answer_status(request: Request, start_response: "StartResponse") -> list[bytes]:
    """Answer with the status in the path, and the header that goes with it."""
    word = request.path.removeprefix(STATUS_PREFIX)
    if not _STATUS.fullmatch(word):
        raise BadValueError("The status must be a number from 200 to 599.")
    code = int(word)
    headers = _headers_for(code, request.root)
    if code in WITHOUT_BODY:
        if code == 205:
            headers.append(("Content-Length", "0"))
            headers.append(("Content-Type", "text/plain"))
        start_response(status_line(code), headers)
        return []
    return send_text(start_response, status_line(code), code, headers)


def _headers_for(code: int, root: str) -> list[tuple[str, str]]:
    if code in (201, 301, 302, 303, 307, 308):
        return [("Location", f"{root}/hello")]
    if code == HTTPStatus.UNAUTHORIZED:
        return [("WWW-Authenticate", 'Basic realm="demo"')]
    if code == HTTPStatus.METHOD_NOT_ALLOWED:
        return [("Allow", "GET, HEAD")]
    if code in (429, 503):
        return [("Retry-After", "1")]
    return []


def cookies(request: Request, start_response: "StartResponse") -> list[bytes]:
    """Set two cookies, on two lines, and send back the cookies that came."""
    path = f"{request.root}/cookies"
    headers = [
        ("Set-Cookie", f"first=1; Path={path}; HttpOnly; SameSite=Lax"),
        ("Set-Cookie", f"second=2; Path={path}; HttpOnly; SameSite=Lax"),
    ]
    came = request.environ.get("HTTP_COOKIE", "").encode("latin-1", "replace")
    return send(start_response, "text/plain; charset=utf-8", b"Cookie: %s\n" % came, headers=headers)


class CrashError(RuntimeError):
    """What `/crash` raises; nothing here catches it."""


def crash(request: Request, start_response: "StartResponse") -> Iterator[bytes]:
    """Raise: at once, or with ``after=1`` when the first chunk is out and the answer is half said."""
    if not request.number_in("after", 0, 0, 1):
        raise CrashError("the application crashed before its answer, as it was asked to")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return _half_an_answer()


def _half_an_answer() -> Iterator[bytes]:
    yield b"the first chunk\n"
    raise CrashError("the application crashed within its answer, as it was asked to")


def leak(request: Request, start_response: "StartResponse") -> list[bytes]:
    """Keep ``kb`` KiB for the life of the process. Refuses (507) beyond the process's bound."""
    size = request.number_in("kb", 64, 0, MAX_LEAK)
    kept = sum(map(len, _leaked)) // 1024
    if kept + size > MAX_LEAKED:
        sentence = f"This process keeps {kept} KiB already, and {MAX_LEAKED} KiB is its bound."
        raise RefusalError(HTTPStatus.INSUFFICIENT_STORAGE, sentence)
    _leaked.append(b"x" * (size * 1024))  # written to, so that the pages are really this process's
    return send_text(start_response, f"{kept + size} KiB kept by this process")


def answer_count(request: Request, start_response: "StartResponse") -> list[bytes]:
    """Say how many times this process has answered here: 1, 1, 1 under CGI, and 1, 2, 3 where it stays.

    With ``?who=1`` the id of the process stands before the number.
    """
    who = f"{os.getpid()} " if request.number_in("who", 0, 0, 1) else ""
    return send_text(start_response, f"{who}{next(_answered)}")


def health(_request: Request, start_response: "StartResponse") -> list[bytes]:
    """Say that the application can answer."""
    return send_text(start_response, "ok")
