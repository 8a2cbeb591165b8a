"""Content without a frame: pieces as they come, counted or up to the end."""

from __future__ import annotations

from gateway_core.errors import RemoteProtocolError

from .message import size_of
from .stream import Steps, Stream

__all__ = ["content"]


def content(stream: Stream, left: int | None) -> Steps[None]:
    """Cut off `left` bytes as they come; None: up to the end. Raises RemoteProtocolError if the end comes too early."""
    while left is None or left:
        if not (yield from stream.more()):
            break
        size = len(stream.buffer) if left is None else min(left, len(stream.buffer))
        yield stream.cut(size, f"content, {size_of(size)}")
        left = None if left is None else left - size
    if left:
        raise RemoteProtocolError(f"the {stream.sender} closed {left} bytes before the end of the content")
