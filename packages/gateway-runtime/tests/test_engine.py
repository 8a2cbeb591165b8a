"""The loop of a worker's thread, with a protocol of lines: order, slow peers, time limits, ends.

Time is a parameter here: the loop's clock stands still until a test moves it, so nothing depends on how busy the
machine is.
"""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from engine_world import Clock, World, ask, blocks, line_of, read, waiting
from gateway_runtime import engine
from gateway_runtime.addresses import Address
from gateway_runtime.engine import Limits
from gateway_runtime.scoreboard import State
from gateway_runtime.testing import DEADLINE, wait_until

# -- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_requests_and_answers(start, kind, poller):
    with start(kind) as world:
        socks = [world.connect() for _ in range(5)]
        for number in range(3):
            for sock in socks:
                assert ask(sock, f"echo {number}") == str(number)
        assert len(world.sessions) == 5
        wait_until(lambda: world.board.read(0).state is State.IDLE)
        line = world.board.read(0)
        assert (line.pid, line.requests) == (os.getpid(), 15)
        assert "echo 2" in [thread.request for thread in line.threads]


def test_the_peer_s_address(start):
    with start("tcp") as world:
        ask(world.connect(), "echo x")
        assert world.sessions[0].transport.peer == "127.0.0.1"
    with start("unix") as world:
        ask(world.connect(), "echo x")
        assert world.sessions[0].transport.peer == ""


def test_small_answers_do_not_wait_for_more(start):
    with start("tcp") as world:
        ask(world.connect(), "echo x")
        sock = world.sessions[0].transport.sock
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not sock.getblocking()


def test_a_request_in_pieces(start):
    with start() as world:
        sock = world.connect()
        for byte in b"echo slow":
            sock.sendall(bytes([byte]))
        assert ask(sock, "ly") == "slowly"


def test_pipelined_requests_are_answered_in_order(start, poller):
    with start() as world:
        sock = world.connect(b"".join(b"echo %d\n" % number for number in range(1000)))
        assert [line_of(sock) for _ in range(1000)] == [str(number) for number in range(1000)]


def test_the_scoreboard_says_what_is_served_now(start):
    with start() as world:
        world.block()
        line = world.board.read(0)
        assert (line.state, line.threads[0].request, line.requests) == (State.BUSY, "block", 0)


def test_many_pipelined_requests_let_others_have_their_turn(start):
    with start() as world:
        one, other = world.connect(), world.connect()
        assert ask(one, "echo x") == ask(other, "echo x") == "x"
        blocker = world.block()
        one.sendall(b"echo many\n" * 100)
        other.sendall(b"echo one\n")
        world.served.clear()
        world.go.set()
        assert line_of(blocker) == "unblocked"
        assert line_of(other) == "one"
        for _ in range(100):
            assert line_of(one) == "many"
        assert world.served.index("echo one") in (0, engine._TURN)


def test_events_tell_begin_and_end(start, monkeypatch):
    told = []
    monkeypatch.setattr(engine.events, "wanted", lambda kind: kind == "end")
    monkeypatch.setattr(engine.events, "emit", lambda kind, **fields: told.append((kind, fields)))
    with start() as world:
        ask(world.connect(), "echo x")
        wait_until(lambda: len(told) == 2)
    assert told == [("begin", {"request": "echo x"}), ("end", {"request": "echo x"})]


# -- peers that do not read -------------------------------------------------------------------------------------------


def test_a_slow_reader_pauses_the_response(start, poller):
    with start() as world:
        sock = world.connect(b"stream 8000\necho after\n")
        wait_until(lambda: world.sessions and world.sessions[0].left and world.sessions[0].transport.full)
        assert ask(world.connect(), "echo meanwhile") == "meanwhile"
        session = world.sessions[0]
        assert session.number < 3000
        assert waiting(session) <= 1000  # of the block that the socket did not take
        assert read(sock, 8_000_000) == blocks(8000)
        assert line_of(sock) == "after"


def test_a_peer_that_asks_and_does_not_read_is_held(start, poller):
    """Without this, a kilobyte of pipelined requests would cost a hundred answers' memory."""
    with start() as world:
        sock = world.connect(b"big 300000\n" * 60 + b"echo end\n")
        assert ask(world.connect(), "echo meanwhile") == "meanwhile"
        wait_until(lambda: "big 300000" in world.served)
        assert ask(world.connect(), "echo again") == "again"
        assert world.served.count("big 300000") <= 3
        assert read(sock, 300_000 * 60) == b"x" * 300_000 * 60
        assert line_of(sock) == "end"


def test_bytes_keep_their_order_across_direct_and_queued_writes(start):
    with start() as world:
        sock = world.connect(b"stream 1500\necho a\nbig 500000\nstream 10\necho b\n")
        data = read(sock, 1_500_000 + 2 + 500_000 + 10_000 + 2)
        numbers = b"".join(b"%09d\n" % number * 100 for number in range(1510))
        assert data == numbers[:1_500_000] + b"a\n" + b"x" * 500_000 + numbers[1_500_000:] + b"b\n"


def test_a_peer_that_goes_away_in_the_middle(start, poller):
    with start() as world:
        sock = world.connect(b"stream 20000\n")
        wait_until(lambda: world.sessions and world.sessions[0].transport.full)
        sock.close()
        wait_until(lambda: world.sessions[0].abandoned)
        assert ask(world.connect(), "echo on") == "on"


def test_a_peer_that_resets(start, poller):
    with start("tcp") as world:
        sock = world.connect(b"echo x\n")
        assert line_of(sock) == "x"
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        sock.close()
        wait_until(lambda: world.sessions[0].abandoned)
        assert ask(world.connect(), "echo on") == "on"


# -- ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_peer_may_close_its_half_and_still_read(start, kind, poller):
    with start(kind) as world:
        sock = world.connect(b"echo a\nstream 3000\necho b\n")
        sock.shutdown(socket.SHUT_WR)
        assert line_of(sock) == "a"
        assert read(sock, 3_000_000) == blocks(3000)
        assert line_of(sock) == "b"
        assert sock.recv(1) == b""


def test_half_a_request_at_the_end(start):
    with start() as world:
        sock = world.connect(b"ech")
        sock.shutdown(socket.SHUT_WR)
        assert line_of(sock) == "half a line"
        assert sock.recv(1) == b""


def test_a_connection_that_says_nothing_and_closes(start):
    with start() as world:
        world.connect().close()
        wait_until(lambda: world.sessions and world.sessions[0].abandoned)
        assert world.served == []


@pytest.mark.parametrize("word", ["last", "linger"])
def test_close_after_the_output(start, word, poller):
    with start() as world:
        sock = world.connect(f"big 3000000\n{word} bye\necho never\n".encode())
        assert read(sock, 3_000_000) == b"x" * 3_000_000
        assert line_of(sock) == "bye"
        assert sock.recv(1) == b""
        assert "echo never" not in world.served


def test_lingering_saves_the_answer_from_a_reset(start, poller):
    """The peer is still sending when it is refused: it must be able to read why."""
    with start("tcp") as world:
        sock = world.connect(b"linger too large\n")
        for _ in range(100):
            sock.sendall(b"x" * 50_000)
        assert line_of(sock) == "too large"
        assert sock.recv(1) == b""
        received = world.received
        assert received <= 2 * 65536
        assert not world.sessions[0].abandoned
        sock.close()
        wait_until(lambda: world.sessions[0].abandoned)


def test_lingering_has_an_end(start):
    with start() as world:
        sock = world.connect(b"linger bye\n")
        assert line_of(sock) == "bye"
        assert sock.recv(1) == b""
        world.pass_time(1.5)
        assert not world.sessions[0].abandoned
        sock.sendall(b"more")
        world.pass_time(1.0)
        wait_until(lambda: world.sessions[0].abandoned)


def test_an_abort_can_be_told_from_an_end(start, poller):
    with start("tcp") as world:
        sock = world.connect(b"echo half\nabort\n")
        with pytest.raises(ConnectionResetError):
            while sock.recv(100):
                pass


def test_an_abort_on_a_unix_socket_is_an_end(start):
    with start("unix") as world:
        sock = world.connect(b"abort\n")
        try:
            assert sock.recv(100) == b""
        except ConnectionResetError:
            pass  # if the kernel finds unread bytes
        wait_until(lambda: world.sessions[0].abandoned == 1)


# -- time -------------------------------------------------------------------------------------------------------------

LIMITS = Limits(idle=30, head=20, body=10, send=40)


@pytest.mark.parametrize(
    ("first", "phase", "limit"),
    [(b"", "IDLE", 30), (b"echo x\n", "IDLE", 30), (b"ech", "HEAD", 20), (b"echo x\nech", "HEAD", 20),
     (b"body\nsome", "BODY", 10)],
)  # fmt: skip
def test_every_phase_has_its_limit(start, first, phase, limit, poller):
    with start(limits=LIMITS) as world:
        sock = world.connect(first)
        wait_until(lambda: world.sessions and world.received == len(first))
        if b"\n" in first and phase != "BODY":
            assert line_of(sock) == "x"
        world.pass_time(limit - 1)
        assert world.expired == []
        world.pass_time(2)
        assert world.expired == [phase]
        assert sock.recv(100) == (b"" if phase == "IDLE" else b"late\n")
        wait_until(lambda: world.sessions[0].abandoned)


def test_a_head_that_drips_is_late_all_the_same(start):
    with start(limits=LIMITS) as world:
        sock = world.connect()
        for number in range(3):
            sock.sendall(b"x")
            wait_until(lambda number=number: world.received == number + 1)
            world.pass_time(8)
        assert world.expired == ["HEAD"]


def test_content_that_drips_is_late_in_the_end(start):
    with start(limits=LIMITS) as world:
        sock = world.connect(b"body\n")
        for number in range(2):
            sock.sendall(b"x")
            wait_until(lambda number=number: world.received == number + 6)
            world.pass_time(8)
        assert world.expired == ["BODY"]


def test_content_that_comes_fast_enough_is_not_late(start):
    with start(limits=LIMITS) as world:
        sock = world.connect(b"body\n")
        for number in range(5):
            sock.sendall(b"x" * 4000)  # eight seconds' worth
            wait_until(lambda number=number: world.received == 4000 * (number + 1) + 5)
            world.pass_time(8)
        assert world.expired == []
        assert ask(sock, "\n.") == "content"


def test_content_that_came_fast_earns_no_more_than_the_limit(start):
    with start(limits=LIMITS) as world:
        world.connect(b"body\n" + b"x" * 50_000)
        wait_until(lambda: world.received == 50_005)
        world.pass_time(11)
        assert world.expired == ["BODY"]


def test_idleness_begins_anew_with_every_request(start):
    with start(limits=LIMITS) as world:
        sock = world.connect()
        for _ in range(3):
            assert ask(sock, "echo x") == "x"
            world.pass_time(25)
        assert world.expired == []


@pytest.mark.parametrize("request_", ["stream 20000", "big 20000000"])
def test_a_peer_that_does_not_take_its_answer_is_cut(start, request_, capfd):
    with start("tcp", limits=LIMITS) as world:
        sock = world.connect(request_.encode() + b"\n")
        wait_until(lambda: world.sessions and world.sessions[0].transport.full)

        def cut():
            world.pass_time(41)
            return world.sessions[0].abandoned

        wait_until(cut)  # at once, or when the kernel's buffers have stopped growing
        with pytest.raises(ConnectionResetError):
            while sock.recv(1 << 16):
                pass
    assert "127.0.0.1: the peer does not take what is sent; the connection is cut" in capfd.readouterr().err


def test_a_peer_that_takes_a_little_is_not_cut(start):
    with start(limits=LIMITS) as world:
        sock = world.connect(b"big 3000000\n")
        got = 0
        for _ in range(5):
            wait_until(lambda: world.sessions and world.sessions[0].transport.full)
            left = waiting(world.sessions[0])
            got += len(read(sock, 300_000))
            wait_until(lambda left=left: waiting(world.sessions[0]) < left)
            world.pass_time(35)
        assert not world.sessions[0].abandoned
        read(sock, 3_000_000 - got)
        assert ask(sock, "echo x") == "x"


def test_a_long_call_does_not_use_up_the_limits_of_its_own_connection(start):
    with start(limits=LIMITS) as world:
        blocker = world.block()
        world.clock.now += 1000
        world.go.set()
        assert line_of(blocker) == "unblocked"
        world.pass_time(25)
        assert ask(blocker, "echo still here") == "still here"


def test_a_long_call_does_not_use_up_the_time_for_lingering(start):
    with start(limits=LIMITS) as world:
        blocker = world.block()
        blocker.sendall(b"linger bye\n")
        world.clock.now += 1000
        world.go.set()
        assert line_of(blocker) == "unblocked"
        assert line_of(blocker) == "bye"
        world.pass_time(1)
        assert not world.sessions[-1].abandoned


def test_what_came_in_time_during_a_long_call_is_not_late(start):
    with start(limits=LIMITS) as world:
        halves = [world.connect(b"body\n"), world.connect(b"ech")]
        idle = world.connect()
        wait_until(lambda: len(world.sessions) == 3 and world.received == 8)
        blocker = world.block()
        halves[0].sendall(b".\n")
        halves[1].sendall(b"o x\n")
        idle.sendall(b"echo y\n")
        world.clock.now += 1000
        world.go.set()
        assert line_of(blocker) == "unblocked"
        assert [line_of(sock) for sock in (*halves, idle)] == ["content", "x", "y"]
        assert world.expired == []


def test_a_request_that_waits_for_its_turn_is_not_late(start):
    with start(limits=LIMITS) as world:
        sock = world.connect()
        assert ask(sock, "echo x") == "x"
        blocker = world.block()
        sock.sendall(b"echo y\n" * 40)
        world.clock.now += 1000
        world.go.set()
        assert line_of(blocker) == "unblocked"
        assert [line_of(sock) for _ in range(40)] == ["y"] * 40
        assert world.expired == []


# -- accepting --------------------------------------------------------------------------------------------------------


def test_no_more_connections_than_allowed(start, capfd, poller):
    with start(limits=Limits(connections=3)) as world:
        socks = [world.connect() for _ in range(3)]
        assert [ask(sock, "echo in") for sock in socks] == ["in"] * 3
        outside = world.connect(b"echo late\n")
        wait_until(lambda: "3 connections are open" in capfd.readouterr().err)
        world.pass_time(2)
        assert ask(socks[0], "echo still") == "still"
        assert len(world.sessions) == 3
        socks[1].close()
        wait_until(lambda: world.sessions[1].abandoned)
        world.pass_time(2)
        assert line_of(outside) == "late"


def test_who_may_connect(start, capfd):
    asked = []

    def allowed(ip):
        asked.append(ip)
        return len(asked) > 1

    with start("tcp", allowed=allowed) as world:
        stranger = world.connect()
        assert stranger.recv(1) == b""
        assert world.sessions == []
        assert ask(world.connect(), "echo x") == "x"
    assert asked == ["127.0.0.1", "127.0.0.1"]
    assert "127.0.0.1 is not among those whom --allow-from lets in" in capfd.readouterr().err


def test_the_list_is_for_tcp(start):
    with start("unix", allowed=lambda ip: False) as world:
        assert ask(world.connect(), "echo x") == "x"


class Faulty:
    """A listening socket whose accept fails first."""

    def __init__(self, sock, errors):
        self.sock = sock
        self.errors = list(errors)
        self.fileno = sock.fileno
        self.close = sock.close

    def accept(self):
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, os.strerror(number))
        return self.sock.accept()


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.EHOSTUNREACH])
def test_an_error_of_one_connection_is_not_one_of_the_listener(start, number):
    with start(wrap=lambda sock: Faulty(sock, [number, number])) as world:
        assert ask(world.connect(), "echo x") == "x"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_when_something_has_run_out_the_loop_waits(start, number, capfd):
    with start(wrap=lambda sock: Faulty(sock, [number])) as world:
        sock = world.connect(b"echo x\n")
        wait_until(lambda: "cannot accept connections: " + os.strerror(number) in capfd.readouterr().err)
        assert world.sessions == []
        world.pass_time(2)
        assert line_of(sock) == "x"


def test_an_error_that_nobody_expects_is_not_hidden(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    world = World(Clock(), Address(path="x.sock"), Limits(), wrap=lambda sock: Faulty(sock, [errno.EINVAL]))
    world.connect()
    world.thread.join(DEADLINE)
    assert isinstance(world.failure, OSError)
    world.finish()


def test_when_descriptors_run_out(tmp_path):
    """In a process of its own, with few of them: connections wait, nothing spins, and then they are served."""
    program = textwrap.dedent("""
        import os, resource, sys
        from gateway_runtime.addresses import Address, listen
        from gateway_runtime.engine import Limits, Loop
        from gateway_runtime.scoreboard import Scoreboard

        class Echo:
            route = "x"
            class phase:
                name = "IDLE"
            def __init__(self, transport):
                self.transport = transport
            def receive(self, data):
                self.data = data
                if not data:
                    self.transport.close()
                return bool(data)
            def serve(self):
                try:
                    self.transport.write(self.data)
                except ConnectionError:
                    pass
                return False
            def resume(self):
                return False
            def expire(self):
                pass
            def retire(self):
                pass
            def abandon(self):
                pass

        listener = listen(Address(path="x.sock"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
        loop = Loop([(listener, Echo)], [0], Scoreboard(1, 1).worker(0), Limits())
        print("ready", flush=True)
        loop.run()
        listener.close()
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(used.ru_utime + used.ru_stime)
    """)
    server = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    socks = []
    try:
        assert server.stdout.readline() == "ready\n"
        for _ in range(40):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(DEADLINE)
            socks.append(sock)
            sock.connect(os.path.relpath(tmp_path / "x.sock"))
            sock.sendall(b"hello")
        assert "cannot accept connections: Too many open files" in server.stderr.readline()
        assert socks[0].recv(5) == b"hello"
        for sock in socks[:30]:
            sock.close()
        for sock in socks[30:]:
            assert sock.recv(5) == b"hello"
    finally:
        for sock in socks:
            sock.close()
        out, errors = server.communicate()
    assert server.returncode == 0
    assert all("cannot accept connections" in line for line in errors.splitlines()), errors
    assert len(errors.splitlines()) < 5
    assert float(out) < 5


# -- stopping ---------------------------------------------------------------------------------------------------------


def test_idle_connections_are_closed_soon(start, poller):
    with start() as world:
        socks = [world.connect() for _ in range(3)]
        assert [ask(sock, "echo x") for sock in socks] == ["x"] * 3
        world.stop_and_wait()
        assert [sock.recv(1) for sock in socks] == [b""] * 3
        world.thread.join(DEADLINE)
        assert not world.thread.is_alive()


@pytest.mark.parametrize("before", [0, 2])
def test_who_is_idle_may_ask_once_more(start, before, poller):
    """Whether new or not: the request may be on its way already."""
    with start() as world:
        soon, late = world.connect(), world.connect()
        wait_until(lambda: len(world.sessions) == 2)
        for _ in range(before):
            assert ask(soon, "echo x") == ask(late, "echo x") == "x"
        world.stop()
        wait_until(lambda: world.loop._stop_by is not None)
        assert ask(soon, "echo x") == "x"
        assert soon.recv(1) == b""
        assert all(session.retired for session in world.sessions)
        assert world.thread.is_alive()
        world.clock.now += 2
        assert late.recv(1) == b""
        world.thread.join(DEADLINE)
        assert not world.thread.is_alive()


def test_a_loop_without_connections_stops_at_once(start, poller):
    with start() as world:
        world.stop()
        world.thread.join(DEADLINE)
        assert not world.thread.is_alive()


def test_what_is_under_way_is_finished(start, poller):
    with start() as world:
        reading = world.connect(b"stream 5000\n")
        half = world.connect(b"ech")
        content = world.connect(b"body\n")
        wait_until(lambda: len(world.sessions) == 3 and world.received == 20)
        wait_until(lambda: world.sessions[0].transport.full)
        world.stop()
        world.pass_time(2)
        assert world.thread.is_alive()
        assert ask(half, "o x") == "x"
        assert half.recv(1) == b""
        assert ask(content, ".") == "content"
        assert content.recv(1) == b""
        assert read(reading, 5_000_000) == blocks(5000)
        assert reading.recv(1) == b""
        world.thread.join(DEADLINE)
        assert not world.thread.is_alive()


def test_requests_that_have_come_are_served(start, poller):
    """In the kernel's queue, in a socket, and pipelined beyond one turn."""
    with start() as world:
        open_ = world.connect()
        assert ask(open_, "echo x") == "x"
        blocker = world.block()
        open_.sendall(b"echo y\n" * 40)
        new = world.connect(b"echo new\n")
        world.stop()
        world.go.set()
        assert line_of(blocker) == "unblocked"
        assert [line_of(open_) for _ in range(40)] == ["y"] * 40
        assert line_of(new) == "new"
        world.stop_and_wait()
        assert [sock.recv(1) for sock in (blocker, open_, new)] == [b""] * 3
        world.thread.join(DEADLINE)
        assert not world.thread.is_alive()


def test_a_loop_that_waits_does_not_spin(start, poller):
    """Neither for connections that were closed, nor for the word that it has heard."""
    with start() as world:
        half = world.connect(b"ech")
        for _ in range(3):
            sock = world.connect()
            assert ask(sock, "echo x") == ask(sock, "last x") == "x"
        wait_until(lambda: sum(session.abandoned for session in world.sessions) == 3)
        world.stop()
        wait_until(lambda: world.loop._stop_by is not None)
        asked, until = world.clock.asked, time.monotonic() + 0.2
        wait_until(lambda: time.monotonic() > until)
        assert world.clock.asked - asked < 100
        assert ask(half, "o x") == "x"


def test_held_requests_are_served_before_the_end(start):
    with start() as world:
        sock = world.connect(b"big 1000000\n" * 3)
        wait_until(lambda: world.sessions and world.sessions[0].transport.queued)
        world.stop()
        world.pass_time(2)
        assert read(sock, 3_000_000) == b"x" * 3_000_000
        assert sock.recv(1) == b""


def test_grace_has_an_end(start, poller):
    with start("tcp", limits=Limits(grace=5)) as world:
        half = world.connect(b"ech")
        reading = world.connect(b"stream 50000\n")
        wait_until(lambda: len(world.sessions) == 2 and any(s.transport.full for s in world.sessions))
        world.stop()
        wait_until(lambda: world.loop._stop_by is not None)
        world.pass_time(4)
        assert world.thread.is_alive()
        world.clock.now += 2
        world.thread.join(DEADLINE)
        assert not world.thread.is_alive()
        assert half.recv(1) == b""
        with pytest.raises(ConnectionResetError):  # half an answer is not taken for a whole one
            while reading.recv(1 << 16):
                pass


def test_nobody_is_accepted_after_the_end_has_begun(start, poller):
    with start() as world:
        half = world.connect(b"ech")
        wait_until(lambda: world.received == 3)
        world.stop()
        world.pass_time(2)
        late = world.connect(b"echo late\n")
        world.pass_time(2)
        assert ask(half, "o x") == "x"
        assert len(world.sessions) == 1
        world.thread.join(DEADLINE)
        assert "echo late" not in world.served
        late.close()
