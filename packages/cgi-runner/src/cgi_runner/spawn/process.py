"""What a program is given, and what is left in our hands: the types that all strategies share.

::

    server                              program
    ------                              -------
    Child.stdin   ==== pipe ===>        0   the request's content (/dev/null if there is none)
    Child.stdout  <=== pipe ====        1   head and content of the response
    Child.stderr  <=== pipe ====        2   words for the log
    sockets, files, other pipes         (closed: nothing else is open)
    signal handlers, signal mask        (the defaults, nothing blocked; SIGPIPE too, which Python ignores)
    its session, its terminal           a session and a process group of its own, named by its pid
    umask, resource limits              those of the World

The session is what makes an end certain: a program that has started others is signalled together with them.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = [
    "TICK", "Child", "Command", "Spawn", "TryAgain", "World", "exit_descriptor", "exit_words", "signal_group",
    "waiter",
]  # fmt: skip

TICK = 0.02
"""Seconds between two looks at a process, on systems where its end cannot be waited for by a descriptor."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start: `argv[0]` is a path, `directory` where it starts. `content`: has the request any?"""

    argv: tuple[str, ...]
    environment: Mapping[bytes, bytes]
    directory: str
    content: bool = True


@dataclass(frozen=True, slots=True)
class World:
    """What every program gets besides its command: `umask`, and `limits`, pairs of a `resource.RLIMIT_*` and a value.

    A limit is both soft and hard, so that no program can lift it again. `umask` None: the server's own.
    """

    umask: int | None = None
    limits: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Child:
    """A running program, and our ends of its three pipes: not blocking, -1 once closed.

    `pid` names its process group too. `poll` reaps it and returns its status as `subprocess` writes it (negative:
    ended by that signal), or None while it runs. `exited` is a descriptor that becomes readable when it has ended:
    seeing that does not reap it, so its pid stays taken and the group can still be signalled without hitting a
    stranger. None where there is no such descriptor (Linux has pidfd).
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
        status = self.poll()
        while status is None:
            self.has_exited(3600)
            status = self.poll()
        if self.exited is not None:
            os.close(self.exited)
            self.exited = None
        return status

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the program and everything it has started. A group that is already gone is what we wanted."""
        signal_group(self.pid, number)


Spawn = Callable[[Command], Child]
"""A strategy at work. Raises OSError when the program cannot be started, `TryAgain` when only the moment is wrong."""


class TryAgain(OSError):
    """The system is out of processes, memory or descriptors just now: 503, where any other failure is a 500."""


def signal_group(group: int, number: int) -> bool:
    """Signal a process group, or with 0 only ask whether there is one. False: nobody is left in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # PermissionError: macOS, when only zombies are left
        return False
    return True


def exit_descriptor(pid: int) -> int | None:
    """Return a descriptor that becomes readable when a child of ours has ended; None where there is no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux; or a sandbox that does not know the call
        return None


def waiter(pid: int) -> Callable[[], int | None]:
    """Return the `poll` of a child of this process."""
    status: int | None = None

    def poll() -> int | None:
        nonlocal status
        if status is None:
            ended, code = os.waitpid(pid, os.WNOHANG)
            status = os.waitstatus_to_exitcode(code) if ended else None
        return status

    return poll


def exit_words(status: int) -> str:
    """Say how a program ended: `exit status 3`, `killed by SIGSEGV`."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
