"""SCGI's client half as a WSGI application: send a request on to an SCGI server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway_core.client import Client
from gateway_runtime.addresses import Address, connect
from gateway_runtime.channel import Patience
from gateway_runtime.channels import LIMIT, Channels

from .protocol import ClientConnection

__all__ = ["client"]


def client(
    address: Address,
    *,
    timeout: float | Patience = 30.0,
    limit: int = LIMIT,
    name: str = "",
    log: Callable[[str], None] | None = None,
) -> Client:
    """Return a WSGI application that sends requests to the SCGI server at `address`, a connection for each.

    `timeout`: seconds for connecting, and for each silence. `limit`: connections at once. `name` is what the
    server is called in the log.
    """
    return Client(
        lambda head: ClientConnection(head=head),
        Channels(partial(connect, address, timeout), limit=limit),
        protocol="SCGI",
        name=name,
        log=log,
    )
