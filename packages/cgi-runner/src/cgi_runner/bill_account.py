"""The bill, the server's side: an account for each request, and the pipe through which its program tells its part.

::

    open ---> request, spawn ... marked by the host
              variables() -----> a FIFO, named in the program's environment --> bill_stamps writes a line or two
              fields() <-------- what has come so far, as a Server-Timing field
    close <-- reaped: read the pipe, remove it, and hand over the Bill

Each account has a pipe of its own, with a name that cannot be guessed and that lives as long as its program: so two
requests can never mix, and nothing is left when the server ends, unless it is killed in the middle of requests. It is
a FIFO and not a socket because a program then needs no module to write to it: where `_socket` is a shared library, the
smallest programs in Python would pay three per cent for its import alone.

What comes from a program is data of a stranger's: a line that has another shape, moments that contradict each other or
the server's own, are one line in the log, and the bill is made without them.
"""

from __future__ import annotations

import functools
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway_runtime import log

from .bill_parts import Bill, add, assemble
from .bill_stamps import VARIABLE
from .bill_watch import Tells, started_to_tell

__all__ = ["MOMENTS", "TOLD_MAX", "Account", "Ledger", "understand"]

TOLD_MAX = 64 * 1024
"""Bytes that are read from one program: what a pipe holds. A program that tells its part writes less than 8 KiB."""

MOMENTS = ("forked", "first", "site", "begun", "ready", "given", "written")
"""Those of a program, in order."""

_WORD = re.compile(r"(?:([a-z]+)|import:([\w.\-]{1,200}))=([0-9]{1,19})")


class Ledger:
    """Opens accounts, for `CgiApplication(bill=...)`.

    `done` is given each account once its program has been reaped, in the thread that did so; `Account.bill` is then
    complete. `server_timing`: responses get the field. `tells` says which programs can tell their part; no other gets a
    pipe. `directory`: where the pipes are, by default where temporary files are. `log` takes one line.
    """

    def __init__(
        self,
        done: Callable[[Account], None] | None = None,
        *,
        server_timing: bool = True,
        tells: Tells = started_to_tell,
        directory: str | None = None,
        log: Callable[[str], None] = log.line,
    ) -> None:
        self.done = done
        self.server_timing = server_timing
        self.tells = tells
        self._directory = directory or tempfile.gettempdir()
        self._log = log
        self._mute = False

    def open(self, environ: Mapping[str, Any]) -> Account:
        """A request has come."""
        return Account(self)

    def mailbox(self) -> Mailbox | None:
        """Make a pipe; None, with one line in the log, if that cannot be done."""
        try:
            return Mailbox(self._directory)
        except OSError as error:
            if not self._mute:
                self._mute = True  # once: it would fail for every request
                self.note(f"programs cannot tell their part: {error}")
            return None

    def note(self, sentence: str) -> None:
        """Log a line."""
        self._log(f"bill: {sentence}")


class Account:
    """What is known of one request so far. After a local redirect it goes on with a second program.

    What costs time is put off until somebody asks for the bill: while the request runs, moments are only written down.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._moments = {"request": time.monotonic_ns()}
        self._ledger = ledger
        self._told = b""
        self._mailbox: Mailbox | None = None
        self._before: tuple[tuple[dict[str, int], bytes], ...] = ()
        self._complained = False
        self._lock = threading.Lock()  # the first of two programs may end late, and in another thread

    def mark(self, name: str) -> None:
        """It is now the moment `name`. Only the first of its name counts."""
        self._moments.setdefault(name, time.monotonic_ns())

    def variables(self, argv: Sequence[str]) -> dict[bytes, bytes]:
        """Return what the environment of the program `argv` must have, so that it can tell its part."""
        with self._lock:
            self._close_mailbox()
            if self._ledger.tells(argv):
                self._mailbox = self._ledger.mailbox()
            return {} if self._mailbox is None else {VARIABLE.encode(): os.fsencode(self._mailbox.path)}

    def fields(self) -> list[tuple[str, str]]:
        """Return the Server-Timing field: all that is known before the head of the response is sent."""
        return [("Server-Timing", self.bill().server_timing())] if self._ledger.server_timing else []

    def close(self) -> None:
        """The program has been reaped, or could not be started. An account without a program has no bill."""
        with self._lock:
            self._read()
            self._close_mailbox()
            if "spawned" not in self._moments:
                return
            self.mark("closed")
            self._before = (*self._before, (self._moments, self._told))
            self._moments, self._told = {"request": self._moments["closed"]}, b""
        if self._ledger.done is not None:
            self._ledger.done(self)

    def bill(self) -> Bill:
        """Return the bill so far."""
        self._read()
        programs = self._before
        if len(self._moments) > 1 or not programs:
            programs = (*programs, (self._moments, self._told))
        return functools.reduce(add, (self._of(*program) for program in programs))

    def __del__(self) -> None:
        self._close_mailbox()  # of a request that came to nothing

    def _close_mailbox(self) -> None:
        if self._mailbox is not None:
            self._mailbox.close()
            self._mailbox = None

    def _read(self) -> None:
        """Take what the program has told."""
        if self._mailbox is not None:
            self._told += self._mailbox.read()

    def _of(self, moments: dict[str, int], told: bytes) -> Bill:
        """Return the bill of one program, without what it has told if that cannot be."""
        try:
            theirs, imports = understand(told)
            _check(theirs, moments)
        except ValueError as error:
            if not self._complained:
                self._complained = True
                self._ledger.note(f"a program has told what cannot be: {error}")
            return assemble(moments, {})
        return assemble(moments | theirs, imports)


class Mailbox:
    """A FIFO with our end of it open."""

    def __init__(self, directory: str) -> None:
        self.path = f"{directory}/cgi-bill-{os.urandom(16).hex()}"
        os.mkfifo(self.path, 0o600)
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            os.unlink(self.path)  # noqa: PTH108 - the plain string is what there is
            raise

    def read(self) -> bytes:
        """Return what has come, b"" if nothing has."""
        try:
            return os.read(self._descriptor, TOLD_MAX)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Close and remove it."""
        os.close(self._descriptor)
        try:
            os.unlink(self.path)  # noqa: PTH108
        except OSError:
            pass  # somebody has tidied up


def understand(told: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """Return the moments and the costs of imports that a program has told. Raises ValueError.

    A last line without its end may still be on its way, and is left out.
    """
    moments: dict[str, int] = {}
    imports: dict[str, int] = {}
    for word in told.rpartition(b"\n")[0].decode("utf-8", "replace").split():
        match = _WORD.fullmatch(word)
        if match is None or (match[1] and match[1] not in MOMENTS):
            raise ValueError(f"{word[:40]!a} is no moment and no cost")
        one, name = (moments, match[1]) if match[1] else (imports, match[2])
        if name in one:
            raise ValueError(f"{name!a} comes twice")
        one[name] = int(match[3])
    return moments, imports


def _check(theirs: Mapping[str, int], ours: Mapping[str, int]) -> None:
    """Raise ValueError unless the moments of a program fit with each other and with ours."""
    order = [theirs[name] for name in MOMENTS if name in theirs]
    last = ours.get("closed", time.monotonic_ns())
    if order != sorted(order) or (order and not ours["spawn"] <= order[0] <= order[-1] <= last):
        raise ValueError("moments that are not in order, or not of this request")
