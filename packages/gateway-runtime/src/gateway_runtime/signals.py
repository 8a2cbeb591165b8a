"""Signals by number: those that are held back, and their names."""

from __future__ import annotations

import signal

__all__ = ["HELD", "how_it_ended"]

HELD = frozenset((
    signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN,
    signal.SIGTTOU,
))  # fmt: skip
"""Those that a master acts on are held back while a process could not do so, or not clean up: from binding to the
master's handlers, and from the fork to the worker's. Not CHLD, of which nobody dies."""


def how_it_ended(code: int) -> str:
    """Say how a process has ended, from its exit code or the negative number of a signal."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal: they have numbers only
        return f"was killed by signal {-code}"
