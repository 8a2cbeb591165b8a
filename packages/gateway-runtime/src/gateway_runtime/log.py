"""One-line notes on standard error.

Each line is one `write` system call, so lines of several workers never interleave, and control characters are escaped,
so that nothing a peer sent can forge a line or drive a terminal.
"""

from __future__ import annotations

import os
import time

__all__ = ["line", "set_name"]

_LINE_MAX = 2000
"""Characters of one note. A peer must not be able to fill a disk with one header."""

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}

_name = "gateway"


def set_name(name: str) -> None:
    """Set the program's name, with which every line begins."""
    global _name  # one per process, like sys.argv[0]
    _name = name


def line(note: str) -> None:
    """Write `note` with time, name and pid in front."""
    note = note.translate(_ESCAPES)
    if len(note) > _LINE_MAX:
        note = note[:_LINE_MAX] + "..."
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    raw(f"{stamp} {_name}[{os.getpid()}] {note}\n")


def raw(text: str) -> None:
    """Write `text` to standard error as it is. A closed standard error is nobody's fault."""
    try:
        os.write(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass
