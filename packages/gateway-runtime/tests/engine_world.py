"""A loop to test: a protocol of lines, a clock that stands still, and a loop in a thread with all that it touches."""

from __future__ import annotations

import enum
import os
import socket
import threading
import time
from collections import defaultdict, deque

from gateway_runtime.addresses import Listener, listen
from gateway_runtime.engine import Loop
from gateway_runtime.scoreboard import Scoreboard, State
from gateway_runtime.shared_loop import SharedLoop
from gateway_runtime.testing import DEADLINE, wait_until


class Phase(enum.Enum):
    IDLE = 0
    HEAD = 1
    BODY = 2
    BUSY = 3


class Lines:
    """A session for these tests. Each line is a request; the first word says what is done::

    echo TEXT     the text and a newline          big N      N bytes in one write
    stream N      N blocks, resting when full     block      wait until the test says go
    last TEXT     the text, then close            linger TEXT   the same, in stages
    abort         cut                             body       then what comes up to "." is content
    wait NAME     wait at the gate NAME, then "NAME" and a newline
    drip NAME     "1" and a newline, wait at the gate NAME, "2" and a newline, as an iterable does
    leave NAME    "NAME" and a newline, then wait at the gate NAME, as a slow close() does
    nap           8 milliseconds, then "rested"   fail       raise what a session never should
    """

    def __init__(self, transport, world):
        self.transport = transport
        self.world = world
        self.buffer = b""
        self.lines = deque()
        self.left = 0
        self.number = 0
        self.phase = Phase.IDLE
        self.abandoned = 0
        self.retired = False
        world.sessions.append(self)

    @property
    def route(self):
        return self.lines[0].decode() if self.lines else "what was paused"

    def receive(self, data):
        self.world.received += len(data)
        if not data:
            if self.phase is Phase.HEAD:
                self.transport.write(b"half a line\n")
            self.transport.close()
            return False
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            if line == b"body":
                self.phase = Phase.BODY
            elif self.phase is Phase.BODY and line != b".":
                continue
            else:
                self.lines.append(line)
        if self.phase is not Phase.BODY or self.lines:
            self.phase = Phase.HEAD if self.buffer else Phase.IDLE
        return bool(self.lines)

    def serve(self):
        assert not self.left
        line = self.lines.popleft()
        word, _, text = line.partition(b" ")
        self.world.served.append(line.decode())
        write = self.transport.write
        try:
            if word == b"echo":
                write(text + b"\n")
            elif word == b"big":
                write(b"x" * int(text))
            elif word == b"stream":
                self.left = int(text)
                return self.resume()
            elif word == b"block":
                self.world.blocked.set()
                assert self.world.go.wait(DEADLINE)
                write(b"unblocked\n")
            elif word == b"wait":
                self.world.pass_gate(text.decode())
                write(text + b"\n")
            elif word == b"drip":
                write(b"1\n")
                self.world.pass_gate(text.decode())
                write(b"2\n")
            elif word == b"leave":
                write(text + b"\n")
                self.world.pass_gate(text.decode())
            elif word == b"nap":
                time.sleep(0.008)
                write(b"rested\n")
            elif word == b"fail":
                raise LookupError("a defect")
            elif word in (b"last", b"linger"):
                write(text + b"\n")
                self.transport.close(linger=word == b"linger")
                return False
            elif word == b"abort":
                self.transport.abort()
            elif word == b".":
                write(b"content\n")
        except ConnectionError:
            return False
        return bool(self.lines)

    def resume(self):
        try:
            while self.left:
                self.phase = Phase.BUSY
                self.transport.write(b"%09d\n" % self.number * 100)
                self.number += 1
                self.left -= 1
                if self.transport.full:
                    return False
        except ConnectionError:
            self.left = 0
            return False
        self.phase = Phase.IDLE
        return bool(self.lines)

    def expire(self):
        self.world.expired.append(self.phase.name)
        if self.phase is not Phase.IDLE:
            self.transport.write(b"late\n")
        self.transport.close()

    def retire(self):
        self.retired = True

    def abandon(self):
        self.abandoned += 1


class Clock:
    """Stands in for the clock of the engine."""

    def __init__(self):
        self.now = 1000.0
        self.asked = 0

    def monotonic(self):
        self.asked += 1
        return self.now


class World:
    """A loop in a thread, and what its sessions have seen."""

    threads = 1

    def __init__(self, clock, address, limits, wrap=None, **options):
        self.clock = clock
        self.sessions, self.served, self.expired = [], [], []
        self.received = 0
        self.blocked, self.go = threading.Event(), threading.Event()
        self.gates = defaultdict(threading.Event)
        self.at_gates = []  # names, in the order in which they were reached
        self.listener = listen(address)
        self.stop_read, self.stop_write = os.pipe()
        threads = options.setdefault("threads", self.threads)
        self.board = Scoreboard(1, threads)
        slot = self.board.worker(0)
        slot.take(os.getpid(), 0)
        slot.state = State.IDLE
        source = self.listener
        if wrap is not None:
            source = Listener(wrap(self.listener.sock), self.listener.address)
        factory = lambda connection: Lines(connection, self)  # noqa: E731
        if threads == 1:
            del options["threads"]
        kind = Loop if threads == 1 else SharedLoop
        self.loop = kind([(source, factory)], [self.stop_read], slot, limits, **options)
        self.failure = None
        self.clients = []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            self.loop.run()
        except BaseException as error:
            self.failure = error

    def connect(self, first=b""):
        """Return a connected socket that has sent `first`."""
        path = self.listener.address.path
        sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.clients.append(sock)
        sock.settimeout(DEADLINE)
        sock.connect(path or (self.listener.address.host, self.listener.address.port))
        if first:
            sock.sendall(first)
        return sock

    def pass_time(self, seconds):
        """Let the loop finish what it is at, move the clock, and wait until the loop has looked at it."""
        for step in (0, seconds):
            self.clock.now += step
            asked = self.clock.asked
            wait_until(lambda asked=asked: self.clock.asked > asked + 3, "the loop looks at the clock")

    def block(self):
        """Keep the loop in a call until `go` is set."""
        self.go.clear()
        self.blocked.clear()
        sock = self.connect(b"block\n")
        assert self.blocked.wait(DEADLINE)
        return sock

    def pass_gate(self, name):
        """Wait in a call, until the test opens the gate."""
        gate = self.gates[name]
        self.at_gates.append(name)
        assert gate.wait(DEADLINE)

    def open(self, *names):
        """Open gates."""
        for name in names:
            self.gates[name].set()

    def wait_at(self, *names):
        """Wait until calls stand at these gates."""
        wait_until(lambda: set(names) <= set(self.at_gates), f"calls are at {names}, not only {self.at_gates}")

    def hand_over(self):
        """Where the watch sleeps for ever (`no_watch`): let it look, until it takes the loop from a call."""
        away = self.loop._away

        def look():
            with self.loop._crew._lock:
                self.loop._crew._ring()
            return self.loop._away > away

        wait_until(look, "the loop changes hands")

    def stop(self):
        """Tell the loop to stop; it goes on until it has finished."""
        if self.stop_write >= 0:
            os.close(self.stop_write)
            self.stop_write = -1

    def stop_and_wait(self):
        """Tell the loop to stop; return when whoever is idle has had time for a last request."""
        self.stop()
        wait_until(lambda: self.loop._stop_by is not None and not self.loop._stopping, "the loop looks round")
        self.clock.now += 1

    def finish(self):
        self.go.set()
        for gate in self.gates.values():
            gate.set()
        self.stop()
        for sock in self.clients:
            sock.close()
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive()
        os.close(self.stop_read)
        self.listener.close()


def read(sock, size):
    """Read `size` bytes."""
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(min(size - len(data), 1 << 16))
        assert piece, f"the end after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


def ask(sock, text):
    """Send a line, return the line that comes back."""
    sock.sendall(text.encode() + b"\n")
    return line_of(sock)


def line_of(sock):
    found = b""
    while not found.endswith(b"\n"):
        piece = sock.recv(1)
        assert piece, f"the end after {found!r}"
        found += piece
    return found.decode().rstrip("\n")


def waiting(session):
    """Bytes that the socket has not taken yet."""
    return sum(map(len, session.transport._out or ()))


def blocks(count):
    return b"".join(b"%09d\n" % number * 100 for number in range(count))
