"""An upgrade as the old master lives through it: start the new program, wait for its word, step aside or go on.

::

    nothing  --start-->  under way  --READY-->  handed over: this program ends
       ^                     |
       +------ it ends ------+

A reload that is asked for meanwhile is made up for: by the new program, which may have loaded the code before it was
changed, or else by this one.
"""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable, Iterable
from math import inf

from . import upgrade
from .addresses import Listener
from .control import Refused
from .log import line
from .signals import HELD, how_it_ended
from .systemd import Notifier

__all__ = ["Succession"]


class Succession:
    """At most one upgrade at a time. `succeeded()` and `failed()` are called when its outcome is known."""

    def __init__(
        self,
        listeners: Iterable[Listener],
        selector: selectors.BaseSelector,
        notifier: Notifier,
        succeeded: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        self._listeners = listeners
        self._selector = selector
        self._notifier = notifier
        self._succeeded = succeeded
        self._failed = failed
        self._home = upgrade.directory()
        self._pipe = -1
        self.pid = 0
        """Of the new program while it is not ready, else 0."""
        self._told_to_end = False
        self.kill_at = inf
        self.reload_later = False

    def start(self) -> str:
        """Start the new program. Returns what is done, or raises Refused."""
        if self.pid:
            raise Refused(f"an upgrade is under way already, in process {self.pid}")
        sockets = [listener.sock.fileno() for listener in self._listeners]
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
        try:
            self.pid, self._pipe = upgrade.start(sockets, self._notifier.environ, self._home)
        except OSError as error:
            raise Refused(f"no process can be started: {error.strerror}") from None
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        self._selector.register(self._pipe, selectors.EVENT_READ, self._on_word)
        self._notifier.reloading()
        return f"process {self.pid} starts the program anew"

    def close(self) -> None:
        """Listen to the new program no more."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def end(self, number: int, kill_at: float) -> None:
        """Have the new program end too, before it is ready."""
        if self.pid:
            self._told_to_end = True
            os.kill(self.pid, number)
            self.kill_at = min(self.kill_at, kill_at)

    def kill_if_late(self, now: float) -> None:
        """End it at once, if it should have ended by now. Its workers see that, and end."""
        if self.pid and self.kill_at <= now:
            self.kill_at = inf
            os.kill(self.pid, signal.SIGKILL)

    def died(self, pid: int, code: int) -> None:
        """Note that a child process has died: if it was the new program, it was never ready."""
        if pid != self.pid:
            return
        self._forget()
        if self._told_to_end:
            return
        line(f"the new program {how_it_ended(code)} before it could serve; this one goes on")
        self._notifier.ready()
        self._failed()

    def _on_word(self) -> None:
        if self._pipe < 0:  # a signal has brought us to its end already
            return
        ready = os.read(self._pipe, len(upgrade.READY)) == upgrade.READY
        if not ready or self._told_to_end:  # its death will say the rest
            self._selector.unregister(self._pipe)
            self.close()
            return
        pid = self.pid
        self._forget()
        for listener in self._listeners:
            listener.leave_file()
        line(f"the new program serves, as process {pid}; this one finishes and ends")
        self._notifier.hand_over(pid)
        if self.reload_later:
            os.kill(pid, signal.SIGHUP)
        self._succeeded()

    def _forget(self) -> None:
        if self._pipe >= 0:
            self._selector.unregister(self._pipe)
        self.close()
        self.pid = 0
        self.kill_at = inf
