"""A new program in place of the running one, without closing a socket (USR2).

::

    old master                                   new master
    fork, exec of its own command line   ---->   takes the listening sockets by their numbers
    goes on serving                              loads the application, forks workers
    |                                            all can serve
    |                                   <----    READY, through a pipe
    leaves it its socket files, tells            serves; owns pid file and socket files
    systemd, ends gracefully

If the new program ends without that word, the old one goes on as if nothing had been. What is new is whatever lies on
disk by now: interpreter, server and application.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

from .errors import EXIT_CANNOT_START
from .log import line

__all__ = ["READY", "Inheritance", "directory", "inherit", "start"]

READY = b"ready"

_VARIABLE = "GATEWAY_RUNTIME_UPGRADE"
"""What the old master leaves to the new one: PID:PIPE:SOCKET,SOCKET,... The pid is the reader's own, so that nothing
that it starts can take the words for itself."""


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a new master has from the old one: a pipe to say READY, and descriptors that listen."""

    pipe: int
    sockets: tuple[int, ...]

    def say_ready(self) -> None:
        """Tell the old master that it can go."""
        try:
            os.write(self.pipe, READY)
        except OSError:  # it has gone already
            pass
        self.close()

    def close(self) -> None:
        """Close the pipe."""
        os.close(self.pipe)


def inherit(environ: MutableMapping[str, str]) -> Inheritance | None:
    """Take what an old master has left for this process, if there is one."""
    pid, _, rest = environ.pop(_VARIABLE, "").partition(":")
    if pid != str(os.getpid()):
        return None
    pipe, _, sockets = rest.partition(":")
    found = Inheritance(int(pipe), tuple(int(number) for number in sockets.split(",")))
    for fd in (found.pipe, *found.sockets):
        os.set_inheritable(fd, False)
    return found


def directory() -> str:
    """Return the working directory as the shell calls it: a symbolic link may lead to another release by tomorrow."""
    here = os.getcwd()  # noqa: PTH109 - a string all along
    named = os.environ.get("PWD", "")
    try:
        return named if os.path.samefile(named, here) else here  # noqa: PTH121
    except OSError:
        return here


def start(sockets: Sequence[int], environ: Callable[[int], Mapping[str, str]], home: str) -> tuple[int, int]:
    """Start this program anew in the directory `home`; return its pid, and a pipe through which it will say READY.

    `environ(pid)` is added to its environment. The signals that a master acts on must be blocked here; the new one
    unblocks them as soon as it can. Raises OSError.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.set_wakeup_fd(-1)
            _execute(write, sockets, environ, home)
        except OSError as error:
            line(f"cannot execute {sys.executable}: {error.strerror}")
        finally:
            os._exit(EXIT_CANNOT_START)
    os.close(write)
    return pid, read


def _execute(pipe: int, sockets: Sequence[int], environ: Callable[[int], Mapping[str, str]], home: str) -> None:
    for fd in (pipe, *sockets):
        os.set_inheritable(fd, True)
    pid = os.getpid()
    left = {_VARIABLE: f"{pid}:{pipe}:{','.join(str(number) for number in sockets)}"}
    os.chdir(home)
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **environ(pid), **left})  # noqa: S606
