"""The limits of a request's head, applied line by line.

A head that is small, as nearly all are, needs no look at this: each of its lines is within every limit. For the others,
and for half a head that can never become a whole one, the fault that comes first in the stream is the one to name.
"""

from __future__ import annotations

from ..errors import RemoteProtocolError
from .grammar import REQUEST_FIELDS
from .limits import Limits
from .request_line import REQUEST_LINES, check_method

__all__ = ["check_lines"]


def check_lines(lines: list[bytes], limits: Limits) -> None:
    """Raise the first fault of a head's lines, the last of which may be incomplete; or nothing."""
    room = limits.head
    for number, line in enumerate(lines):
        if number > limits.fields:  # certain with the line's first byte, so before all that its later bytes may break
            raise RemoteProtocolError(f"the request has more than {limits.fields} fields", 431)
        limit = min(room, limits.field_line if number else limits.request_line)
        if len(line) > limit:
            raise _overlong(line, limit, limits) if number else _overlong_request_line(line, limit)
        _ = REQUEST_FIELDS[line] if number else REQUEST_LINES[line]
        room = max(0, room - len(line) - 2)


def _overlong_request_line(line: bytes, limit: int) -> RemoteProtocolError:
    check_method(line)
    return _bare_lf(line, limit) or RemoteProtocolError(f"the request line is longer than {limit} bytes", 414)


def _overlong(line: bytes, limit: int, limits: Limits) -> RemoteProtocolError:
    sentence = f"a field is longer than {limits.field_line} bytes, or the head than {limits.head}"
    return _bare_lf(line, limit) or RemoteProtocolError(sentence, 431)


def _bare_lf(line: bytes, limit: int) -> RemoteProtocolError | None:
    """A line that ends wrongly within its limit is not too long: that fault comes first."""
    return RemoteProtocolError("a line ends with LF, not CRLF") if b"\n" in line[: limit + 1] else None
