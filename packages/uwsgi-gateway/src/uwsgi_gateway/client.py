"""uwsgi's client half as a WSGI application: send a request on to a uwsgi server. And its ping.

::

    client -> 64 00 00 00      modifier1 100, no block: are you there?
    server -> 64 00 00 01      modifier2 1: yes. With a block: yes, and this is what troubles me
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway_core.client import Client
from gateway_core.errors import BackendTimeout, BackendUnavailable, BadGateway
from gateway_core.mismatch import recognise
from gateway_runtime.addresses import Address, connect
from gateway_runtime.channel import Channel, Patience
from gateway_runtime.channels import LIMIT, Channels

from .protocol import HEADER_SIZE, PING, PONG, ClientConnection, decode_packet_header

__all__ = ["PING_SECONDS", "client", "ping"]

PING_SECONDS = 3.0
"""How long a server may take to answer a ping: uWSGI's own client waits as long."""


def client(
    address: Address,
    *,
    timeout: float | Patience = 30.0,
    limit: int = LIMIT,
    name: str = "",
    log: Callable[[str], None] | None = None,
) -> Client:
    """Return a WSGI application that sends requests to the uwsgi server at `address`, a connection for each.

    `timeout`: seconds for connecting, and for each silence. `limit`: connections at once. `name` is what the server is
    called in the log.
    """
    return Client(
        lambda head: ClientConnection(head=head),
        Channels(partial(connect, address, timeout), limit=limit),
        protocol="uwsgi",
        name=name,
        log=log,
    )


def ping(address: Address, seconds: float = PING_SECONDS) -> str:
    """Ask a uwsgi server whether it is well; return what troubles it, mostly "". Raises BackendError."""
    patience = Patience(connect=seconds, send=seconds, silence=seconds, whole=seconds)
    try:
        channel = connect(address, patience)
        try:
            channel.begin()
            channel.sendall(PING)
            header = _read(channel, HEADER_SIZE)
            answer = decode_packet_header(header)
            if header[0] != PONG[0] or header[-1] != PONG[-1]:
                guess = recognise(header)
                raise BadGateway(f"the answer to a ping is {guess.protocol if guess else header.hex(' ')}, not a pong")
            return _read(channel, answer.size).decode("utf-8", "backslashreplace")
        finally:
            channel.close()
    except TimeoutError:
        raise BackendTimeout(f"no pong within {seconds:g} seconds") from None
    except OSError as error:
        raise BackendUnavailable(f"the backend cannot be reached: {error.strerror or error}") from None


def _read(channel: Channel, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = channel.recv(count - len(data))
        if not piece:
            raise BadGateway("the backend closed instead of answering a ping")
        data += piece
    return data
