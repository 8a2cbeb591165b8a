"""Does the adapter keep both its promises: CGI outside, WSGI inside? Tried by wsgiref.validate and by real programs."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from types import ModuleType
from typing import Any
from wsgiref.validate import validator

from lesson_kit.checking import NotYet
from lesson_kit.lessons.lesson_07.looking import PROGRAMS, module_of
from lesson_kit.lessons.lesson_07.real import parsed, real_answers, variables

__all__ = ["check_run_with_cgi"]

Adapter = Callable[[Any, dict[str, str], Any, Any], object]
App = Callable[..., Iterable[bytes]]


class Output:
    """Standard output, as bytes."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: object) -> int:
        """Take bytes, and nothing else."""
        if isinstance(data, str):
            raise NotYet("str_body", "A str was written, and what passes through a pipe is bytes.")
        if not isinstance(data, bytes):
            raise NotYet("type", f"What was written is of type {type(data).__name__}, and must be bytes.")
        self.data += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


class Planned(Exception):  # no fault: it is what the application is asked to do
    """What an application of a check raises."""


def check_run_with_cgi(run_with_cgi: Adapter, dice: random.Random) -> None:
    """Ask about one thing after another; then hold the answers to those of real CGI programs."""
    several = module_of(PROGRAMS / "several.py")
    _plain(run_with_cgi, several)
    _closes(run_with_cgi)
    _writes(run_with_cgi, several, dice)
    _heads(run_with_cgi, several)
    _environ(run_with_cgi)
    _validated(run_with_cgi, several, dice)
    for case, wanted in real_answers().items():
        if parsed(_validly(run_with_cgi, getattr(several, case.app), case.method, case.content)) != wanted:
            raise NotYet(
                "differs", f"`{case.app}` in programs/several.py answers otherwise than as a real CGI program."
            )


def _answer(run_with_cgi: Adapter, app: App, method: str = "GET", content: bytes = b"") -> bytes:
    output = Output()
    try:
        run_with_cgi(app, variables(method, content), BytesIO(content), output)
    except UnicodeError:
        raise NotYet(
            "str_body", "A byte of the content was read as a letter of UTF-8, and is none. Is content text?"
        ) from None
    return output.data


def _plain(run_with_cgi: Adapter, several: ModuleType) -> None:
    answer = _answer(run_with_cgi, several.hello)
    if not answer:
        raise NotYet("blank", "Nothing was written to `stdout`: no head, no content.")
    if answer.startswith(b"HTTP/"):
        raise NotYet("status_line", "The answer begins as an HTTP server's does. Who speaks to the browser, in CGI?")
    found = parsed(answer)
    if found.status != "200 OK" or found.fields != (("content-type", "text/plain"),):
        raise NotYet("head", "The head is not what the application gave to `start_response`.")
    if found.content != b"hello, /tour\n":
        raise NotYet("content", "The content is not what the application returned: is every piece of it out, once?")


def _closes(run_with_cgi: Adapter) -> None:
    """Count the calls of close(), after an answer and after an error in the middle of it."""
    for fails, idea in ((False, "forgets_close"), (True, "closes_if_all_went_well")):
        closed: list[bool] = []
        try:
            _answer(run_with_cgi, lambda _, start, f=fails, c=closed: (start("200 OK", []), _Pieces(f, c))[1])
        except Planned:
            pass
        if not closed:
            when = "after an error in the middle of its content" if fails else "at the end of its content"
            raise NotYet(
                idea, f"An application that holds something, such as a file, was not told {when} that it can let go."
            )
        if len(closed) > 1:
            raise NotYet("closes_twice", "What the application returned was closed more than once.")


class _Pieces:
    """Content that notes whether it is closed."""

    def __init__(self, fails: bool, closed: list[bool]) -> None:
        self._fails, self._closed = fails, closed

    def __iter__(self) -> Iterator[bytes]:
        yield b"a piece"
        if self._fails:
            raise Planned

    def close(self) -> None:
        self._closed.append(True)


def _writes(run_with_cgi: Adapter, several: ModuleType, dice: random.Random) -> None:
    if parsed(_answer(run_with_cgi, several.written)).content != b"written\nand written\nreturned\n":
        raise NotYet(
            "ignores_write", "An application may also say its content by calling what `start_response` returns."
        )
    noise = b"\xff" + dice.randbytes(60)

    def noisy(_: object, start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Type", "image/x-noise")])
        return [noise]

    if parsed(_answer(run_with_cgi, noisy)).content != noise:
        raise NotYet("str_body", "Content that is no text came out otherwise than it went in.")


def _heads(run_with_cgi: Adapter, several: ModuleType) -> None:
    """Ask when the head goes out: with the first piece, or at the end; and whether it can be taken back then."""
    changed = _answer(run_with_cgi, several.changed)
    if parsed(changed).status[:3] != "500" or b"200 OK" in changed:
        raise NotYet(
            "head_too_early", "An application thought better of its status before any content, and it was too late."
        )
    if not _answer(run_with_cgi, several.empty):
        raise NotYet(
            "empty_has_no_head", "An application without content got no answer at all. When does the head go out?"
        )
    refused: list[bool] = []

    def late(_: object, start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        yield b"half an answer, "
        try:
            raise Planned
        except Planned:
            try:
                start("500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info())
            except Planned:
                refused.append(True)
                raise
        yield b"and another one"

    try:
        _answer(run_with_cgi, late)
    except Planned:
        pass
    if not refused:
        raise NotYet("second_head", "An application wanted another head when the first was out, and was not told that "
                     "it is too late.")  # fmt: skip


def _environ(run_with_cgi: Adapter) -> None:
    """Look at what the application is given."""
    given: dict[str, Any] = {}

    def looks(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        given.update(environ)
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"seen"]

    _answer(run_with_cgi, looks)
    absent = [name for name, value in variables().items() if given.get(name) != value]
    if absent:
        raise NotYet("variables", f"The application does not find {absent[0]}, which is a variable of the request.")
    if not any(name.startswith("wsgi.") for name in given):
        raise NotYet("variables_are_enough", "The application finds the variables of CGI, and nothing of WSGI's own.")
    if given.get("wsgi.run_once") is not True:
        raise NotYet("stays_alive", "`wsgi.run_once` asks: will this process be there for another request? And in CGI?")
    if given.get("wsgi.multithread") is not False or given.get("wsgi.multiprocess") is not True:
        raise NotYet("flags", "Can another thread, or another process, run this application at the same time? In CGI?")


def _validated(run_with_cgi: Adapter, several: ModuleType, dice: random.Random) -> None:
    content = dice.randbytes(dice.randint(1, 3000))
    if parsed(_validly(run_with_cgi, several.echo, "POST", content)).content != content:
        raise NotYet(
            "input", "An application that gives back what it was sent gave something else. Where is the content?"
        )


def _validly(run_with_cgi: Adapter, app: App, method: str, content: bytes) -> bytes:
    """Return an answer that wsgiref.validate has nothing to say against."""
    returned: list[Any] = []
    valid = validator(app)

    def kept(environ: dict[str, Any], start: Any) -> Any:  # so that none is thrown away unclosed, which makes a noise
        returned.append(valid(environ, start))
        return returned[-1]

    try:
        return _answer(run_with_cgi, kept, method, content)
    except AssertionError as objection:
        raise NotYet("validate", f"wsgiref.validate says of what the application is given: {objection}") from None
    finally:
        for one in returned:
            if not one.closed:
                one.close()
