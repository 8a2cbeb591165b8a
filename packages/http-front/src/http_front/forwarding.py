"""What the front tells its backends of the visitor: X-Forwarded-For, -Proto and -Host, and Forwarded (RFC 7239).

::

    visitor 203.0.113.9 ---> front 192.0.2.1 ---> us ---> backend
                                                          X-Forwarded-For: 203.0.113.9, 192.0.2.1
    visitor 203.0.113.9 -----------------------> us ---> backend
      X-Forwarded-For: 127.0.0.1                          X-Forwarded-For: 203.0.113.9

Anybody can send these fields. What a peer says counts if it is one of our own fronts (`trusted`): then it is added to,
and says who the visitor is. From anybody else it is thrown away, and what we see ourselves stands in its place.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway_core import forwarded
from gateway_core.environ import Environ

__all__ = ["forward"]

_SAID = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")


def forward(environ: Environ, trusted: Callable[[str], bool] | None) -> None:
    """Set the fields in `environ`, whose REMOTE_ADDR is still the peer's ("" on a unix socket)."""
    peer = environ["REMOTE_ADDR"]
    believed = trusted is not None and trusted(peer)
    before = {name: environ[name] for name in _SAID if believed and environ.get(name)}
    if believed and trusted is not None:
        forwarded.apply(environ, trusted)
    scheme, host = environ["wsgi.url_scheme"], environ.get("HTTP_HOST", "")
    element = f"for={_node(peer)};proto={scheme}"
    if host and '"' not in host and "\\" not in host:
        element += f';host="{host}"'
    environ["HTTP_X_FORWARDED_FOR"] = _add(before, "HTTP_X_FORWARDED_FOR", peer or "unknown")
    environ["HTTP_X_FORWARDED_PROTO"] = before.get("HTTP_X_FORWARDED_PROTO", scheme)
    environ["HTTP_FORWARDED"] = _add(before, "HTTP_FORWARDED", element)
    environ.pop("HTTP_X_FORWARDED_HOST", None)
    if said := before.get("HTTP_X_FORWARDED_HOST", host):
        environ["HTTP_X_FORWARDED_HOST"] = said


def _add(before: dict[str, str], name: str, value: str) -> str:
    return f"{before[name]}, {value}" if name in before else value


def _node(peer: str) -> str:
    """Write an address as RFC 7239 section 6 has it."""
    return f'"[{peer}]"' if ":" in peer else peer or "unknown"
