"""What the response half needs on its three sides: an application, an encoder, a transport.

::

    application --> Response --> encoder     values to bytes: one for each protocol
                       |
                       '-------> transport   where the bytes go: a socket, standard output, a list in a test
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from .events import Fields

__all__ = ["Application", "Encoder", "Transport"]

Application = Callable[[dict[str, Any], Callable[..., Callable[[bytes], None]]], Iterable[bytes]]
"""What PEP 3333 calls the application object: any callable."""


class Encoder(Protocol):
    """Values to bytes, for one response. Called in the order head, data or skip..., end; or whole, alone."""

    @property
    def close_after(self) -> bool:
        """After `end`: must the connection close now?"""

    @property
    def raw(self) -> bool:
        """Content of a known length goes as it is: `data` would not change it."""

    def head(self, status: str, fields: Fields, length: int | None) -> bytes:
        """Encode the head. `fields` is without Content-Length; `length` is the number of content bytes, if known."""

    def data(self, data: bytes) -> bytes:
        """Encode a piece of content, never empty."""

    def skip(self, count: int) -> None:
        """`count` bytes of content are sent without being encoded. Only if `raw`, and the length is known."""

    def end(self) -> bytes:
        """Encode the end of a complete response."""

    def whole(self, status: str, fields: Fields, data: bytes) -> bytes:
        """Encode head, `data` (not empty) and end in one: the same bytes, for less work."""


class Transport(Protocol):
    """Where the bytes go."""

    @property
    def full(self) -> bool:
        """Not all that was written is sent: rest until `resume`."""

    @property
    def lost(self) -> bool:
        """The peer has gone: nothing can be sent any more."""

    @property
    def can_send_file(self) -> bool:
        """Is `send_file` of any use here?"""

    def write(self, data: bytes, /) -> None:
        """Send, or queue for certain sending. Raises ConnectionError when the peer has gone."""

    def send_file(self, fd: int, offset: int, count: int, /) -> None:
        """Send a part of a file, which stays open while the transport is full. Raises ConnectionError."""

    def drain(self) -> None:
        """Wait until the transport is not full any more. Raises ConnectionError when the peer has gone."""

    def close(self, *, linger: bool = False) -> None:
        """Send what is queued, then close. `linger`: in stages, so that a reset cannot destroy the last bytes."""

    def abort(self) -> None:
        """Close so that the peer can tell that the response is incomplete."""

    def finish(self, *, close: bool) -> None:
        """The response is over while its application works on: wait until the peer can have all of it.

        `close`: no other follows, so let the peer see end of file. Raises ConnectionError when the peer has gone.
        """
