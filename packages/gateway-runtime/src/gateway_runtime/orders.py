"""What people can have a running master do: by a signal, or by a word on the control socket.

Each order is begun, not finished, when its method returns; it says so in a sentence, or raises Refused with one. What
two of them mean at once::

                      while a reload runs              while an upgrade runs           while the server ends
    reload (HUP)      what was being loaded is out     the new program reloads         refused
                      of date: begun anew              once it serves; or this one
    upgrade (USR2)    both go on; the upgrade ends     refused                         refused
                      whatever the reload has made
    stop (TERM)       all end, those that load too     the new program ends too        -
    stop (INT, QUIT)  the same, at once                the same, at once               kills what is left
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from . import log
from .control import Refused
from .errors import EXIT_STOPPED
from .log import line
from .pool import Pool
from .worker import DUMP

if TYPE_CHECKING:
    from .master import Master

__all__ = ["Orders"]

_QUICK_GRACE = 2.0
"""Seconds that workers have after INT or QUIT before they are killed."""


class Orders:
    """Orders to a master. It implements `control.Controls`."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self._of_signal: dict[int, Callable[[], str]] = {
            signal.SIGTERM: self.stop, signal.SIGINT: lambda: self.stop(quick=True),
            signal.SIGQUIT: lambda: self.stop(quick=True), signal.SIGHUP: self.reload, signal.SIGUSR1: self.reopen,
            signal.SIGUSR2: self.upgrade, signal.SIGTTIN: lambda: self._move(1), signal.SIGTTOU: lambda: self._move(-1),
        }  # fmt: skip
        self._quietly = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)  # no word about what is asked for every day

    def act(self, number: int) -> None:
        """Do what a signal asks for."""
        if number not in self._of_signal:
            return
        name = signal.Signals(number).name.removeprefix("SIG")
        try:
            sentence = self._of_signal[number]()
        except Refused as error:
            line(f"{name} is refused: {error}")
        else:
            if number not in self._quietly:
                line(f"{name}: {sentence}")

    def stop(self, quick: bool = False) -> str:
        """End gracefully, or quickly: what is under way is cut. Who asks for that again has the workers killed."""
        master, again = self._master, self._master.ending
        if not again:
            master.notifier.stopping()
        master.end(EXIT_STOPPED, _QUICK_GRACE if quick else None)
        if not quick:
            return "the server ends when the requests under way are finished"
        number = signal.SIGKILL if again else signal.SIGQUIT
        master.succession.end(number, inf)
        for child in master.family:
            child.kill_at = min(child.kill_at, time.monotonic() + _QUICK_GRACE)
            child.signal(number)
        return "the server ends at once"

    def reload(self) -> str:
        """Load the application anew, in new workers; the old ones finish when all the new ones can serve."""
        master = self._master
        if master.ending:
            raise Refused("the server is ending")
        if master.succession.pid:
            master.succession.reload_later = True
            return f"process {master.succession.pid}, which upgrades the server, will do so when it serves"
        generations = master.generations
        target = master.keeper.size(generations.serving) if master.announced else generations.target
        generations.begin(target)
        master.notifier.reloading()
        if master.settings.preload:
            return f"{target} new workers, of what was loaded at the start (--preload): USR2 loads the application anew"
        return f"{target} new workers load the application"

    def upgrade(self) -> str:
        """Start this program anew, as another process with the same sockets; when that serves, end."""
        if self._master.ending or not self._master.announced:
            raise Refused("the server does not serve")
        return self._master.succession.start()

    def reopen(self) -> str:
        """Open log files anew, here and in all workers."""
        log.reopen()
        for child in self._master.family:
            child.signal(signal.SIGUSR1)
        return "log files are opened anew"

    def resize(self, number: int) -> str:
        """Have `number` workers, or with a dynamic or ondemand pool at most so many."""
        return self._change(self._master.keeper.pool.resized(number), number)

    def dump(self, pid: int) -> str:
        """Have a worker log what each of its threads is doing."""
        for child in self._master.family:
            if child.pid == pid:
                child.signal(DUMP)
                return f"worker {pid} writes to the log where its threads are"
        raise Refused(f"there is no worker {pid}")

    def _move(self, by: int) -> str:
        pool = self._master.keeper.pool.moved(by)
        return self._change(pool, pool.most)

    def _change(self, pool: Pool, most: int) -> str:
        """Keep to another pool from now on."""
        if self._master.ending:
            raise Refused("the server is ending")
        if not 1 <= most <= self._master.most:
            raise Refused(f"there can be 1 to {self._master.most} workers")
        self._master.change_pool(pool)
        between = f"{pool.least} to {pool.most}" if pool.least < pool.most else str(pool.most)
        return f"workers from now on: {between}"
