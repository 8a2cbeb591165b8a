"""Whose turn it is to accept: a lone worker needs no queue."""

from __future__ import annotations

import socket

import pytest

from gateway_runtime import poller
from gateway_runtime.acceptor import Acceptor


class Poller:
    """Notes what it is asked."""

    def __init__(self):
        self.asked = []

    def register(self, fd, mask):
        self.asked.append("register")

    def unregister(self, fd):
        self.asked.append("unregister")


class Listener:
    def __init__(self, sock):
        self.sock = sock


@pytest.mark.skipif(not poller.EXCLUSIVE, reason="only epoll wakes one of many, so only there is there a queue")
@pytest.mark.parametrize(
    ("heard", "queues"),
    [
        ([], True),
        ([True], True),  # others may be about to start
        ([True, True], False),
        ([True, True, False], True),
        ([False, True], True),
        ([True, False, True], True),
        ([True, False, True, True], False),
    ],
)
def test_a_lone_worker_keeps_its_place(heard, queues):
    with socket.socket() as sock:
        acceptor, spy = Acceptor([(Listener(sock), None)], None, 1.0), Poller()
        acceptor.on(spy)
        for alone in heard:
            acceptor.company(alone)
        acceptor.to_the_back(sock.fileno())
        assert spy.asked == ["register"] + ["unregister", "register"] * queues


class Door:
    """A listening socket through which one peer comes."""

    def __init__(self, sock, peer):
        self.coming = sock, peer

    def fileno(self):
        return 99

    def accept(self):
        return self.coming


@pytest.mark.parametrize(
    ("peer", "ip"),
    [
        (("192.0.2.1", 80), "192.0.2.1"),
        (("2001:db8::1", 80, 0, 0), "2001:db8::1"),
        (("fe80::1%eth0", 80, 0, 2), "fe80::1"),
        ("", ""),
    ],
)
def test_the_address_of_a_peer(peer, ip):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        acceptor = Acceptor([(Listener(Door(ours, peer)), lambda transport: None)], None, 1.0)
        assert acceptor.accept(99, 0.0).peer == ip
