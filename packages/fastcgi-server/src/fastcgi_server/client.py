"""FastCGI's client half as a WSGI application: send a request on to a FastCGI server. And what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway_core.client import Client
from gateway_core.errors import BackendTimeout, BackendUnavailable, BadGateway, RemoteProtocolError
from gateway_core.events import NotNow
from gateway_runtime.addresses import Address, connect
from gateway_runtime.channel import Channel, Patience
from gateway_runtime.channels import LIMIT, Channels

from .events import GetValues, Values
from .records import MAX_CONNS, MAX_REQS, MPXS_CONNS, RESPONDER
from .webserver import ClientConnection

__all__ = ["ask_values", "client"]

ASK_SECONDS = 3.0
"""How long a server may take to say what it can: it needs no application for that."""


def client(
    address: Address,
    *,
    timeout: float | Patience = 30.0,
    keep: int = 16,
    limit: int = LIMIT,
    role: int = RESPONDER,
    name: str = "",
    log: Callable[[str], None] | None = None,
) -> Client:
    """Return a WSGI application that sends requests to the FastCGI server at `address`.

    `timeout`: seconds for connecting, and for each silence. `keep`: idle connections kept for later requests; 0 asks
    the server to close after each. `limit`: connections at once. `role`: what its application is asked to be (section
    6; for an authorizer see `authorizer`). `name` is what the server is called in the log, which also takes what the
    application writes to its error stream.
    """
    return Client(
        lambda head: ClientConnection(keep_alive=keep > 0, head=head, role=role),
        Channels(partial(connect, address, timeout), keep=keep, limit=limit),
        protocol="FastCGI",
        name=name,
        log=log,
    )


def ask_values(address: Address, seconds: float = ASK_SECONDS) -> dict[str, int]:
    """Ask what a server can do (section 4.1): of FCGI_MAX_CONNS, _MAX_REQS, _MPXS_CONNS those that it answers.

    It has a connection of its own, since many servers close after the answer. Raises BackendError.
    """
    patience = Patience(connect=seconds, send=seconds, silence=seconds, whole=seconds)
    try:
        channel = connect(address, patience)
        try:
            return _ask(channel)
        finally:
            channel.close()
    except TimeoutError:
        raise BackendTimeout(f"no FCGI_GET_VALUES_RESULT within {seconds:g} seconds") from None
    except OSError as error:
        raise BackendUnavailable(f"the backend cannot be reached: {error.strerror or error}") from None
    except RemoteProtocolError as error:
        raise BadGateway(f"the backend's answer breaks the protocol: {error}") from None


def _ask(channel: Channel) -> dict[str, int]:
    codec = ClientConnection()
    channel.begin()
    channel.sendall(codec.send(GetValues([MAX_CONNS, MAX_REQS, MPXS_CONNS])))
    while isinstance(event := codec.next_event(), NotNow):
        codec.receive_data(channel.recv(4096))
    if not isinstance(event, Values):
        raise BadGateway("the backend does not answer FCGI_GET_VALUES")
    return {name: int(value) for name, value in event.values if value.isdecimal() and len(value) < 10}
