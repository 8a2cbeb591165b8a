"""FastCGI's client half as a WSGI application: send a request on to a FastCGI server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway_core.client import Client
from gateway_runtime.addresses import Address, connect

from .protocol import ClientConnection

__all__ = ["client"]


def client(
    address: Address, *, timeout: float = 30.0, keep: int = 16, log: Callable[[str], None] | None = None
) -> Client:
    """Return a WSGI application that sends requests to the FastCGI server at `address`.

    `timeout`: seconds for connecting, and for each silence. `keep`: idle connections kept for later requests; 0 asks
    the server to close after each. `log` also takes what the application writes to its error stream.
    """
    return Client(
        lambda head: ClientConnection(keep_alive=keep > 0, head=head),
        partial(connect, address, timeout),
        keep=keep,
        log=log,
    )
