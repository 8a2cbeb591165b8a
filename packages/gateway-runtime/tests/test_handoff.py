"""A loop that changes hands: every order of stalls, answers, peers that leave, and the end."""

from __future__ import annotations

import random
import socket
import threading

import pytest

from engine_world import World, ask, blocks, line_of, read
from gateway_runtime import crew
from gateway_runtime.engine import Limits
from gateway_runtime.scoreboard import State
from gateway_runtime.testing import DEADLINE, wait_until


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch):
    monkeypatch.setattr(World, "threads", 2)


@pytest.fixture
def no_watch(monkeypatch):
    """Without it the loop changes hands only before calls that are expected to be slow."""
    monkeypatch.setattr(crew, "STALL", DEADLINE * 10)


def finish(world):
    world.thread.join(DEADLINE)
    assert not world.thread.is_alive()


def let_all_be_idle(world):
    """Wait until the threads have come back; then let the time pass that is left for a last request."""
    wait_until(lambda: world.loop._away == 0 and world.loop._stop_by is not None, "all are back")
    world.clock.now += 1


def test_a_stalled_call_holds_up_nobody(start):
    with start() as world:
        slow = world.connect(b"wait a\n")
        world.wait_at("a")
        assert ask(world.connect(), "echo x") == "x"
        assert ask(world.connect(), "echo y") == "y"
        world.open("a")
        assert line_of(slow) == "a"
        assert ask(slow, "echo z") == "z"


def test_events_that_are_pending_go_on_with_the_next_thread(start, no_watch):
    """The first of several ready connections stalls: the others were polled, and nobody has served them yet."""
    with start(threads=4) as world:
        socks = [world.connect() for _ in range(6)]
        assert [ask(sock, "echo in") for sock in socks] == ["in"] * 6
        first = world.connect(b"wait first\n")
        world.wait_at("first")
        for number, sock in enumerate(socks):
            sock.sendall(b"wait %d\n" % number if number in (0, 3) else b"echo %d\n" % number)
        for at in (("first",), ("first", "0"), ("first", "0", "3")):
            world.wait_at(*at)
            world.hand_over()
        assert [line_of(socks[number]) for number in (1, 2, 4, 5)] == ["1", "2", "4", "5"]
        world.open("0", "3", "first")
        assert (line_of(first), line_of(socks[0]), line_of(socks[3])) == ("first", "0", "3")


def test_requests_behind_a_stalled_one_wait_for_it(start):
    with start() as world:
        sock = world.connect(b"wait a\necho b\n")
        world.wait_at("a")
        sock.sendall(b"echo c\necho d\n")
        assert ask(world.connect(), "echo x") == "x"
        world.open("a")
        assert [line_of(sock) for _ in range(4)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("kind", ["unix", "tcp"])
@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_the_peer_of_a_stalled_call_leaves(start, kind, how):
    with start(kind) as world:
        sock = world.connect(b"wait a\n")
        world.wait_at("a")
        if how == "half":
            sock.shutdown(socket.SHUT_WR)
        else:
            if how == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            sock.close()
        asked = world.clock.asked
        assert ask(world.connect(), "echo x") == "x"
        assert world.clock.asked - asked < 50  # the loop does not spin on it
        assert not world.sessions[0].abandoned
        world.open("a")
        if how == "half":
            assert line_of(sock) == "a"
            assert sock.recv(1) == b""
        wait_until(lambda: world.sessions[0].abandoned)
        assert ask(world.connect(), "echo y") == "y"


def test_a_stall_in_the_middle_of_an_iterable(start):
    """What was given before the stall has been sent, and the rest follows."""
    with start() as world:
        sock = world.connect(b"drip a\n")
        assert line_of(sock) == "1"
        world.wait_at("a")
        assert ask(world.connect(), "echo x") == "x"
        world.open("a")
        assert line_of(sock) == "2"


def test_a_stall_in_close(start):
    with start() as world:
        sock = world.connect(b"leave a\n")
        assert line_of(sock) == "a"
        world.wait_at("a")
        sock.sendall(b"echo b\n")
        assert ask(world.connect(), "echo x") == "x"
        assert "echo b" not in world.served
        world.open("a")
        assert line_of(sock) == "b"


def test_all_threads_are_stalled(start, monkeypatch):
    """Requests wait in line; the loop goes on to read and to watch the clock. Who is new may go to another worker."""
    with start(limits=Limits(head=20)) as world:
        third, half = world.connect(), world.connect(b"ech")
        wait_until(lambda: len(world.sessions) == 2 and world.received == 3)
        slow = [world.connect(b"wait a\n"), world.connect(b"wait b\n")]
        world.wait_at("a", "b")
        third.sendall(b"wait c\n")
        wait_until(lambda: world.received == 24)
        third.sendall(b"echo d\n")
        new = world.connect(b"echo e\n")
        world.pass_time(30)
        assert world.expired == ["HEAD"]
        assert line_of(half) == "late"
        assert "wait c" not in world.served
        assert len(world.sessions) == 4
        world.open("b")
        assert line_of(slow[1]) == "b"
        world.wait_at("c")
        assert world.board.read(0).wait_max >= 30
        world.open("a", "c")
        assert [line_of(sock) for sock in (slow[0], third, third, new)] == ["a", "c", "d", "e"]


def test_no_more_calls_at_once_than_threads(start):
    with start(threads=3) as world:
        socks = [world.connect(b"wait %d\n" % number) for number in range(8)]
        world.wait_at("0", "1", "2")
        assert len(world.at_gates) == 3
        for number, sock in enumerate(socks):
            world.open(str(number))
            assert line_of(sock) == str(number)
            wait_until(lambda number=number: len(world.at_gates) == min(number + 4, 8))


def test_who_waits_in_line_may_leave(start):
    with start() as world:
        third, fourth = world.connect(), world.connect()
        wait_until(lambda: len(world.sessions) == 2)
        slow = [world.connect(b"wait a\n"), world.connect(b"wait b\n")]
        world.wait_at("a", "b")
        third.sendall(b"echo c\n")
        wait_until(lambda: world.received == 21)
        third.close()
        fourth.sendall(b"echo d\n")
        asked = world.clock.asked
        world.pass_time(1)
        assert world.clock.asked - asked < 300
        world.open("a", "b")
        assert [line_of(sock) for sock in (*slow, fourth)] == ["a", "b", "d"]
        wait_until(lambda: sum(session.abandoned for session in world.sessions) == 1)


def test_a_response_that_rests_needs_no_thread(start):
    """Begun by a thread without the loop, gone on with in the loop when the peer reads."""
    with start() as world:
        socks = [world.connect(b"wait a%d\nstream 8000\necho end\n" % number) for number in range(4)]
        world.open("a0", "a1", "a2", "a3")
        assert [line_of(sock) for sock in socks] == ["a0", "a1", "a2", "a3"]
        wait_until(lambda: all(session.left and session.transport.full for session in world.sessions))
        assert ask(world.connect(), "echo x") == "x"
        for sock in socks:
            assert read(sock, 8_000_000) == blocks(8000)
            assert line_of(sock) == "end"


@pytest.mark.parametrize(("word", "answer"), [("last", "bye"), ("linger", "bye"), ("abort", "")])
def test_a_connection_that_ends_after_a_stall(start, word, answer):
    with start() as world:
        sock = world.connect(b"wait a\n" + word.encode() + b" bye\n")
        world.wait_at("a")
        world.open("a")
        assert line_of(sock) == "a"
        if answer:
            assert line_of(sock) == answer
        assert sock.recv(1) == b""
        sock.close()
        wait_until(lambda: world.sessions[0].abandoned)


def test_a_route_that_was_slow_is_handed_over_before_the_call(start, no_watch):
    """Without a watch nothing else could help the others."""
    with start() as world:
        sock = world.connect()
        for number in range(2):
            sock.sendall(b"wait %d\n" % number)
            world.wait_at(str(number))
            world.clock.now += 1
            world.open(str(number))
            assert line_of(sock) == str(number)
        # Two routes of one call each, by their numbers: neither was slow twice.
        assert not world.loop._predictor.slow("wait 0")
        for _ in range(2):
            world.gates["a"].clear()
            world.at_gates.clear()
            sock.sendall(b"wait a\n")
            world.wait_at("a")
            world.clock.now += 1
            world.open("a")
            assert line_of(sock) == "a"
        world.gates["a"].clear()
        sock.sendall(b"wait a\n")
        assert ask(world.connect(), "echo x") == "x"
        world.open("a")
        assert line_of(sock) == "a"


def test_what_has_become_fast_is_called_in_the_loop_again(start, no_watch):
    with start() as world:
        for _ in range(5):
            world.loop._predictor.learn("echo x", slow=True)
        sock = world.connect()
        taken = []
        monkey = world.loop._part
        world.loop._crew._part = lambda connection: (taken.append(connection), monkey(connection))
        for _ in range(5):
            assert ask(sock, "echo x") == "x"
        assert len(taken) == 2


def test_the_watch_learns_before_the_call_returns(start):
    """So a burst of slow requests costs two stalls, not one each."""
    with start(threads=8) as world:
        for number in range(4):
            world.connect(b"wait a\n")
            wait_until(lambda number=number: len(world.at_gates) == number + 1)
        wait_until(lambda: world.loop._predictor.slow("wait a"))
        world.open("a")


def test_the_watch_sleeps_while_nothing_happens_and_wakes(start, monkeypatch):
    monkeypatch.setattr(crew, "_QUIET", 2)
    with start() as world:
        for name in ("a", "b", "c"):
            wait_until(lambda: world.loop._crew._asleep, "the watch sleeps")
            slow = world.connect(b"wait %s\n" % name.encode())
            world.wait_at(name)
            assert ask(world.connect(), "echo x") == "x"
            world.open(name)
            assert line_of(slow) == name


def test_the_scoreboard_shows_all_that_is_going_on(start):
    with start() as world:
        slow = [world.connect(b"wait a\n"), world.connect(b"wait b\n")]
        world.wait_at("a", "b")
        line = world.board.read(0)
        assert line.state is State.BUSY
        assert sorted(thread.request for thread in line.threads if thread.since) == ["wait a", "wait b"]
        world.open("a", "b")
        assert [line_of(sock) for sock in slow] == ["a", "b"]
        wait_until(lambda: world.board.read(0).state is State.IDLE)
        assert world.board.read(0).requests == 2


# -- the end ----------------------------------------------------------------------------------------------------------


def test_the_end_waits_for_stalled_calls(start):
    with start() as world:
        slow = [world.connect(b"wait a\necho more\n"), world.connect(b"wait b\n")]
        world.wait_at("a", "b")
        line = world.connect(b"echo c\n")  # the kernel has it, until a thread is free
        world.stop()
        world.pass_time(2)
        assert world.thread.is_alive()
        world.open("a", "b")
        assert [line_of(slow[0]), line_of(slow[0]), line_of(slow[1]), line_of(line)] == ["a", "more", "b", "c"]
        let_all_be_idle(world)
        assert [sock.recv(1) for sock in (*slow, line)] == [b""] * 3
        finish(world)


def test_a_stall_while_the_end_looks_at_what_has_come(start, no_watch):
    """The loop changes hands in the middle of its last look round."""
    with start(threads=3) as world:
        socks = [world.connect() for _ in range(5)]
        assert [ask(sock, "echo in") for sock in socks] == ["in"] * 5
        first = world.connect(b"wait first\n")
        world.wait_at("first")
        for number, sock in enumerate(socks):
            sock.sendall(b"wait a\n" if number == 0 else b"echo %d\n" % number)
        world.stop()
        world.open("first")
        assert line_of(first) == "first"
        world.wait_at("a")
        world.hand_over()
        assert [line_of(sock) for sock in socks[1:]] == ["1", "2", "3", "4"]
        world.open("a")
        assert line_of(socks[0]) == "a"
        let_all_be_idle(world)
        finish(world)


def test_whose_call_was_under_way_may_ask_once_more(start):
    """The response may have begun before it could say that it would be the last."""
    with start() as world:
        slow = world.connect(b"wait a\n")
        world.wait_at("a")
        world.stop()
        wait_until(lambda: world.loop._stop_by is not None and not world.loop._stopping, "the loop looks round")
        world.open("a")
        assert line_of(slow) == "a"
        assert ask(slow, "echo crossed") == "crossed"
        assert slow.recv(1) == b""
        finish(world)


def test_a_call_that_outlasts_the_grace_is_left_alone(start):
    with start("tcp", limits=Limits(grace=5)) as world:
        slow = world.connect(b"wait a\n")
        world.wait_at("a")
        idle = world.connect()
        assert ask(idle, "echo x") == "x"
        world.stop()
        wait_until(lambda: world.loop._stop_by is not None)
        world.clock.now += 6
        finish(world)
        with pytest.raises(ConnectionResetError):
            slow.recv(1)
        world.open("a")
        wait_until(lambda: all(session.abandoned for session in world.sessions))


def test_a_defect_ends_the_loop_and_is_told(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    from engine_world import Clock
    from gateway_runtime.addresses import Address

    world = World(Clock(), Address(path="x.sock"), Limits(), threads=3)
    world.connect(b"fail\n")
    finish(world)
    assert isinstance(world.failure, LookupError)
    world.finish()


def test_threads_end_with_the_loop(start):
    before = threading.active_count()
    with start(threads=5) as world:
        assert ask(world.connect(), "echo x") == "x"
        world.stop()
        for sock in world.clients:
            sock.close()
        finish(world)
        wait_until(lambda: threading.active_count() <= before)


# -- all at once ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threads", [2, 5])
def test_every_client_gets_its_own_answers_in_order(start, seed, threads):
    """Quick and slow requests mixed, pipelined or not, by more clients than threads."""

    def client(sock, dice):
        for _ in range(25):
            words = [dice.choice(["nap", "echo", "echo", "echo"]) for _ in range(dice.randint(1, 5))]
            numbers = [str(dice.randrange(10**6)) for _ in words]
            lines = [f"{word} {number}\n" for word, number in zip(words, numbers, strict=True)]
            sock.sendall("".join(lines).encode())
            for word, number in zip(words, numbers, strict=True):
                assert line_of(sock) == ("rested" if word == "nap" else number)
        right.append(True)

    right = []
    with start(threads=threads) as world:
        clients = [
            threading.Thread(target=client, args=(world.connect(), random.Random(seed * 100 + number)))
            for number in range(8)
        ]
        for thread in clients:
            thread.start()
        for thread in clients:
            thread.join(DEADLINE * 2)
        assert len(right) == len(clients)
        assert world.loop._away == 0 or wait_until(lambda: world.loop._away == 0) is None


# -- limits of a worker -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_a_quota_is_told_once_when_it_is_used_up(start, threads):
    told = []
    with start(threads=threads, quota=5, spent=lambda: told.append(len(world.served))) as world:
        sock = world.connect()
        for number in range(12):
            assert ask(sock, f"echo {number}") == str(number)
            assert bool(told) <= (number >= 4)
        wait_until(lambda: told)
    assert len(told) == 1
    assert 5 <= told[0] <= 6
