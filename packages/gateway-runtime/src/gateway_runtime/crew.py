"""The threads of a worker, one of which holds the loop.

The thread that holds the loop calls the application itself, with no queue between. That is the fastest way while calls
are short, and it would be the end of all other connections while one call is long. So the loop can change hands::

    holds the loop --call returns in time--> holds the loop              the hot path: one lock, nothing else
      |  |
      |  '--the call is expected to be slow: `hand_over`, then call-----.
      '--the call has run for STALL: the watch hands the loop over------+--> away: makes its call, without the loop
                                                                        |
    parked <--gives the connection back to the loop, and rests----------'
      '--is handed the loop--> holds the loop

`--threads N` is N calls at once, so there are up to N + 1 threads: with N away there is still one that reads, accepts
and watches the clock, and the next request waits in line. A thread is started when the loop is to be handed over and
none is at rest, so a large N costs nothing before it is needed. Whoever holds the loop, and nobody else, touches the
loop's state; `lock` is for the question who that is. The connection of an absent thread is out of the poll set and
belongs to that thread until it gives it back. Of a connection with several requests at a time, that is true of each
request (`trunk`): what a thread is away with is called a unit.

The main thread of the worker is the watch. It serves nobody, so signals are acted on at once.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence

from .scoreboard import Slot
from .trunk import Unit

__all__ = ["STALL", "Crew", "Member"]

STALL = 0.005
"""Seconds that a call may take before the loop is handed over: a hundred quick requests wait so long, and no more."""

_QUIET = 200
"""Looks without any call before the watch goes to sleep: an idle worker shall not wake 200 times a second."""


_SWITCH = 0.001
"""Seconds after which a thread that computes must let another have the interpreter. The loop gives it away with every
system call, and Python's usual 5 ms are then what each of its steps costs beside one computing call."""


class Member:
    """One thread: its line on the scoreboard, and the lock on which it rests."""

    __slots__ = ("slot", "wake")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.wake = threading.Lock()
        self.wake.acquire()


class Crew:
    """Runs `drive(member)` in the thread that holds the loop; `drive` returns when the loop has changed hands.

    `part(unit)` takes a connection, or one of its requests, out of the loop; `stalled()` is told before, when that
    happens in the middle of a call. Both are called for the thread that is in the call, while it cannot touch the loop.
    """

    def __init__(
        self,
        drive: Callable[[Member], None],
        part: Callable[[Unit], None],
        stalled: Callable[[], None],
    ) -> None:
        self._drive = drive
        self._part = part
        self._stalled = stalled
        self._lock = threading.Lock()
        self._slots: list[Slot] = []  # of threads that were not needed yet
        self._parked: list[Member] = []
        self._holder: Member | None = None
        self._calling: Unit | None = None  # of the call that the holder is making now
        self._calls = 0
        self._asleep = False
        self._bell = threading.Lock()
        self._bell.acquire()
        self._failure: BaseException | None = None
        self.ended = False

    def run(self, slots: Sequence[Slot]) -> None:
        """Have up to a thread for each slot, give one the loop, watch until `end`. Raises what `drive` has raised."""
        self._slots = list(reversed(slots))
        with self._lock:
            self._recruit()
            self._pass_on()
        usual = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH)
        try:
            self._watch()
        finally:
            sys.setswitchinterval(usual)
        if self._failure is not None:
            raise self._failure

    def end(self) -> None:
        """It is over: parked threads end now, absent ones when their calls return."""
        with self._lock:
            self.ended = True
            for member in self._parked:
                member.wake.release()
            self._parked.clear()
            if self._holder is not None:
                self._holder.wake.release()
            self._ring()

    # -- around a call; for the thread that holds the loop ---------------------------------------------------------

    def hand_over(self, unit: Unit) -> bool:
        """Give the loop to another thread before a call. False: there is none at rest."""
        with self._lock:
            if not self._at_rest():
                return False
            self._part(unit)
            self._pass_on()
        return True

    def begin(self, unit: Unit) -> None:
        """A call begins, and the loop may be taken away until `holds` is asked."""
        self._calling = unit
        self._calls += 1
        if self._asleep:
            with self._lock:
                self._ring()

    def holds(self, member: Member) -> bool:
        """The call has returned: is the loop still ours? If not, we are parked from now on."""
        with self._lock:
            if self._holder is member:
                self._calling = None
                return True
            if self.ended:
                member.wake.release()
            else:
                self._parked.append(member)
            return False

    # -- threads ---------------------------------------------------------------------------------------------------

    def _live(self, me: Member) -> None:
        """Rest, hold the loop, rest."""
        while True:
            me.wake.acquire()
            if self.ended:
                return
            try:
                self._drive(me)
            except BaseException as error:  # a defect: the main thread raises it, and the worker is replaced
                self._failure = error
                self.end()

    def _at_rest(self) -> bool:
        """Is there a thread to hand the loop to? Start one if there is not, while there may be more."""
        if not self._parked and self._slots:
            try:
                self._recruit()
            except RuntimeError:  # the system gives us no more threads: those that we have must do
                return False
        return bool(self._parked)

    def _recruit(self) -> None:
        """Start one more thread; it rests."""
        member = Member(self._slots[-1])
        threading.Thread(target=self._live, args=(member,), daemon=True).start()
        self._slots.pop()
        self._parked.append(member)

    def _pass_on(self) -> None:
        """Give the loop to a thread at rest, the one that has run last: its memory is the warmest."""
        member = self._holder = self._parked.pop()
        self._calling = None
        member.wake.release()

    def _watch(self) -> None:
        """Look every STALL seconds: is the holder in the call that it was in the last time?"""
        seen = quiet = 0
        while not self.ended:
            if quiet > _QUIET:
                self._asleep = True
                if self._calls == seen:  # else a call has begun that did not know that we would sleep
                    self._bell.acquire()
                self._asleep = False
                quiet = 0
            else:
                self._bell.acquire(timeout=STALL)
            calling, calls = self._calling, self._calls
            if calls != seen:
                seen, quiet = calls, 0
            elif calling is None:
                quiet += 1
            else:
                with self._lock:
                    if self._calling is calling and self._calls == seen and self._at_rest():
                        self._stalled()
                        self._part(calling)
                        self._pass_on()

    def _ring(self) -> None:
        """Wake the watch."""
        if self._bell.locked():
            self._bell.release()
