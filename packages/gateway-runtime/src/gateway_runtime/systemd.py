"""What systemd and a service say to each other: sockets at the start (sd_listen_fds), datagrams later (sd_notify).

::

    systemd -> service   LISTEN_PID=own pid  LISTEN_FDS=n  LISTEN_FDNAMES=a:b    descriptors 3 to 3 + n - 1 listen
                         NOTIFY_SOCKET=/run/... or @abstract                      where to send what happens
                         WATCHDOG_USEC=u  WATCHDOG_PID=own pid                    say WATCHDOG=1 at least that often
    service -> systemd   READY=1   RELOADING=1 and MONOTONIC_USEC=now   STOPPING=1
                         STATUS=a line for `systemctl status`   MAINPID=n   WATCHDOG=1

The variables are taken out of the environment: they are for this process, not for those that it starts.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import MutableMapping

from .errors import StartupError

__all__ = ["FIRST_FD", "Notifier", "listen_fds"]

FIRST_FD = 3
"""SD_LISTEN_FDS_START: behind standard input, output and error."""

_NUMBER = re.compile(r"[0-9]{1,18}")

_PATIENCE = 1.0
"""Seconds to wait for room in systemd's queue. A server does not stop serving because nobody takes its word."""

_OFTEN = 3
"""Signs of life in a watchdog's interval: one may be late and one may get lost."""


def listen_fds(environ: MutableMapping[str, str]) -> list[tuple[int, str]]:
    """Take the sockets that were passed to this process: descriptor and name, which may be "". Raises StartupError."""
    pid, number = environ.get("LISTEN_PID", ""), environ.get("LISTEN_FDS", "")
    if pid != str(os.getpid()):  # nothing there, or meant for whoever started us
        return []
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    for key in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environ.pop(key, None)
    if not _NUMBER.fullmatch(number):
        raise StartupError(f"LISTEN_FDS is {number!r}, which is not a number of descriptors")
    fds = range(FIRST_FD, FIRST_FD + int(number))
    for fd in fds:
        try:
            os.set_inheritable(fd, False)
        except OSError as error:
            raise StartupError(
                f"LISTEN_FDS is {number}, and descriptor {fd} cannot be used: {error.strerror}"
            ) from None
    return list(zip(fds, names + [""] * len(fds), strict=False))


class Notifier:
    """The service's side of sd_notify; without NOTIFY_SOCKET every word of it is nothing."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._path = environ.pop("NOTIFY_SOCKET", "")
        usec, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        ours = self._path and _NUMBER.fullmatch(usec) and pid in ("", str(os.getpid()))
        self._usec = int(usec) if ours else 0
        self._alive_at = 0.0
        self._status = ""

    @property
    def interval(self) -> float:
        """Seconds between two signs of life; 0.0: nobody waits for any."""
        return self._usec / 1e6 / _OFTEN

    def environ(self, pid: int) -> dict[str, str]:
        """Return the variables for a process that takes our place."""
        variables = {"NOTIFY_SOCKET": self._path} if self._path else {}
        if self._usec:
            variables |= {"WATCHDOG_USEC": str(self._usec), "WATCHDOG_PID": str(pid)}
        return variables

    def ready(self) -> None:
        """All serve: at the start, and after a reload."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A reload has begun; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Describe the present state, if it has changed."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def alive(self, now: float) -> None:
        """Give a sign of life, if it is time for one."""
        if self._usec and now - self._alive_at >= self.interval:
            self._alive_at = now
            self._send("WATCHDOG=1")

    def hand_over(self, pid: int) -> None:
        """Another process is the service from now on; this one says no more."""
        self._send("READY=1", f"MAINPID={pid}")
        self._path = ""
        self._usec = 0

    def _send(self, *fields: str) -> None:
        if not self._path:
            return
        where = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.settimeout(_PATIENCE)
            try:
                channel.sendto("\n".join(fields).encode(), where)
            except (OSError, ValueError):  # it has gone; and a service that runs without it still serves
                pass
