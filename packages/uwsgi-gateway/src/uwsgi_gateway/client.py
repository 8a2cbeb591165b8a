"""uwsgi's client half as a WSGI application: send a request on to a uwsgi server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway_core.client import Client
from gateway_runtime.addresses import Address, connect

from .protocol import ClientConnection

__all__ = ["client"]


def client(address: Address, *, timeout: float = 30.0, log: Callable[[str], None] | None = None) -> Client:
    """Return a WSGI application that sends requests to the uwsgi server at `address`, a connection for each.

    `timeout`: seconds for connecting, and for each silence.
    """
    return Client(lambda head: ClientConnection(head=head), partial(connect, address, timeout), log=log)
