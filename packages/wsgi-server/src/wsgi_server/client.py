"""HTTP's client half as a WSGI application: send a request on to an HTTP server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway_core.client import Client
from gateway_core.http1 import ClientConnection
from gateway_runtime.addresses import Address, connect
from gateway_runtime.channel import Patience
from gateway_runtime.channels import LIMIT, Channels

__all__ = ["client"]


def client(
    address: Address,
    *,
    timeout: float | Patience = 30.0,
    keep: int = 16,
    limit: int = LIMIT,
    name: str = "",
    log: Callable[[str], None] | None = None,
) -> Client:
    """Return a WSGI application that sends requests to the HTTP server at `address`.

    `timeout`: seconds for connecting, and for each silence. `keep`: idle connections kept for later requests. `limit`:
    connections at once. `name` is what the server is called in the log.
    """
    return Client(
        lambda head: ClientConnection(keep_alive=keep > 0, head=head),
        Channels(partial(connect, address, timeout), keep=keep, limit=limit),
        protocol="HTTP",
        name=name,
        log=log,
    )
