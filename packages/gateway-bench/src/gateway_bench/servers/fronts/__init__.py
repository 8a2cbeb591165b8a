"""Fronts by name: each a module of its own, with its configuration as text and the reasons for it.

To add one, write such a module and put its `FRONT` here; `front` says what it has to hold.
"""

from __future__ import annotations

from gateway_bench.servers.fronts.apache import FRONT as APACHE
from gateway_bench.servers.fronts.caddy import FRONT as CADDY
from gateway_bench.servers.fronts.front import Front, Place
from gateway_bench.servers.fronts.haproxy import FRONT as HAPROXY
from gateway_bench.servers.fronts.lighttpd import FRONT as LIGHTTPD
from gateway_bench.servers.fronts.nginx import FRONT as NGINX
from gateway_bench.servers.fronts.ours import FRONT as OURS

__all__ = ["FRONTS", "Front", "Place"]

FRONTS: dict[str, Front] = {front.name: front for front in (NGINX, APACHE, LIGHTTPD, HAPROXY, CADDY, OURS)}
