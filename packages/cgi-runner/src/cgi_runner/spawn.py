"""Starting the program: what a child process gets from us, and what it must not get.

::

    server                              program
    ------                              -------
    Child.stdin   ==== pipe ===>        0   the request's content
    Child.stdout  <=== pipe ====        1   head and content of the response
    Child.stderr  <=== pipe ====        2   words for the log
    sockets, files, other pipes         (closed: nothing else is open)
    signal handlers                     (the defaults; SIGPIPE too, which Python ignores)
    its session, its terminal           a session and a process group of its own, named by its pid

The last line is what makes an end certain: a program that has started others is signalled together with them.

How a process comes into being is a *strategy*, a function from `Command` to `Child`: the type `Spawn`. There is one
today, `spawn_program`: fork (vfork where the C library has it) and exec. What each strategy costs can be compared
because the callers know only the type.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Child", "Command", "Spawn", "TryAgain", "exit_words", "spawn_program"]

TICK = 0.02
"""Seconds between two looks at a process, on systems where its end cannot be waited for by a descriptor."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start. `argv[0]` is a path, `environment` latin-1 text, `directory` where it starts."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: str


@dataclass(slots=True)
class Child:
    """A running program, and our ends of its three pipes (not blocking).

    `pid` names its process group too. `poll` reaps it and returns its status as `subprocess` writes it (negative:
    ended by that signal), or None while it runs. `exited` is a descriptor that becomes readable when it has ended:
    seeing that does not reap it, so its pid stays taken and the group can still be signalled without hitting a
    stranger. None where there is no such descriptor (it is Linux's pidfd).
    """

    pid: int
    stdin: int
    stdout: int
    stderr: int
    exited: int | None
    poll: Callable[[], int | None]

    def has_exited(self, seconds: float = 0) -> bool:
        """Wait until the program has ended, `seconds` at most."""
        if self.exited is not None:
            look = select.poll()
            look.register(self.exited, select.POLLIN)
            return bool(look.poll(max(0, seconds) * 1000))
        limit = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() >= limit:
                return False
            time.sleep(TICK)
        return True

    def reap(self) -> int:
        """Wait as long as it takes, take the exit status, and let go of the process."""
        while not self.has_exited(3600):
            pass
        if self.exited is not None:
            os.close(self.exited)
            self.exited = None
        status = self.poll()
        assert status is not None
        return status

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the program and everything it has started. A group that is already gone is what we wanted."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # PermissionError: macOS, when only zombies are left
            pass


Spawn = Callable[[Command], Child]
"""A strategy. Raises OSError when the program cannot be started, `TryAgain` when only the moment is wrong."""


class TryAgain(OSError):
    """The system is out of processes, memory or descriptors just now: 503, where any other failure is a 500."""


_SHORTAGES = frozenset((errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE))


def spawn_program(command: Command) -> Child:
    """Start `command` with fork (or vfork) and exec; no shell, so no byte of a request is ever read as a command.

    Signals that this process handles are at their default in the program. Those that it ignores would stay ignored, so
    a server that uses this ignores none (except SIGPIPE, which is put back).
    """
    pipes: list[tuple[int, int]] = []
    try:
        pipes.extend(os.pipe() for _ in range(3))
        (stdin, our_stdin), (our_stdout, stdout), (our_stderr, stderr) = pipes
        process = subprocess.Popen(
            command.argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env={name.encode(): value.encode("latin-1") for name, value in command.environment.items()},
            cwd=command.directory,
            close_fds=True,
            start_new_session=True,
            restore_signals=True,
        )
    except OSError as error:
        for end in (end for pipe in pipes for end in pipe):
            os.close(end)
        if error.errno in _SHORTAGES:
            raise TryAgain(error.errno, error.strerror) from error
        raise
    for theirs in (stdin, stdout, stderr):
        os.close(theirs)
    for ours in (our_stdin, our_stdout, our_stderr):
        os.set_blocking(ours, False)
    return Child(process.pid, our_stdin, our_stdout, our_stderr, _exit_descriptor(process.pid), process.poll)


def _exit_descriptor(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux; or a sandbox that does not know the call
        return None


def exit_words(status: int) -> str:
    """Say how a program ended: `exit status 3`, `killed by SIGSEGV`."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
