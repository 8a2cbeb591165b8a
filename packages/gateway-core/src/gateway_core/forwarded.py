"""Who the client is, when a front says so: X-Forwarded-For and X-Forwarded-Proto, from fronts that are trusted.

::

    client 203.0.113.9 --https--> front 192.0.2.1 --http--> us     peer 192.0.2.1
                                  X-Forwarded-For: 203.0.113.9     REMOTE_ADDR     203.0.113.9
                                  X-Forwarded-Proto: https         wsgi.url_scheme https

Anybody can send these fields, so they mean something only as far as trust reaches: from the peer backwards, each
trusted front vouches for the one address that it has seen, and the first that is not trusted is the client. What
stands left of it may be invented. From a peer that is not trusted the fields are fields like any other.

The host is not taken from any field: a front passes Host on. Forwarded (RFC 7239) is not looked at; no front sends it
unless told to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

__all__ = ["apply"]


def apply(environ: dict[str, Any], trusted: Callable[[str], bool]) -> None:
    """Let what trusted fronts say of the client replace REMOTE_ADDR and the scheme in `environ`.

    `trusted(ip)` says whether a front is; of a peer on a unix socket the address is "".
    """
    if not trusted(environ["REMOTE_ADDR"]):
        return
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    client = environ["REMOTE_ADDR"]
    while hops and trusted(client):
        said = _address(hops.pop())
        if not said:
            break  # "unknown", or something invented: then the front that says so is all that we know
        client = said
    environ["REMOTE_ADDR"] = client
    scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip(" \t").lower()
    if scheme in ("http", "https"):  # of the last front, which is the one that we trust
        environ["wsgi.url_scheme"] = scheme
        if scheme == "https":
            environ["HTTPS"] = "on"


def _address(text: str) -> str:
    """Return the IP address that `text` is, "" if it is none."""
    try:
        return str(ipaddress.ip_address(text.strip(" \t")))
    except ValueError:
        return ""
