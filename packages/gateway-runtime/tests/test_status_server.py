"""A whole server and its status: the page and the ping of its workers, the status socket and the control socket."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
from http.client import HTTPConnection
from pathlib import Path

import pytest

from gateway_runtime.testing import DEADLINE, Server, run_to_end, wait_until

APP = """
import os, time

VERSION = "one"

def app(environ, start_response):
    path = environ["PATH_INFO"][1:]
    if path.startswith("hold"):
        open(path + ".begun", "w").close()
        while not os.path.exists(path + ".go"):
            time.sleep(0.002)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [VERSION.encode()]
"""

STATUS, CONTROL = "s.sock", "c.sock"
QUIET = {"PYTHONDONTWRITEBYTECODE": "1"}  # a changed module must not be taken from a cache


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working directory with the application."""
    monkeypatch.chdir(tmp_path)
    Path("served.py").write_text(APP)
    return tmp_path


def serve(*arguments, program="wsgi_server"):
    return Server(
        program, "served:app", "--bind", "127.0.0.1:0", "--status", f"unix:{STATUS}", "--control", f"unix:{CONTROL}",
        *arguments, env=QUIET,
    )  # fmt: skip


class Http(HTTPConnection):
    """An HTTP client of a unix socket, or of a server."""

    def __init__(self, where):
        super().__init__("x", timeout=DEADLINE)
        self.where = where

    def connect(self):
        if isinstance(self.where, Server):
            self.sock = self.where.connect()
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(self.where)


def ask(where, target, method="GET", **headers):
    """Return status and content."""
    http = Http(where)
    try:
        http.request(method, target, headers=headers)
        response = http.getresponse()
        return response.status, response.read().decode()
    finally:
        http.close()


def report(where=STATUS, target="/status?format=json"):
    status, content = ask(where, target)
    assert status == 200
    return json.loads(content)


def hold(server, name="hold"):
    """Send a request that stays; return its connection."""
    sock = server.connect()
    sock.sendall(f"GET /{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    wait_until(Path(f"{name}.begun").exists, f"{name} has begun")
    return sock


def let_go(sock, name="hold"):
    Path(f"{name}.go").touch()
    while sock.recv(65536):
        pass
    sock.close()


def test_it_tells_what_the_server_is(here):
    with serve("--workers", "2", "--threads", "3") as server:
        for where in (STATUS, CONTROL):
            found = report(where)
            assert (found["format"], found["program"], found["pid"]) == (1, "wsgi_server", server.pid)
            assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", found["version"])
            assert (found["manager"], found["threads"], found["spawned"], found["died"]) == ("static", 3, 2, 0)
            counts = {"configured": 2, "least": 2, "most": 2, "alive": 2, "idle": 2, "busy": 0}
            assert found["workers"] == counts | {"starting": 0, "retiring": 0}
            assert sorted(one["pid"] for one in found["worker"]) == server.workers()
            assert all(one["rss_bytes"] > 1 << 20 for one in found["worker"])
            assert [len(one["threads"]) for one in found["worker"]] == [4, 4]
            assert [one["url"] for one in found["listeners"]] == [server.url]
        text = ask(STATUS, "/status")[1]
        assert text.startswith(f"wsgi_server {found['version']}, pid {server.pid}, up ")
        assert ask(STATUS, "/status", Accept="text/html")[1].startswith("<!DOCTYPE html>")
        assert f"gateway_spawned_total {found['spawned']}\n" in ask(STATUS, "/status?format=metrics")[1]
        assert ask(STATUS, "/ping") == ask(CONTROL, "/ping") == (200, "pong\n")


@pytest.mark.parametrize("program", ["fastcgi_server", "scgi_server", "uwsgi_gateway"])
def test_any_gateway_has_it(here, program):
    with serve(program=program) as server:
        found = report()
        assert (found["program"], found["workers"]["idle"]) == (program, 1)
        assert [one["url"] for one in found["listeners"]] == [server.url]


def test_counts_rise_and_do_not_fall(here):
    with serve("--workers", "2") as server:
        for number in range(1, 6):
            assert ask(server, "/")[0] == 200
            wait_until(lambda number=number: report()["requests"] == number, "the request is counted")
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: report()["workers"]["idle"] == 2 and report()["spawned"] == 4, "others take their place")
        found = report()
        assert (found["requests"], found["died"]) == (5, 2)
        assert [one["requests"] for one in found["worker"]] == [0, 0]
        assert ask(server, "/")[0] == 200
        wait_until(lambda: report()["requests"] == 6, "it goes on counting")


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_busy_worker_is_shown_with_its_request(here, threads):
    with serve("--threads", threads) as server:
        sock = hold(server)
        wait_until(lambda: report()["workers"]["busy"] == 1, "the worker is busy")
        (worker,) = report()["worker"]
        assert worker["state"] == "busy"
        (busy,) = [thread for thread in worker["threads"] if thread["state"] == "busy"]
        assert (busy["request"], busy["requests"]) == ("GET /hold", 0)
        before = busy["busy_s"]

        def longer():
            return max(thread["busy_s"] for thread in report()["worker"][0]["threads"]) > before

        wait_until(longer, "it has been busy for longer")
        assert re.search(r"^ *[0-9]+  busy .* s GET /hold$", ask(STATUS, "/status")[1], re.MULTILINE)
        let_go(sock)
        wait_until(lambda: report()["workers"]["idle"] == 1, "the worker is idle")


def test_the_page_and_the_ping_of_a_worker(here):
    with serve("--status-path", "/.status", "--ping-path", "/.ping", "--workers", "2") as server:
        assert ask(server, "/.ping") == (200, "pong\n")
        wait_until(lambda: report()["workers"]["busy"] == 0, "the worker that answered has put it down")
        found = report(server, "/.status?format=json")
        assert (found["pid"], found["workers"]["busy"]) == (server.pid, 1)
        (busy,) = [one for one in found["worker"] if one["state"] == "busy"]
        assert "GET /.status" in [thread["request"] for thread in busy["threads"]]
        assert [one["url"] for one in found["listeners"]] == [server.url]
        assert found["listeners"] == report()["listeners"]
        assert ask(server, "/.status", Accept="text/html")[1].startswith("<!DOCTYPE html>")
        assert ask(server, "/.status", "POST")[0] == 405
        assert ask(server, "/other") == (200, "one")


def test_without_the_options_there_is_nothing(here):
    with Server("wsgi_server", "served:app", "--bind", "127.0.0.1:0", env=QUIET) as server:
        assert ask(server, "/status") == ask(server, "/ping") == (200, "one")


def test_resize(here):
    with serve() as server:
        for number in (3, 1):
            status, sentence = ask(CONTROL, f"/workers?n={number}", "POST")
            assert (status, sentence.count("\n")) == (200, 1)
            wait_until(lambda number=number: report()["workers"]["idle"] == number, f"{number} workers")
            wait_until(lambda number=number: len(server.workers()) == number, f"{number} workers")
            assert report()["workers"]["configured"] == number
        assert ask(CONTROL, "/workers?n=0", "POST")[0] in {400, 409}
        assert ask(CONTROL, "/workers?n=1000000", "POST")[0] in {400, 409}
        assert ask(CONTROL, "/workers", "POST")[0] == 400
        assert ask(CONTROL, "/workers?n=2")[0] == 405
        assert report()["workers"]["configured"] == 1


def test_reload(here):
    with serve() as server:
        assert ask(server, "/") == (200, "one")
        Path("served.py").write_text(APP.replace("one", "another"))
        before = report()
        assert ask(CONTROL, "/reload", "POST")[0] == 200
        server.wait_for_line("reloaded")
        wait_until(lambda: ask(server, "/") == (200, "another"), "the new code serves")
        found = report()
        assert (found["generation"], found["reloads"]) == (before["generation"] + 1, 1)
        assert found["died"] == 0


def test_a_worker_that_finishes_is_shown_as_such(here):
    with serve() as server:
        sock = hold(server)
        assert ask(CONTROL, "/reload", "POST")[0] == 200
        wait_until(lambda: report()["workers"]["retiring"] == 1, "the old worker finishes")
        (old,) = [one for one in report()["worker"] if one["state"] == "retiring"]
        assert "GET /hold" in [one["request"] for one in old["threads"] if one["state"] == "busy"]
        let_go(sock)
        wait_until(lambda: report()["workers"]["retiring"] == 0, "it has gone")


def test_traceback(here):
    with serve() as server:
        sock = hold(server)
        (pid,) = server.workers()
        assert ask(CONTROL, f"/traceback?pid={pid}", "POST")[0] == 200
        server.wait_for_line(r"served\.py.*app")
        assert ask(CONTROL, f"/traceback?pid={os.getpid()}", "POST")[0] == 409
        assert ask(CONTROL, "/traceback", "POST")[0] == 400
        let_go(sock)


def test_upgrade(here):
    with serve() as server:
        assert ask(CONTROL, "/upgrade", "POST")[0] == 200
        assert server.wait() == 0
        found = report()
        assert found["pid"] != server.pid
        assert found["workers"]["idle"] == 1
        assert ask(server, "/") == (200, "one")
        assert ask(CONTROL, "/stop", "POST")[0] == 200
        wait_until(lambda: not server.alive(), "the new program ends")
        assert not Path(STATUS).exists()
        assert not Path(CONTROL).exists()


@pytest.mark.parametrize("path", ["/stop", "/quit"])
def test_end(here, path):
    with serve() as server:
        assert ask(CONTROL, path, "POST")[0] == 200
        assert server.wait() == 0
        assert not Path(STATUS).exists()
        assert not Path(CONTROL).exists()


def test_the_status_is_to_be_had_while_the_server_ends(here):
    with serve() as server:
        sock = hold(server)
        assert ask(CONTROL, "/stop", "POST")[0] == 200
        wait_until(lambda: report()["workers"]["retiring"] == 1, "the worker finishes")
        assert ask(CONTROL, "/reload", "POST")[0] == 409
        let_go(sock)
        assert server.wait() == 0


def test_nobody_acts_on_the_status_socket(here):
    with serve() as server:
        for path in ("/reload", "/stop", "/workers?n=3"):
            assert ask(STATUS, path, "POST")[0] == 404
        assert ask(STATUS, "/status", "POST")[0] == 405
        assert len(server.workers()) == 1


def test_who_may_connect(here):
    with serve():
        modes = [stat.S_IMODE(Path(path).stat().st_mode) for path in (STATUS, CONTROL)]
        assert modes == [0o660, 0o600]


def test_rubbish_and_silence_hold_nobody_up(here):
    with serve() as server:
        socks = []
        for path in (STATUS, CONTROL):
            for number in range(50):
                sock = socket.socket(socket.AF_UNIX)
                sock.settimeout(DEADLINE)
                sock.connect(path)
                sock.sendall([b"", b"\x00", b"GET /st", b"\xff" * 1000][number % 4])
                socks.append(sock)
        assert report()["pid"] == server.pid
        assert ask(CONTROL, "/ping") == (200, "pong\n")
        os.kill(server.workers()[0], signal.SIGKILL)  # the master sees to its other duties
        wait_until(lambda: report()["died"] == 1 and report()["workers"]["idle"] == 1, "another takes its place")
        assert ask(server, "/") == (200, "one")
        for sock in socks:
            sock.close()


def open_files(pid):
    return [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()]


@pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="/proc tells which sockets a process holds")
def test_workers_have_no_copy_of_the_sockets(here):
    with serve() as server:
        idle = socket.socket(socket.AF_UNIX)
        idle.connect(STATUS)
        wait_until(lambda: ask(STATUS, "/ping")[0] == 200, "it is accepted")
        (pid,) = server.workers()
        os.kill(pid, signal.SIGKILL)  # its successor is forked while that connection is open
        wait_until(lambda: server.workers() not in ([], [pid]), "another takes its place")
        wait_until(lambda: report()["workers"]["idle"] == 1, "it serves")
        (pid,) = server.workers()
        rows = Path("/proc/net/unix").read_text().splitlines()
        named = {f"socket:[{row.split()[6]}]" for row in rows if row.endswith((STATUS, CONTROL))}
        assert len(named) >= 3  # two that listen, and the connection's end at the master
        assert named & set(open_files(server.pid))
        assert not named & set(open_files(pid))
        idle.close()


@pytest.mark.parametrize("option", ["--status", "--control"])
def test_a_socket_that_a_dead_server_has_left_is_replaced_a_live_one_is_not(here, option):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("left.sock")
    with Server("wsgi_server", "served:app", "--bind", "127.0.0.1:0", option, "unix:left.sock", env=QUIET):
        assert ask("left.sock", "/ping") == (200, "pong\n")
        code, errors = run_to_end("wsgi_server", "served:app", "--bind", "127.0.0.1:0", option, "unix:left.sock")
        assert (code, errors.count("\n")) == (2, 1)
        assert "in use already" in errors
        assert ask("left.sock", "/ping") == (200, "pong\n")
    assert not Path("left.sock").exists()


@pytest.mark.parametrize("option", ["--status", "--control"])
@pytest.mark.parametrize("where", ["127.0.0.1:0", "unix:", "unix:no/such/folder/x", "unix:served.py", "fd:x"])
def test_where_no_socket_can_be(here, option, where):
    code, errors = run_to_end("wsgi_server", "served:app", "--bind", "127.0.0.1:0", option, where)
    assert (code, errors.count("\n")) == (2, 1)
    assert Path("served.py").read_text() == APP


@pytest.mark.real("curl")
def test_curl(here):
    with serve() as server:

        def curl(*arguments):
            done = subprocess.run(["curl", "-sS", *arguments], capture_output=True, text=True, timeout=DEADLINE)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert json.loads(curl("--unix-socket", STATUS, "http://x/status?format=json"))["pid"] == server.pid
        assert curl("--unix-socket", STATUS, "http://x/status").startswith("wsgi_server ")
        assert "Allow: POST" in curl("-i", "--unix-socket", CONTROL, "http://x/reload")
        assert curl("-I", "--unix-socket", STATUS, "http://x/status").startswith("HTTP/1.0 200 OK")
        assert curl("-X", "POST", "--unix-socket", CONTROL, "http://x/workers?n=2").count("\n") == 1
        assert curl("-d", "x" * 10_000, "--unix-socket", CONTROL, "http://x/workers?n=1").count("\n") == 1
