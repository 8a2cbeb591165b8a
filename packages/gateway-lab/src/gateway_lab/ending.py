"""How a server is ended: by letting go of its leash, and by force if that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time

__all__ = ["kill_group", "wait_for_end"]

STOP_LIMIT = 6.0
"""Seconds for the leash to end it: its grace, and as much again."""


def wait_for_end(leash: subprocess.Popen[str]) -> None:
    """Wait for a leash to end its server. An interrupt of the learner comes after that, so that nothing is left."""
    end = time.monotonic() + STOP_LIMIT
    try:
        leash.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        return
    except KeyboardInterrupt:
        try:
            leash.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        raise


def kill_group(leader: int) -> None:
    """Kill a process and its group, which may have ended."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
