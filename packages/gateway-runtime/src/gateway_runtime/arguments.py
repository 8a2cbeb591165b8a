"""How options are read: from text to a value, or one sentence why not. For this command line and those built on it."""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
from collections.abc import Callable

from .lifetime import Bound
from .pool import MOST_WORKERS

__all__ = [
    "bound", "count", "network", "prefix", "seconds", "size", "socket_file", "spare", "url_path", "variable", "workers",
]  # fmt: skip

DAY = 86_400
"""Seconds that a time limit may have at most: whoever writes more means no limit, and should not have none."""


_WHOLE = re.compile(r"[0-9]{1,18}")


def count(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return read


def seconds(*, zero: bool) -> Callable[[str], float]:
    """Return a reader of times up to a day. `zero`: may it be no time at all?"""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= DAY or (value == 0 and not zero):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
        return value

    return read


_SIZE = re.compile(r"([0-9]+)([KMG]?)")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(text: str) -> int:
    """Read a number of bytes, or of 1024 (K), 1024 K (M), 1024 M (G)."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bytes, such as 1000000, 200M or 1G")
    return int(match[1]) * _UNITS[match[2]]


def bound(read: Callable[[str], float]) -> Callable[[str], Bound]:
    """Return a reader of LIMIT or LIMIT:JITTER, each part read by `read`."""

    def read_both(text: str) -> Bound:
        value, colon, jitter = text.partition(":")
        return Bound(read(value), read(jitter) if colon else 0)

    return read_both


def workers(text: str) -> int:
    """Read a number of workers; `auto` is one for each core this process may use."""
    if text != "auto":
        return count(1, MOST_WORKERS)(text)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or 1


def spare(text: str) -> tuple[int, int]:
    """Read MIN:MAX, how many workers are to be idle."""
    least, _, most = text.partition(":")
    read = count(1, MOST_WORKERS)
    both = read(least), read(most or least)
    if not most or both[0] > both[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is not MIN:MAX, such as 1:3")
    return both


def socket_file(text: str) -> str:
    """Read unix:PATH; return the path."""
    kind, _, path = text.partition(":")
    if kind != "unix" or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not the path of a socket, such as unix:/run/app/status")
    return path


def url_path(text: str) -> str:
    """Read the path of a page: it begins with a slash, and has no query."""
    if not text.startswith("/") or "?" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not the path of a page, such as /status")
    return text


def prefix(text: str) -> str:
    """Read a mount point: "/" and "" are the root, "/app/" is "/app"."""
    text = text.rstrip("/")
    if text and not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with a slash")
    return text


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Read a network in CIDR form."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a network such as 10.0.0.0/8") from None


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_TAKEN = ("HTTP_", "wsgi.", "gatelab.")


def variable(text: str) -> tuple[str, str]:
    """Read NAME=VALUE, for every environ. What requests and servers name themselves is not to be had."""
    name, equals, value = text.partition("=")
    if not equals or not _VARIABLE.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    if name.startswith(_TAKEN):
        raise argparse.ArgumentTypeError(f"{name} is not yours to set: {', '.join(_TAKEN)} are the server's")
    return name, os.fsencode(value).decode("latin-1")  # PEP 3333, "Unicode Issues": one character a byte
