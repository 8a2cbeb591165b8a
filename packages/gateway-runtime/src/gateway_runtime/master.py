"""The master: forks workers, keeps their number right, replaces, reloads, upgrades and ends. It serves nothing itself.

Handlers only note a signal (the interpreter writes a byte into a pipe); the loop acts on it::

    TERM         graceful end: workers finish what is under way, within the grace time
    INT, QUIT    quick end: what is under way is cut; a second one kills
    HUP          new workers with the code as it is now; when all can serve, the old ones finish
    USR1         log files are opened anew, here and in all workers
    USR2         a new master, and its workers, on the same sockets; when they can serve, this one ends
    TTIN, TTOU   one worker more, one fewer
    CHLD         a worker has died: reap it, replace it

    starting  --all workers can serve-->  announced  --told to end-->  ending  --all workers have died-->  run returns
       |                                                                 ^
       +----- a worker cannot start, or told to end ---------------------+

The parts, each with a theory of its own: `orders` (what people ask for), `family` (the workers), `keeper` and `pool`
(how many), `generations` (which code), `patrol` (who has lived too long, or is stuck), `succession` (the upgrade).
"""

from __future__ import annotations

import os
import select
import selectors
import signal
import time
from collections.abc import Callable
from typing import Any

from . import events, log, status
from .addresses import Listener
from .brake import YOUNG
from .children import READY, SPENT, Child, Stage
from .desk import Desk
from .engine import SessionFactory
from .errors import EXIT_CANNOT_START, EXIT_STOPPED, StartupError
from .family import KILL_AFTER, Family
from .generations import Generations
from .keeper import Keeper
from .loader import preload
from .log import line
from .orders import Orders
from .patrol import Patrol
from .pidfile import PidFile
from .pool import MOST_WORKERS, Kind, Pool
from .scoreboard import Scoreboard
from .settings import Gateway, Settings
from .signals import HELD
from .sockets import Sockets
from .succession import Succession
from .systemd import Notifier
from .upgrade import Inheritance

__all__ = ["Master"]

_LOOK = 1.0
"""Seconds between two looks at the workers."""

_LOOK_ONDEMAND = 0.1
"""The same where a look finds out that all workers are busy, and the next connection needs another."""

_ROOM = 64
"""Workers that there can be in any case, however few were asked for at the start: room for TTIN and resizing."""


class Master:
    """Runs workers until a signal ends it; `run` returns the exit code.

    `load()` gives the application, and is called here with --preload; `prepare()` runs in each worker, loads the
    application, and gives the listeners with their session factories. `inheritance` is from a program in whose place we
    are.
    """

    def __init__(
        self,
        gateway: Gateway,
        settings: Settings,
        sockets: Sockets,
        load: Callable[[], object],
        prepare: Callable[[], list[tuple[Listener, SessionFactory]]],
        inheritance: Inheritance | None = None,
    ) -> None:
        self.settings = settings
        self.most = min(MOST_WORKERS, max(settings.pool.most, _ROOM))
        # Twice the slots: during a reload old and new workers live side by side.
        self._board = Scoreboard(2 * self.most, settings.threads)
        self.family = Family(prepare, settings, self._board, self._welcome, self._forget)
        self.keeper = Keeper(self.family, settings.pool)
        self.generations = Generations(self.family, self.keeper)
        self.notifier = Notifier(os.environ)
        self._selector = selectors.DefaultSelector()
        self.succession = Succession(sockets, self._selector, self.notifier, self._on_upgraded, self._on_failed_upgrade)
        self.announced = False
        self.ending = False
        self._patrol = Patrol(self.family, settings, self._board.master)
        self._orders = Orders(self)
        self._desk = Desk(sockets, self._selector, self.report, self._orders)
        self._gateway = gateway
        self._sockets = sockets
        self._load = load
        self._inheritance = inheritance
        self._pid_file = PidFile(settings.pid_file)
        self._exit_code = EXIT_STOPPED
        self._next_look = 0.0
        self._watching = False

    # -- its loop ------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Fork, watch, end. Returns EXIT_STOPPED, EXIT_FAILED or EXIT_CANNOT_START."""
        self._board.master.take(os.getpid())
        self.change_pool(self.settings.pool)
        self._wake_read, self._wake_write = os.pipe()
        try:
            if self.settings.preload:
                preload(self._load)
            self._install_signals()
            if self._inheritance is None:  # else they are the old master's until we serve
                self._desk.open()
            self.generations.begin(self.settings.pool.start)
            while self.family or self.succession.pid or not self.ending:
                self._turn()
        except StartupError as error:
            self._refuse(str(error))
        except KeyboardInterrupt:  # while the application was loaded here; later signals are noted
            pass
        finally:
            for child in self.family:
                child.kill()
            self._desk.close()
            self._sockets.close()
            self._pid_file.remove()
            signal.pthread_sigmask(signal.SIG_BLOCK, HELD)  # it has ended, and the interpreter gives up its handlers
        return self._exit_code

    def _install_signals(self) -> None:
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (*HELD, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)  # noted by the wake-up pipe
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._on_signals)

    def _turn(self) -> None:
        """Wait for a signal, a word from a worker, a connection, or the next deadline; act on it."""
        ready = self._selector.select(self._timeout())
        self._on_signals()  # before words: who is told to end does not say "ready"
        for key, _ in ready:
            key.data()
        self._kill_the_late()
        if time.monotonic() >= self._next_look:
            self._look()
        if not self.ending:
            self._keep()
        self._watch_listeners()

    def _timeout(self) -> float:
        deadlines = [self._next_look, self._desk.deadline, self.succession.kill_at]
        deadlines += [child.kill_at for child in self.family]
        if self.keeper.brake.until > time.monotonic():
            deadlines.append(self.keeper.brake.until)
        return max(0.0, min(deadlines) - time.monotonic())

    def _look(self) -> None:
        """See to what changes without anybody telling."""
        now = time.monotonic()
        ondemand = self.keeper.pool.kind is Kind.ONDEMAND
        self._next_look = now + min(
            _LOOK_ONDEMAND if ondemand and self.family else _LOOK, self.notifier.interval or _LOOK
        )
        self._patrol.look()
        serving = [child for child in self.family if child.stage is Stage.SERVING]
        if serving or ondemand:
            self.notifier.alive(now)
        if self.announced and not self.ending:
            self.keeper.adjust(self.generations.serving, waiting=ondemand and self._somebody_waits())
            busy = sum(child.idle_since > now for child in serving)
            self.notifier.status(f"{len(serving)} workers, {busy} of them busy")

    def _keep(self) -> None:
        """Start what lacks; when all of a new generation can serve, let it."""
        if not self.generations.fill() and not self.announced:
            self._refuse(self.keeper.trouble)
        elif self.generations.loaded:
            self._on_loaded()
        if self.announced:
            self.keeper.repair(self.generations.serving)

    def _somebody_waits(self) -> bool:
        """Is there a connection that no worker has accepted yet?"""
        poll = select.poll()
        for listener in self._sockets.serving:
            poll.register(listener.sock, select.POLLIN)
        return bool(poll.poll(0))

    def _watch_listeners(self) -> None:
        """See connections arrive while no worker does."""
        wanted = self.announced and not self.ending and self.keeper.wants_connections(self.generations.serving)
        if wanted != self._watching:
            self._watching = wanted
            for listener in self._sockets.serving:
                if wanted:
                    self._selector.register(listener.sock, selectors.EVENT_READ, self._on_connection)
                else:
                    self._selector.unregister(listener.sock)

    def _kill_the_late(self) -> None:
        now = time.monotonic()
        for child in self.family:
            if child.kill_at <= now:
                self._patrol.kill(child, "because it has not ended in time")
        self.succession.kill_if_late(now)

    def end(self, code: int, grace: float | None = None) -> None:
        """Begin to end: no new connection, no new worker, no new program."""
        if self.ending:
            return
        self.ending = True
        self._exit_code = code
        for child in self.family:
            self.family.retire(child, grace)
        self.succession.end(signal.SIGTERM, time.monotonic() + self.settings.limits.grace + 2 * KILL_AFTER)

    def change_pool(self, pool: Pool) -> None:
        """Keep to another number of workers from now on."""
        self.keeper.pool = pool
        told = self._board.master
        told.manager, told.configured, told.least, told.most = pool.kind.value, pool.start, pool.least, pool.most

    def report(self) -> dict[str, Any]:
        """Return the status report, here or in a worker."""
        urls = ((one.address.url(self._gateway.scheme), one.sock) for one in self._sockets.serving)
        return status.report(self._board, self._gateway.program, self._gateway.version, urls)

    # -- what is the master's alone ------------------------------------------------------------------------------

    def _welcome(self, child: Child) -> None:
        """Listen to a new worker."""
        self._selector.register(child.status, selectors.EVENT_READ, lambda: self._on_word(child))

    def _forget(self) -> None:
        """Close, in a new worker, what it must not hold."""
        self._selector.close()
        signal.set_wakeup_fd(-1)
        for fd in (self._wake_read, self._wake_write):
            os.close(fd)
        self._desk.forget()
        self.succession.close()
        if self._inheritance is not None:
            self._inheritance.close()
        log.forget_console()

    # -- what happens --------------------------------------------------------------------------------------------

    def _on_loaded(self) -> None:
        """A new generation serves: the first, or after a reload."""
        old = self.generations.switch()
        self._board.master.generation = self.generations.serving
        if not self.announced:
            self._announce()
        else:
            self._board.master.reloads += 1
            line(f"reloaded: {self.generations.target} new workers serve, {old} old ones finish")
        self.notifier.ready()

    def _announce(self) -> None:
        """All serve: tell whoever waits for that."""
        self.announced = True
        try:
            self._pid_file.write()
        except OSError as error:
            line(f"cannot write the pid file: {error.strerror}")
        if self._inheritance is not None:
            for listener in self._sockets:
                listener.take_file()
            self._inheritance.say_ready()
            self._inheritance = None
            self._desk.open()
        urls = [listener.address.url(self._gateway.scheme) for listener in self._sockets.serving]
        events.emit("ready", role="master")  # before the line, upon which requests come, and are told as well
        log.announce("".join(f"ready {url}\n" for url in urls))
        log.forget_console()

    def _refuse(self, why: str) -> None:
        """The server cannot start."""
        if not self.ending:
            log.announce(f"{self._gateway.program}: {why}\n")
            self.end(EXIT_CANNOT_START)
            for child in self.family:
                child.kill()

    def _on_signals(self) -> None:
        """Act on what has been noted: also what came too late for the selector to see it."""
        try:
            numbers = os.read(self._wake_read, 512)
        except BlockingIOError:
            return
        for number in numbers:
            if number == signal.SIGCHLD:
                self._on_chld()
            else:
                self._orders.act(number)

    def _on_connection(self) -> None:
        """A connection waits, and nobody is there to accept it."""
        if self._watching:  # else it was for another one, which this turn has acted on
            self.keeper.adjust(self.generations.serving, waiting=True)
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
        for pid, child, code in self.family.reap():
            if child is not None:
                self._on_death(child, code)
            else:
                self.succession.died(pid, code)

    def _on_death(self, child: Child, code: int) -> None:
        """A worker is gone: say so if nobody asked for it."""
        self._on_word(child)
        words = self.family.last_words(child, code)
        if child.status >= 0:
            self._selector.unregister(child.status)
        self.family.bury(child, code)
        if child.retiring or self.ending:
            return
        self._board.master.died += 1
        if child.stage is Stage.STARTING and child.generation == self.generations.loading:
            self._cannot_load(child.why or f"a worker {words} before it could serve")
            return
        young = time.monotonic() - child.ready_at < YOUNG  # one that never was ready also is
        delay = self.keeper.brake.died_young(time.monotonic()) if young else None
        when = f" in {delay:g} s" if delay else ""
        if child.stage is Stage.SERVING:
            lacks = child.due or child.generation == self.generations.loading or self.keeper.lacks(child.generation)
            line(f"worker {child.pid} {words}" + (f"; another takes its place{when}" if lacks else ""))
        elif delay is not None:
            line(f"a new worker cannot start: {child.why or f'it {words}'}; trying again{when}")

    def _cannot_load(self, why: str) -> None:
        """A worker of a new generation cannot start: that ends the start, but not those who serve."""
        if not self.announced:
            self._refuse(why)
            return
        self.generations.give_up()
        line(f"a new worker cannot start: {why}; the reload is given up, the old workers go on")
        self.notifier.ready()

    def _on_upgraded(self) -> None:
        """The new program serves and answers."""
        self._desk.close()
        self.end(EXIT_STOPPED)

    def _on_failed_upgrade(self) -> None:
        """The new program has ended before it was ready, and this one goes on."""
        if self.succession.reload_later and not self.ending:
            self.succession.reload_later = False
            self._orders.act(signal.SIGHUP)
