"""Run a command, and end it with whoever started us: `python -I -S leash.py COMMAND...`.

A kernel that is killed cannot stop its servers. This small process stands between them: its standard input is a pipe
whose other end only the kernel has, so end of file means that the kernel is gone, however it went. Then the command
gets TERM, time to finish, and KILL for its whole group. It works on every Unix, and imports next to nothing.
"""

import os
import select
import signal
import sys

GRACE = 3.0
"""Seconds between TERM and KILL."""
STEP = 0.05
"""Seconds between two looks at whether the command has ended by itself."""


def main(command: list[str]) -> int:
    """Run the command until it ends or the input does; return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the kernel's interrupt is not for its servers
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    child = os.posix_spawnp(command[0], command, dict(os.environ), setpgroup=0, setsigdef=[signal.SIGINT],
                            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)])  # fmt: skip
    status = wait(child, reading)
    if status is None:
        kill(child, signal.SIGTERM)
        status = finish(child)
    kill(child, signal.SIGKILL)  # what is left of its group
    return os.waitstatus_to_exitcode(status) if status is not None else 1


def wait(child: int, reading: int) -> int | None:
    """Return the command's status once it has ended; None if it is to be ended: end of file, or TERM."""
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        ready, _, _ = select.select([0, reading], [], [])
        if 0 in ready and not os.read(0, 4096):
            return None
        if reading in ready and signal.SIGTERM in os.read(reading, 4096):
            return None


def finish(child: int) -> int | None:
    """Return the command's status if it ends within the grace."""
    for _ in range(round(GRACE / STEP)):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        select.select([], [], [], STEP)
    kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def kill(child: int, number: int) -> None:
    """Send a signal to the command's group, which may be gone."""
    try:
        os.killpg(child, number)
    except (ProcessLookupError, PermissionError):
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
