"""The error tree of every gateway: one class for each reaction, not for each sentence.

::

    GatewayError
    +-- RemoteProtocolError    the peer's bytes break the protocol: answer `status`, close, log one line
    |   +-- PeerMismatch       the peer speaks another protocol altogether: the same, and say which one
    +-- LocalProtocolError     we were asked to send what the protocol forbids: a defect or the app's fault
    +-- ApplicationError       the application breaks PEP 3333: 500, traceback to wsgi.errors
    +-- BackendError           a client half cannot get an answer: `status` is 502, 503 or 504
        +-- VisitorFault           400, 431  not the backend's fault: the request cannot be sent on, or nobody waits
        +-- BackendUnavailable     503  nobody listens
        |   +-- BackendBusy        503  it is there, and has no room now
        +-- BackendTimeout         504  it stays silent
        +-- BadGateway             502  it answers with something that is not a response

A remote error carries the HTTP status to answer with, so that no server has to guess one.
"""

from __future__ import annotations

__all__ = [
    "ApplicationError",
    "BackendBusy",
    "BackendError",
    "BackendTimeout",
    "BackendUnavailable",
    "BadGateway",
    "GatewayError",
    "LocalProtocolError",
    "PeerMismatch",
    "RemoteProtocolError",
    "VisitorFault",
]


class GatewayError(Exception):
    """Root of the tree. `str(error)` is one sentence without a traceback's help."""


class RemoteProtocolError(GatewayError):
    """The peer broke the protocol. `status` is the HTTP status code (400..599) to answer with."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class PeerMismatch(RemoteProtocolError):
    """The peer speaks a different protocol: HTTP on a uwsgi port, TLS on a plain port, and so on."""


class LocalProtocolError(GatewayError):
    """We were about to send something that the protocol does not allow. Nothing of it was sent."""


class ApplicationError(GatewayError):
    """The application broke PEP 3333 (bad status, bad header, wrong type, no start_response)."""


class BackendError(GatewayError):
    """A client half got no usable answer. `status` is what a front should answer with.

    `again`: nobody can have acted on the request, so another backend may be asked.
    """

    status = 502
    again = False


class VisitorFault(BackendError):
    """The request does not fit into the backend's protocol, or whoever asked has gone: nothing is wrong with it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class BackendUnavailable(BackendError):
    """Connection refused, no such socket: 503."""

    status = 503


class BackendBusy(BackendUnavailable):
    """The backend says that it is overloaded, or all connections to it are in use: 503. Nothing is wrong with it."""


class BackendTimeout(BackendError):
    """The backend did not answer within the time limit: 504."""

    status = 504


class BadGateway(BackendError):
    """The backend closed early or answered with something that is not a response: 502."""
