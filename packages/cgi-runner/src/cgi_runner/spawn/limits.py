"""Resource limits for programs: what a runaway may take before the kernel stops it (setrlimit, POSIX.1-2001).

::

    cpu=S          seconds of processor time; then SIGXCPU or SIGKILL                    RLIMIT_CPU
    memory=SIZE    bytes of address space; then malloc fails                             RLIMIT_AS
    files=N        open descriptors                                                      RLIMIT_NOFILE
    output=SIZE    bytes of any file that it writes (not of pipes); then SIGXFSZ         RLIMIT_FSIZE
    processes=N    processes of its *user*, all counted; root is exempt                  RLIMIT_NPROC
    core=SIZE      bytes of a core file                                                  RLIMIT_CORE
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable, Iterable, Sequence

from gateway_runtime.arguments import count, size

__all__ = ["NAMES", "check_from_outside", "limit", "limit_from_outside"]

NAMES: dict[str, tuple[int, Callable[[str], int]]] = {
    "cpu": (resource.RLIMIT_CPU, count(1, 86_400)),
    "memory": (resource.RLIMIT_AS, size),
    "files": (resource.RLIMIT_NOFILE, count(3, 1_000_000)),
    "output": (resource.RLIMIT_FSIZE, size),
    "processes": (resource.RLIMIT_NPROC, count(1, 1_000_000)),
    "core": (resource.RLIMIT_CORE, size),
}
"""By the name on the command line: which limit, and how its value is read."""


def limit(text: str) -> tuple[int, int]:
    """Read NAME=VALUE; return what `World.limits` holds. Raises argparse.ArgumentTypeError.

    More than this process may have itself cannot be given away: such a value becomes that.
    """
    name, equals, value = text.partition("=")
    if not equals or name not in NAMES:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE with a name of {', '.join(NAMES)}")
    which, read = NAMES[name]
    _, hard = resource.getrlimit(which)
    return which, read(value) if hard == resource.RLIM_INFINITY else min(read(value), hard)


def check_from_outside(limits: Sequence[tuple[int, int]]) -> None:
    """Raise ValueError if there are limits, and this system cannot set those of another process."""
    if limits and not hasattr(resource, "prlimit"):
        raise ValueError("on this system only --spawn fork-exec and zygote can set limits")


def limit_from_outside(pid: int, limits: Iterable[tuple[int, int]]) -> None:
    """Set the limits of a child that has just been started (Linux)."""
    for which, value in limits:
        try:
            resource.prlimit(pid, which, (value, value))
        except ProcessLookupError:
            return  # it has ended already
