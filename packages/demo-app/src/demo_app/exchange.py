"""What a handler is given, and the few ways it may answer.

A handler is a function ``(request, start_response) -> iterable of bytes``: PEP 3333 with the
environ wrapped once, so that decoding a path or a number is written in one place. Bad input ends in
a `RefusalError`, which the router turns into an answer; a handler raises it before ``start_response``.

Text in an environ is "bytes in disguise" (PEP 3333, Unicode Issues): each character is one byte.
``.encode("latin-1")`` takes the disguise off, and what is underneath should be UTF-8.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    Handler = Callable[["Request", StartResponse], Iterable[bytes]]

Headers = Sequence[tuple[str, str]]

#: More fields than any form of this site has; stops a query made to be slow.
MAX_FIELDS = 50

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


class RefusalError(Exception):
    """This request gets an error answer: a status, one sentence, and perhaps headers."""

    def __init__(self, status: HTTPStatus, sentence: str, headers: Headers = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers


class BadValueError(RefusalError):
    """A value in the query is wrong: 400, answered as one line of text."""

    def __init__(self, sentence: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, sentence)


@dataclass
class Request:
    """One call of the application: the environ, its number in this process, and when it began."""

    environ: "WSGIEnvironment"
    number: int
    started: float

    @property
    def method(self) -> str:
        """The method, in the letters that the client wrote (RFC 9110 §9.1)."""
        return str(self.environ["REQUEST_METHOD"])

    @cached_property
    def root(self) -> str:
        """Where the application is mounted, ready for a link: "" or "/museum", percent-encoded."""
        return quote(self.environ.get("SCRIPT_NAME", "").encode("latin-1", "replace"))

    @cached_property
    def path(self) -> str:
        """The decoded path below `root`; "/" for an empty one. Raises `RefusalError` if not UTF-8."""
        try:
            path: str = self.environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8")
        except UnicodeError:
            raise RefusalError(HTTPStatus.BAD_REQUEST, "The path is not UTF-8.") from None
        if "\0" in path:
            raise RefusalError(HTTPStatus.BAD_REQUEST, "The path has a NUL in it.")
        return path or "/"

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The fields of the query string. Raises `BadValueError` when there are too many."""
        try:
            return parse_qs(self.environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise BadValueError(f"The query has more than {MAX_FIELDS} fields.") from None

    def word(self, name: str, default: str) -> str:
        """Return one query value as text. Raises `BadValueError` when it is given more than once."""
        values = self.query.get(name, [default])
        if len(values) > 1:
            raise BadValueError(f"The value {name!r} is given more than once.")
        return values[0]

    def number_in(self, name: str, default: int, lowest: int, highest: int) -> int:
        """Return one query value as a whole number. Raises `BadValueError` outside of the bounds."""
        word = self.word(name, str(default))
        if not _NUMBER.fullmatch(word) or not lowest <= int(word) <= highest:
            raise BadValueError(f"The value {name!r} must be a whole number from {lowest} to {highest}.")
        return int(word)


def status_line(code: int) -> str:
    """Return "404 Not Found" for 404; codes that HTTP does not name get the reason "Unnamed"."""
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"{code} Unnamed"


def send(
    start_response: "StartResponse", kind: str, body: bytes, code: int = 200, headers: Headers = ()
) -> list[bytes]:
    """Answer with a whole body of media type ``kind``."""
    start_response(
        status_line(code),
        [("Content-Type", kind), ("Content-Length", str(len(body))), *headers],
    )
    return [body]


def send_text(start_response: "StartResponse", text: str, code: int = 200, headers: Headers = ()) -> list[bytes]:
    """Answer with plain text, a line end added."""
    body = f"{text}\n".encode()
    return send(start_response, "text/plain; charset=utf-8", body, code, headers)
