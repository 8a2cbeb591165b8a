"""Which route a request takes, and the applications at the end of each.

The host is looked at first, then the longest prefix. Paths are compared decoded, as the files will be; a server gets
the target as the visitor sent it. It may see another path in that than we do, and what is guarded here would be open
there::

    //admin          many servers take two slashes for one: so do we, for the choice
    /x/../admin      some follow the dots: nobody who means well sends them (RFC 3986 section 6.2.2.3), so 400
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from fastcgi_server.authorizer import Authorizer
from gateway_core.environ import Environ
from gateway_core.interfaces import Application

from .backends import authorizer, server
from .plan import Plan, Route
from .proxy import Proxy
from .scripts import Scripts
from .static import StartResponse, StaticFiles, plain
from .upstream import Health, Upstream

__all__ = ["Router"]

_PORT = re.compile(r":[0-9]*$")

_DOTS = re.compile(r"(?:^|/)\.\.?(?:/|$)")
_SLASHES = re.compile(r"/{2,}")

_TICK = 1.0
"""Seconds between two looks at idle connections and at servers."""


class Router:
    """The front as a WSGI application. `tend` starts what looks after the upstreams, in this process."""

    def __init__(self, plan: Plan, log: Callable[[str], None]) -> None:
        self._log = log
        self._upstreams: list[Upstream] = []
        self._tended_in = 0
        self._ways = sorted(
            ((route, self._application(route)) for route in plan.routes),
            key=lambda way: (bool(way[0].host), len(way[0].prefix)),
            reverse=True,
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Let the route that fits answer; 404 if none does."""
        if _DOTS.search(environ["PATH_INFO"]):
            return plain(start_response, "400 Bad Request", "A path with . or .. as a segment is not served.")
        way = self._way(environ["PATH_INFO"], _host(environ), internal=False)
        if way is None:
            return plain(start_response, "404 Not Found", "Nothing is served at this path.")
        return way[1](environ, start_response)

    def live(self, environ: Environ) -> bool:
        """Does this request go on before its content is here?"""
        way = self._way(environ["PATH_INFO"], _host(environ), internal=False)
        return way is not None and not way[0].buffer

    def tend(self) -> None:
        """Look after the upstreams, as long as the process lives; a fork takes no thread along."""
        if self._tended_in == os.getpid():
            return
        self._tended_in = os.getpid()
        threading.Thread(target=self._tend, daemon=True).start()

    def close(self) -> None:
        """Close all idle connections."""
        for upstream in self._upstreams:
            upstream.close()

    def _tend(self) -> None:
        while True:
            time.sleep(_TICK)
            for upstream in self._upstreams:
                try:
                    upstream.tend()
                except Exception as error:  # a defect, which must not end this thread
                    self._log(f"looking after an upstream failed: {error!r}")

    def _way(self, path: str, host: str, *, internal: bool) -> tuple[Route, Application] | None:
        for way in self._ways:
            route = way[0]
            if route.internal is internal and (internal or route.host in ("", host)) and _fits(route.prefix, path):
                return way
        return None

    def _inside(self, path: str) -> Application | None:
        way = self._way(path, "", internal=True)
        return way[1] if way is not None else None

    def _application(self, route: Route) -> Application:
        application = self._unguarded(route)
        if not route.authorizer:
            return application
        return Authorizer(authorizer(route.authorizer, route, self._log), application)

    def _unguarded(self, route: Route) -> Application:
        if route.static:
            return StaticFiles(str(Path(route.static).absolute()), route.prefix.rstrip("/"))
        servers = [server(url, route, self._log) for url in route.to]
        upstream = Upstream(servers, Health(route.fails, route.rest, route.check), log=self._log)
        self._upstreams.append(upstream)
        root = str(Path(route.root).absolute())
        return Proxy(
            upstream,
            scripts=Scripts(root, route.ending, must_exist=route.must_exist) if route.root else None,
            params=route.params,
            buffer=route.buffer,
            sendfile=route.sendfile,
            internal=self._inside,
            again=self,
            log=self._log,
        )


def _host(environ: Environ) -> str:
    """Return the host that the visitor asks for, without its port."""
    return _PORT.sub("", environ.get("HTTP_HOST", "")).lower()


def _fits(prefix: str, path: str) -> bool:
    """Is the path the prefix, or below it? At a segment's end. All is below the root, the `*` of OPTIONS too."""
    prefix = prefix.rstrip("/")
    return not prefix or (_SLASHES.sub("/", path) + "/").startswith(prefix + "/")
