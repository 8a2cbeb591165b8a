"""How a request's fields steer: where its content ends, whether the connection stays, what the peer waits for.

RFC 9112 section 6.3, for requests::

    Transfer-Encoding: chunked      until the last chunk
    Content-Length: n               n bytes
    neither                         no content; what follows is the next request
    both, or either in doubt        refused: two readers of one stream must not disagree (request smuggling)
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import RemoteProtocolError
from ..events import Fields
from .grammar import content_length, options
from .limits import Limits

__all__ = ["STEERING", "Framing", "message_codings", "request_framing"]

STEERING = frozenset(("connection", "content-length", "content-type", "expect", "host", "transfer-encoding"))
"""Fields that the codec itself obeys, or that must not be repeated; all others are the application's affair."""


class Framing(NamedTuple):
    """What follows from the fields. `length` is in bytes; None: chunked."""

    length: int | None = 0
    persistent: bool = True
    expects: bool = False


def request_framing(
    version: str, host: str | None, fields: Fields, limits: Limits, allow_missing_host: bool
) -> Framing:
    """Obey the fields of a request. `host`: the authority of its target, if that had one.

    Raises RemoteProtocolError: 400, 413, 417 or 501.
    """
    values: dict[str, list[str]] = {}
    for name, value in fields:
        if name in STEERING:
            values.setdefault(name, []).append(value)
    _check_host(version, len(values.get("host", [])), allow_missing_host)
    if len(values.get("content-type", [])) > 1:
        raise RemoteProtocolError("Content-Type comes more than once")
    length = content_length(values.get("content-length", []), 400)
    if message_codings(values.get("transfer-encoding", []), version == "HTTP/1.0", 400):
        if length is not None:
            raise RemoteProtocolError("the request has both Content-Length and Transfer-Encoding")
    elif length is None:
        length = 0
    elif length > limits.body:
        raise RemoteProtocolError(f"the content is larger than {limits.body} bytes", 413)
    expects = False
    if version == "HTTP/1.1" and "expect" in values:  # HTTP/1.0 did not have it (RFC 9110 section 10.1.1)
        expectations = options(fields, "expect")
        if any(expectation != "100-continue" for expectation in expectations):
            raise RemoteProtocolError("an expectation other than 100-continue cannot be met", 417)
        expects = bool(expectations)
    return Framing(length, _persistent(version, fields, "connection" in values), expects)


def _check_host(version: str, count: int, allow_missing: bool) -> None:
    """RFC 9112 section 3.2: exactly one Host from 1.1 on."""
    if count > 1:
        raise RemoteProtocolError("Host comes more than once")
    if not count and version == "HTTP/1.1" and not allow_missing:
        raise RemoteProtocolError("a request of HTTP/1.1 must have a Host")


def message_codings(values: list[str], old: bool, status: int) -> bool:
    """Return whether the content is chunked, the only coding that is known here (RFC 9112 section 6.1).

    `old`: the message is HTTP/1.0. Raises RemoteProtocolError: `status`, or 501 for a request with another coding.
    Actually an empty list member is allowed (RFC 9110 section 5.6.1), but peers disagree on `,chunked`.
    """
    if not values:
        return False
    if old:
        raise RemoteProtocolError("Transfer-Encoding is not part of HTTP/1.0", status)
    codings = [coding.strip(" \t").lower() for value in values for coding in value.split(",")]
    if codings == ["chunked"]:
        return True
    if codings[-1] != "chunked" or "" in codings or codings.count("chunked") > 1:
        raise RemoteProtocolError("Transfer-Encoding does not end with one chunked", status)
    raise RemoteProtocolError("no transfer coding but chunked is known here", 501 if status == 400 else status)


def _persistent(version: str, fields: Fields, said: bool) -> bool:
    """RFC 9112 section 9.3: close wins; 1.1 stays open; 1.0 only with keep-alive."""
    wishes = options(fields, "connection") if said else []
    if "close" in wishes:
        return False
    return version == "HTTP/1.1" or "keep-alive" in wishes
