"""Who is who in a team: what a worker says of itself when it comes, and when the master refuses it.

All of a team must make the same visits and check the same answers, or their sum means nothing. A version number does
not tell that, since two checkouts of one version may differ; so a worker also names the *code* that it runs, a digest
of the modules of this package, and must run the same as the master.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from gateway_bench.errors import BenchError
from gateway_bench.load.team import DEFAULT_PORT
from gateway_bench.load.team_reach import place

__all__ = ["Hello", "Message", "hello", "invitation", "parse_master", "refusal"]

_MASTER = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+)(?::([0-9]{1,5}))?")
DIGITS = 12
"""Of the digest: enough that two that differ do not look alike, and short enough for a sentence."""


class Message:
    """The types of our messages, beside locust's own."""

    HELLO = "bench-hello"
    WELCOME = "bench-welcome"
    REFUSED = "bench-refused"
    JOB = "bench-job"
    WARM = "bench-warm"
    GO = "bench-go"
    YIELD = "bench-yield"
    FAILED = "bench-failed"
    DROP = "bench-drop"


class Hello(TypedDict):
    """Who a process is, where it is, and which code it runs."""

    name: str
    place: str
    code: str


def hello() -> Hello:
    """Return what this process says of itself."""
    return Hello(name=f"{socket.gethostname()}/{os.getpid()}", place=place(), code=_code())


def refusal(worker: Hello, master: Hello) -> str | None:
    """Return why the worker cannot work for this master; None if it can."""
    if worker["code"] == master["code"]:
        return None
    return (
        f"the worker {worker['name']} runs {worker['code']}, and the bench {master['code']}: "
        "install the same on both, from the same checkout"
    )


def parse_master(text: str) -> tuple[str, int]:
    """Read HOST or HOST:PORT, IPv6 in brackets. Raises BenchError."""
    found = _MASTER.fullmatch(text)
    if not found or not 0 < int(found[2] or DEFAULT_PORT) < 2**16:
        raise BenchError(f"{text!r} is not HOST or HOST:PORT of a bench; an IPv6 address stands in brackets")
    return found[1].strip("[]"), int(found[2] or DEFAULT_PORT)


def invitation(host: str, port: int) -> str:
    """Return the command that starts a worker for a master that listens there."""
    shown = socket.gethostname() if host in ("*", "0.0.0.0", "::") else host  # noqa: S104  # any address is ours
    return f"gateway-bench worker --master {f'[{shown}]' if ':' in shown else shown}:{port}"


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.name.encode() + b"\0" + module.read_bytes())
    return (
        f"gateway-bench {version('gateway-bench')} (code {digest.hexdigest()[:DIGITS]}) with locust {version('locust')}"
    )
