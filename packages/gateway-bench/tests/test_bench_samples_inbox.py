"""Datagrams are taken once, in their order, by a thread and by whoever asks; a queue that was full is noticed."""

from __future__ import annotations

import errno
import socket
import threading

import pytest

from gateway_bench.samples.inbox import Inbox


class Queue(socket.socket):
    """A socket that gives what it is told to, an error too."""

    script: list[bytes | OSError]

    def recv(self, size: int, flags: int = 0) -> bytes:
        assert flags == socket.MSG_DONTWAIT
        thing = self.script.pop(0) if self.script else BlockingIOError()
        if isinstance(thing, OSError):
            raise thing
        return thing


def full() -> OSError:
    return OSError(errno.ENOBUFS, "no buffer space")


@pytest.mark.parametrize(
    ("script", "taken", "overflows"),
    [
        ([], [], 0),
        ([b"1", b"2"], [b"1", b"2"], 0),
        ([b"1", full(), b"2", full()], [b"1", b"2"], 2),
        ([BlockingIOError(), b"1"], [], 0),  # what comes later is taken later
    ],
)
def test_the_queue_is_emptied(script: list[bytes | OSError], taken: list[bytes], overflows: int) -> None:
    found: list[bytes] = []
    with Queue(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.script = script
        inbox = Inbox(sock, found.append, threading.RLock())
        inbox.drain()
    assert found == taken
    assert inbox.overflows == overflows


def test_another_error_is_not_swallowed() -> None:
    with Queue(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.script = [OSError(errno.EBADF, "bad file descriptor")]
        with pytest.raises(OSError, match="bad file"):
            Inbox(sock, print, threading.RLock()).drain()


def test_a_thread_and_whoever_asks_take_each_datagram_once() -> None:
    found: list[bytes] = []
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with reader, writer:
        inbox = Inbox(reader, found.append, threading.RLock())
        with inbox.reading("inbox"):
            for number in range(500):
                writer.send(str(number).encode())
                if number % 7 == 0:
                    inbox.drain()
            inbox.drain()
            assert found == [str(number).encode() for number in range(500)]
    assert "inbox" not in {thread.name for thread in threading.enumerate()}
