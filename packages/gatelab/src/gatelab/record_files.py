"""The files of `gatelab record`: opened before the relay begins, so that one that cannot be written is told at once.

The packets are written as they pass, so Wireshark can follow; the JSON is written at the end, when it is whole. Neither
failing stops what passes.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import IO

from gateway_runtime import log

from .capture import Capture
from .errors import BadAddress
from .recording import Recording, Sender
from .relay import Watch

__all__ = ["Packets", "Several", "open_file", "write_json"]


def open_file(path: str) -> IO[bytes]:
    """Open a file to write, "-" for standard output. Raises BadAddress."""
    try:
        if path == "-":
            return open(sys.stdout.fileno(), "wb", closefd=False)
        return Path(path).open("wb")
    except OSError as error:
        raise BadAddress(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None


class Several:
    """Watches that all hear of everything."""

    def __init__(self) -> None:
        self._watches: list[Watch] = []

    def add(self, watch: Watch) -> None:
        """Let one more hear."""
        self._watches.append(watch)

    def opened(self, number: int, client: str, at: float) -> None:
        """A front has connected."""
        for watch in self._watches:
            watch.opened(number, client, at)

    def passed(self, number: int, sender: Sender, data: bytes, reset: bool, at: float) -> None:
        """Bytes have passed, or a side has ended."""
        for watch in self._watches:
            watch.passed(number, sender, data, reset, at)

    def closed(self, number: int, at: float) -> None:
        """The connection is over."""
        for watch in self._watches:
            watch.closed(number, at)


class Packets:
    """A watch that writes packets, as long as that can be done. Raises BadAddress if not even the first can."""

    def __init__(self, path: str, file: IO[bytes], to: str, protocol: str | None, comment: str) -> None:
        self._path = path
        self._file = file
        self._failed = False
        try:
            self._capture = Capture(file, to, protocol, comment)
        except OSError as error:
            with contextlib.suppress(OSError):  # it tries to write once more
                file.close()
            raise BadAddress(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None

    def opened(self, number: int, client: str, at: float) -> None:
        """A front has connected."""
        self._do("opened", number, client, at)

    def passed(self, number: int, sender: Sender, data: bytes, reset: bool, at: float) -> None:
        """Bytes have passed, or a side has ended."""
        self._do("passed", number, sender, data, reset, at)

    def closed(self, number: int, at: float) -> None:
        """The connection is over."""
        self._do("closed", number, at)

    def close(self) -> bool:
        """Finish the file; False if something could not be written."""
        try:
            self._file.close()
        except OSError as error:
            self._fail(error)
        return not self._failed

    def _do(self, what: str, *arguments: object) -> None:
        if self._failed:
            return
        try:
            getattr(self._capture, what)(*arguments)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if not self._failed:
            log.line(f"cannot write {self._path}: {error.strerror}; the packets end here, the relay goes on")
        self._failed = True


def write_json(path: str, file: IO[bytes], recording: Recording) -> bool:
    """Write a recording; False, and a line in the log, if that cannot be done."""
    try:
        with file:
            file.write(recording.dump())
    except OSError as error:
        log.line(f"cannot write {path}: {error.strerror}")
        return False
    if recording.more or any(connection.cut for connection in recording.connections):
        log.line(f"{path} does not hold everything: what passed was more than memory is given to")
    return True
