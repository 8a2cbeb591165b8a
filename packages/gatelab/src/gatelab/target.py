"""Where a report is to be had: a status socket, or a status page that a gateway serves among its other pages.

::

    unix:/run/app.status           the socket of `--status unix:/run/app.status`
    http://127.0.0.1:8000/status   a page; the report is asked for with ?format=json
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from .errors import BadAddress

__all__ = ["Target", "parse_control", "parse_target"]

STATUS = "/status?format=json"
"""What to ask a status socket for."""

HOW = "write unix:PATH, or http://HOST:PORT/PATH for a status page"


@dataclass(frozen=True, slots=True)
class Target:
    """`path` of a unix socket, or `host` and `port`; `resource` to ask for there. `text` is as the user wrote it."""

    text: str
    path: str = ""
    host: str = ""
    port: int = 0
    resource: str = STATUS

    def __str__(self) -> str:
        return self.text

    @property
    def authority(self) -> str:
        """What goes into the Host field."""
        if self.path:
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _unix_path(text: str) -> str:
    """Return the path in `unix:PATH`; "" if it has another form."""
    return text.removeprefix("unix:") if text.startswith("unix:") else ""


def parse_target(text: str) -> Target:
    """Read an address of a report. Raises BadAddress."""
    if path := _unix_path(text):
        return Target(text, path=path)
    try:
        parts = urlsplit(text)
        port = parts.port or 80
    except ValueError:
        raise BadAddress(f"{text!r} is not an address: {HOW}") from None
    if parts.scheme == "https":
        raise BadAddress(f"{text!r}: gateways speak plain HTTP, and so does gatelab; {HOW}")
    if parts.scheme != "http" or not parts.hostname or not text.isascii() or not text.isprintable() or " " in text:
        raise BadAddress(f"{text!r} is not an address: {HOW}")
    if not parts.path.strip("/"):
        raise BadAddress(f"{text!r} does not say where the status page is: {HOW}")
    return Target(text, host=parts.hostname, port=port, resource=_resource(parts))


def parse_control(text: str) -> Target:
    """Read the address of a control socket; a page is none, it may belong to anybody. Raises BadAddress."""
    path = _unix_path(text)
    if not path:
        raise BadAddress(f"{text!r} is not a control socket: write unix:PATH, as in the server's --control")
    return Target(text, path=path)


def _resource(parts: SplitResult) -> str:
    """Return path and query, with format=json in it."""
    query = [one for one in parts.query.split("&") if one and not one.startswith("format=")]
    return f"{parts.path}?{'&'.join([*query, 'format=json'])}"
