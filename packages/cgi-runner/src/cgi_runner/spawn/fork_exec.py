"""fork and exec, as every textbook has it: copy the server, and in the copy become the program.

It is the dearest way to start a program from a large process, since the copy takes all tables of pages along only to
drop them, and every page that either side writes meanwhile is copied too. It is also the freest: whatever the program
shall find different is simply done between the two calls.

::

    fork ----> the copy: session, signals, umask, limits, directory, descriptors ----> exec ----> the program
      |                                                                                 |
      '--> the server waits here for either: <--- errno of what failed, 4 bytes ---'    '--> end of file: all is well

The pipe between them is close-on-exec, so that a successful exec closes it. In the copy only the thread that called
fork exists; a lock that another one held is held for ever. So nothing is done there but system calls.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import warnings
from typing import NoReturn

from .pipes import Pipes
from .process import Child, Command, Spawn, World

__all__ = ["strategy"]

_ERRNO = struct.Struct("=i")

_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})

_DESCRIPTORS = 65536
"""Descriptors from here on are not looked for when the copy closes what it has inherited."""


def strategy(world: World) -> Spawn:
    """Return the strategy."""
    # Python warns of fork in a process with threads since 3.12. Here nothing follows it but system calls, and exec.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

    def spawn(command: Command) -> Child:
        with Pipes(command.content) as pipes:
            pid, failure = _fork(command, world, pipes.theirs)
            if failure:
                os.waitpid(pid, 0)
                (number,) = _ERRNO.unpack(failure)
                raise OSError(number, os.strerror(number))
            return pipes.child(pid)

    return spawn


def _fork(command: Command, world: World, descriptors: list[int]) -> tuple[int, bytes]:
    """Return the process, and what it had to tell: b"" if it has become the program."""
    told, tell = os.pipe()
    with open(told, "rb", buffering=0) as report:  # noqa: PTH123 - a descriptor is no path
        try:
            pid = os.fork()
            if pid == 0:
                _become(command, world, descriptors, tell)
        finally:
            os.close(tell)
        return pid, report.read(_ERRNO.size)


def _become(command: Command, world: World, descriptors: list[int], tell: int) -> NoReturn:
    """In the copy: become the program, or tell why not."""
    try:
        os.setsid()
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if world.umask is not None:
            os.umask(world.umask)
        for which, value in world.limits:
            resource.setrlimit(which, (value, value))
        os.chdir(command.directory)
        for place, theirs in enumerate(descriptors):
            os.dup2(theirs, place)
        os.closerange(3, tell)
        os.closerange(tell + 1, _DESCRIPTORS)
        os.execve(command.argv[0], command.argv, command.environment)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        os.write(tell, _ERRNO.pack(error.errno or 0))
    finally:
        os._exit(127)
