"""An end to code that would not end: what a learner wrote may loop for ever, and the notebook must live on.

::

    with within(4.0):
        answer()            # TookTooLong is raised in it after four seconds

Two bells can ring. In the main thread of a Unix process, where a kernel runs its cells, it is the alarm signal: it
interrupts a loop, a sleep, a `recv`. In any other thread (a kernel has more of them now), and on Windows, a watching
thread asks the interpreter to raise the error: that ends a loop, and a sleep only once it is over.

Code that catches everything swallows the error::

    while True:
        try:
            stream.recv(1)
        except:             # TookTooLong ends here, and the loop goes on
            pass

so the bell rings again. From the second time on it also has the interpreter raise the error at one of the next lines,
chosen by chance: at some time that is a line outside of every `try`.

A bell never rings in the lines of this module: an error there would leave the bell standing, and the next ring would
end the kernel.

Out of reach is what never comes back to the interpreter, such as `list(itertools.repeat(0))` or `10 ** 10 ** 10`, and
`os._exit`, after which there is no kernel. Then the kernel is restarted; the learner's file has every answer.
"""

from __future__ import annotations

import ctypes
import random
import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Final, Protocol, Self

__all__ = ["TookTooLong", "within"]

AGAIN: Final = 0.02
"""Seconds between two rings, once the first has been swallowed."""
SOON: Final = 0.001
"""Seconds after which an alarm is due at the earliest, such as one that was due while another one was set."""
NEXT_LINES: Final = 12
"""One of so many lines raises the error. A loop that catches everything is rarely longer, and the bell rings again."""


class TookTooLong(BaseException):
    """The time is up. No Exception, so that `except Exception` in the code does not hide it."""


class Bell(Protocol):
    """Raises TookTooLong in this thread once it has been set, again and again until it is put away."""

    rings: int
    """How often it has rung."""

    def set(self) -> None:
        """Begin to count."""

    def put_away(self) -> None:
        """Ring no more."""


class within:  # noqa: N801  # a context manager is called like a function
    """Interrupt the block after so many seconds, with TookTooLong."""

    def __init__(self, seconds: float) -> None:
        main = threading.current_thread() is threading.main_thread()
        self._bell: Bell = Alarm(seconds) if main and hasattr(signal, "setitimer") else Watch(seconds)

    @property
    def rang(self) -> bool:
        """Was the time up? What the block raised may then be another error: an interrupted lock complains, for one."""
        return self._bell.rings > 0

    def __enter__(self) -> Self:
        """Begin to count."""
        self._bell.set()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the count. A ring that comes in the middle of this comes too late, and counts for nothing."""
        while True:
            try:
                self._bell.put_away()
            except TookTooLong:
                continue
            return

    def __del__(self) -> None:
        """Put the bell away, should a ring (or the learner's interrupt) have come just before `__exit__` could."""
        self._bell.put_away()


class Alarm:
    """The alarm signal. One that was set before, and what was traced, go on afterwards."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._armed = False
        self.rings = 0

    def set(self) -> None:
        """Begin to count."""
        self._armed, self._began = True, time.monotonic()
        self._tracing = sys.gettrace()
        self._outer = sys._getframe(2)  # noqa: SLF001  # whoever says `with within(...)`
        self._handler = signal.signal(signal.SIGALRM, self._ring)
        self._before = signal.setitimer(signal.ITIMER_REAL, max(SOON, self._seconds), AGAIN)  # 0 would be never

    def put_away(self) -> None:
        """Ring no more."""
        if not self._armed:
            return
        self._armed = False
        if self.rings > 1:
            sys.settrace(self._tracing)
        due, again = self._before
        passed = time.monotonic() - self._began
        signal.setitimer(signal.ITIMER_REAL, max(SOON, due - passed) if due else 0, again)
        signal.signal(signal.SIGALRM, self._handler)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if not self._armed:
            signal.setitimer(signal.ITIMER_REAL, 0)  # an interrupt of the learner's came while it was put away
        if not self._armed or _is_here(frame, self._outer):
            return
        self.rings += 1
        if self.rings > 1:
            self._trip(frame)
        raise TookTooLong

    def _trip(self, frame: FrameType | None) -> None:
        """Have one of the next lines raise the error."""
        left = random.randint(1, NEXT_LINES)  # noqa: S311  # no secret

        def trace(where: FrameType, event: str, argument: Any) -> Any:
            nonlocal left
            if not self._armed or where.f_code.co_filename == __file__:
                return None
            left -= event == "line"
            if left <= 0:
                raise TookTooLong
            return trace

        sys.settrace(trace)
        while frame is not None and frame is not self._outer:
            frame.f_trace = trace
            frame = frame.f_back


class Watch:
    """A thread that has the interpreter raise the error in the one that set it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.rings = 0
        self._told = threading.Lock()
        self._over = threading.Event()

    def set(self) -> None:
        """Begin to count."""
        self._whom = threading.get_ident()
        self._outer = sys._getframe(2)  # noqa: SLF001
        threading.Thread(target=self._watch, name="deadline", daemon=True).start()

    def put_away(self) -> None:
        """Ring no more. What has rung just now is heard here, within `set`, where nothing comes of it."""
        with self._told:
            self._over.set()

    def _watch(self) -> None:
        wait = self._seconds
        while not self._over.wait(wait):
            wait = AGAIN
            with self._told:
                there = sys._current_frames().get(self._whom)  # noqa: SLF001
                if not self._over.is_set() and not _is_here(there, self._outer):
                    self.rings += 1
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(self._whom), ctypes.py_object(TookTooLong)
                    )


def _is_here(frame: FrameType | None, outer: FrameType) -> bool:
    """Tell whether something of this module is under way, from the frame that says `with` inwards."""
    while frame is not None and frame is not outer:
        if frame.f_code.co_filename == __file__:
            return True
        frame = frame.f_back
    return False
