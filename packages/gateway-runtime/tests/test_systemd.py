"""systemd's side of a service, played by the tests: sockets that are passed, and a socket that is told what happens."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway_runtime.errors import StartupError
from gateway_runtime.systemd import Notifier, listen_fds
from gateway_runtime.testing import DEADLINE, Server, run_to_end, wait_until
from master_world import APP, QUIET, Asking, change, get, go, serve

pytestmark = pytest.mark.usefixtures("served")


# -- sockets that are passed ------------------------------------------------------------------------------------------


@pytest.fixture
def passed(monkeypatch):
    """Act as if the first descriptor that is passed were that of the first of three pipes."""
    fds = []
    for _ in range(3):
        fds += os.pipe()
    wanted = [fd for fd in range(min(fds), max(fds) + 1) if fd in fds]
    first = next(fd for fd in wanted if fd + 1 in wanted)
    monkeypatch.setattr("gateway_runtime.systemd.FIRST_FD", first)
    yield first
    for fd in fds:
        os.close(fd)


def environ(**variables):
    return {"PATH": "x", "LISTEN_PID": str(os.getpid())} | variables


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"LISTEN_FDS": "2"}, ["", ""]),
        ({"LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"}, ["web"]),
        ({"LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:more"}, ["web", "more"]),
        ({"LISTEN_FDS": "2", "LISTEN_FDNAMES": "web"}, ["web", ""]),
        ({"LISTEN_FDS": "0"}, []),
    ],
)
def test_what_is_passed(passed, variables, names):
    found = environ(**variables)
    for fd in range(passed, passed + 2):
        os.set_inheritable(fd, True)
    assert listen_fds(found) == [(passed + index, name) for index, name in enumerate(names)]
    assert found == {"PATH": "x"}  # programs that we start would take them for theirs
    for index in range(len(names)):
        assert not os.get_inheritable(passed + index)


@pytest.mark.parametrize("variables", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}])
def test_what_is_for_others(variables):
    before = dict(variables)
    assert listen_fds(variables) == []
    assert variables == before


@pytest.mark.parametrize("number", ["", "x", "-1", "1.5", "\u0661", "9" * 40])
def test_what_is_no_number(number):
    with pytest.raises(StartupError, match=re.escape(f"LISTEN_FDS is {number!r}, which is not a number of descr")):
        listen_fds(environ(LISTEN_FDS=number))


def test_a_descriptor_that_is_not_there(monkeypatch):
    monkeypatch.setattr("gateway_runtime.systemd.FIRST_FD", 9000)
    with pytest.raises(StartupError, match="LISTEN_FDS is 1, and descriptor 9000 cannot be used: Bad file descriptor"):
        listen_fds(environ(LISTEN_FDS="1"))


ACTIVATOR = """
import fcntl, os, sys
names, *fds = sys.argv[1].split(",")
copies = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in fds]  # none in the way of another
for index, fd in enumerate(copies):
    os.dup2(fd, 3 + index)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": names}
os.execv(sys.executable, [sys.executable, "-W", "error", "-m", *sys.argv[2:]])
"""


def activated(*arguments, names="", sockets=(), **options):
    """Return a server to which `sockets` are passed as systemd passes them."""
    fds = [sock.fileno() for sock in sockets]
    Path("activator.py").write_text(ACTIVATOR)
    what = ",".join([names, *(str(fd) for fd in fds)])
    return Server("activator", what, "wsgi_server", "served:app", *arguments, pass_fds=fds, env=QUIET, **options)


def test_socket_activation():
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind("x.sock")
        unix.listen()
        with activated(names="web:local", sockets=[tcp, unix]) as server:
            wait_until(lambda: server.stderr.count("\nready ") == 2)
            assert server.stderr == f"\nready http://127.0.0.1:{tcp.getsockname()[1]}\nready http+unix:x.sock"
            assert get(server, "hello") == "hello"
            change("import os\ndef app(environ, start_response):\n    start_response('200 OK', [])\n"
                   "    return [' '.join(sorted(os.environ)).encode()]")  # fmt: skip
            server.signal(signal.SIGHUP)
            server.wait_for_line("reloaded")
            wait_until(lambda: get(server, "").startswith("COLUMNS") or "PATH" in get(server, ""))
            assert "LISTEN_" not in get(server, "")
        assert Path("x.sock").exists()


def test_a_bind_that_is_asked_for_goes_before_what_is_passed():
    with socket.create_server(("127.0.0.1", 0)) as tcp:
        with activated("--bind", "unix:mine.sock", sockets=[tcp]) as server:
            assert server.url == "http+unix:mine.sock"
        with activated("--bind", "fd:3", sockets=[tcp]) as server:
            assert server.url == f"http://127.0.0.1:{tcp.getsockname()[1]}"
            assert get(server, "hello") == "hello"


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_what_is_passed_must_listen(kind):
    Path("activator.py").write_text(ACTIVATOR)
    with socket.socket(socket.AF_INET, kind) as sock:
        arguments = ["-m", "activator", f"web,{sock.fileno()}", "wsgi_server", "served:app"]
        done = subprocess.run(
            [sys.executable, *arguments], pass_fds=[sock.fileno()], capture_output=True, text=True, timeout=DEADLINE
        )
    assert done.returncode == 2
    assert re.fullmatch(r"wsgi_server: (cannot listen on )?descriptor 3 \(web\).*\n", done.stderr)


@pytest.mark.real("systemd-socket-activate")
def test_the_real_activator():
    port = 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [shutil.which("systemd-socket-activate"), "-l", f"127.0.0.1:{port}", "--fdname", "web",
               sys.executable, "-m", "wsgi_server", "served:app"]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        for line in process.stderr:
            if "Listening on" in line:
                break
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as sock:  # it starts the server
            sock.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b""
            while data := sock.recv(65536):
                answer += data
        assert answer.endswith(b"hello")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE)
        assert process.returncode == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


# -- what the service says --------------------------------------------------------------------------------------------


class Systemd:
    """A socket for notifications. `words` are those that have come; a word is a datagram, as a dictionary."""

    def __init__(self, name):
        self.name = name
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + name[1:] if name.startswith("@") else name)
        self.sock.settimeout(DEADLINE)
        self.words = []

    def word(self):
        """Return the next word that is no STATUS and no sign of life."""
        while True:
            self.words.append(dict(line.split("=", 1) for line in self.sock.recv(4096).decode().split("\n")))
            if not {"STATUS", "WATCHDOG"} & set(self.words[-1]):
                return self.words[-1]

    def rest(self):
        """Return what has come and was not read."""
        self.sock.setblocking(False)
        rest = []
        try:
            while True:
                rest.append(self.sock.recv(4096).decode())
        except BlockingIOError:
            return rest


@pytest.fixture(params=["notify.sock", pytest.param("@", marks=pytest.mark.skipif(sys.platform != "linux", reason=""))])
def systemd(request, served):
    there = Systemd(f"@gateway-{os.getpid()}-{time.monotonic_ns()}" if request.param == "@" else request.param)
    yield there
    there.sock.close()


def noted(systemd, *arguments, **variables):
    env = QUIET | {"NOTIFY_SOCKET": systemd.name} | variables
    return Server("wsgi_server", "served:app", "--bind", "127.0.0.1:0", *arguments, env=env)


def test_start_reload_and_end(systemd):
    with noted(systemd) as server:
        assert systemd.word() == {"READY": "1"}
        before = time.monotonic_ns() // 1000
        server.signal(signal.SIGHUP)
        word = systemd.word()
        assert word.pop("RELOADING") == "1"
        assert before <= int(word.pop("MONOTONIC_USEC")) <= time.monotonic_ns() // 1000
        assert word == {}
        assert systemd.word() == {"READY": "1"}
        server.signal(signal.SIGTERM)
        assert systemd.word() == {"STOPPING": "1"}
    assert systemd.rest() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_a_quick_end(systemd, number):
    with noted(systemd) as server:
        assert systemd.word() == {"READY": "1"}
        server.signal(number)
        server.signal(number)
        assert server.wait() == 0
    assert systemd.word() == {"STOPPING": "1"}
    assert systemd.rest() == []


def test_a_reload_that_fails_is_over_too(systemd):
    with noted(systemd) as server:
        assert systemd.word() == {"READY": "1"}
        change("def app(:\n")
        server.signal(signal.SIGHUP)
        assert systemd.word()["RELOADING"] == "1"
        assert systemd.word() == {"READY": "1"}
        server.wait_for_line("the reload is given up")


def test_status_tells_how_many_are_busy(systemd):
    with noted(systemd, "--workers", "2") as server:
        asking = Asking(server, "hold")
        while {"STATUS": "2 workers, 1 of them busy"} not in systemd.words:
            systemd.words.append(dict(line.split("=", 1) for line in systemd.sock.recv(4096).decode().split("\n")))
        go("hold")
        assert asking.result() == "hello"
        while systemd.words[-1] != {"STATUS": "2 workers, 0 of them busy"}:
            systemd.words.append(dict(line.split("=", 1) for line in systemd.sock.recv(4096).decode().split("\n")))


def test_signs_of_life(systemd):
    with noted(systemd, WATCHDOG_USEC="150000"):
        assert systemd.word() == {"READY": "1"}
        for _ in range(5):
            while "WATCHDOG" not in systemd.sock.recv(4096).decode():
                pass


def test_no_sign_of_life_when_no_worker_lives(systemd):
    with noted(systemd, WATCHDOG_USEC="150000") as server:
        assert systemd.word() == {"READY": "1"}
        change("def app(:\n")
        os.kill(server.workers()[0], signal.SIGKILL)
        server.wait_for_line("a new worker cannot start: .*; trying again in 1 s")
        systemd.rest()
        systemd.sock.settimeout(DEADLINE)
        server.wait_for_line("a new worker cannot start: .*; trying again in 2 s")
        assert [word for word in systemd.rest() if "WATCHDOG" in word] == []


def test_the_watchdog_of_another_process(systemd):
    environ = {"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    notifier = Notifier(environ)
    assert environ == {}
    assert notifier.interval == 0
    notifier.alive(1e9)
    assert systemd.rest() == []


def test_words_by_themselves(systemd):
    notifier = Notifier({"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())})
    assert notifier.interval == 1
    assert notifier.environ(42) == {"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "42"}
    notifier.alive(100.0)
    notifier.alive(100.5)
    notifier.alive(101.0)
    notifier.status("well")
    notifier.status("well")
    notifier.hand_over(42)
    notifier.ready()
    notifier.alive(200.0)
    notifier.stopping()
    assert systemd.rest() == ["WATCHDOG=1", "WATCHDOG=1", "STATUS=well", "READY=1\nMAINPID=42"]


@pytest.mark.parametrize("where", ["no.sock", "no/such/folder", "@", "@" + "x" * 200, "x" * 200, "vsock:2:1"])
def test_nobody_listens(where):
    with serve() as plain:
        said = plain.stderr.replace(plain.url, "")
    with Server(
        "wsgi_server", "served:app", "--bind", "127.0.0.1:0", env=QUIET | {"NOTIFY_SOCKET": where, "WATCHDOG_USEC": "1"}
    ) as server:
        assert get(server, "hello") == "hello"
    assert server.stderr.replace(server.url, "") == said


def test_the_application_does_not_see_systemd(systemd):
    change(APP.replace('"version": VERSION', '"version": " ".join(sorted(os.environ))'))
    with noted(systemd, WATCHDOG_USEC="5000000") as server:
        assert "PATH" in get(server, "version")
        assert not re.search("NOTIFY|WATCHDOG", get(server, "version"))


def test_a_server_that_cannot_start_is_never_ready(systemd):
    code, _ = run_to_end("wsgi_server", "no_such:app", "--bind", "127.0.0.1:0", env={"NOTIFY_SOCKET": systemd.name})
    assert code == 2
    assert systemd.rest() == []
