"""A worker process: load the application, tell the master, serve until told to stop.

A worker stops when its control pipe reaches end of file (the master closed it, or died), or by a signal. It acts on::

    TERM    finish what is under way, then exit
    QUIT    exit now; what is under way is cut
    USR1    open log files anew
    USR2    write to standard error what each thread is doing. The interpreter itself does this, at once and whatever
            the threads are at: also when one is stuck in C and no Python could run

and on none of the master's others: Ctrl-C, or the end of a terminal, reaches the whole process group.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Callable
from functools import partial

from . import events, log
from .addresses import Listener
from .children import READY, SPENT
from .engine import Loop, Serving, SessionFactory
from .errors import EXIT_CANNOT_START, EXIT_FAILED, EXIT_STOPPED, StartupError
from .scoreboard import State, WorkerSlot
from .settings import NewLoop, Settings
from .shared_loop import SharedLoop
from .signals import HELD

__all__ = ["DUMP", "Worker"]

DUMP = signal.SIGUSR2
"""Asks a worker for the tracebacks of all its threads."""

_STDERR = 2


class Worker:
    """Runs in the forked child; `run` returns the exit code.

    `prepare()` gives the listeners with their session factories, and may raise StartupError. `board` is the worker's
    line on the scoreboard. After `quota` requests (0: never) it asks to be replaced.
    """

    def __init__(
        self,
        prepare: Callable[[], list[tuple[Listener, SessionFactory]]],
        settings: Settings,
        board: WorkerSlot,
        generation: int,
        quota: int,
        control_fd: int,
        status_fd: int,
    ) -> None:
        self._prepare = prepare
        self._settings = settings
        self._board = board
        self._generation = generation
        self._quota = quota
        self._control_fd = control_fd
        self._status_fd = status_fd
        self._stop_read, self._stop_write = os.pipe()

    def run(self) -> int:
        """Serve. Returns EXIT_STOPPED, EXIT_FAILED, or EXIT_CANNOT_START after telling the master why."""
        self._board.take(os.getpid(), self._generation)
        self._install_signals()
        try:
            loop = self._new_loop()
            loop.start()
        except StartupError as error:
            self._tell(str(error).replace("\n", " ").encode("utf-8", "replace"))
            return EXIT_CANNOT_START
        if self._board.state is not State.RETIRING:  # as it is if the master has told us to end meanwhile
            self._board.state = State.IDLE
        events.emit("ready", role="worker")
        self._tell(READY)
        try:
            loop.run()
        except Exception as error:  # a defect: this worker ends and is replaced
            import traceback  # here: only a defect needs it

            log.line(f"the loop failed: {error!r} {traceback.format_exc()}")
            return EXIT_FAILED
        return EXIT_STOPPED

    def _new_loop(self) -> Serving:
        """Load the application, and make what serves it. Raises StartupError."""
        settings = self._settings
        kind: NewLoop = Loop if settings.threads == 1 else partial(SharedLoop, threads=settings.threads)
        return (settings.loop or kind)(
            self._prepare(),
            (self._control_fd, self._stop_read),
            self._board,
            settings.limits,
            settings.allowed if settings.allow_from else None,
            self._quota,
            lambda: self._tell(SPENT),
        )

    def _tell(self, word: bytes) -> None:
        """Say a word to the master."""
        try:
            os.write(self._status_fd, word + b"\n")
        except OSError:  # it has died, which the control pipe says too
            pass

    def _install_signals(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTTIN, signal.SIGTTOU):
            # Not SIG_IGN: what is ignored stays so in a program that the application starts, what is handled does not.
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._stop())
        signal.signal(signal.SIGQUIT, lambda *_: self._quit())
        signal.signal(signal.SIGUSR1, lambda *_: log.reopen())
        signal.siginterrupt(signal.SIGUSR1, False)  # the application's system calls need not know of it
        faulthandler.register(DUMP, file=_STDERR, all_threads=True)
        faulthandler.enable(file=_STDERR)  # the same, when C code crashes
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)

    def _stop(self) -> None:
        """Let the loop see end of file on the stop pipe."""
        if self._stop_write >= 0:
            os.close(self._stop_write)
            self._stop_write = -1

    def _quit(self) -> None:
        """Exit without unwinding: the application may be in the middle of anything, in several threads."""
        os._exit(EXIT_STOPPED)
