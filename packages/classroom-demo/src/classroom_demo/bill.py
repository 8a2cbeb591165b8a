"""The bill of one CGI request, measured: five programs, each of which does one thing more than the one before it.

::

    process       true                      a new process, and another program in it
    interpreter   python -I -S -c pass      + Python starts
    site          python -c pass            + it looks for installed packages
    imports       ... --check APP           + the application and all that it needs is imported
    request       ... APP                   + it answers one request, as CGI

A part is the difference of two medians. The clock is a process of its own, this file run as a program: `python -I -S
bill.py` with the commands as JSON. It has nothing else to do, and may fork, which the page's process with its threads
may not. It goes round the five in turns, so that a disturbance meets all of them, and says each time as soon as it is
known.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:  # the clock runs without site-packages, and starts the quicker for it
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from typing import Any, Final

__all__ = ["OPTION", "ROUNDS", "BillError", "measure", "parts_of"]

APP: Final = "demo_app:app"
ROUNDS: Final = (3, 7)
"""At least so many rounds, and at most so many if there is time."""
TIME: Final = 4.0
"""Seconds after which no round begins that need not be."""
LIMIT: Final = 20.0
"""Seconds after which the measurement is given up: this machine is too busy to say anything."""
OPTION: Final = {
    "process": "process",
    "interpreter": "python",
    "site": "python",
    "imports": "imports",
    "request": "answer",
}
"""What the class can vote for, of which each part is one or a half."""


class BillError(Exception):
    """Nothing could be measured; the text is one sentence."""


async def measure() -> AsyncGenerator[tuple[str, float], None]:
    """Yield (program, seconds) as they are measured, in rounds. Raises BillError."""
    import asyncio

    commands = json.dumps(_programs())
    clock = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", __file__, commands,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=_environment(), process_group=0,
    )  # fmt: skip
    assert clock.stdout
    assert clock.stderr
    try:
        async with asyncio.timeout(LIMIT):
            async for line in clock.stdout:
                name, seconds = json.loads(line)
                yield name, seconds
            if await clock.wait():
                words = (await clock.stderr.read()).decode("utf-8", "replace").strip().splitlines()
                raise BillError(f"The bill cannot be measured: {words[-1] if words else 'a program failed'}.")
    except TimeoutError:
        raise BillError(f"The bill was not done within {LIMIT:g} s: this machine has too much else to do.") from None
    finally:
        if clock.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(clock.pid, signal.SIGKILL)  # and the program that it times
            await clock.wait()


def parts_of(times: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """Return each part with its seconds and its share. What comes out below nothing, by chance, counts as nothing.

    So all parts together are as long as the longest program took: none is longer than what it is a part of.
    """
    seconds: dict[str, float] = {}
    before = 0.0
    for name, repeats in times.items():
        median = statistics.median(repeats)
        seconds[name] = max(0.0, median - before)
        before = max(before, median)
    whole = sum(seconds.values())
    return [
        {"name": name, "option": OPTION[name], "seconds": part, "share": part / whole if whole else 0.0}
        for name, part in seconds.items()
    ]


def _programs() -> dict[str, Sequence[str]]:
    from cgi_runner.plan import child_command

    return {
        "process": ("true",),
        "interpreter": (sys.executable, "-I", "-S", "-c", "pass"),
        "site": (sys.executable, "-c", "pass"),
        "imports": child_command("--check", APP),
        "request": child_command(APP),
    }


def _environment() -> dict[str, str]:
    """Return the environment of a CGI request (RFC 3875, section 4.1), and nothing of ours but PATH."""
    return {
        "PATH": os.environ.get("PATH", os.defpath), "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "", "PATH_INFO": "/hello", "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "museum", "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1",
    }  # fmt: skip


def once(command: Sequence[str]) -> float:
    """Run a command to its end and return the seconds that passed."""
    nowhere = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]
    began = time.perf_counter()
    pid = os.posix_spawnp(command[0], list(command), dict(os.environ), file_actions=nowhere)
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - began
    if status:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds


def main() -> None:
    """Time the programs in turns; the first round is for the file cache, and is not told."""
    programs = json.loads(sys.argv[1])
    for command in programs.values():
        once(command)
    end = time.monotonic() + TIME
    least, most = ROUNDS
    for number in range(most):
        if number >= least and time.monotonic() > end:
            break
        for name, command in programs.items():
            print(json.dumps([name, once(command)]), flush=True)


if __name__ == "__main__":
    main()
