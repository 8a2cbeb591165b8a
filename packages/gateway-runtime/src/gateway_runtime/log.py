"""One-line notes on standard error, or in a file in its place.

Each line is one `write` system call, so lines of several workers never interleave, and control characters are escaped,
so that nothing a peer sent can forge a line or drive a terminal.

`open_file` puts the file where standard error was, descriptor 2: so it also gets what the application prints there, the
interpreter's last words, and what programs write that the application has started. Who moves the file away, to begin
a new one, lets every process `reopen` (USR1)::

    until all serve     descriptor 2 -> the file        console -> what was standard error: whoever started us waits
    then                descriptor 2 -> the file        (closed)
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from .errors import StartupError

__all__ = [
    "announce", "complete_streams", "forget_console", "line", "on_reopen", "open_file", "raw", "reopen", "set_name",
]  # fmt: skip

_LINE_MAX = 2000
"""Characters of one note. A peer must not be able to fill a disk with one header."""

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}

_STDERR = 2
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND

_name = "gateway"
_path = ""
_console = -1
_on_reopen: list[Callable[[], None]] = []


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
    _write(_STDERR, text)


def announce(text: str) -> None:
    """Write what whoever has started us waits for, as it is: to standard error, and to what that was before."""
    raw(text)
    if _console >= 0:
        _write(_console, text)


def complete_streams() -> None:
    """Open what is closed of standard input, output and error: a socket must not get their numbers."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free, which is `fd`
            setattr(sys, name, open(fd, "r" if fd == 0 else "w", closefd=False))  # noqa: SIM115


def open_file(path: str) -> None:
    """Let a file receive what standard error gets. Raises StartupError."""
    global _path, _console  # as standard error itself: one a process
    path = os.path.abspath(path)  # noqa: PTH100 - a string all along
    try:
        fd = os.open(path, _FLAGS, 0o640)
    except OSError as error:
        raise StartupError(f"cannot write the log file {path}: {error.strerror}") from None
    if not os.path.sameopenfile(fd, _STDERR):  # else a program in whose place we are has opened it
        _console = os.dup(_STDERR)
        os.dup2(fd, _STDERR)
    os.close(fd)
    _path = path


def forget_console() -> None:
    """Let go of what was standard error before."""
    global _console
    if _console >= 0:
        os.close(_console)
        _console = -1


def on_reopen(action: Callable[[], None]) -> None:
    """Have `action()` called whenever log files are to be opened anew; it must not raise."""
    _on_reopen.append(action)


def reopen() -> None:
    """Open the log file by its name again, and let others do so with theirs."""
    if _path:
        try:
            fd = os.open(_path, _FLAGS, 0o640)
        except OSError as error:
            line(f"cannot write the log file {_path}: {error.strerror}; this one is kept")
        else:
            os.dup2(fd, _STDERR)
            os.close(fd)
    for action in _on_reopen:
        action()


def _write(fd: int, text: str) -> None:
    try:
        os.write(fd, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass
