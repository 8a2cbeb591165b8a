"""Who takes the time: the hooks through which a bill follows one request, and those of a host that keeps none.

The host opens an account for each request and marks the moments; what they come to is the business of `bill`. All is
done through these two shapes, so that the host looks the same with a bill and without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["MARKS", "NO_BILL", "Account", "Bill"]

MARKS = (
    "request",  # the host is called; `open` marks it
    "spawn",  # the program is chosen and has a place; pipes and a process are next
    "spawned",  # the strategy has returned
    "head",  # all of the head has come
    "output",  # the end of the output has come
    "exited",  # the process has ended
    "reaped",  # and is forgotten
)
"""In the order of an ordinary request. "output" is missing if a program has left its output to others and ended."""


class Account(Protocol):
    """What is known of one request. Methods are called by one thread at a time, the last ones perhaps by another."""

    def mark(self, name: str, /) -> None:
        """It is now the moment `name`, one of MARKS. A redirect runs a second program, and marks them again."""

    def variables(self, argv: Sequence[str], /) -> Mapping[bytes, bytes]:
        """Return what the environment of the program `argv` must have, so that it can tell its part."""

    def fields(self) -> list[tuple[str, str]]:
        """Return fields for the response, of which the head stands ready."""

    def close(self) -> None:
        """The program has been reaped, or could not be started."""


class Bill(Protocol):
    """What opens an account."""

    def open(self, environ: Mapping[str, Any], /) -> Account:
        """A request has come."""


class _Nobody:
    """Opens an account in which nothing is written: itself."""

    def open(self, environ: Mapping[str, Any], /) -> Account:
        return self

    def mark(self, name: str, /) -> None:
        pass

    def variables(self, argv: Sequence[str], /) -> Mapping[bytes, bytes]:
        return {}

    def fields(self) -> list[tuple[str, str]]:
        return []

    def close(self) -> None:
        pass


NO_BILL: Bill = _Nobody()
