"""A worker process: load the application, tell the master, serve until told to stop.

A worker stops when its control pipe reaches end of file (the master closed it, or died), or by a signal::

    TERM    finish what is under way, then exit
    QUIT    exit now; what is under way is cut
    INT     ignored: Ctrl-C reaches the whole process group, and the master decides
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from . import events
from .addresses import Listener
from .engine import Loop, SessionFactory
from .errors import EXIT_CANNOT_START, EXIT_FAILED, EXIT_STOPPED, StartupError
from .log import line
from .scoreboard import Scoreboard, State
from .settings import Settings

__all__ = ["ENDING", "READY", "Worker"]

ENDING = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGQUIT))
"""Signals that end a server. They are blocked while a process holds what it could not clean up yet: from binding to
the master's handlers, and from the fork to the worker's."""

READY = b"ready"
"""What a worker writes to its status pipe; anything else is the sentence why it cannot start."""


class Worker:
    """Runs in the forked child; `run` returns the exit code.

    `prepare()` gives the listeners with their session factories, and may raise StartupError.
    """

    def __init__(
        self,
        prepare: Callable[[], list[tuple[Listener, SessionFactory]]],
        settings: Settings,
        scoreboard: Scoreboard,
        place: int,
        generation: int,
        control_fd: int,
        status_fd: int,
    ) -> None:
        self._prepare = prepare
        self._settings = settings
        self._board = scoreboard.worker(place)
        self._generation = generation
        self._control_fd = control_fd
        self._status_fd = status_fd
        self._stop_read, self._stop_write = os.pipe()

    def run(self) -> int:
        """Serve. Returns EXIT_STOPPED, EXIT_FAILED, or EXIT_CANNOT_START after telling the master why."""
        self._board.take(os.getpid(), self._generation)
        self._install_signals()
        try:
            sources = self._prepare()
        except StartupError as error:
            os.write(self._status_fd, str(error).encode("utf-8", "replace"))
            return EXIT_CANNOT_START
        loop = Loop(
            sources,
            (self._control_fd, self._stop_read),
            self._board,
            self._settings.limits,
            self._settings.threads,
            self._settings.allowed if self._settings.allow_from else None,
        )
        self._board.state = State.IDLE
        events.emit("ready", role="worker")
        os.write(self._status_fd, READY)
        os.close(self._status_fd)
        try:
            loop.run()
        except Exception as error:  # a defect: this worker ends and is replaced
            import traceback  # here: only a defect needs it

            line(f"the loop failed: {error!r} {traceback.format_exc()}")
            return EXIT_FAILED
        return EXIT_STOPPED

    def _install_signals(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in (signal.SIGHUP, signal.SIGINT):
            # Not SIG_IGN: what is ignored stays so in a program that the application starts, what is handled does not.
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._stop())
        signal.signal(signal.SIGQUIT, lambda *_: self._quit())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def _stop(self) -> None:
        """Let every loop see end of file on the stop pipe."""
        if self._stop_write >= 0:
            os.close(self._stop_write)
            self._stop_write = -1

    def _quit(self) -> None:
        """Exit without unwinding: the application may be in the middle of anything, in several threads."""
        os._exit(EXIT_STOPPED)
