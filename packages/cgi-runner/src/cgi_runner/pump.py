"""Three streams at once: how to talk with a program without waiting for each other for ever.

The classic mistake is to do one thing after another: write the whole content, then read the whole output. A pipe
holds 64 KiB. A program that prints before it has read its input fills its own pipe and waits for us to read, while we
wait for it to read: a deadlock. The same happens with standard error, which many servers forget. So one `poll`
watches everything that can happen, and whatever is possible is done:

::

    content  ---- stdin  writable ---->  program     the program has closed it (EPIPE): fine, it need not read
    client   <--- stdout readable -----  program     end of file: the response is complete
    log      <--- stderr readable -----  program
             <--- exited readable -----  program     ended, while a child of its own may still hold stdout open
    client   ---- has left                           nobody waits for the response any more

The time limit is for *silence*: it begins anew whenever the program takes content or gives output, and while the
client is slow to read nobody waits for the program. A shorter limit applies once one half of the end has come: between
the end of the output and the exit, or between the exit and the end of the output. A `deadline` bounds them all.

Until the head is whole, output alone renews nothing: a program that gives a letter now and then would hold its place
for hours, and its client with it.

Most programs are small and have ended after a moment. To be told of each line that such a program writes would cost
more than the program, so for that moment (`quiet`) only its end is waited for; then there is all of it to read.

That a client has left looks at first like a client that has only finished sending (RFC 9112 section 9.6), which is
still owed its response. So the program gets a little time more, LEFT_GRACE, and is then ended. A reset is certain.
"""

from __future__ import annotations

import math
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from .spawn import TICK, Child
from .stderr_log import StderrLog

__all__ = ["Left", "Pump", "Readable", "Silence"]

BLOCK = 64 * 1024
"""Bytes moved at once: what a pipe holds on Linux."""

EXIT_GRACE = 0.5
"""Seconds in which the second half of the end (exit, end of output) is expected after the first."""

LEFT_GRACE = 2.0
"""Seconds that a program may go on for a client that has closed its side: most are done by then, and nobody who
waits for a response closes his side long before it."""

_LEFT = getattr(select, "POLLRDHUP", 0)  # Linux; elsewhere the next output shows that nobody is there


class Silence(Exception):
    """The program neither took content nor gave output within the time limit."""


class Left(Exception):
    """The client has left, and the program has not come to an end since."""


class Readable(Protocol):
    """What content is read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, b"" at the end."""


def _unmarked(_name: str) -> None:
    """Nobody takes the time."""


class Pump:
    """Moves the streams of one `child` each time somebody calls `read`.

    `content` gives `length` bytes of request content; `silence` is the limit in seconds; `log` takes a line of stderr.
    `client` is the descriptor of the client's connection, -1 if it cannot be watched. `deadline` is a monotonic time.
    `mark` is told "output" when that has ended, and "exited". `quiet`: seconds for which the program is left alone, if
    there is no content. A `content` that fails to read raises its OSError from `read`.
    """

    def __init__(
        self,
        child: Child,
        content: Readable,
        length: int,
        silence: float,
        log: Callable[[str], None],
        *,
        client: int = -1,
        deadline: float = math.inf,
        mark: Callable[[str], None] = _unmarked,
        quiet: float = 0.0,
    ) -> None:
        self._child = child
        self._content = content
        self._left = length
        self._block = memoryview(b"")  # of the content, read but not yet taken by the program
        self._silence = silence
        self._deadline = deadline
        self._limit = min(time.monotonic() + silence, deadline)
        self.answering = False
        """The head has come: from now on each piece of output renews the time limit. Set by who reads it."""
        self.size = 0
        """Bytes of output that have come."""
        self._stderr = StderrLog(log)
        self._client = client if _LEFT else -1
        self._mark = mark
        self._hurried = False
        self._leaving = False
        self.output_ended = False
        """The program, and everybody it gave its output to, has closed it."""
        self.exited = False
        self._poll: select.poll | None = None  # until all has to be watched
        self._quiet = quiet if child.exited is not None and not length else 0.0

    def read(self) -> bytes:
        """Return the next piece of output, as soon as there is one; b"" when no more will come.

        Raises Silence when the time limit has passed without a byte moved, Left when nobody waits for it any more.
        """
        if self.answering:
            self._progress()
        return self._turn(math.inf)

    def wait_for_the_end(self, until: float) -> bytes:
        """Return all that is left, if the program ends before a monotonic time; else b"", and nothing has been read.

        Raises Left.
        """
        if self.exited or self._child.exited is None:
            return self._turn(until)
        end = select.poll()  # of these alone: what the program writes meanwhile can wait
        end.register(self._child.exited, select.POLLIN)
        if self._client >= 0 and not self._leaving:
            end.register(self._client, _LEFT)
        found = dict(end.poll(max(0.0, until - time.monotonic()) * 1000))
        if self._client in found:
            self._note_left(found[self._client])
        if self._child.exited not in found:
            return b""
        self._note_exit()
        return self._read_all()

    @property
    def ended(self) -> bool:
        """Has all come that will come?"""
        return self.output_ended and self.exited

    def drain(self) -> None:
        """Read and drop until the end, for EXIT_GRACE seconds at most."""
        self._hurry()
        limit = time.monotonic() + EXIT_GRACE
        try:
            while self.read() and time.monotonic() < limit:
                pass
        except (Silence, Left):
            pass

    def log_last_words(self) -> None:
        """Log what it has said so far, also a line without an end: somebody is about to say what is wrong with it."""
        if self._child.stderr >= 0:
            self._drain_errors()
        self._stderr.close()

    def close(self) -> None:
        """Log the last words, close our ends of the pipes. The program, if it still runs, is the caller's."""
        self.log_last_words()
        for name in ("stdin", "stdout", "stderr"):
            self._close(name)

    # -- what may happen -----------------------------------------------------------------------------------------

    def _turn(self, until: float) -> bytes:
        """Do what is possible, until there is output, or no more will come, or `until`."""
        child = self._child
        output = b""
        if self._quiet:
            quiet, self._quiet = self._quiet, 0.0
            output = self.wait_for_the_end(time.monotonic() + quiet)
        while not output and not (self.output_ended and self.exited):
            poll = self._poll or self._listen()
            now = time.monotonic()
            if now >= until or (now >= self._limit and self._over()):
                break
            for descriptor, events in poll.poll(self._patience(min(until, self._limit) - now)):
                if descriptor == child.stdout:
                    output = self._read_output()
                elif descriptor == child.stderr:
                    self._read_errors()
                elif descriptor == child.exited:
                    self._note_exit()
                elif descriptor == child.stdin:
                    self._write_content()
                else:
                    self._note_left(events)
            if child.exited is None and not self.exited and child.poll() is not None:
                self._note_exit()
        return output

    def _read_all(self) -> bytes:
        """The program has ended: return what stands in its pipe, which may be held open by a child of its own."""
        output = b""
        while not self.output_ended:
            data = self._read_output()
            if not data:
                break
            output += data
        return output

    def _listen(self) -> select.poll:
        """Have an ear for everything that can still happen."""
        poll = self._poll = select.poll()
        for descriptor in (self._child.stdout, self._child.stderr, -1 if self.exited else self._child.exited):
            if descriptor is not None and descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        if self._client >= 0 and not self._leaving:
            poll.register(self._client, _LEFT)
        if self._left:
            poll.register(self._child.stdin, select.POLLOUT)
        return poll

    def _over(self) -> bool:
        """The limit has passed. True: one half of the end has come, which is enough."""
        if self._leaving:
            raise Left
        if not (self.output_ended or self.exited):
            raise Silence
        return True

    def _write_content(self) -> None:
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
            self._unlisten("stdin")

    def _read_output(self) -> bytes:
        data = _read(self._child.stdout)
        if data == b"":
            self._poll_no_more(self._child.stdout)
            self._close("stdout")
            self.output_ended = True
            self._mark("output")
            self._hurry()
        elif data:
            self.size += len(data)
            if self.answering:
                self._progress()
        return data or b""

    def _read_errors(self) -> None:
        data = _read(self._child.stderr)
        if data == b"":
            self._unlisten("stderr")
        elif data:
            self._stderr.feed(data)

    def _note_exit(self) -> None:
        if self._child.exited is not None:
            self._poll_no_more(self._child.exited)
        self.exited = True
        self._mark("exited")
        self._hurry()

    def _note_left(self, events: int) -> None:
        """The client has closed its side, or all of its connection."""
        self._poll_no_more(self._client)
        if events & (select.POLLHUP | select.POLLERR):
            raise Left
        self._leaving = True
        self._limit = min(self._limit, time.monotonic() + LEFT_GRACE)

    # -- help ----------------------------------------------------------------------------------------------------

    def _drain_errors(self) -> None:
        """Take what stands in the pipe already; not more, for a child of the program's may hold it open."""
        for _ in range(64):
            data = _read(self._child.stderr)
            if not data:
                return
            self._stderr.feed(data)

    def _progress(self) -> None:
        if not self._hurried and not self._leaving:
            self._limit = min(time.monotonic() + self._silence, self._deadline)

    def _hurry(self) -> None:
        """One half of the end has come: little patience for the other."""
        if not self._hurried:
            self._hurried = True
            self._limit = min(self._limit, time.monotonic() + EXIT_GRACE)

    def _patience(self, left: float) -> float:
        """Return milliseconds."""
        return max(0.0, left if self._child.exited is not None else min(left, TICK)) * 1000

    def _unlisten(self, name: str) -> None:
        self._poll_no_more(getattr(self._child, name))
        self._close(name)

    def _poll_no_more(self, descriptor: int) -> None:
        """Ask no more for what would be ready for ever."""
        if self._poll is not None:
            with suppress(KeyError):  # nobody has asked
                self._poll.unregister(descriptor)

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
