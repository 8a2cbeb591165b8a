"""Lesson 10: servers that block, fronts that do not, the check's own paths, and figures of odd data."""

from __future__ import annotations

import random

import pytest

from gateway_lab.errors import LabError
from gateway_lab.fronts import front
from lesson_kit.checking import NotYet
from lesson_kit.lessons.lesson_10 import LESSON, OwnFront, SlowClients, blocking, is_whole
from lesson_kit.lessons.lesson_10.check import check_relay
from lesson_kit.lessons.lesson_10.figures import draw_cost, draw_waiting
from lesson_kit.lessons.lesson_10.setups import nginx
from lesson_kit.lessons.lesson_10.visitors import LONG, among, in_turn, wait_for
from lesson_kit.proofs import load_answer

SOON = 0.3
"""Seconds for an answer that cannot come."""
(RELAY,) = LESSON.exercises
WORKED = load_answer(RELAY, RELAY.folder / "worked.py")


def test_a_slow_client_holds_a_blocking_worker_and_no_buffering_front():
    with blocking(1) as server, front(server.url) as before, OwnFront(WORKED, server) as own:
        with SlowClients(server, 1):
            assert wait_for(server, patience=SOON) is None
            assert wait_for(before, patience=SOON) is None  # the worker is held, whoever asks
        for visible in (server, before, own):
            assert wait_for(visible, patience=LONG)
        for visible in (before, own):
            assert among(visible, 3, LONG)
        assert own.errors == []
        assert [len(times) for times in in_turn({"a": server, "b": before}, "/hello", 2).values()] == [2, 2]


@pytest.mark.real("nginx")
def test_nginx_takes_the_socket_that_was_opened_for_it():
    with blocking(1) as server, nginx(server.url) as before:
        assert among(before, 3, LONG)


def test_own_front_says_what_a_relay_raised():
    def broken(*_):
        raise KeyError("no")

    with blocking(1) as server, OwnFront(broken, server) as own, pytest.raises(LabError, match="no answer"):
        wait_for(own, patience=LONG)
    assert own.errors == ["KeyError: 'no'"]


def test_own_front_stops_a_loop_without_end():
    def endless(visitor, _connect, _limit):
        while True:
            visitor.recv(10)

    with blocking(1) as server, OwnFront(endless, server) as own, SlowClients(own, 1):
        pass
    assert own.errors == ['EOFError: after b"" nothing will ever come']


def test_slow_clients_are_bounded_and_a_server_that_has_gone_is_named():
    with blocking(1) as server:
        pass
    with pytest.raises(LabError, match="does not take"), SlowClients(server, 1):
        pass
    with pytest.raises(LabError, match="From 0 to"):
        SlowClients(server, 1_000)
    with pytest.raises(LabError, match="no answer"):
        wait_for(server)


@pytest.mark.parametrize(
    ("request_", "whole"),
    [
        (b"", False),
        (b"GET / HTTP/1.1\r\n", False),
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na", False),
        (b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nab", True),
        (b"POST / HTTP/1.1\r\nContent-Length: two\r\n\r\n", True),
    ],
)
def test_is_whole(request_, whole):
    assert is_whole(request_) is whole


def no_call(visitor, _connect, _limit):
    visitor.recv(10)


def too_early(_visitor, connect, _limit):
    connect().recv(10)


def silent(visitor, connect, limit):
    class Mute:
        def recv(self, size):
            return visitor.recv(size)

        def sendall(self, data):
            if not data.startswith(b"HTTP/1.1 413"):
                visitor.sendall(data)

    WORKED(Mute(), connect, limit)


def deaf(visitor, connect, limit):
    class Deaf:
        def recv(self, size):
            return visitor.recv(size)

        def sendall(self, data):
            visitor.sendall(data if data.startswith(b"HTTP/1.1 4") else b"something else")

    WORKED(Deaf(), connect, limit)


@pytest.mark.parametrize(
    ("relay", "idea"), [(no_call, "no_call"), (too_early, "too_early"), (silent, "silent"), (deaf, "no_answer")]
)
def test_check_names_the_idea(relay, idea):
    with pytest.raises(NotYet) as refused:
        check_relay(relay, random.Random(1))
    assert refused.value.idea == idea


@pytest.mark.parametrize(
    "waiting", [{}, {"a": []}, {"a": [(0, 0.001)]}, {"a": [(0, 0.25), (4, None)], "b": [(0, 0.001), (4, 1.2)]}]
)
@pytest.mark.parametrize("guess", [0, 4, 1000])
def test_waiting(waiting, guess):
    figure = draw_waiting(waiting, {"slow": guess, "buffered": "twice as many"})
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words.count("waits") == sum(seconds is None for row in waiting.values() for _, seconds in row)
    assert figure.sentence


@pytest.mark.parametrize(
    ("cost", "sentence"),
    [
        ({}, "What does"),
        ({"a": [], "b": [0.01]}, "What does"),
        ({"a": [0.01, 0.01], "b": [0.02, 0.02]}, "Behind the front, the same page took 10.0 ms more"),
        ({"a": [0.01, 0.03], "b": [0.02, 0.02]}, "Behind the front, the same page took as long"),
    ],
)
def test_cost(cost, sentence):
    assert draw_cost(cost, {"faster": "shorter"}).sentence.startswith(sentence)
