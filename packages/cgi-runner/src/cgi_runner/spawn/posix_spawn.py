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
from collections.abc import Iterator
from contextlib import contextmanager

from .limits import check_from_outside, limit_from_outside
from .pipes import Pipes
from .process import Child, Command, Spawn, World

__all__ = ["strategy"]

_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
"""All that can have another action than the default. One that is ignored would stay ignored across exec."""

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

    def spawn(command: Command) -> Child:
        with Pipes(command.content) as pipes:
            actions = [(os.POSIX_SPAWN_DUP2, theirs, place) for place, theirs in enumerate(pipes.theirs)]
            with _here, _standing_in(command.directory, world.umask):
                pid = os.posix_spawn(
                    command.argv[0],
                    command.argv,
                    command.environment,
                    file_actions=[*actions, *_REST],
                    setsid=True,
                    setsigmask=(),
                    setsigdef=_SIGNALS,
                )
            if world.limits:
                limit_from_outside(pid, world.limits)
            return pipes.child(pid)

    return spawn


@contextmanager
def _standing_in(directory: str, umask: int | None) -> Iterator[None]:
    """Be in `directory`, with `umask`, for a moment."""
    try:
        home = os.getcwd()  # noqa: PTH109 - the plain string is what is wanted
    except FileNotFoundError:  # somebody has removed it: there is nowhere to come back to
        home = directory
        os.chdir(directory)
    if directory != home:
        os.chdir(directory)
    usual = os.umask(umask) if umask is not None else None
    try:
        yield
    finally:
        if usual is not None:
            os.umask(usual)
        if directory != home:
            os.chdir(home)


def _keep_to_ourselves() -> None:
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - names are what is wanted
        descriptor = int(name)
        try:
            if descriptor > 2 and os.get_inheritable(descriptor):
                os.set_inheritable(descriptor, False)
        except OSError:
            pass  # the one that was open for the listing
