"""The connections to one server: how many, how long, and who waits."""

from __future__ import annotations

import threading

import pytest

from gateway_runtime.channels import LINE, Channels
from gateway_runtime.testing import wait_until


class Fake:
    def __init__(self):
        self.closed = 0
        self.is_stale = False

    def close(self):
        self.closed += 1

    def stale(self):
        return self.is_stale


class World:
    def __init__(self, **options):
        self.time = 1000.0
        self.made = []
        self.error = None
        self.channels = Channels(self.connect, now=lambda: self.time, **options)

    def connect(self):
        if self.error is not None:
            raise self.error
        self.made.append(Fake())
        return self.made[-1]


def test_a_channel_is_kept_and_taken_again():
    world = World(keep=1)
    first, kept = world.channels.take()
    assert not kept
    world.channels.give_back(first, True)
    assert world.channels.take() == (first, True)
    world.channels.give_back(first, False)
    assert first.closed == 1
    assert world.channels.take()[1] is False


def test_what_cannot_be_repeated_needs_a_server_that_is_known_to_keep_connections():
    world = World(keep=2)
    first, _ = world.channels.take()
    world.channels.give_back(first, True)
    second, kept = world.channels.take(False)
    assert (second is first, kept) == (False, False)
    assert first.closed == 1  # it may be the only one that the server serves
    world.channels.give_back(second, True)
    assert world.channels.take() == (second, True)
    world.channels.give_back(second, True)  # it has served a second time
    assert world.channels.take(False) == (second, True)


def test_a_server_that_closes_in_spite_of_all_proves_nothing():
    world = World(keep=2)
    for _ in range(3):
        channel, kept = world.channels.take()
        assert not kept
        world.channels.give_back(channel, True)
        channel.is_stale = True
    again, _ = world.channels.take()
    again.is_stale = False
    world.channels.give_back(again, True)
    assert world.channels.take() == (again, True)
    world.channels.give_back(again, False)  # it broke when it was used again
    last, _ = world.channels.take()
    world.channels.give_back(last, True)
    assert world.channels.take(False)[1] is False


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_no_more_are_kept_than_asked_for(keep):
    world = World(keep=keep)
    taken = [world.channels.take()[0] for _ in range(3)]
    for channel in taken:
        world.channels.give_back(channel, True)
    assert world.channels.idle == keep
    assert sum(channel.closed for channel in taken) == 3 - keep
    assert world.channels.in_use == 0


def test_the_one_that_has_rested_least_goes_first():
    world = World(keep=3)
    taken = [world.channels.take()[0] for _ in range(3)]
    for channel in taken:
        world.channels.give_back(channel, True)
    assert world.channels.take()[0] is taken[-1]


def test_none_is_kept_for_long():
    world = World(keep=3, idle=30)
    first, second = (world.channels.take()[0] for _ in range(2))
    world.channels.give_back(first, True)
    world.time += 20
    world.channels.give_back(second, True)
    world.time += 20
    world.channels.sweep()
    assert (first.closed, second.closed) == (1, 0)
    world.time += 20
    assert world.channels.take()[1] is False
    assert second.closed == 1


def test_what_has_rested_too_long_goes_when_another_comes_back():
    world = World(keep=3, idle=30)
    first, second = (world.channels.take()[0] for _ in range(2))
    world.channels.give_back(first, True)
    world.time += 31
    world.channels.give_back(second, True)
    assert (first.closed, second.closed) == (1, 0)


def test_one_that_the_server_has_closed_is_not_given_and_not_kept():
    world = World(keep=3)
    taken = [world.channels.take()[0] for _ in range(3)]
    for channel in taken:
        world.channels.give_back(channel, True)
    taken[0].is_stale = taken[2].is_stale = True
    assert world.channels.take() == (taken[1], True)
    assert taken[2].closed == 1
    world.channels.sweep()
    assert taken[0].closed == 1
    assert world.channels.idle == 0


def test_close():
    world = World(keep=3)
    channel, _ = world.channels.take()
    world.channels.give_back(channel, True)
    world.channels.close()
    world.channels.close()
    assert channel.closed == 1


def test_more_than_the_limit_wait_and_then_do_not():
    world = World(limit=2, wait=0.02)
    world.channels.take()
    world.channels.take()
    with pytest.raises(BlockingIOError, match="all 2 connections to it are in use"):
        world.channels.take()
    assert world.channels.in_use == 2


def test_who_waits_gets_what_is_given_back():
    world = World(keep=1, limit=1, wait=20)
    channel, _ = world.channels.take()
    got = []
    thread = threading.Thread(target=lambda: got.append(world.channels.take()))
    thread.start()
    wait_until(lambda: world.channels._in_line == 1, "it waits")
    world.channels.give_back(channel, True)
    thread.join()
    assert got == [(channel, True)]


def test_the_line_is_not_endless():
    world = World(limit=1, wait=20)
    channel, _ = world.channels.take()
    world.channels._in_line = LINE
    with pytest.raises(BlockingIOError):
        world.channels.take()
    assert world.channels._in_line == LINE
    world.channels._in_line = 0
    world.channels.give_back(channel, False)
    world.channels.take()


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), FileNotFoundError()])
def test_a_failure_takes_no_place(error):
    world = World(limit=1, wait=0)
    world.error = error
    for _ in range(3):
        with pytest.raises(type(error)):
            world.channels.take()
    world.error = None
    world.channels.take()


def test_a_lower_limit_counts_from_now_on():
    world = World(limit=5, wait=0)
    world.channels.take()
    world.channels.limit = 1
    with pytest.raises(BlockingIOError):
        world.channels.take()
