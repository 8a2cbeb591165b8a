r"""The access log: one line for each request, written when its response is over.

::

    common      192.0.2.7 - ada [25/Nov/2026:09:30:00 +0000] "GET /hello?a=b HTTP/1.1" 200 14
    combined    the same, and then  "https://museum.test/" "curl/8.5.0"
    json        {"time": "2026-11-25T09:30:00.123Z", "peer": "192.0.2.7", ..., "duration_ms": 0.210, "complete": true}

All that it tells of a response is seen at one place, the encoder: the status is that of the head, the bytes are those
of content, and complete is what was encoded to its end for a peer that is still there. A response that was cut has the
word `cut` behind its line, or `"complete": false`. A request that could not even be read has `-` for what is not known.

Time is when the application was called, in UTC, so that no line depends on a locale. What came from a peer can neither
forge a line nor end a field: quotes, backslashes and all but printable ASCII are escaped, and a line is never longer
than LINE_MAX.

Without a log no request touches this module: see `Service.access` in `session`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from .events import Fields
from .interfaces import Application, Encoder, Transport
from .response import Response

__all__ = ["FORMATS", "LINE_MAX", "Access", "Log", "Record", "combined", "common", "structured"]

LINE_MAX = 4096
"""Bytes of a line at most: PIPE_BUF of Linux, so that also in a pipe the lines of several workers stay whole."""

_TARGET_MAX = 2000
"""Of these, for the target. It is cut beyond; so are the others."""

_NAME_MAX = 100
"""For the user, the peer, the method and the version, each."""

_FIELD_MAX = 500
"""For Referer and User-Agent, each."""

_JSON_ESCAPE = 6
"""Characters that JSON takes for one at most: \\u00e9."""

# RFC 9112 section 4: status-line, as the first thing of a raw response.
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r\n]")
_STATUS_LINE_SIZE = len("HTTP/1.1 200 ")

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), ord('"'), ord("\\"), *range(0x7F, 0x100))}
_ESCAPES_AND_BLANK = {**_ESCAPES, ord(" "): "\\x20"}


class Log(Protocol):
    """Where the lines go, in which form, and the clocks that a pure module does not have."""

    @property
    def form(self) -> str:
        """One of FORMATS."""

    @property
    def pid(self) -> int:
        """The process that serves."""

    def now(self) -> float:
        """Return the unix time in seconds."""

    def ticks(self) -> float:
        """Return the time of a clock that nobody sets, in seconds."""

    def write(self, line: str, /) -> None:
        """Take a line without its end. Never raises."""


@dataclass(frozen=True, slots=True)
class Record:
    """One request and what came of it. "" is what is not known; `status` is 0 if nothing was sent.

    `time` is unix time, `duration` in seconds, `size` the bytes of content that were given to the transport.
    """

    time: float
    peer: str
    user: str = ""
    method: str = ""
    target: str = ""
    version: str = ""
    referer: str = ""
    agent: str = ""
    status: int = 0
    size: int = 0
    duration: float = 0.0
    complete: bool = True
    pid: int = 0


# -- from a record to a line ---------------------------------------------------------------------------------------


def _plain(text: str, most: int, escapes: dict[int, str] = _ESCAPES) -> str:
    """Escape `text`, and cut it; "-" if there is none."""
    text = text[:most].translate(escapes)
    return (text if len(text) <= most else text[:most]) or "-"


def _common(record: Record) -> str:
    t = datetime.fromtimestamp(int(record.time), UTC)
    stamp = f"{t.day:02}/{_MONTHS[t.month - 1]}/{t.year:04}:{t.hour:02}:{t.minute:02}:{t.second:02} +0000"
    peer, user = (_plain(name, _NAME_MAX, _ESCAPES_AND_BLANK) for name in (record.peer, record.user))
    method, version = _plain(record.method, _NAME_MAX), _plain(record.version, _NAME_MAX)
    request = f"{method} {_plain(record.target, _TARGET_MAX)} {version}" if record.method else "-"
    return f'{peer} - {user} [{stamp}] "{request}" {record.status or "-"} {record.size or "-"}'


def common(record: Record) -> str:
    """Return a line of the Common Log Format, which every tool can read."""
    return _common(record) + ("" if record.complete else " cut")


def combined(record: Record) -> str:
    """Return such a line with Referer and User-Agent behind it."""
    referer, agent = _plain(record.referer, _FIELD_MAX), _plain(record.agent, _FIELD_MAX)
    return f'{_common(record)} "{referer}" "{agent}"' + ("" if record.complete else " cut")


def _quoted(text: str, most: int) -> str:
    """Return `text` as JSON, cut if it takes more than `most` characters; null if there is none."""
    if not text:
        return "null"
    quoted = json.dumps(text)
    return quoted if len(quoted) <= most else json.dumps(text[: most // _JSON_ESCAPE - 1])


def structured(record: Record) -> str:
    """Return a JSON object: the same, and the duration, the process, and whether the response was complete."""
    t = datetime.fromtimestamp(record.time, UTC)
    return (
        f'{{"time": "{t:%Y-%m-%dT%H:%M:%S}.{t.microsecond // 1000:03}Z", "peer": {_quoted(record.peer, _NAME_MAX)}, '
        f'"user": {_quoted(record.user, _NAME_MAX)}, "method": {_quoted(record.method, _NAME_MAX)}, '
        f'"target": {_quoted(record.target, _TARGET_MAX)}, "protocol": {_quoted(record.version, _NAME_MAX)}, '
        f'"status": {record.status or "null"}, "bytes": {record.size}, "duration_ms": {record.duration * 1000:.3f}, '
        f'"referer": {_quoted(record.referer, _FIELD_MAX)}, "agent": {_quoted(record.agent, _FIELD_MAX)}, '
        f'"pid": {record.pid}, "complete": {"true" if record.complete else "false"}}}'
    )


FORMATS: dict[str, Callable[[Record], str]] = {"combined": combined, "common": common, "json": structured}
"""The forms by name."""


# -- from a response to a record -----------------------------------------------------------------------------------


class Access:
    """The access log as a session uses it: it makes the responses, and they tell it of their end."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._format = FORMATS[log.form]

    @classmethod
    def of(cls, log: Log | None) -> Access | None:
        """Return the access log that writes to `log`; None if there is none."""
        return cls(log) if log is not None else None

    def response(self, encoder: Encoder, transport: Transport, method: str) -> Response:
        """Return a response whose end will be logged."""
        return _Logged(self, encoder, transport, method)

    def refused(self, peer: str, status: int) -> None:
        """Log a request that could not be read, and was answered with `status`."""
        self.write(Record(self._log.now(), peer, status=status, pid=self._log.pid))

    def write(self, record: Record) -> None:
        """Log one request."""
        self._log.write(self._format(record))

    def begin(self, environ: dict[str, Any]) -> Callable[[int, int, bool], None]:
        """Note a request before the application can change its environ; return what is to be called at its end.

        That takes the status, the size and whether the response was complete.
        """
        log, get = self._log, environ.get
        time, began = log.now(), log.ticks()
        target = get("REQUEST_URI") or get("SCRIPT_NAME", "") + get("PATH_INFO", "")
        request = get("REQUEST_METHOD", ""), target, get("SERVER_PROTOCOL", "")
        peer, user = get("REMOTE_ADDR", ""), get("REMOTE_USER", "")
        referer, agent = get("HTTP_REFERER", ""), get("HTTP_USER_AGENT", "")

        def end(status: int, size: int, complete: bool) -> None:
            duration = log.ticks() - began
            self.write(
                Record(time, peer, user, *request, referer, agent, status, size, duration, complete, log.pid)
            )  # fmt: skip

        return end


class _Observed:
    """An encoder that notes what goes through another one."""

    __slots__ = ("_begun", "_encoder", "complete", "size", "status")

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._begun: bytes | None = None  # the first bytes of a raw response, until they are a status line or too many
        self.status = 0  # stays so in a raw response that does not begin with a status line
        self.size = 0
        self.complete = False

    @property
    def raw(self) -> bool:
        return self._encoder.raw

    @property
    def close_after(self) -> bool:
        return self._encoder.close_after

    def head(self, status: str, fields: Fields, length: int | None) -> bytes:
        head = self._encoder.head(status, fields, length)
        self.status = int(status[:3])
        return head

    def data(self, data: bytes) -> bytes:
        if self._begun is not None:
            self._look_for_status(data)
        self.size += len(data)
        return self._encoder.data(data)

    def _look_for_status(self, data: bytes) -> None:
        """A raw response has no `head`: its status is in its first line, if that is one, which may come in pieces."""
        self._begun = begun = (self._begun or b"") + data[:_STATUS_LINE_SIZE]
        if len(begun) >= _STATUS_LINE_SIZE:
            self._begun = None
            if line := _STATUS_LINE.match(begun):
                self.status = int(line[1])

    def begin_raw(self) -> None:
        self._encoder.begin_raw()  # type: ignore[attr-defined]  # only called if it has it
        self._begun = b""

    def skip(self, count: int) -> None:
        self.size += count
        self._encoder.skip(count)

    def end(self) -> bytes:
        self.complete = True
        return self._encoder.end()

    def whole(self, status: str, fields: Fields, data: bytes) -> bytes:
        whole = self._encoder.whole(status, fields, data)
        self.status, self.size, self.complete = int(status[:3]), len(data), True
        return whole


class _Logged(Response):
    """A response that tells the access log of its end, however it ends."""

    __slots__ = ("_access", "_end_of_log", "_observed")

    def __init__(self, access: Access, encoder: Encoder, transport: Transport, method: str) -> None:
        self._access = access
        self._observed = _Observed(encoder)
        self._end_of_log: Callable[[int, int, bool], None] | None = None
        super().__init__(self._observed, transport, method)

    def respond(self, application: Application, environ: dict[str, Any]) -> None:
        """Do as a response does; then log it, unless it is paused."""
        self._end_of_log = self._access.begin(environ)
        super().respond(application, environ)
        self._tell()

    def resume(self) -> None:
        super().resume()
        self._tell()

    def abandon(self) -> None:
        super().abandon()
        self._tell()

    def _tell(self) -> None:
        end = self._end_of_log
        if end is None or self.paused:
            return
        self._end_of_log = None
        seen = self._observed
        end(seen.status, seen.size, seen.complete and not self._transport.lost)
