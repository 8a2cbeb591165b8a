"""The error tree of every gateway: one class for each reaction, not for each sentence.

::

    GatewayError
    +-- RemoteProtocolError    the peer's bytes break the protocol: answer `status`, close, log one line
    |   +-- PeerMismatch       the peer speaks another protocol altogether: the same, and say which one
    +-- LocalProtocolError     we were asked to send what the protocol forbids: a defect or the app's fault
    +-- ApplicationError       the application breaks PEP 3333: 500, traceback to wsgi.errors
    +-- BackendError           a client half cannot get an answer: `status` is 502, 503 or 504
        +-- NotSendable            400, 431  the request does not fit into the backend's protocol
        +-- BackendUnavailable     503  nobody listens, or it says it is overloaded
        +-- BackendTimeout         504  it stays silent
        +-- BadGateway             502  it answers with something that is not a response

A remote error carries the HTTP status to answer with, so that no server has to guess one.
"""

from __future__ import annotations

__all__ = [
    "ApplicationError",
    "BackendError",
    "BackendTimeout",
    "BackendUnavailable",
    "BadGateway",
    "GatewayError",
    "LocalProtocolError",
    "NotSendable",
    "PeerMismatch",
    "RemoteProtocolError",
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


class NotSendable(BackendError):
    """The request does not fit into the backend's protocol, so nothing of it was sent. It is the visitor's: 4xx."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class BackendUnavailable(BackendError):
    """Connection refused, no such socket, or the backend says it is overloaded: 503."""

    status = 503


class BackendTimeout(BackendError):
    """The backend did not answer within the time limit: 504."""

    status = 504


class BadGateway(BackendError):
    """The backend closed early or answered with something that is not a response: 502."""
