"""Five programs, each of which does what the one before it does, and one thing more; and a clock around each.

::

    process       true                      a new process, and another program in it
    interpreter   python -I -S -c pass      + Python starts
    site          python -c pass            + it looks for installed packages
    imports       ... --check APP           + the application and all that it needs is imported
    request       ... APP                   + it answers one request, as CGI

They are called by what they have more. All have the same environment, that of a CGI request.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cgi_runner.plan import child_command
from gateway_lab.errors import LabError

__all__ = ["APP", "PROGRAMS", "WITNESS", "bill_of_the_server", "output", "run", "steps"]

APP: Final = "demo_app:app"
PROGRAMS: Final[dict[str, Sequence[str]]] = {
    "process": ("true",),
    "interpreter": (sys.executable, "-I", "-S", "-c", "pass"),
    "site": (sys.executable, "-c", "pass"),
    "imports": child_command("--check", APP),
    "request": child_command(APP),
}
WITNESS: Final[dict[str, Sequence[str]]] = {
    "process": ("wait", "spawn", "reap"),
    "interpreter": ("interpreter start", "bill"),
    "site": ("site",),
    "imports": ("imports", "app start"),
    "request": ("handler", "output"),
    "exit": ("exit",),
}
"""What the parts of the server's own bill are here. It sees the end of the process, which is in all five programs."""
STEPS = Path(__file__).with_name("steps.py")
LIMIT = 60.0
"""Seconds for a command that measures. It is a second or two, unless the machine has other work."""


def run(command: Sequence[str]) -> float:
    """Run a command to its end and return the seconds that passed. Raises LabError if it fails."""
    program = shutil.which(command[0])
    if program is None:
        raise LabError(f"There is no program {command[0]!r} here.")
    nowhere = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]
    environment = _environment()
    began = time.perf_counter()
    pid = os.posix_spawn(program, tuple(command), environment, file_actions=nowhere)
    try:
        _, status = os.waitpid(pid, 0)
    except BaseException:  # the learner's "interrupt" button
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    seconds = time.perf_counter() - began
    if status:
        raise LabError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}, and should end with 0.")
    return seconds


def output(command: Sequence[str]) -> bytes:
    """Return what a command writes."""
    return subprocess.run(command, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=LIMIT,
                          check=True).stdout  # fmt: skip


def bill_of_the_server(requests: int) -> dict[str, float]:
    """Return the seconds of each part as our CGI server has counted them, the median of so many requests."""
    found = _told([sys.executable, "-m", "cgi_runner", "--bill", "--app", APP, "--path", "/hello", "--requests",
                   str(requests), "--json"])  # fmt: skip
    parts = found["measurements"][0]["median"]["parts_ns"]
    return {name: sum(parts.get(part, 0) for part in theirs) / 1e9 for name, theirs in WITNESS.items()}


def steps(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of a fork, of a fork of a large process, and of a fork with `true` in it; so many of each."""
    program = shutil.which("true")
    if program is None:
        raise LabError("There is no program 'true' here.")
    found: dict[str, list[float]] = _told([sys.executable, "-I", "-S", str(STEPS), program, str(rounds)])
    return found


def _told(command: Sequence[str]) -> Any:
    """Return what a command says in JSON."""
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
        if ended.returncode == 0:
            return json.loads(ended.stdout)
    except subprocess.TimeoutExpired:
        raise LabError(
            f"The measurement was not done within {LIMIT:g} s: this machine has too much else to do."
        ) from None
    words = ended.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
    raise LabError(f"The measurement failed: {words[-1]}")


def _environment() -> dict[str, str]:
    """Return the environment of a CGI request (RFC 3875, section 4.1), and nothing of ours but PATH."""
    return {
        "PATH": os.environ.get("PATH", os.defpath), "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "", "PATH_INFO": "/hello", "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "museum", "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1",
    }  # fmt: skip
