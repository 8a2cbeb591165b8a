"""The feed: what happens in the classroom, sent to every window that is open, as server-sent events.

::

    floor --publish(frame)--> Hub --queue--> Window --"event: frame"--> EventSource of a page
          --refresh(snapshot)-->  |--queue--> Window                    (a second window, a phone)

    window:  new --refresh--> told everything --frames--> behind by BEHIND (a closed laptop)
                  ^                                            |
                  +--------------- all forgotten --------------+

A window begins with a snapshot, and then gets each frame. One that reads too slowly does not get what it has missed,
which could be an hour, but another snapshot. So a queue is bounded, and nobody waits for anybody. The floor alone makes
snapshots, between two frames: what a snapshot says, the frames after it do not say again.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

__all__ = ["BEHIND", "HEARTBEAT", "WINDOWS", "Hub", "TooManyWindows", "Window", "event"]

BEHIND: Final = 100
"""Frames that a window may be behind: five seconds of them."""
HEARTBEAT: Final = 5.0
"""Seconds of silence after which a comment is sent: only a send can find out that nobody reads any more."""
WINDOWS: Final = 12
"""Windows at a time: each takes a thread of the server, which has 16, for as long as it is open."""

Frame = Mapping[str, Any]


class TooManyWindows(Exception):
    """There is no thread left for another window."""


class Hub:
    """Frames for all windows. Windows come and go in threads of the server; all else is called by the floor."""

    def __init__(self) -> None:
        self._windows: set[Window] = set()
        self._lock = threading.Lock()
        self.taps: list[Callable[[Frame], None]] = []
        """Called with each frame: recordings are made of what the windows see."""

    @property
    def windows(self) -> int:
        """How many windows there are."""
        return len(self._windows)

    def window(self) -> Window:
        """Open a window, which must be closed. Raises TooManyWindows."""
        with self._lock:
            if len(self._windows) >= WINDOWS:
                raise TooManyWindows
            window = Window(self._forget)
            self._windows.add(window)
        return window

    def publish(self, frame: Frame) -> None:
        """Send a frame to all windows; never waits."""
        for tap in self.taps:
            tap(frame)
        with self._lock:
            windows = list(self._windows)
        if windows:
            data = event("frame", frame)
            for window in windows:
                window.put(data)

    def refresh(self, snapshot: Callable[[], Frame]) -> None:
        """Send everything to those windows that know nothing: the new ones, and those that were too far behind."""
        with self._lock:
            windows = [window for window in self._windows if window.ignorant]
        if windows:
            data = event("snapshot", snapshot())
            for window in windows:
                window.begin(data)

    def close(self) -> None:
        """End all windows; their pages will try to come back."""
        with self._lock:
            windows = list(self._windows)
        for window in windows:
            window.end()

    def _forget(self, window: Window) -> None:
        with self._lock:
            self._windows.discard(window)


class Window:
    """What one page is sent: an iterable of bytes, which the server closes when the page is gone."""

    def __init__(self, closed: Callable[[Window], None]) -> None:
        self._closed = closed
        self._news = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._ended = False
        self.ignorant = True
        """Does it need a snapshot?"""

    def begin(self, snapshot: bytes) -> None:
        """Say everything; frames may follow."""
        with self._news:
            self._queue.append(snapshot)
            self.ignorant = False
            self._news.notify()

    def put(self, frame: bytes) -> None:
        """Say what has changed, or forget everything if too much of that has not been read."""
        with self._news:
            if len(self._queue) >= BEHIND:
                self._queue.clear()
                self.ignorant = True
            if not self.ignorant:
                self._queue.append(frame)
                self._news.notify()

    def end(self) -> None:
        """Let the page hear no more."""
        with self._news:
            self._ended = True
            self._news.notify()

    def close(self) -> None:
        """Forget the window (PEP 3333: the server calls this, whatever has become of the connection)."""
        self.end()
        self._closed(self)

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Return what there is to send, as soon as there is something."""
        with self._news:
            if not self._queue and not self._ended:
                self._news.wait(HEARTBEAT)
            if self._ended:
                raise StopIteration
            data = b"".join(self._queue) or b": still here\n\n"
            self._queue.clear()
        return data


def event(kind: str, data: Frame) -> bytes:
    """Return a server-sent event (HTML, section 9.2): JSON has no line feed, so it is one data line."""
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
