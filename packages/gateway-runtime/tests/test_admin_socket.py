"""The socket that the master serves beside all else: what it answers, and that nobody can hold it up there."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
from pathlib import Path

import pytest

from gateway_runtime import admin_socket
from gateway_runtime.addresses import Address, listen
from gateway_runtime.admin_socket import AdminSocket
from gateway_runtime.answers import OK, Answer, say
from gateway_runtime.testing import DEADLINE, wait_until

BIG = b"x" * 3_000_000


def fail(question):
    raise RuntimeError("a defect")


ROUTES = {
    "/ping": ("GET", lambda question: say(question, OK, "pong")),
    "/echo": ("GET", lambda question: say(question, OK, repr((dict(question.query), question.accept)))),
    "/big": ("GET", lambda question: Answer(OK, "text/plain", BIG)),
    "/do": ("POST", lambda question: say(question, OK, "done")),
    "/fail": ("GET", fail),
}
PONG = (
    b"HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\nCache-Control: no-store\r\n"
    b"Connection: close\r\n\r\npong\n"
)


class Clock:
    """The module's clock, which a test turns."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


class World:
    """A socket, driven as a master does it, but by hand."""

    def __init__(self, path):
        self.path = str(path)
        self.admin = AdminSocket(listen(Address(path=self.path)), ROUTES)
        self.clients = []

    def connect(self, first=b""):
        sock = socket.socket(socket.AF_UNIX)
        self.clients.append(sock)
        sock.settimeout(DEADLINE)
        sock.connect(self.path)
        sock.sendall(first)
        return sock

    def is_ready(self):
        return bool(select.select([self.admin], [], [], 0)[0])

    def turn_all(self):
        """Do what there is to do."""
        while self.is_ready():
            self.admin.turn()

    def ask(self, request):
        sock = self.connect(request)
        self.turn_all()
        return read_all(sock)


def read_all(sock):
    data = bytearray()
    try:
        while more := sock.recv(65536):
            data += more
    except ConnectionResetError:  # it had said more than was read
        pass
    return bytes(data)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(admin_socket, "time", clock)
    return clock


@pytest.fixture
def world(tmp_path, clock):
    world = World(tmp_path / "admin.sock")
    yield world
    world.admin.close()
    for sock in world.clients:
        sock.close()
    assert not Path(world.path).exists()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /ping HTTP/1.0\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nHost: x\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n",
        b"GET /ping HTTP/1.1\n\n",
        b"GET /ping?format=text HTTP/1.1\r\nAccept: application/json\r\n\r\n",
    ],
)
def test_one_answer_whole_and_byte_by_byte(world, request_):
    assert world.ask(request_) == PONG
    sock = world.connect()
    for byte in request_:
        world.turn_all()
        sock.sendall(bytes([byte]))
    world.turn_all()
    assert read_all(sock) == PONG
    assert world.admin.deadline() is None


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (b"HEAD /ping HTTP/1.1\r\n\r\n", b"200 OK", b""),
        (b"GET /ping?format=json HTTP/1.1\r\n\r\n", b"200 OK", b'{"message": "pong"}\n'),
        (
            b"GET /echo?n=1&m=%20 HTTP/1.1\r\nACCEPT:text/html\r\n\r\n",
            b"200 OK",
            b"({'n': '1', 'm': '%20'}, 'text/html')\n",
        ),
        (b"GET /echo HTTP/1.1\r\nX-Accept: text/html\r\n\r\n", b"200 OK", b"({}, '')\n"),
        (b"GET /other HTTP/1.1\r\n\r\n", b"404 Not Found", None),
        (b"POST /do HTTP/1.1\r\n\r\n", b"200 OK", b"done\n"),
        (b"POST /do HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", b"200 OK", b"done\n"),
        (b"GET /do HTTP/1.1\r\n\r\n", b"405 Method Not Allowed", b"/do takes POST\n"),
        (b"DELETE /ping HTTP/1.1\r\n\r\n", b"405 Method Not Allowed", b"/ping takes GET and HEAD\n"),
        (b"GET /fail HTTP/1.1\r\n\r\n", b"500 Internal Server Error", b"it failed; the log says how\n"),
        (b"\n", b"400 Bad Request", None),
        (b"hello\n", b"400 Bad Request", None),
        (b"\x00\xff\x16\x03\x01\n", b"400 Bad Request", None),
        (b"GET ping HTTP/1.1\r\n", b"400 Bad Request", None),
        (b"GET  /ping HTTP/1.1\r\n", b"400 Bad Request", None),
        (b"GET /p ing HTTP/1.1\r\n", b"400 Bad Request", None),
        (b"GET /ping\r\n", b"400 Bad Request", None),
        (b"GET /ping HTTP/2.0\r\n", b"400 Bad Request", None),
        (b"get /ping HTTP/1.1\r\n", b"400 Bad Request", None),
        (b"GET /p\xc3\xa4 HTTP/1.1\r\n", b"400 Bad Request", None),
        (b"GET /" + b"p" * 5000 + b" HTTP/1.1\r\n\r\n", b"400 Bad Request", None),
        (b"x" * 5000, b"400 Bad Request", None),
        (b"GET /ping HTTP/1.1\r\n" + b"A: b\r\n" * 800, b"400 Bad Request", b"a question has at most 4096 bytes\n"),
    ],
)
def test_what_is_answered(world, request_, status, body, capfd):
    answer = world.ask(request_)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"HTTP/1.0 " + status
    assert b"Connection: close" in head
    if body is not None:
        assert rest == body
    if status == b"405 Method Not Allowed":
        assert b"\r\nAllow: " in head
    assert ("RuntimeError('a defect')" in capfd.readouterr().err) is (status[:1] == b"5")
    assert world.ask(b"GET /ping HTTP/1.0\r\n\r\n") == PONG


@pytest.mark.parametrize("said", [b"", b"GET /pi", b"GET /ping HTTP/1.1\r\nHost: x\r\n"])
def test_who_leaves_is_forgotten(world, said):
    sock = world.connect(said)
    world.turn_all()
    assert world.admin.deadline() is not None
    sock.close()
    world.turn_all()
    assert world.admin.deadline() is None


@pytest.mark.parametrize("said", [b"", b"GET /pi", b"GET /big HTTP/1.0\r\n\r\n"])
def test_who_takes_too_long_is_dropped(world, clock, said):
    sock = world.connect(said)  # and does not read
    world.turn_all()
    assert world.admin.deadline() == 1005.0
    clock.now = 1004.9
    sock.sendall(b"x")  # words do not help
    world.admin.turn()
    assert world.admin.deadline() == 1005.0
    clock.now = 1005.0
    world.admin.turn()
    assert world.admin.deadline() is None
    assert len(read_all(sock)) < len(BIG)
    assert world.ask(b"GET /ping HTTP/1.0\r\n\r\n") == PONG


def test_a_large_answer_goes_as_fast_as_it_is_read(world):
    sock = world.connect(b"GET /big HTTP/1.0\r\n\r\n")
    world.turn_all()
    assert world.admin.deadline() is not None
    assert world.ask(b"GET /ping HTTP/1.0\r\n\r\n") == PONG  # others are answered in between
    found = []
    reader = threading.Thread(target=lambda: found.append(read_all(sock)))
    reader.start()
    wait_until(lambda: world.turn_all() or not reader.is_alive())
    reader.join()
    assert found[0].endswith(BIG)


def test_who_leaves_in_the_middle_of_a_large_answer(world):
    sock = world.connect(b"GET /big HTTP/1.0\r\n\r\n")
    world.turn_all()
    sock.close()
    world.turn_all()
    assert world.admin.deadline() is None


def test_fifty_who_say_nothing_do_not_keep_anybody_from_asking(world):
    idle = [world.connect() for _ in range(50)]
    assert world.ask(b"GET /ping HTTP/1.0\r\n\r\n") == PONG
    world.turn_all()
    kept = [sock for sock in idle if not select.select([sock], [], [], 0)[0]]
    assert kept == idle[-15:]  # and one place for who has asked


def test_no_descriptor_is_left(world, clock, monkeypatch):
    listener = world.admin._listener
    real = listener.sock

    class Exhausted:
        def accept(self):
            raise OSError(errno.EMFILE, "too many open files")

        def fileno(self):
            return real.fileno()

    listener.sock = Exhausted()
    sock = world.connect(b"GET /ping HTTP/1.0\r\n\r\n")
    assert world.is_ready()
    world.admin.turn()
    assert not world.is_ready()  # so the master does not turn in vain
    assert world.admin.deadline() == 1001.0
    listener.sock = real
    clock.now = 1001.0
    world.admin.turn()
    world.turn_all()
    assert read_all(sock) == PONG
    assert world.admin.deadline() is None


def test_a_worker_closes_its_copy_and_the_master_goes_on(world):
    idle = world.connect()
    world.turn_all()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            before = len(list(Path("/dev/fd").iterdir()))
            world.admin.close()
            code = 0 if len(list(Path("/dev/fd").iterdir())) == before - 3 else 2  # selector, listener, client
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert Path(world.path).exists()
    assert world.ask(b"GET /ping HTTP/1.0\r\n\r\n") == PONG
    idle.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
    world.turn_all()
    assert read_all(idle) == PONG
