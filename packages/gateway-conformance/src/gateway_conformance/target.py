"""The gateway under test: a command that is started and stopped, or one that runs already."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway_runtime.addresses import Address, connect, parse, parse_url
from gateway_runtime.errors import StartupError

from .case import SCHEMES

__all__ = ["Target", "TargetError", "serving", "wait_for"]

START = 30.0
"""Seconds until a gateway must be ready."""

STOP = 10.0
"""Seconds until it must have ended, after TERM; then it is killed."""

_READY = re.compile(r"^ready (\S+)$", re.MULTILINE)


class TargetError(Exception):
    """The gateway cannot be tested; one sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway that runs `gateway_conformance.app:app`.

    `command` starts it; () if it runs already. `scheme` is one of `case.SCHEMES`. `address` (`HOST:PORT`, `unix:PATH`)
    says where it listens; "" if it tells so itself, with a line `ready URL` on standard error as all gateways here do.
    """

    command: Sequence[str]
    scheme: str
    address: str = ""


def wait_for(condition: Callable[[], object], seconds: float) -> bool:
    """Wait until `condition()` is true; False if it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


@contextmanager
def serving(target: Target) -> Iterator[Address]:
    """Start the gateway, give its address, stop it. Raises TargetError."""
    if target.scheme not in SCHEMES:
        raise TargetError(f"{target.scheme!r} is not a scheme: {', '.join(SCHEMES)}")
    if not target.command:
        yield _address(target, None, "")
        return
    with tempfile.NamedTemporaryFile("w+b") as errors:
        try:
            process = subprocess.Popen(
                target.command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, start_new_session=True
            )
        except OSError as error:
            raise TargetError(f"{target.command[0]} cannot be started: {error.strerror or error}") from None
        try:
            yield _wait_until_ready(target, process, Path(errors.name))
        finally:
            _stop(process)


def _wait_until_ready(target: Target, process: subprocess.Popen[bytes], errors: Path) -> Address:
    """Wait for the ready line, or until the address that was given accepts a connection."""
    text = ""

    def settled() -> bool:
        nonlocal text
        text = errors.read_text("utf-8", "backslashreplace")
        if process.poll() is not None:
            return True
        return _accepts(parse(target.address)) if target.address else bool(_READY.search(text))

    ready = wait_for(settled, START)
    last = text.strip().splitlines()[-1:] or ["it wrote nothing"]
    if process.poll() is not None:
        raise TargetError(f"the gateway ended with code {process.returncode}: {last[0]}")
    if not ready:
        raise TargetError(f"the gateway was not ready within {START:g} seconds: {last[0]}")
    return _address(target, _READY.search(text), text)


def _address(target: Target, ready: re.Match[str] | None, text: str) -> Address:
    try:
        if target.address:
            return parse(target.address)
        if ready is not None:
            return parse_url(ready[1])[1]
    except StartupError as error:
        raise TargetError(str(error)) from None
    raise TargetError("without a command there must be an address")


def _accepts(address: Address) -> bool:
    try:
        connect(address, 1.0).close()
    except OSError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the gateway, and whatever it leaves in its session."""
    process.terminate()
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
