"""Slow visitors: backends do not wait for them, unless a route says so.

**Requests.** With `buffer` (the rule) content is collected before a backend is bothered, in memory and then on disk: so
a slow upload costs a descriptor. Without it the request goes on at once, and its content is read from the visitor's
connection while it is sent (`LiveContent`). Only content of a declared length goes that way, since SCGI and uwsgi must
say first how much there will be.

**Answers.** They pass as they come, as long as the visitor takes them. When he does not, the response rests; then the
thread that has served it goes on reading the backend's answer, in memory and then on disk, until the visitor takes more
or all of it is here and the backend is free::

    backend ===> Answer ===========> visitor     he takes what comes
    backend ===> Answer ===> [kept]              he does not: `collect`
                 Answer <=== [kept]
                   '===============> visitor     he does again: first what was kept
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import IO

from gateway_core.client import Content
from gateway_core.errors import BackendError, BadGateway
from gateway_core.input import spool

__all__ = ["ANSWERS", "KEPT_MAX", "Answer", "LiveContent"]

ANSWERS = "http_front.answers"
"""Key of an environ: a list to which the `Answer` is added that its response consists of."""

KEPT_MAX = 1 << 30
"""Bytes of an answer that are kept for a slow visitor, 1 GiB; then the backend waits. It spares the disk."""

_BLOCK = 64 * 1024
"""Bytes given at a time of what was kept."""


class Answer(Iterator[bytes]):
    """The content of a backend's response, which can be read faster than it is given."""

    def __init__(self, content: Content, most: int = KEPT_MAX) -> None:
        self._content = content
        self._most = most
        self._kept: IO[bytes] | None = None
        self._written = self._given = 0
        self._end: Exception | None = None  # how the content ended, seen before all that was kept is given

    def __next__(self) -> bytes:
        if self._given < self._written:
            return self._from_kept()
        if self._end is not None:
            raise self._end
        return next(self._content)

    def collect(self, visitor: int) -> None:
        """Read what the backend sends while the descriptor `visitor` cannot be written to."""
        while self._end is None and self._written - self._given < self._most:
            try:
                if not self._content.ready(visitor):
                    return
                self._keep(next(self._content))
            except (StopIteration, BackendError) as end:
                self._end = end
            except OSError as error:
                self._content.close()
                self._end = BadGateway(f"the answer cannot be kept: {error.strerror or error}")

    def close(self) -> None:
        """Give up what was not given."""
        self._content.close()
        if self._kept is not None:
            try:
                self._kept.close()
            except OSError:
                pass  # a full disk does not take the last of it, and nobody will read it

    def _keep(self, piece: bytes) -> None:
        if self._kept is None:
            self._kept = spool()
        self._kept.seek(self._written)
        self._kept.write(piece)
        self._written += len(piece)

    def _from_kept(self) -> bytes:
        assert self._kept is not None
        self._kept.seek(self._given)
        data = self._kept.read(_BLOCK)
        self._given += len(data)
        if self._given == self._written:  # begin anew, so that a long answer does not stay on the disk whole
            self._kept.seek(0)
            self._kept.truncate()
            self._given = self._written = 0
        return data


class LiveContent(io.RawIOBase):
    """`wsgi.input` while content is still on its way: what has `begun`, and then what `more(other)` gives.

    That is b"" at the end, and None if the descriptor `other` (-1: none) can be read before there is more. A read gives
    what is there, not all that was asked for, so that content goes on as it comes.
    """

    def __init__(self, begun: bytes, more: Callable[[int], bytes | None]) -> None:
        self._more = more
        self._rest = memoryview(begun)
        self._over = False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a part of `buffer`, at least one byte of it before the end."""
        view = memoryview(buffer)  # type: ignore[arg-type]  # RawIOBase says object, and gives a buffer
        self.at_hand(-1)
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def at_hand(self, other: int) -> bool:
        """Wait until a read need not wait. False: the descriptor `other` can be read before."""
        if not self._rest and not self._over:
            data = self._more(other)
            if data is None:
                return False
            self._rest = memoryview(data)
            self._over = not data
        return True
