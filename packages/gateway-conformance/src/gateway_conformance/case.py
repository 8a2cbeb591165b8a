"""What a case is: data. A request, what must come of it, and which requirement that shows.

The same table runs against every gateway. Each is asked through the client half of its own protocol, so a request is
given as HTTP fields and becomes variables where the protocol has them (see `wire`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["FRONTED", "SCHEMES", "Case", "Drive", "Expected"]

SCHEMES = ("asgi", "cgi", "fastcgi", "http", "scgi", "uwsgi")
"""How a gateway is reached; "cgi" is HTTP in, and a program for each request behind it; "asgi" is HTTP in, and an
application of ASGI behind it, `gateway_conformance.asgi_app`."""

FRONTED = ("fastcgi", "scgi", "uwsgi")
"""Behind a front, which has read the HTTP fields and sends variables."""


class Drive(enum.Enum):
    """How the client behaves."""

    WHOLE = "sends all, reads all"
    STEPWISE = "after the first content has arrived, notes `go` in the record; then reads the rest"
    LEAVE = "closes the connection as soon as the first content has arrived"
    HALF = "sends half of the content, then closes the connection"


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come back. Fields are compared with their names in lower case.

    `body`: None for anything. `fields` must be there with these values, `absent` must not, in any spelling of their
    names. `count` says how many lines a field has. `aborted`: the connection is cut, so that the client can tell that
    the response is incomplete; then nothing else of it matters. `instead`: a whole response with one of these is right
    as well, since who has sent nothing yet need not cut. `record`: the lines that the application noted in the end,
    waited for, and not one more.
    """

    status: int = 200
    body: bytes | None = None
    fields: tuple[tuple[str, str], ...] = ()
    absent: tuple[str, ...] = ()
    count: Mapping[str, int] = field(default_factory=dict)
    aborted: bool = False
    instead: tuple[int, ...] = ()
    record: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One request to `gateway_conformance.app`, or to its twin for ASGI.

    `name` is unique. `target` is path and query as HTTP sends them; `{record}` in it becomes the path of a new record.
    `fields` are those besides Host and Content-Length. `proves` are ids of the checklists of HTTP, CGI, WSGI and
    ASGI requirements. `times`: the request is repeated on new connections, each time with the same outcome (but
    not where each has a process of its own). `chunked`: the
    content goes without Content-Length. `without`: schemes that the case is left out for, each with the reason.
    """

    name: str
    proves: tuple[str, ...]
    target: str
    expected: Expected
    method: str = "GET"
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False
    drive: Drive = Drive.WHOLE
    times: int = 1
    without: Mapping[str, str] = field(default_factory=dict)
