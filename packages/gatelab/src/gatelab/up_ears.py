"""Where `gatelab up` hears the events of its programs: a socket for each, and one thread that reads them all."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

__all__ = ["Ears"]

DATAGRAM: Final = 65_536
STEP: Final = 0.05
"""Seconds after which the thread looks whether it is to end."""


class Ears:
    """Reads events as they come: the kernel keeps ten of a socket, or some hundreds, and drops the rest."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="events", daemon=True)

    def __enter__(self) -> Self:
        """Begin to read; sockets may still come."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Read what is still there, and remove the sockets."""
        self._ended.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            self._read(key)
            key.fileobj.close()  # type: ignore[union-attr]  # each is a socket
        self._selector.close()

    def listen(self, path: Path, hear: Callable[[bytes], None]) -> None:
        """Let `hear` take what is told to a new socket at `path`. Raises OSError."""
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            ear.bind(str(path))
        except OSError:
            ear.close()
            raise
        ear.setblocking(False)
        self._selector.register(ear, selectors.EVENT_READ, hear)

    def _listen(self) -> None:
        while not self._ended.is_set():
            for key, _ in self._selector.select(STEP):
                self._read(key)

    def _read(self, key: selectors.SelectorKey) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                key.data(key.fileobj.recv(DATAGRAM))  # type: ignore[union-attr]  # each is a socket
