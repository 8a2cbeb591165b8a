"""Three streams at once: how to talk with a program without waiting for each other for ever.

The classic mistake is to do one thing after another: write the whole content, then read the whole output. A pipe
holds 64 KiB. A program that prints before it has read its input fills its own pipe and waits for us to read, while we
wait for it to read: a deadlock. The same happens with standard error, which many servers forget. So one selector
watches everything that can happen, and whatever is possible is done:

::

    content  ---- stdin  writable ---->  program     the program has closed it (EPIPE): fine, it need not read
    client   <--- stdout readable -----  program     end of file: the response is complete
    log      <--- stderr readable -----  program
             <--- exited readable -----  program     ended, while a child of its own may still hold stdout open

The time limit is for *silence*: it begins anew whenever the program takes content or gives output, and while the
client is slow to read nobody waits for the program. A shorter limit applies once one half of the end has come: between
the end of the output and the exit, or between the exit and the end of the output. A `deadline` bounds them all.
"""

from __future__ import annotations

import math
import os
import selectors
import time
from collections.abc import Callable
from typing import Protocol

from .spawn import TICK, Child
from .stderr_log import StderrLog

__all__ = ["Pump", "Readable", "Silence"]

BLOCK = 64 * 1024
"""Bytes moved at once: what a pipe holds on Linux."""

EXIT_GRACE = 0.5
"""Seconds in which the second half of the end (exit, end of output) is expected after the first."""


class Silence(Exception):
    """The program neither took content nor gave output within the time limit."""


class Readable(Protocol):
    """What content is read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, b"" at the end."""


class Pump:
    """Moves the streams of one `child` each time somebody calls `read`.

    `content` gives `length` bytes of request content; `silence` is the limit in seconds; `log` takes a line of stderr.
    `deadline` is a monotonic time. A `content` that fails to read raises its OSError from `read`.
    """

    def __init__(
        self,
        child: Child,
        content: Readable,
        length: int,
        silence: float,
        log: Callable[[str], None],
        deadline: float = math.inf,
    ) -> None:
        self._child = child
        self._content = content
        self._left = length
        self._block = memoryview(b"")  # of the content, read but not yet taken by the program
        self._silence = silence
        self._deadline = deadline
        self._limit = min(time.monotonic() + silence, deadline)
        self._stderr = StderrLog(log)
        self._selector = selectors.PollSelector()  # four descriptors: poll needs none of its own
        self._output_ended = False
        self._hurried = False
        self.exited = False
        self._selector.register(child.stdout, selectors.EVENT_READ, self._read_output)
        self._selector.register(child.stderr, selectors.EVENT_READ, self._read_errors)
        if length:
            self._selector.register(child.stdin, selectors.EVENT_WRITE, self._write_content)
        else:
            self._end_content()
        if child.exited is not None:
            self._selector.register(child.exited, selectors.EVENT_READ, self._note_exit)

    def read(self) -> bytes:
        """Return the next piece of output, as soon as there is one; b"" when no more will come.

        Raises Silence when the time limit has passed without a byte moved.
        """
        self._progress()
        output = b""
        while not output and not (self._output_ended and self.exited):
            for key, _ in self._selector.select(self._patience()):
                output += key.data()
            if self._child.exited is None and not self.exited and self._child.poll() is not None:
                self._note_exit()
            if not output and time.monotonic() >= self._limit:
                break
        if not output and not self._output_ended and not self.exited:
            raise Silence
        return output

    @property
    def output_ended(self) -> bool:
        """The program, and everybody it gave its output to, has closed it."""
        return self._output_ended

    def drain(self) -> None:
        """Read and drop until the end, for EXIT_GRACE seconds at most."""
        self._hurry()
        limit = time.monotonic() + EXIT_GRACE
        try:
            while self.read() and time.monotonic() < limit:
                pass
        except Silence:
            pass

    def close(self) -> None:
        """Log the last words, close our ends of the pipes. The program, if it still runs, is the caller's."""
        if self._child.stderr >= 0:
            self._drain_errors()
        self._stderr.close()
        self._selector.close()
        for name in ("stdin", "stdout", "stderr"):
            self._close(name)

    # -- what may happen -----------------------------------------------------------------------------------------

    def _write_content(self) -> bytes:
        if not self._block and self._left:
            self._block = memoryview(self._content.read(min(BLOCK, self._left)))
            self._left = self._left - len(self._block) if self._block else 0
        try:
            self._block = self._block[os.write(self._child.stdin, self._block) :]
            self._progress()
        except BlockingIOError:
            pass
        except BrokenPipeError:  # RFC 3875 section 4.2: a program need not read its input
            self._left = 0
            self._block = memoryview(b"")
        if not self._left and not self._block:
            self._selector.unregister(self._child.stdin)
            self._end_content()
        return b""

    def _read_output(self) -> bytes:
        data = _read(self._child.stdout)
        if data == b"":
            self._selector.unregister(self._child.stdout)
            self._close("stdout")
            self._output_ended = True
            self._hurry()
        elif data:
            self._progress()
        return data or b""

    def _read_errors(self) -> bytes:
        data = _read(self._child.stderr)
        if data == b"":
            self._selector.unregister(self._child.stderr)
            self._close("stderr")
        self._stderr.feed(data or b"")
        return b""

    def _note_exit(self) -> bytes:
        if self._child.exited is not None:
            self._selector.unregister(self._child.exited)
        self.exited = True
        self._hurry()
        return b""

    # -- help ----------------------------------------------------------------------------------------------------

    def _end_content(self) -> None:
        self._close("stdin")

    def _drain_errors(self) -> None:
        """Take what stands in the pipe already; not more, for a child of the program's may hold it open."""
        for _ in range(64):
            data = _read(self._child.stderr)
            if not data:
                return
            self._stderr.feed(data)

    def _progress(self) -> None:
        if not self._hurried:
            self._limit = min(time.monotonic() + self._silence, self._deadline)

    def _hurry(self) -> None:
        """One half of the end has come: little patience for the other."""
        if not self._hurried:
            self._hurried = True
            self._limit = min(self._limit, time.monotonic() + EXIT_GRACE)

    def _patience(self) -> float:
        left = max(0.0, self._limit - time.monotonic())
        return left if self._child.exited is not None else min(left, TICK)

    def _close(self, name: str) -> None:
        descriptor = getattr(self._child, name)
        if descriptor >= 0:
            os.close(descriptor)
            setattr(self._child, name, -1)


def _read(descriptor: int) -> bytes | None:
    """Return what there is, b"" at the end of the file, None if there is nothing just now."""
    try:
        return os.read(descriptor, BLOCK)
    except BlockingIOError:
        return None
