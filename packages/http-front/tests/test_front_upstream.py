"""Several servers: whose turn it is, who is out, and who is asked in another's place. With a clock of our own."""

from __future__ import annotations

import pytest

from gateway_core.errors import BackendBusy, BackendError, BackendTimeout, BackendUnavailable, BadGateway, VisitorFault
from http_front.upstream import Health, Server, Upstream


def failure(kind=BackendUnavailable, *, again=True, **more):
    error = kind("it failed", **more)
    error.again = again
    return error


class Fake:
    """A server whose answers are set: None is a good one."""

    def __init__(self, name, *answers):
        self.name = name
        self.answers = list(answers)
        self.asked = 0
        self.in_use = 0
        self.swept = self.checked = 0
        self.ill = None
        self.server = Server(self, self, self.check)

    def request(self, environ):
        self.asked += 1
        error = self.answers.pop(0) if self.answers else None
        if error is not None:
            raise error
        return self.name, iter(())

    def check(self):
        self.checked += 1
        if self.ill is not None:
            raise self.ill

    def sweep(self):
        self.swept += 1

    def close(self):
        self.closed = True


class World:
    def __init__(self, *fakes, **health):
        self.fakes = fakes
        self.time = 1000.0
        self.log = []
        self.upstream = Upstream(
            [fake.server for fake in fakes], Health(**health), log=self.log.append, now=lambda: self.time
        )

    def ask(self):
        return self.upstream.request({})[0]


def test_by_turns():
    world = World(Fake("a"), Fake("b"), Fake("c"))
    assert sorted(world.ask() for _ in range(6)) == ["a", "a", "b", "b", "c", "c"]


def test_the_one_with_the_fewest_requests():
    a, b, c = Fake("a"), Fake("b"), Fake("c")
    a.in_use, b.in_use, c.in_use = 5, 2, 5
    world = World(a, b, c)
    assert [world.ask() for _ in range(3)] == ["b"] * 3


def test_another_one_is_asked_if_nobody_can_have_acted_on_it():
    world = World(Fake("a", failure()), Fake("b", failure()), Fake("c", failure(BadGateway)))
    with pytest.raises(BackendError):
        world.ask()
    assert [fake.asked for fake in world.fakes] == [1, 1, 1]
    world = World(Fake("a", *[failure()] * 9), Fake("b"))
    assert [world.ask() for _ in range(4)] == ["b"] * 4


@pytest.mark.parametrize("kind", [BackendTimeout, BadGateway, BackendUnavailable])
def test_no_other_is_asked_if_it_may_have_been_acted_on(kind):
    a, b = Fake("a", failure(kind, again=False)), Fake("b", failure(kind, again=False))
    world = World(a, b)
    with pytest.raises(kind):
        world.ask()
    assert a.asked + b.asked == 1


def test_out_after_failures_and_back_by_a_trial():
    a, b = Fake("a"), Fake("b")
    a.answers = [failure()] * 3 + [failure()]
    world = World(a, b, fails=3, rest=10)
    while a.asked < 3:
        assert world.ask() == "b"
    assert world.log == ["a is out for 10 s after 3 failures: it failed"]
    assert {world.ask() for _ in range(10)} == {"b"}
    assert a.asked == 3
    world.time += 10
    while a.asked < 4:  # the trial fails: out again, at once
        assert world.ask() == "b"
    assert {world.ask() for _ in range(10)} == {"b"}
    assert a.asked == 4
    world.time += 10
    assert {world.ask() for _ in range(4)} == {"a", "b"}
    assert world.log[-1] == "a is back"
    assert a.server.failures == 0


def test_a_success_in_between_begins_the_count_anew():
    a, b = Fake("a"), Fake("b")
    a.answers = [failure(), failure(), None] * 5
    world = World(a, b, fails=3)
    while a.answers:
        world.ask()
    assert world.log == []


def test_a_trial_is_one_request():
    a, b = Fake("a"), Fake("b")
    world = World(a, b, fails=1, rest=10)
    a.answers = [failure()]
    while not a.asked:
        world.ask()
    world.time += 11
    chosen = []
    real = a.request

    def slow(environ):
        a.request = real
        chosen.extend(world.ask() for _ in range(6))  # others come while the trial runs
        return real(environ)

    a.request = slow
    while a.asked < 2:
        world.ask()
    assert set(chosen) == {"b"}


def test_if_all_are_out_any_is_better_than_none():
    a, b = Fake("a", *[failure(again=False)] * 4), Fake("b", *[failure(again=False)] * 4)
    world = World(a, b, fails=1)
    for _ in range(8):
        with pytest.raises(BackendUnavailable):
            world.ask()
    assert (a.asked, b.asked) == (4, 4)
    assert world.ask() in "ab"


def test_a_single_server_is_never_out():
    a = Fake("a", *[failure()] * 20)
    world = World(a, fails=1)
    for _ in range(20):
        with pytest.raises(BackendUnavailable):
            world.ask()
    assert world.ask() == "a"
    assert world.log == []


@pytest.mark.parametrize("error", [failure(BackendBusy), failure(VisitorFault, status=400)])
def test_a_server_that_is_full_or_a_visitor_that_errs_is_no_failure(error):
    a = Fake("a", *[error] * 9)
    world = World(a, Fake("b"), fails=1)
    while a.answers:
        assert world.ask() == "b"
    assert world.log == []


def test_a_visitor_who_breaks_off_ends_no_trial_for_ever():
    a, b = Fake("a"), Fake("b")
    world = World(a, b, fails=1, rest=10)
    a.answers = [failure(), ConnectionAbortedError("the visitor")]
    while not a.asked:
        world.ask()
    world.time += 11
    with pytest.raises(ConnectionAbortedError):
        while True:
            world.ask()
    assert {world.ask() for _ in range(4)} == {"a", "b"}


def test_servers_are_asked_how_they_are():
    a, b = Fake("a"), Fake("b")
    world = World(a, b, check=5)
    world.upstream.tend()
    assert (a.checked, b.checked, a.swept) == (1, 1, 1)
    world.time += 1
    world.upstream.tend()
    assert (a.checked, a.swept) == (1, 2)
    a.ill = failure()
    for _ in range(2):
        world.time += 5
        world.upstream.tend()
    assert world.log == ["a is out until it answers: it failed"]
    assert {world.ask() for _ in range(4)} == {"b"}
    a.ill = None
    world.time += 5
    world.upstream.tend()
    assert world.log[-1] == "a is back"
    assert {world.ask() for _ in range(4)} == {"a", "b"}


def test_nobody_is_asked_without_check():
    a = Fake("a")
    world = World(a)
    world.upstream.tend()
    assert (a.checked, a.swept) == (0, 1)
    world.upstream.close()
    assert a.closed
