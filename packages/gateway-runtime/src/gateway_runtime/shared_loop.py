"""The loop of a worker with threads: one that can change hands (`crew`).

It is the loop of `engine`, with three differences. Around each call of the application it asks the crew whether the
loop is still this thread's. What is expected of a call, by its route, is learnt (`predictor`), and a slow one is made
without the loop. And connections come back from threads that have left it::

    the loop's thread                      a thread that is away
    -----------------                      ---------------------
    _part: out of the poll set  -------->  makes its call, or finishes it
    _take_back: into the loop   <--------  _give_back, and a byte into the wake pipe

A connection with several requests at a time stays; its requests go and come back, each for itself (`trunk`).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING

from . import events
from .connection import Connection, Stage
from .crew import STALL, Crew, Member
from .engine import Limits, Loop, SessionFactory
from .poller import READ
from .predictor import Predictor
from .trunk import Branch, Unit

if TYPE_CHECKING:
    from .addresses import Listener
    from .scoreboard import WorkerSlot

__all__ = ["SharedLoop"]


class SharedLoop(Loop):
    """A loop with `threads` > 1 calls of the application at once. The scoreboard has a slot more than that."""

    def __init__(
        self,
        sources: Iterable[tuple[Listener, SessionFactory]],
        stop_fds: Iterable[int],
        board: WorkerSlot,
        limits: Limits,
        allowed: Callable[[str], bool] | None = None,
        quota: int = 0,
        spent: Callable[[], None] | None = None,
        *,
        threads: int,
    ) -> None:
        super().__init__(sources, stop_fds, board, limits, allowed, quota, spent)
        self.threads = threads
        self._crew = Crew(self._hold_the_loop, self._part, self._stalled)
        self._member: Member | None = None  # the thread that holds the loop
        self._route = ""  # of the call that is being made
        self._predictor = Predictor()
        self._returned: deque[tuple[Unit, bool, bool]] = deque()
        self._wake_read = self._wake_write = -1

    # -- its life ------------------------------------------------------------------------------------------------

    def _go(self) -> None:
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self._poller.register(self._wake_read, READ)
        self._crew.run([self._board.thread(number) for number in range(self.threads + 1)])

    def _hold_the_loop(self, member: Member) -> None:
        self._member, self._slot = member, member.slot
        self._drive()

    def _over(self) -> None:
        self._crew.end()

    def _clean_up(self) -> None:
        self._abandon_returned()
        for connection in [one for one in self._connections.values() if one.away]:
            # Its thread will see that it is lost, and clear up what it holds.
            del self._connections[connection.fd]
            connection.abort()
            connection.dispose()
        super()._clean_up()
        for fd in (self._wake_read, self._wake_write):
            if fd >= 0:
                os.close(fd)

    # -- a call of the application -------------------------------------------------------------------------------

    def _call(self, connection: Unit, resuming: bool) -> bool | None:
        session, slot, member = connection.session, self._slot, self._member
        crew, predictor = self._crew, self._predictor
        assert member is not None
        route, began = session.route, self._now
        slot.begin(route, began)
        if self._told and not resuming:
            events.emit("begin", request=route)
        self._route = route
        left = predictor.slow(route) and crew.hand_over(connection)
        if not left:
            crew.begin(connection)
        more = session.resume() if resuming else session.serve()
        if resuming:
            slot.rest()
        else:
            slot.end()
            if self._told:
                events.emit("end", request=route)
        now = monotonic()
        held = crew.holds(member)
        if held or left:  # else the watch has seen it, and did not wait for the end to tell
            predictor.learn(route, now - began > STALL)
        if held:
            self._now = now
            self._served += not resuming
            return more
        self._give_back(connection, more, not resuming)
        return None

    def _stalled(self) -> None:
        """A call takes long; the thread that is in it will hear of it when it returns."""
        self._predictor.learn(self._route, slow=True)

    def _part(self, connection: Unit) -> None:
        """Take a connection, or one request, out of the loop: from now on it is its thread's, and nobody else's."""
        if isinstance(connection, Connection) and connection.mask:
            self._poller.unregister(connection.fd)
            connection.mask = 0
        connection.away = True
        self._away += 1
        if self._away == self.threads:
            self._acceptor.off()  # another worker may have a thread for whoever comes now

    # -- connections that come back ------------------------------------------------------------------------------

    def _give_back(self, connection: Unit, more: bool, served: bool) -> None:
        """Put a connection back into the loop, from a thread that does not hold it."""
        self._returned.append((connection, more, served))
        if self._crew.ended:
            self._abandon_returned()
            return
        try:
            os.write(self._wake_write, b"x")
        except OSError:  # full, so it will be read; or closed, so it is over
            pass

    def _abandon_returned(self) -> None:
        """The loop has ended, and nobody will take these back."""
        while self._returned:
            try:
                unit, _, _ = self._returned.popleft()
            except IndexError:  # another thread was faster
                return
            if isinstance(unit, Branch):
                unit.lost = True
                unit.session.rest()
            else:
                unit.session.abandon()
                unit.dispose()

    def _take_back(self) -> None:
        """Go on with the connections whose threads have come back."""
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            pass
        while self._returned:
            connection, more, served = self._returned.popleft()
            self._away -= 1
            self._served += served
            connection.away = False
            if isinstance(connection, Branch):
                self._rejoin(connection)
                continue
            if self._stop_by is not None:
                connection.fresh = True  # its response may have begun before we could say that it is the last
            if more and not connection.lost:
                if connection.full:
                    connection.queued = True
                else:
                    self._line_up(connection, False)
            self._settle(connection)
        self._accept_again()

    def _other(self, fd: int) -> bool:
        if fd == self._wake_read:
            self._take_back()
            return True
        return super()._other(fd)

    # -- several requests at a time on one connection --------------------------------------------------------------

    def _adopt(self, connection: Connection) -> None:
        super()._adopt(connection)
        if connection.trunk is not None:
            connection.trunk.queue = self._queue

    def _take_turn(self, unit: Unit) -> bool:
        if not isinstance(unit, Branch):
            return super()._take_turn(unit)
        if unit.lost:  # aborted in line, and cleared up already
            return True
        if self._call(unit, unit.resuming) is None:
            return False
        self._rejoin(unit)
        return True

    def _rejoin(self, branch: Branch) -> None:
        """A call on a branch is over, or its response is paused."""
        trunk = branch.trunk
        connection = trunk.connection
        connection.fresh = False
        if branch.session.rest():
            if connection.full:
                trunk.resting.append(branch)
            else:
                trunk.line_up(branch, resuming=True)
        if connection.stage is not Stage.GONE:
            self._settle(connection)

    def _writable(self, connection: Connection) -> bool:
        trunk = connection.trunk
        if trunk is None:
            return super()._writable(connection)
        with trunk.lock:
            if connection.flush():
                connection.phase = ""  # progress: a new time limit
        if not connection.full and not connection.lost:
            trunk.drained()
        self._settle(connection)
        return True
