"""The master: binds, forks workers, keeps their number, and stops them. It never imports the application.

Handlers only note a signal (the interpreter writes a byte into a pipe); the loop acts on it, one method each::

    TERM        graceful end: workers finish what is under way, within the grace time
    INT, QUIT   quick end: what is under way is cut; a second one kills
    HUP         new workers with the code as it is now; when all can serve, the old ones finish
    CHLD        a worker has died: reap it, replace it

To each worker lead two pipes. *control*: the worker sees its end of file when the master closes it or dies, and stops.
*status*: the worker writes READY, or one sentence why it cannot start.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from . import events
from .addresses import Listener
from .engine import SessionFactory
from .errors import EXIT_CANNOT_START, EXIT_FAILED, EXIT_STOPPED
from .log import line, raw
from .scoreboard import Scoreboard, State
from .settings import Settings
from .worker import ENDING, READY, Worker

__all__ = ["Master"]

_QUICK_GRACE = 2.0
"""Seconds that workers have after INT or QUIT before they are killed."""

_KILL_AFTER = 1.0
"""Seconds beyond the workers' own grace before a stuck one is killed."""

_BRAKE = 1.0
"""Seconds to wait before replacing a worker that died this soon after its start: crashes must not become a storm."""


@dataclass(slots=True)
class _Child:
    """A worker as its master knows it."""

    pid: int
    generation: int
    place: int
    control: int
    status: int
    started: float
    ready: bool = False
    retired: bool = False
    why: str = ""

    def close_control(self) -> None:
        """Let the worker see end of file. A number once closed may soon mean another file: forget it."""
        if self.control >= 0:
            os.close(self.control)
            self.control = -1


class Master:
    """Runs `settings.workers` workers on `listeners` until a signal ends it; `run` returns the exit code.

    `prepare()` runs in each worker: it loads the application and returns the listeners with their session factories.
    """

    def __init__(
        self,
        listeners: list[Listener],
        prepare: Callable[[], list[tuple[Listener, SessionFactory]]],
        settings: Settings,
        program: str,
        scheme: str,
    ) -> None:
        self._program = program
        self._listeners = listeners
        self._prepare = prepare
        self._settings = settings
        self._scheme = scheme
        # Twice the slots: during a reload old and new workers live side by side.
        self._scoreboard = Scoreboard(2 * settings.workers, settings.threads)
        self._children: dict[int, _Child] = {}
        self._generation = 0
        self._announced = False
        self._ending: float | None = None
        self._respawn_at = 0.0
        self._exit_code = EXIT_STOPPED
        self._handlers = {
            signal.SIGTERM: self._on_term, signal.SIGINT: self._on_quit, signal.SIGQUIT: self._on_quit,
            signal.SIGHUP: self._on_hup, signal.SIGCHLD: self._on_chld,
        }  # fmt: skip

    def run(self) -> int:
        """Fork, watch, end. Returns EXIT_STOPPED, EXIT_FAILED or EXIT_CANNOT_START."""
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in self._handlers:
            signal.signal(number, lambda *_: None)  # noted by the wake-up pipe
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        try:
            self._keep_number()
            while self._children or self._ending is None:
                self._turn()
        finally:
            for child in self._children.values():
                os.kill(child.pid, signal.SIGKILL)
            for listener in self._listeners:
                listener.close()
        return self._exit_code

    def _turn(self) -> None:
        """Wait for a signal, a word from a worker, or the next deadline; act on it."""
        ready = [key for key, _ in self._selector.select(self._timeout())]
        for key in sorted(ready, key=lambda key: key.fd != self._wake_read):  # who is told to end does not say "ready"
            if key.fd == self._wake_read:
                for number in os.read(self._wake_read, 512):
                    self._handlers.get(signal.Signals(number), lambda: None)()
            elif key.data.status >= 0:  # else a signal that came with it has brought us to it already
                self._on_status(key.data)
        if self._ending is None:
            self._keep_number()
        elif time.monotonic() > self._ending:
            self._kill_all()

    def _timeout(self) -> float | None:
        deadline = self._ending if self._ending is not None else self._respawn_at
        if self._ending is None and len(self._current()) >= self._settings.workers:
            return None
        return max(0.0, deadline - time.monotonic()) + 0.01

    # -- workers -------------------------------------------------------------------------------------------------

    def _current(self) -> list[_Child]:
        """Return the workers of the newest generation that are not on their way out."""
        return [c for c in self._children.values() if c.generation == self._generation and not c.retired]

    def _keep_number(self) -> None:
        while len(self._current()) < self._settings.workers and time.monotonic() >= self._respawn_at:
            self._spawn()

    def _spawn(self) -> None:
        """Fork a worker. The child never returns from here."""
        place = self._free_place()
        control_read, control_write = os.pipe()
        status_read, status_write = os.pipe()
        os.set_blocking(status_read, False)
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # until the worker has handlers of its own
        pid = os.fork()
        if pid == 0:
            code = EXIT_FAILED
            try:
                self._become_worker(control_write, status_read)
                code = Worker(
                    self._prepare, self._settings, self._scoreboard, place, self._generation, control_read, status_write
                ).run()
            except BaseException as error:  # whatever it is, the master's own clean-up must not run in the child
                line(f"the worker failed: {error!r}")
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        os.close(control_read)
        os.close(status_write)
        child = _Child(pid, self._generation, place, control_write, status_read, time.monotonic())
        self._children[pid] = child
        self._selector.register(status_read, selectors.EVENT_READ, child)
        events.emit("spawn", pid=pid, ppid=os.getpid(), role="worker")

    def _become_worker(self, *not_ours: int) -> None:
        """Close the master's ends of all pipes: a worker that held another's control pipe would keep it alive."""
        self._selector.close()
        for child in self._children.values():
            child.close_control()
            if child.status >= 0:
                os.close(child.status)
        signal.set_wakeup_fd(-1)
        for fd in (self._wake_read, self._wake_write, *not_ours):
            os.close(fd)

    def _free_place(self) -> int:
        taken = {child.place for child in self._children.values()}
        for place in range(self._scoreboard.workers):
            if place not in taken:
                return place
        return 0  # more than two generations at once: they share, and only a status line suffers

    def _retire(self, child: _Child) -> None:
        """Ask a worker to finish: it sees the end of its control pipe."""
        if not child.retired:
            child.retired = True
            child.close_control()

    # -- what happens --------------------------------------------------------------------------------------------

    def _on_status(self, child: _Child) -> None:
        """A worker says that it can serve, or why it cannot, or has died without a word."""
        try:
            word = os.read(child.status, 65536)
        except BlockingIOError:  # it is dead, and a process that it has started holds the pipe
            word = b""
        self._selector.unregister(child.status)
        os.close(child.status)
        child.status = -1
        child.ready = word == READY
        if not child.ready:
            child.why = word.decode("utf-8", "replace") or "it died without a word"
            return
        current = self._current()
        if len(current) == self._settings.workers and all(c.ready for c in current):
            self._all_ready()

    def _all_ready(self) -> None:
        if not self._announced:
            self._announced = True
            raw("".join(f"ready {listener.address.url(self._scheme)}\n" for listener in self._listeners))
            events.emit("ready", role="master")
        old = [c for c in self._children.values() if c.generation != self._generation and not c.retired]
        for child in old:
            self._retire(child)
        if old:
            line(f"reloaded: {self._settings.workers} new workers serve, {len(old)} old ones finish")

    def _on_chld(self) -> None:
        """Reap every child that has died."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:
                self._buried(child, os.waitstatus_to_exitcode(status))

    def _buried(self, child: _Child, code: int) -> None:
        """A worker is gone: say so if nobody asked for it, and let `_keep_number` replace it."""
        if child.status >= 0:
            self._on_status(child)
        events.emit("exit", pid=child.pid, ppid=os.getpid(), role="worker", code=code)
        child.close_control()
        wanted = child.retired or self._ending is not None
        if not wanted:
            if not child.ready:
                self._cannot_start(child)
            else:
                line(f"worker {child.pid} {self._last_words(child, code)}; another takes its place")
            if time.monotonic() - child.started < _BRAKE:
                self._respawn_at = time.monotonic() + _BRAKE
        self._scoreboard.bury(child.place)

    def _cannot_start(self, child: _Child) -> None:
        """A worker that cannot start stops the master, unless others already serve."""
        if not self._announced:
            raw(f"{self._program}: {child.why}\n")
            self._end(EXIT_CANNOT_START, 0.0)
            return
        line(f"a new worker cannot start: {child.why}")
        if any(c.generation != self._generation and not c.retired for c in self._children.values()):
            line("the reload is given up; the old workers go on")
            for other in self._current():
                self._retire(other)
            self._generation -= 1

    def _last_words(self, child: _Child, code: int) -> str:
        how = f"was killed by {_signal_name(-code)}" if code < 0 else f"exited with code {code}"
        now = time.monotonic()
        threads = self._scoreboard.read(child.place).threads
        busy = [f"{one.request}, for {max(0.0, now - one.since):.3f} s" for one in threads if one.state is State.BUSY]
        return f"{how} while it served {'; '.join(busy)}" if busy else how

    # -- signals -------------------------------------------------------------------------------------------------

    def _on_term(self) -> None:
        self._end(EXIT_STOPPED, self._settings.limits.grace + _KILL_AFTER)

    def _on_quit(self) -> None:
        if self._ending is not None:
            self._kill_all()
            return
        self._end(EXIT_STOPPED, _QUICK_GRACE)
        for child in self._children.values():
            os.kill(child.pid, signal.SIGQUIT)

    def _on_hup(self) -> None:
        if self._ending is None and self._announced:
            self._generation += 1
            self._respawn_at = 0.0

    def _end(self, code: int, grace: float) -> None:
        """Begin to end: no new connection, no new worker."""
        if self._ending is None:
            self._exit_code = code
            self._ending = time.monotonic() + grace
            for child in self._children.values():
                self._retire(child)

    def _kill_all(self) -> None:
        for child in self._children.values():
            os.kill(child.pid, signal.SIGKILL)
        self._ending = time.monotonic() + _QUICK_GRACE


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal: they have numbers only
        return f"signal {number}"
