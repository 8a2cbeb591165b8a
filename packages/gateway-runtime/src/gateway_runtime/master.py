"""The master: forks workers, keeps their number right, replaces, reloads, upgrades and ends. It serves nothing itself.

Handlers only note a signal (the interpreter writes a byte into a pipe); the loop acts on it, one method each::

    TERM         graceful end: workers finish what is under way, within the grace time
    INT, QUIT    quick end: what is under way is cut; a second one kills
    HUP          new workers with the code as it is now; when all can serve, the old ones finish
    USR1         log files are opened anew, here and in all workers
    USR2         a new master, and its workers, on the same sockets; when they can serve, this one ends (`upgrade`)
    TTIN, TTOU   one worker more, one fewer
    CHLD         a worker has died: reap it, replace it

At every turn of its loop the master keeps the number of workers within bounds (`keeper`, `generations`); once a second
it looks at the scoreboard, for what changes without anybody telling: load, age, memory, stuck requests (`patrol`).
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable
from math import inf

from . import events, log
from .addresses import Listener
from .brake import YOUNG
from .children import READY, SPENT, Child, Stage
from .engine import SessionFactory
from .errors import EXIT_CANNOT_START, EXIT_STOPPED, StartupError
from .family import KILL_AFTER, Family
from .generations import Generations
from .keeper import Keeper
from .loader import preload
from .log import line
from .patrol import Patrol
from .pidfile import PidFile
from .pool import MOST_WORKERS, Kind
from .scoreboard import Scoreboard
from .settings import Settings
from .signals import HELD
from .succession import Succession
from .systemd import Notifier
from .upgrade import Inheritance
from .worker import DUMP

__all__ = ["Master"]

_LOOK = 1.0
"""Seconds between two looks at the workers."""

_LOOK_ONDEMAND = 0.1
"""The same where a look finds out that all workers are busy, and the next connection needs another."""

_QUICK_GRACE = 2.0
"""Seconds that workers have after INT or QUIT before they are killed."""

_ROOM = 64
"""Workers that there can be in any case, however few were asked for at the start: room for TTIN and resizing."""


class Master:
    """Runs workers on `listeners` until a signal ends it; `run` returns the exit code.

    `load()` gives the application, and is called here with --preload; `prepare()` runs in each worker, loads the
    application, and gives the listeners with their session factories. `inheritance` is from a program in whose place we
    are.
    """

    def __init__(
        self,
        listeners: list[Listener],
        load: Callable[[], object],
        prepare: Callable[[], list[tuple[Listener, SessionFactory]]],
        settings: Settings,
        program: str,
        scheme: str,
        inheritance: Inheritance | None = None,
    ) -> None:
        self._listeners = listeners
        self._load = load
        self._settings = settings
        self._program = program
        self._scheme = scheme
        self._inheritance = inheritance
        self._most = min(MOST_WORKERS, max(settings.pool.most, _ROOM))
        # Twice the slots: during a reload old and new workers live side by side.
        self._board = Scoreboard(2 * self._most, settings.threads)
        self._family = Family(prepare, settings, self._board, self._welcome, self._forget)
        self._keeper = Keeper(self._family, settings.pool)
        self._generations = Generations(self._family, self._keeper)
        self._patrol = Patrol(self._family, settings, self._board.master)
        self._pid_file = PidFile(settings.pid_file)
        self._announced = False
        self._ending = False
        self._exit_code = EXIT_STOPPED
        self._next_look = 0.0
        self._watching = False
        self._actions: dict[int, Callable[[], object]] = {
            signal.SIGTERM: self.stop, signal.SIGINT: self.quit, signal.SIGQUIT: self.quit,
            signal.SIGHUP: self.reload, signal.SIGUSR1: self.reopen, signal.SIGUSR2: self.upgrade,
            signal.SIGTTIN: lambda: self._move(1), signal.SIGTTOU: lambda: self._move(-1),
            signal.SIGCHLD: self._on_chld,
        }  # fmt: skip

    # -- its loop ------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Fork, watch, end. Returns EXIT_STOPPED, EXIT_FAILED or EXIT_CANNOT_START."""
        self._notifier = Notifier(os.environ)
        self._board.master.take(os.getpid())
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._succession = Succession(
            self._listeners, self._selector, self._notifier, lambda: self._end(EXIT_STOPPED), self._on_failed_upgrade
        )
        try:
            if self._settings.preload:
                preload(self._load)
            self._install_signals()
            self._resized()
            self._generations.begin(self._settings.pool.start)
            while self._family or self._succession.pid or not self._ending:
                self._turn()
        except StartupError as error:
            self._refuse(str(error))
        except KeyboardInterrupt:  # while the application was loaded here; later signals are noted
            pass
        finally:
            for child in self._family:
                child.kill()
            for listener in self._listeners:
                listener.close()
            self._pid_file.remove()
        return self._exit_code

    def _install_signals(self) -> None:
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in self._actions:
            signal.signal(number, lambda *_: None)  # noted by the wake-up pipe
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._on_signals)

    def _turn(self) -> None:
        """Wait for a signal, a word from a worker, a connection, or the next deadline; act on it."""
        ready = [key for key, _ in self._selector.select(self._timeout())]
        for key in sorted(ready, key=lambda key: key.fd != self._wake_read):  # who is told to end does not say "ready"
            key.data()
        self._kill_the_late()
        if time.monotonic() >= self._next_look:
            self._look()
        if not self._ending:
            self._keep()
        self._watch_listeners()

    def _timeout(self) -> float:
        deadlines = [self._next_look, self._succession.kill_at, *(child.kill_at for child in self._family)]
        if self._keeper.brake.until > time.monotonic():
            deadlines.append(self._keeper.brake.until)
        return max(0.0, min(deadlines) - time.monotonic())

    def _look(self) -> None:
        often = self._keeper.pool.kind is Kind.ONDEMAND and self._family
        now = time.monotonic()
        self._next_look = now + min(_LOOK_ONDEMAND if often else _LOOK, self._notifier.interval or _LOOK)
        self._patrol.look()
        if self._announced and not self._ending:
            self._keeper.adjust(self._generations.serving)
        alive = [child for child in self._family if child.stage is Stage.SERVING]
        if alive or self._keeper.pool.kind is Kind.ONDEMAND:
            self._notifier.alive(now)
        if self._announced and not self._ending:
            busy = sum(child.idle_since > now for child in alive)
            self._notifier.status(f"{len(alive)} workers, {busy} of them busy")

    def _keep(self) -> None:
        """Start what lacks; when all of a new generation can serve, let it."""
        if not self._generations.fill() and not self._announced:
            self._refuse("no process can be started")
        elif self._generations.loaded:
            self._loaded()
        if self._announced:
            self._keeper.repair(self._generations.serving)

    def _watch_listeners(self) -> None:
        """See connections arrive while no worker does."""
        wanted = self._announced and not self._ending and self._keeper.wants_connections(self._generations.serving)
        if wanted != self._watching:
            self._watching = wanted
            for listener in self._listeners:
                if wanted:
                    self._selector.register(listener.sock, selectors.EVENT_READ, self._on_connection)
                else:
                    self._selector.unregister(listener.sock)

    def _welcome(self, child: Child) -> None:
        self._selector.register(child.status, selectors.EVENT_READ, lambda: self._on_word(child))

    def _forget(self) -> None:
        """Close, in a new worker, what is the master's alone."""
        self._selector.close()
        signal.set_wakeup_fd(-1)
        for fd in (self._wake_read, self._wake_write):
            os.close(fd)
        self._succession.close()
        if self._inheritance is not None:
            self._inheritance.close()
        log.forget_console()

    # -- what happens --------------------------------------------------------------------------------------------

    def _loaded(self) -> None:
        """A new generation serves: the first, or after a reload."""
        old = self._generations.switch()
        self._board.master.generation = self._generations.serving
        if not self._announced:
            self._announce()
        else:
            self._board.master.reloads += 1
            line(f"reloaded: {self._generations.target} new workers serve, {old} old ones finish")
        self._notifier.ready()

    def _announce(self) -> None:
        self._announced = True
        try:
            self._pid_file.write()
        except OSError as error:
            line(f"cannot write the pid file: {error.strerror}")
        if self._inheritance is not None:
            for listener in self._listeners:
                listener.take_file()
            self._inheritance.say_ready()
            self._inheritance = None
        log.announce("".join(f"ready {listener.address.url(self._scheme)}\n" for listener in self._listeners))
        log.forget_console()
        events.emit("ready", role="master")

    def _refuse(self, why: str) -> None:
        """The server cannot start."""
        if not self._ending:
            log.announce(f"{self._program}: {why}\n")
            self._end(EXIT_CANNOT_START)
            for child in self._family:
                child.kill()

    def _on_signals(self) -> None:
        for number in os.read(self._wake_read, 512):
            self._actions.get(number, lambda: None)()

    def _on_connection(self) -> None:
        """A connection waits, and nobody is there to accept it."""
        if self._watching:  # else it was for another one, which this turn has acted on
            self._keeper.adjust(self._generations.serving, waiting=True)
            self._watch_listeners()

    def _on_word(self, child: Child) -> None:
        """A worker says that it can serve, or why it cannot, or that it has served for long enough."""
        words = child.words() if child.status >= 0 else []  # a signal may have brought us to its end already
        if words is None:
            self._selector.unregister(child.status)
            child.close_status()
            return
        for word in words:
            if word == READY and child.stage is Stage.STARTING:
                child.stage = Stage.SERVING
                child.ready_at = child.idle_since = time.monotonic()
            elif word == SPENT:
                self._patrol.make_due(child, f"has served its {child.span.requests} requests")
            elif word != READY:
                child.why = word.decode("utf-8", "replace")

    def _on_chld(self) -> None:
        """Reap every child process that has died."""
        for pid, child, code in self._family.reap():
            if child is not None:
                self._on_death(child, code)
            else:
                self._succession.died(pid, code)

    def _on_death(self, child: Child, code: int) -> None:
        """A worker is gone: say so if nobody asked for it."""
        self._on_word(child)
        words = self._family.last_words(child, code)
        if child.status >= 0:
            self._selector.unregister(child.status)
        self._family.bury(child, code)
        if child.retiring or self._ending:
            return
        self._board.master.died += 1
        if child.stage is Stage.STARTING and child.generation == self._generations.loading:
            self._cannot_load(child.why or f"a worker {words} before it could serve")
            return
        young = time.monotonic() - child.ready_at < YOUNG  # one that never was ready also is
        delay = self._keeper.brake.died_young(time.monotonic()) if young else None
        when = f" in {delay:g} s" if delay else ""
        if child.stage is Stage.SERVING:
            line(f"worker {child.pid} {words}; another takes its place{when}")
        elif delay is not None:
            line(f"a new worker cannot start: {child.why or f'it {words}'}; trying again{when}")

    def _cannot_load(self, why: str) -> None:
        """A worker of a new generation cannot start: that ends the start, but not those who serve."""
        if not self._announced:
            self._refuse(why)
            return
        self._generations.give_up()
        line(f"a new worker cannot start: {why}; the reload is given up, the old workers go on")
        self._notifier.ready()

    def _on_failed_upgrade(self) -> None:
        """The new program has ended before it was ready, and this one goes on."""
        if self._succession.reload_later and not self._ending:
            self._succession.reload_later = False
            self.reload()

    # -- the end -------------------------------------------------------------------------------------------------

    def _end(self, code: int, grace: float | None = None) -> None:
        """Begin to end: no new connection, no new worker, no new program."""
        if self._ending:
            return
        self._ending = True
        self._exit_code = code
        for child in self._family:
            self._family.retire(child, grace)
        self._succession.end(signal.SIGTERM, time.monotonic() + self._settings.limits.grace + 2 * KILL_AFTER)

    def _kill_the_late(self) -> None:
        now = time.monotonic()
        for child in self._family:
            if child.kill_at <= now:
                self._patrol.kill(child, "because it has not ended in time")
        self._succession.kill_if_late(now)

    # -- what a signal or the control socket asks for ------------------------------------------------------------

    def stop(self) -> str:
        """End gracefully: requests under way are finished."""
        if not self._ending:
            self._notifier.stopping()
        self._end(EXIT_STOPPED)
        return "ending, when the requests under way are finished"

    def quit(self) -> str:
        """End at once: what is under way is cut. Whoever asks again has the workers killed."""
        number = signal.SIGKILL if self._ending else signal.SIGQUIT
        if not self._ending:
            self._notifier.stopping()
        self._end(EXIT_STOPPED, _QUICK_GRACE)
        self._succession.end(number, inf)
        for child in self._family:
            child.kill_at = min(child.kill_at, time.monotonic() + _QUICK_GRACE)
            child.signal(number)
        return "ending at once"

    def reload(self) -> str:
        """Load the application anew, in new workers; the old ones finish when all the new ones can serve."""
        if self._ending:
            return "not reloaded: the server is ending"
        if self._succession.pid:
            self._succession.reload_later = True
            return "the new program will be told, once it serves"
        target = self._keeper.reload_size(self._generations.serving) if self._announced else self._generations.target
        self._generations.begin(target)
        self._notifier.reloading()
        if self._settings.preload:
            line("new workers have the application as it was loaded at the start (--preload); USR2 loads it anew")
        return f"reloading, in {target} new workers"

    def upgrade(self) -> str:
        """Start this program anew, as another process with the same sockets; when that serves, end."""
        if self._ending or not self._announced:
            return "not upgraded: the server does not serve"
        return self._succession.start()

    def reopen(self) -> str:
        """Open log files anew, here and in all workers."""
        log.reopen()
        for child in self._family:
            child.signal(signal.SIGUSR1)
        return "log files are opened anew"

    def resize(self, number: int) -> str:
        """Have `number` workers, or with a dynamic or ondemand pool at most so many."""
        if not 1 <= number <= self._most:
            return f"not resized: there can be 1 to {self._most} workers"
        self._keeper.pool = self._keeper.pool.resized(number)
        return self._resized()

    def dump(self, pid: int) -> str:
        """Have a worker log what each of its threads is doing."""
        for child in self._family:
            if child.pid == pid:
                line(f"worker {pid} was asked where its threads are:")
                child.signal(DUMP)
                return f"worker {pid} writes to the log where its threads are"
        return f"there is no worker {pid}"

    def _move(self, by: int) -> None:
        moved = self._keeper.pool.moved(by)
        if moved.most <= self._most:
            self._keeper.pool = moved
            line(self._resized())

    def _resized(self) -> str:
        pool, told = self._keeper.pool, self._board.master
        told.manager, told.configured, told.least, told.most = pool.kind.value, pool.start, pool.least, pool.most
        return f"from now on {pool.least} to {pool.most} workers" if pool.least < pool.most else f"{pool.most} workers"
