"""The command line: an application of ASGI, what all of its connections share, and which options mean nothing here."""

from __future__ import annotations

import argparse
import inspect
import ipaddress
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from gateway_core.access import Access
from gateway_core.http1 import DEFAULT_LIMITS
from gateway_runtime import loader
from gateway_runtime.addresses import Address
from gateway_runtime.arguments import network
from gateway_runtime.errors import StartupError
from gateway_runtime.pool import Kind
from gateway_runtime.settings import Gateway, Settings

from .lifespan import Lifespan
from .loop import AsyncLoop
from .site import Site
from .status import StatusPages

__all__ = ["GATEWAY"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def load(arguments: argparse.Namespace) -> Lifespan:
    """Import the application. Raises StartupError, also for one that is made for another interface."""
    application = loader.load(arguments.application)
    try:
        inspect.signature(application).bind({}, None, None)
    except TypeError:
        raise StartupError(
            f"{arguments.application!r} does not take scope, receive and send, so it is no ASGI application; "
            "if it is one for WSGI, serve it with wsgi_server"
        ) from None
    except ValueError:
        pass  # its signature cannot be told
    return Lifespan(application)


def with_status(application: Callable[..., Any], *pages: Any) -> Lifespan:
    """Put the status page and the ping before the application."""
    assert isinstance(application, Lifespan)  # as `load` has made it
    return Lifespan(StatusPages(application.application, *pages))


def sites(application: Callable[..., Any], settings: Settings, address: Address) -> Site:
    """Return what the connections to `address` share."""
    assert isinstance(application, Lifespan)  # as `load` has made it
    arguments = settings.arguments
    fronts: list[Network] = arguments.forwarded_allow
    return Site(
        application,
        address,
        replace(DEFAULT_LIMITS, body=settings.max_body),
        settings.mount or "",
        Access.of(settings.access),
        partial(_is_front, fronts) if fronts else None,
        arguments.allow_missing_host,
    )


def _is_front(fronts: list[Network], peer: str) -> bool:
    """Is this the address of a front? Who connects to a unix socket (no address) is on this machine, so one of ours."""
    if not peer:
        return True
    address = ipaddress.ip_address(peer)
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in fronts)


def check(arguments: argparse.Namespace) -> None:
    """Refuse the options of all servers that mean nothing here. Raises StartupError."""
    if arguments.manager != Kind.STATIC.value:
        raise StartupError(
            f"--manager {arguments.manager} counts busy threads, and a worker that waits for thousands has none: "
            "say how many with --workers"
        )
    if arguments.environ:
        raise StartupError("--environ adds to the environ of WSGI, and ASGI has none: use environment variables")


def _threads(_text: str) -> int:
    raise argparse.ArgumentTypeError("a worker has one thread, whose loop serves all of its clients: use --workers")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say of ASGI and of HTTP."""
    parser.add_argument("application", metavar="MODULE:APP", help="the ASGI application, such as demo_app.asgi:app")
    parser.add_argument("--threads", type=_threads, help=argparse.SUPPRESS)
    group = parser.add_argument_group("HTTP")
    group.add_argument(
        "--allow-missing-host", action="store_true",
        help="serve requests of HTTP/1.1 without a Host field too, for old clients and test tools",
    )  # fmt: skip
    group.add_argument(
        "--forwarded-allow", type=network, action="append", default=[], metavar="CIDR",
        help="fronts whose X-Forwarded-For and X-Forwarded-Proto say who the client is, and whether it used TLS; "
        "with any, peers on a unix socket are fronts too",
    )  # fmt: skip


GATEWAY = Gateway(
    program="asgi_server",
    protocol="HTTP",
    scheme="http",
    description="Serve an ASGI application over HTTP/1.1 and WebSocket, with one asyncio loop in each worker.",
    sessions=sites,
    threads=lambda _: 1,
    loop=AsyncLoop,
    status=with_status,
    load=load,
    check=check,
    add_arguments=add_arguments,
)
