"""The HTTP server with a router in it: what the command line says, as an application in each worker.

A client half is a WSGI application, "send this environ on"; so a front is `wsgi_server` with that application. What
nginx does between its two sides happens in the parts::

    visitor -> FrontSession -> Router -> Proxy -> Upstream -> Client -> backend
                (session)      (router)  (proxy)  (upstream)  gateway_core.client
                                  '----> StaticFiles

A request that waits for its backend is a thread that waits. A worker starts threads as they are needed, up to
`--threads`, and a route lets no server hold more than its `connections` of them: so one slow backend can take hundreds,
and the others do not notice.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial

import wsgi_server.server
from gateway_core.access import Access
from gateway_core.environ import base_environ
from gateway_core.http1 import DEFAULT_LIMITS
from gateway_core.session import Service
from gateway_runtime import log
from gateway_runtime.addresses import Address
from gateway_runtime.arguments import count, network, seconds
from gateway_runtime.connection import Connection
from gateway_runtime.engine import SessionFactory
from gateway_runtime.errors import StartupError
from gateway_runtime.settings import Application, Settings

from .plan import Plan, Route, check_route, read_plan
from .router import Router
from .session import FrontSession

__all__ = ["GATEWAY"]

THREADS = 1000
"""Requests that a worker can have at backends at once: nearly twice what one server may hold of them."""

_OWN = ("to", "static", "root", "timeout", "keep")
"""Options that say what a plan says too."""


def _prefixed(text: str) -> tuple[str, str]:
    prefix, equals, folder = text.partition("=")
    if not equals or not prefix.startswith("/") or not folder:
        raise argparse.ArgumentTypeError(f"{text!r} is not /PREFIX=FOLDER")
    return prefix, folder


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("one upstream, and files")
    group.add_argument(
        "--to", action="append", metavar="URL",
        help="fastcgi://HOST:PORT, fastcgi+unix:PATH, or with http, scgi or uwsgi in place of fastcgi; "
        "several do the same work",
    )  # fmt: skip
    group.add_argument(
        "--static", type=_prefixed, action="append", metavar="/PREFIX=DIR", help="files below a path; repeatable"
    )
    group.add_argument("--root", metavar="DIR", help="the scripts of a php-fpm behind --to: sets SCRIPT_FILENAME")
    group.add_argument(
        "--timeout", type=seconds(zero=False), metavar="S",
        help="seconds that the backend may be silent; then 504 (30)",
    )  # fmt: skip
    group.add_argument(
        "--keep", type=count(0, 10_000), metavar="N",
        help="idle connections that each worker keeps, over http and fastcgi (16)",
    )  # fmt: skip
    group = parser.add_argument_group("or several, with all that there is to say")
    group.add_argument("--config", metavar="FILE", help="a TOML file of routes, in place of the options above")
    group = parser.add_argument_group("fronts before this one")
    group.add_argument(
        "--forwarded-allow", type=network, action="append", default=[], metavar="CIDR",
        help="fronts that say who the visitor is, with X-Forwarded-For and the like; with any, peers on a unix "
        "socket too. Nobody else is believed",
    )  # fmt: skip


def _plan(arguments: argparse.Namespace) -> Plan:
    """Return what is to be done. Raises StartupError."""
    given = [name for name in _OWN if getattr(arguments, name) is not None]
    if arguments.config:
        if given:
            raise StartupError(f"--{given[0]} belongs into the file, since there is --config")
        return read_plan(arguments.config)
    routes = [Route(prefix=prefix, static=folder) for prefix, folder in arguments.static or ()]
    if arguments.to:
        patience = {} if arguments.timeout is None else dict.fromkeys(("connect", "send", "silence"), arguments.timeout)
        keep = {} if arguments.keep is None else {"keep": arguments.keep}
        routes.append(Route(to=tuple(arguments.to), root=arguments.root or "", **patience, **keep))
    elif lone := [name for name in given if name != "static"]:
        raise StartupError(f"--{lone[0]} is about the servers of --to, and there is none")
    elif not routes:
        raise StartupError("say who answers: --to URL, --static /PREFIX=DIR or --config FILE (--help has more)")
    for route in routes:
        check_route("--static" if route.static else "--to", route)
    return Plan(tuple(routes))


def _check(arguments: argparse.Namespace) -> None:
    """Find mistakes before anything is bound. Whether somebody listens there shows with each request."""
    _plan(arguments)


def _load(arguments: argparse.Namespace) -> Application:
    router = arguments.router = Router(_plan(arguments), log.line)
    return router


def _sessions(application: Application, settings: Settings, address: Address) -> SessionFactory:
    """Return what makes the session of each connection to `address`; runs in each worker."""
    base = base_environ(protocol="HTTP", software=wsgi_server.server.SOFTWARE, **settings.environ(address))
    service = Service(application, base, log.line, settings.max_body, settings.mount, Access.of(settings.access))
    limits = replace(DEFAULT_LIMITS, body=settings.max_body)
    fronts = settings.arguments.forwarded_allow
    trusted = partial(wsgi_server.server.is_front, fronts) if fronts else None
    router: Router = settings.arguments.router  # which `application` is, or has in it
    router.tend()

    def new(connection: Connection) -> FrontSession:
        return FrontSession(service, connection, limits, router.live, settings.limits.body, trusted)

    return new


GATEWAY = replace(
    wsgi_server.server.GATEWAY,
    program="http_front",
    description="Take HTTP requests and send them on to servers that speak FastCGI, SCGI, uwsgi or HTTP; send files.",
    sessions=_sessions,
    default_threads=THREADS,
    load=_load,
    check=_check,
    add_arguments=_add_arguments,
    usage="(--to URL | --static /PREFIX=DIR | --config FILE)",
)
