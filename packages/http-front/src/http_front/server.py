"""The HTTP server with a backend's client in it.

A client half is a WSGI application, "send this environ on"; so a front is `wsgi_server` with that application, and the
whole of it is a command line. What nginx does between its two sides happens in the parts: `wsgi_server` reads requests
strictly and waits for slow clients, `gateway_core.environ` leaves the fields of the client's connection out,
`gateway_core.client` keeps connections and turns a broken backend into 502, 503 or 504.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import wsgi_server.server
from gateway_runtime import log
from gateway_runtime.arguments import count, seconds
from gateway_runtime.settings import Application

from .backends import backend, read_url

__all__ = ["GATEWAY"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the backend")
    group.add_argument(
        "--to", required=True, metavar="URL",
        help="fastcgi://HOST:PORT, fastcgi+unix:PATH, or with http, scgi or uwsgi in place of fastcgi",
    )  # fmt: skip
    group.add_argument(
        "--timeout", type=seconds(zero=False), default=30.0, metavar="S",
        help="seconds for connecting, and for each silence of the backend; then 504 (default 30)",
    )  # fmt: skip
    group.add_argument(
        "--keep", type=count(0, 10_000), default=16, metavar="N",
        help="idle connections that each worker keeps, over http and fastcgi (default 16)",
    )  # fmt: skip


def _check(arguments: argparse.Namespace) -> None:
    """Find a bad URL before anything is bound. Whether somebody listens there shows with each request."""
    read_url(arguments.to)


def _load(arguments: argparse.Namespace) -> Application:
    return backend(arguments.to, timeout=arguments.timeout, keep=arguments.keep, log=log.line)


GATEWAY = replace(
    wsgi_server.server.GATEWAY,
    program="http_front",
    description="Take HTTP requests and send them on to a server that speaks FastCGI, SCGI, uwsgi or HTTP.\n"
    "A thread waits while its backend works, so --threads is how many do at once in each worker.",
    default_threads=8,
    load=_load,
    check=_check,
    add_arguments=_add_arguments,
    usage="--to URL",
)
