"""The learner's own relay as a front: a thread for each visitor, in this process, for the length of a block."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from gateway_lab.servers import Server

__all__ = ["OwnFront", "is_whole"]

LIMIT = 65_536
"""Bytes of a request that the relay is told to take."""
MOST = 64
"""Visitors at a time; the others wait in the queue."""
ENDS = 3
"""So often b"" is given; whoever wants more of it has a loop without end."""
PATIENCE = 10.0
"""Seconds that a relay waits for anybody."""

Relay = Callable[[Any, Callable[[], Any], int], object]


def is_whole(request: bytes) -> bool:
    """Tell whether a request has come to its end: the head, and as much content as the head says."""
    head, blank, content = request.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(blank) and len(content) >= sum(int(length) for length in lengths if length.strip().isdigit())


class Line:
    """A connection as a relay has it: `recv`, `sendall` and `close`. Who goes on asking after its end is stopped."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._after_end = 0

    def recv(self, size: int) -> bytes:
        """Return what has come; b"" at the end."""
        data = self._sock.recv(size)
        self._after_end = 0 if data else self._after_end + 1
        if self._after_end > ENDS:
            raise EOFError('after b"" nothing will ever come')
        return data

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        self._sock.sendall(data)

    def close(self) -> None:
        """Close it; a second time does nothing."""
        self._sock.close()


class OwnFront:
    """Listens on a free port, and has `relay(visitor, connect, limit)` serve each connection."""

    def __init__(self, relay: Relay, server: Server) -> None:
        self._relay = relay
        self._to = (server.host, server.port)
        self._room = threading.Semaphore(MOST)
        self._visitors: list[tuple[threading.Thread, socket.socket]] = []
        self.errors: list[str] = []
        """What the relay raised, in words."""

    def __enter__(self) -> Self:
        """Listen."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.host, self.port = self._listener.getsockname()[:2]
        self.url = f"http://{self.host}:{self.port}"
        self._ending, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="own front", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up on everybody who is still there."""
        self._end.close()
        self._thread.join()
        for thread, sock in self._visitors:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)
        self._listener.close()
        self._ending.close()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while self._ending not in select.select([self._listener, self._ending], [], [])[0]:
            if not self._room.acquire(timeout=0.05):
                continue
            sock, _ = self._listener.accept()
            sock.settimeout(PATIENCE)
            thread = threading.Thread(target=self._serve, args=(sock,), name="visitor", daemon=True)
            self._visitors.append((thread, sock))
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock:
                self._relay(Line(sock), self._connect, LIMIT)
        except OSError:
            pass  # somebody has gone
        except Exception as error:  # the learner's
            self.errors.append(f"{type(error).__name__}: {error}")
        finally:
            self._room.release()

    def _connect(self) -> Line:
        return Line(socket.create_connection(self._to, PATIENCE))
