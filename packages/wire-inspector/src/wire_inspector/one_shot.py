"""One request a connection: what SCGI and uwsgi share, which is all but the framing of the head.

::

    front    [head] [content: CONTENT_LENGTH bytes]          anything behind that is a fault
    backend  [head of a response] [content, up to the end]
"""

from __future__ import annotations

from gateway_core.cgi import content_length
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import Request
from gateway_core.oneshot import OneShotServer

from .content import content
from .stream import Steps, Stream

__all__ = ["judge", "rest"]


def judge(codec: OneShotServer, head: bytes) -> tuple[int, str]:
    """Let a new codec read a whole head. Returns how much content follows, and what is wrong, "" if nothing is."""
    codec.receive_data(head)
    try:
        event = codec.next_event()
    except RemoteProtocolError as error:
        return 0, str(error)
    return (content_length(event.variables) or 0 if isinstance(event, Request) else 0), ""


def rest(stream: Stream, length: int) -> Steps[None]:
    """Decode what follows a head."""
    yield from content(stream, length)
    if (yield from stream.more()):
        raise RemoteProtocolError("there are bytes behind the content, which CONTENT_LENGTH does not count")
