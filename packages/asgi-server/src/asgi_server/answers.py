"""What an application may begin its response with, checked before a byte of it can reach the wire.

"http.response.start" has a status and a list of pairs of bytes; "websocket.accept" has such a list too. What is good is
turned into the text that the codec encodes, and remembered, since applications send the same again and again.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from gateway_core.cgi import phrase
from gateway_core.errors import ApplicationError
from gateway_core.events import Fields
from gateway_core.http1.grammar import HOP_BY_HOP
from gateway_core.memo import KEY_MAX, Memo
from gateway_core.response_checks import check_fields

from .interfaces import Message

__all__ = ["Head", "check_start", "message_type", "pairs"]

Pairs = tuple[tuple[bytes, bytes], ...]

_NO_CONTENT = (204, 304)


class Head(NamedTuple):
    """A good beginning. `length` is Content-Length as declared, or None."""

    status: str
    fields: Fields
    length: int | None
    bare: bool
    """The status allows no content."""
    close: bool
    """The application wants the connection to close."""


def message_type(message: object) -> str:
    """Return the type of a message. Raises ApplicationError if it has none."""
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(kind, str):
        raise ApplicationError(f'a message is a dict with a "type", not {message!r:.200}')
    return kind


def check_start(message: Message) -> Head:
    """Check an "http.response.start". Raises ApplicationError."""
    status = message.get("status")
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ApplicationError(f"the status of a response is an int from 200 to 599, not {status!r:.200}")
    return _HEADS[int(status), *pairs(message)]


def pairs(message: Message) -> Pairs:
    """Return the headers of a message as a tuple of pairs of bytes. Raises ApplicationError."""
    headers = message.get("headers", ())
    try:
        found = tuple([(name, value) for name, value in headers])
    except (TypeError, ValueError):
        raise ApplicationError(f"headers are an iterable of [name, value] pairs, not {headers!r:.200}") from None
    for pair in found:
        if type(pair[0]) is not bytes or type(pair[1]) is not bytes:
            raise ApplicationError(f"name and value of a header are bytes, not {pair!r:.200}")
    return found


def _head(key: tuple[int, *Pairs]) -> Head:
    """Make a head of a status and pairs. Raises ApplicationError.

    Names go out in lower case, as ASGI asks of the application. How a message is framed and whether the connection
    stays are the server's affair: Transfer-Encoding and its like are left out, but for the wish of Connection: close.
    """
    status, *headers = key
    fields: Fields = []
    close = False
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in HOP_BY_HOP:
            close = close or (name == "connection" and value.lower() == "close")
        else:
            fields.append((name, value.strip(" \t")))
    checked, length = check_fields(fields)
    return Head(f"{status} {phrase(status)}", checked, length, status in _NO_CONTENT, close)


def _size(key: tuple[int, *Pairs]) -> int:
    """Return the size that a memo goes by: a cookie is a secret and never repeats."""
    _, *headers = key
    secret = any(name.lower() == b"set-cookie" for name, _ in headers)
    return KEY_MAX + 1 if secret else sum(len(name) + len(value) for name, value in headers)


_HEADS: Final[Memo[Any, Head]] = Memo(_head, _size)
