"""posix_spawn: one call that is told all that the program shall get (POSIX.1-2001). The default: it is the fastest.

The C library does what fork and exec do, without the copy: on Linux the new process borrows our memory until exec, and
the thread that calls rests meanwhile. What must be said beforehand is said as *actions* (which descriptors go where)
and *attributes* (session, signals). Four things cannot be said, and are arranged from outside:

=====================  =================================================================================================
working directory      ours is changed for the length of the call, and umask likewise, under a lock
resource limits        set from outside right after the start (Linux: prlimit), while the kernel still loads the program
other descriptors      are close-on-exec in Python; from 3.13 on all others are closed as well, where the system can
=====================  =================================================================================================

So a process that uses this strategy should not count on its working directory while programs are being started.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from .limits import check_from_outside, limit_from_outside
from .pipes import Pipes
from .process import Child, Command, Spawn, World

__all__ = ["strategy"]

_REST: tuple[tuple[int, ...], ...] = ()
if sys.version_info >= (3, 13) and hasattr(os, "POSIX_SPAWN_CLOSEFROM"):
    _REST = ((os.POSIX_SPAWN_CLOSEFROM, 3),)

_here = threading.Lock()  # the working directory and the umask are the whole process's


def strategy(world: World) -> Spawn:
    """Return the strategy. Raises ValueError for limits, where they cannot be set from outside.

    Without an action that closes all other descriptors, those that this process has got as inheritable (from a shell,
    say) become close-on-exec here.
    """
    check_from_outside(world.limits)
    if not _REST:
        _keep_to_ourselves()
    # Exec resets what is caught. What is ignored would stay ignored; Python does that to SIGPIPE and SIGXFSZ.
    ignored = tuple(number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN)

    def spawn(command: Command) -> Child:
        with Pipes(command.content) as pipes:
            stdin, stdout, stderr = pipes.theirs
            actions = (
                (os.POSIX_SPAWN_DUP2, stdin, 0),
                (os.POSIX_SPAWN_DUP2, stdout, 1),
                (os.POSIX_SPAWN_DUP2, stderr, 2),
                *_REST,
            )
            with _here:
                pid = _spawn_in(command, world.umask, actions, ignored)
            if world.limits:
                limit_from_outside(pid, world.limits)
            return pipes.child(pid)

    return spawn


def _spawn_in(
    command: Command, umask: int | None, actions: tuple[tuple[int, ...], ...], ignored: tuple[int, ...]
) -> int:
    """Be in the program's directory, with its umask, for the moment of its start. Return its process id."""
    home = os.getcwd()  # noqa: PTH109 - the plain string is what is wanted
    if command.directory != home:
        os.chdir(command.directory)
    usual = None if umask is None else os.umask(umask)
    try:
        return os.posix_spawn(
            command.argv[0],
            command.argv,
            command.environment,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=ignored,
        )
    finally:
        if usual is not None:
            os.umask(usual)
        if command.directory != home:
            os.chdir(home)


def _keep_to_ourselves() -> None:
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - names are what is wanted
        descriptor = int(name)
        try:
            if descriptor > 2 and os.get_inheritable(descriptor):
                os.set_inheritable(descriptor, False)
        except OSError:
            pass  # the one that was open for the listing
