"""Caddy as a front: one process, and one processor for its goroutines (`GOMAXPROCS=1`), over HTTP and FastCGI.

Over HTTP it keeps connections by itself, here as many as it is told. Over FastCGI it opens one for each request and can
keep none (2.6). `php_fastcgi` is for PHP; this is the transport beneath it, with all requests for one application.

Its variables are its own: 23 besides the visitor's fields (2.6.2), the most of all, several of them empty, in an order
that changes from request to request. It adds X-Forwarded-For, -Host and -Proto, over FastCGI too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gateway_bench.servers.fronts.front import IDLE_SECONDS, Front, Place, where

__all__ = ["FRONT", "configuration"]

CONFIGURATION = """\
{{
    admin off
    auto_https off
    grace_period 1s
    servers {{
        timeouts {{
            idle {idle}s
        }}
    }}
}}
http://:{port} {{
    bind {host}
    reverse_proxy {backend} {{
{transport}
    }}
}}
"""


def configuration(place: Place) -> str:
    """Return its configuration."""
    return CONFIGURATION.format(
        idle=IDLE_SECONDS,
        host=place.host,
        port=place.port,
        backend=where(place.backend, "unix/{}"),
        transport="\n".join(f"        {line}" for line in _transport(place.backend.scheme, place.kept)),
    )


def _transport(scheme: str, kept: int) -> list[str]:
    if scheme == "fastcgi":
        return ["transport fastcgi"]
    keep = [f"keepalive_idle_conns {kept}", f"keepalive_idle_conns_per_host {kept}"] if kept else ["keepalive off"]
    return ["transport http {", *(f"    {line}" for line in keep), "}"]


def _argv(place: Place) -> Sequence[str]:
    return [place.program, "run", "--adapter", "caddyfile", "--config", place.write("Caddyfile", configuration(place))]


def _environment(place: Place) -> Mapping[str, str]:
    """Return what keeps its data in its folder, and its work on one processor."""
    home = str(place.folder)
    return {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "GOMAXPROCS": "1"}


FRONT = Front(
    name="caddy",
    label="Caddy",
    speaks=("http", "fastcgi"),
    keeps=("http",),
    programs=("caddy",),
    install="apt install caddy",
    argv=_argv,
    ready=re.compile("serving initial configuration"),
    asks=("version",),
    environment=_environment,
)
