"""Time a fork: `python -I -S steps.py TRUE ROUNDS` prints seconds as JSON. It runs alone: a kernel must not fork.

==================  ====================================================
fork                a copy of this process, which ends at once
large fork          the same, once this process has touched BALLAST bytes
fork and exec       a copy, in which the program TRUE takes over
large posix_spawn   the program TRUE from the large process, in one call
==================  ====================================================
"""

import json
import os
import sys
import time

BALLAST = 64 << 20
"""Bytes: as much as a web application of some size has. A fork copies the table of its pages, not the pages."""


def once(program: str) -> float:
    """Return the seconds of one fork, with `program` in the copy unless it is ""."""
    began = time.perf_counter()
    pid = os.fork()
    if not pid:
        if program:
            os.execv(program, [program])  # noqa: S606  # there is no shell to want
        os._exit(0)
    os.waitpid(pid, 0)
    return time.perf_counter() - began


def spawned(program: str) -> float:
    """Return the seconds of one program that is started without a fork of ours."""
    began = time.perf_counter()
    os.waitpid(os.posix_spawn(program, [program], {}), 0)
    return time.perf_counter() - began


def main() -> None:
    """Measure, the small ones in turns, then the large one."""
    program, rounds = sys.argv[1], int(sys.argv[2])
    found: dict[str, list[float]] = {"fork": [], "fork and exec": [], "large fork": []}
    for _ in range(rounds):
        found["fork"].append(once(""))
        found["fork and exec"].append(once(program))
    ballast = bytearray(BALLAST)
    ballast[::1024] = b"x" * len(ballast[::1024])  # every page is touched, so that it is there
    found["large fork"] = [once("") for _ in range(rounds)]
    found["large posix_spawn"] = [spawned(program) for _ in range(rounds)]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
