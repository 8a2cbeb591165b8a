"""What an application may hand to start_response, and what is refused before a byte of it can reach the wire.

The checks run when start_response is called, while the application can still react (PEP 3333, "The start_response()
Callable"). They are those of HTTP itself: a status, names and values that could end a line early would be somebody
else's response (response splitting). Fields of the connection are not an application's to set.

Applications give the same status and the same fields again and again, so what was found good is remembered: a field,
and a status with all of its fields, each by its value. Then a check is one look into a dictionary.
"""

from __future__ import annotations

from .errors import ApplicationError

TYPE_CHECKING = False  # a CGI program imports this module for each request: `typing` and `re` would double its start
if TYPE_CHECKING:
    from typing import Final

    from .events import Fields

__all__ = ["CHECKED", "HOP_BY_HOP", "check_fields", "check_head"]

HOP_BY_HOP = frozenset((
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "te", "trailer", "trailers", "transfer-encoding", "upgrade",
))  # fmt: skip
"""Fields that belong to one connection (RFC 2616 section 13.5.1, as PEP 3333 says); not for applications."""

_NAME = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""What a field's name may be made of (RFC 9110 section 5.1: token)."""

_VALUE = frozenset(map(chr, (0x09, *range(0x20, 0x7F), *range(0x80, 0x100))))
"""What a value may be made of (RFC 9110 section 5.5): visible characters, obs-text, SP and HTAB; no other control."""

_LENGTH_DIGITS = 18
"""Digits of a Content-Length: more bytes than that nobody has."""

_CHECKED_MAX = 1024
"""Entries a cache of checked values may hold; then it starts anew, since some values never repeat."""

_KEPT_MAX = 256
"""Characters of a value that is kept. Cookies are not kept at all: they are secrets, and do not come again."""

_NO_CONTENT = ("204", "304")

_checked_fields: dict[tuple[str, str], int] = {}


if TYPE_CHECKING:
    Head = tuple[str, Fields, int | None, bool]
    """A checked head: status, fields without Content-Length, length as declared or None, and whether it is bare.

    Bare: the status allows no content. The same object comes again and again, so nobody may change its list.
    """

CHECKED: Final[dict[tuple[object, ...], Head]] = {}
"""Heads that were found good: `CHECKED[status, tuple(headers)]`. Applications repeat themselves."""


def check_head(status: object, headers: object) -> Head:
    """Check what an application has called start_response with. Raises ApplicationError.

    The list of fields is a new one, since what the application does to its own from now on was not checked.
    """
    fields, length = check_fields(headers)
    assert isinstance(headers, list)  # or check_fields would have raised
    head = (status := _check_status(status)), fields, length, status[:3] in _NO_CONTENT
    if not any(name.lower() == "set-cookie" or len(value) > _KEPT_MAX for name, value in fields):
        if len(CHECKED) >= _CHECKED_MAX:
            CHECKED.clear()
        CHECKED[status, tuple(headers)] = head
    return head


def _check_status(status: object) -> str:
    """Return `status` if it is three digits (200..599), one space and a reason; else raise ApplicationError.

    That is the status-line of RFC 9112 section 4 without the version, for a final status.
    """
    if not isinstance(status, str):
        raise ApplicationError(f"status must be str, not {type(status).__name__}")
    code, reason = status[:3], status[4:]
    final = code.isascii() and code.isdigit() and code[0] in "2345" and status[3:4] == " "
    if not (final and reason and reason[-1] not in " \t" and _VALUE.issuperset(reason)):
        raise ApplicationError(f"status must be three digits (200 to 599), a space and a reason, not {status!r}")
    return status


def _check_field(field: object) -> int:
    """Return the length that a Content-Length field declares, -1 for any other field; else raise ApplicationError."""
    if not isinstance(field, tuple) or len(field) != 2:
        raise ApplicationError(f"a response header must be a (name, value) tuple, not {field!r}")
    name, value = field
    if not isinstance(name, str) or not isinstance(value, str):
        raise ApplicationError(f"name and value of a response header must be str, not {field!r}")
    if not name or not _NAME.issuperset(name):
        raise ApplicationError(f"response header name {name!r} is not a token")
    if not (value.isascii() and value.isprintable()) and not _VALUE.issuperset(value):
        raise ApplicationError(f"value {value!r} of response header {name} has a control or non-latin-1 character")
    lower = name.lower()
    if lower in HOP_BY_HOP:
        raise ApplicationError(f"response header {name} belongs to the connection, not to the application")
    length = -1
    if lower == "content-length":
        if not (value.isascii() and value.isdigit() and len(value) <= _LENGTH_DIGITS):
            raise ApplicationError(f"Content-Length must be digits, not {value!r}")
        length = int(value)
    if lower != "set-cookie" and len(value) <= _KEPT_MAX:
        if len(_checked_fields) >= _CHECKED_MAX:
            _checked_fields.clear()
        _checked_fields[field] = length
    return length


def check_fields(headers: object) -> tuple[Fields, int | None]:
    """Return a copy of the fields without Content-Length, and the length declared or None. Raise ApplicationError."""
    if not isinstance(headers, list):
        raise ApplicationError(f"response headers must be a list, not {type(headers).__name__}")
    declared = -1
    for field in headers:
        try:
            length = _checked_fields[field]
        except (KeyError, TypeError):  # not seen before, or not even hashable
            length = _check_field(field)
        if length >= 0:
            if declared >= 0:
                raise ApplicationError("Content-Length must be given once, not several times")
            declared, at = length, field
    fields = headers.copy()
    if declared >= 0:
        fields.remove(at)
    return fields, declared if declared >= 0 else None
