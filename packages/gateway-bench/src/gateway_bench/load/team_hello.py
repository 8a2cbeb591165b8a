"""Who is who in a team: what a worker says of itself when it comes, and when the master refuses it.

All of a team must make the same visits and check the same answers, or their sum means nothing. A version number does
not tell that, since two checkouts of one version may differ; so a worker also names the *code* that it runs, a digest
of the modules of this package, and must run the same as the master.

A server that listens on the loopback interface or on a unix socket can be asked only by who is on the same machine,
and in the same network namespace (containers have their own). Under that address a worker elsewhere would find
nothing, or, worse, another server. So each says its *place*, and is not given what it cannot reach.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import socket
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from gateway_bench.errors import BenchError
from gateway_bench.load.address import Address
from gateway_bench.load.team import DEFAULT_PORT

__all__ = ["Hello", "Message", "hello", "invitation", "parse_master", "refusal", "within_reach"]

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
    return Hello(name=f"{socket.gethostname()}/{os.getpid()}", place=_place(), code=_code())


def refusal(worker: Hello, master: Hello) -> str | None:
    """Return why the worker cannot work for this master; None if it can."""
    if worker["code"] == master["code"]:
        return None
    return (
        f"the worker {worker['name']} runs {worker['code']}, and the bench {master['code']}: "
        "install the same on both, from the same checkout"
    )


def within_reach(address: Address, worker: Hello, master: Hello) -> bool:
    """Can the worker connect to an address that is good where the master is?"""
    return worker["place"] == master["place"] or not (address.path or _is_loopback(address.host))


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761 section 6.3


@cache
def _place() -> str:
    """Return what those have in common who share a loopback interface; without /proc the machine is all we know."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/net').readlink()}"
    except OSError:
        return socket.gethostname()


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.name.encode() + b"\0" + module.read_bytes())
    return (
        f"gateway-bench {version('gateway-bench')} (code {digest.hexdigest()[:DIGITS]}) with locust {version('locust')}"
    )
