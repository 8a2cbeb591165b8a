"""The page, started as a teacher starts it: lanes, their processes, refusals, and that nothing is left at the end."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from classroom_demo import REPLAY, VOTES_IN, app
from classroom_demo.__main__ import main
from classroom_demo.refusals import unable
from gateway_runtime.testing import wait_until

LIMIT = 30
"""Seconds for anything here; it is there in one."""


CLASSROOM = [sys.executable, "-m", "classroom_demo"]


class Page:
    def __init__(self, tmp_path):
        command = [*CLASSROOM, "--no-browser", "--votes", str(tmp_path)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline()
        self.host, self.port = re.fullmatch(r"ready http://([\d.]+):(\d+)/\n", ready).groups()
        self.token = re.search(r'classroom-token" content="([^"]+)"', self.get("/")[1])[1]

    def ask(self, method, path, body=None, **fields):
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=LIMIT)
        with contextlib.closing(connection):
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in fields.items()})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def get(self, path, **fields):
        return self.ask("GET", path, **fields)

    def do(self, do, **more):
        status, answer = self.ask("POST", "/do", json.dumps({"do": do, **more}), X_Classroom_Token=self.token)
        return json.loads(answer) if status in (200, 409) else (status, answer)

    def feed(self):
        """Yield (kind, data) as they come; LIMIT ends it."""
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=LIMIT)
        with contextlib.closing(connection):
            connection.request("GET", "/feed")
            kind = ""
            for line in connection.getresponse():
                if line.startswith(b"event: "):
                    kind = line[7:].decode().strip()
                elif line.startswith(b"data: "):
                    yield kind, json.loads(line[6:])

    def wait_for(self, lane, what):
        """Return the state of a lane as soon as it is as asked."""
        deadline = threading.Timer(LIMIT, self.process.kill)
        deadline.start()
        try:
            state = {}
            with contextlib.closing(self.feed()) as feed:
                for kind, data in feed:
                    state = data["lanes"][lane] if kind == "snapshot" else {**state, **data["lanes"].get(lane, {})}
                    if what(state):
                        return state
        finally:
            deadline.cancel()
        raise AssertionError(state)

    def processes(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number):
        there = self.processes()
        self.process.send_signal(number)
        code = self.process.wait(LIMIT)
        left = psutil.wait_procs(there, LIMIT)[1]
        for one in left:
            one.kill()
        self.process.stdout.close()
        return code, left


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    page = Page(tmp_path_factory.mktemp("votes"))
    yield page
    if page.process.poll() is None:
        assert page.end(signal.SIGTERM) == (0, [])


def test_births_under_cgi_are_those_of_the_spawner(page):
    assert page.do("lane.start", lane="a", kind="cgi", workers=1) == {"done": None}
    page.do("burst", lane="a", count=5)
    state = page.wait_for("a", lambda lane: lane["counts"]["served"] == 5 and not lane["waiting"])
    assert state["counts"]["born"] == 1 + 5  # the runner's worker, and a program for each
    lives = next(page.feed())[1]["lanes"]["a"]["lives"]
    programs = [life for life in lives if life["role"] == "cgi"]
    assert len({life["pid"] for life in programs}) == 5
    assert all(life["served"] == 1 or life["ended"] is None for life in programs)


def test_a_killed_worker_is_seen_to_die_and_is_replaced(page):
    page.do("lane.start", lane="b", kind="fastcgi", workers=1)
    before = next(page.feed())[1]["lanes"]["b"]
    pid = next(life["pid"] for life in before["lives"] if life["role"] == "worker")
    assert page.do("kill", lane="b", pid=pid) == {"done": None}
    page.wait_for("b", lambda lane: lane["counts"]["born"] == 2)
    page.do("once", lane="b")
    state = page.wait_for("b", lambda lane: lane["counts"]["served"] == 1)
    assert (state["counts"]["crashed"], state["failures"]) == (1, {})
    life = page.do("life", lane="b", pid=pid)["done"]
    assert life["how"] == "killed by signal 9"


def test_slow_motion_has_five_stages_and_bytes(page):
    page.do("lane.start", lane="b", kind="uwsgi", workers=1)
    stages = page.do("stretch", lane="b")["done"]["stages"]
    assert [one["name"] for one in stages] == ["accept", "decode", "call", "encode", "release"]
    assert all(one["seconds"] >= 0 for one in stages)
    assert stages[1]["hex"].startswith("00 fd 00 00")  # a uwsgi packet of 253 bytes
    workers = [one["pid"] for one in next(page.feed())[1]["lanes"]["b"]["lives"] if one["served"]]
    wire = page.do("life", lane="b", pid=workers[0])["done"]["wire"]
    assert [one["way"] for one in wire] == ["in", "out", "out"]
    assert wire[0]["hex"] == stages[1]["hex"]


def test_a_mistake_stops_cgi_and_not_who_has_loaded_the_application(page):
    for name, kind in (("a", "cgi"), ("b", "wsgi")):
        page.do("lane.start", lane=name, kind=kind, workers=1)
        assert page.do("break", lane=name) == {"done": None}
        page.do("once", lane=name)
    failed = page.wait_for("a", lambda lane: lane["counts"]["failed"] == 1)
    assert (failed["broken"], failed["failures"]) == (True, {"status 500": 1})
    page.wait_for("b", lambda lane: lane["counts"]["crashed"] == 1)  # the new worker, which could not load it
    page.do("once", lane="b")
    assert page.wait_for("b", lambda lane: lane["counts"]["served"] == 2)["failures"] == {}


def test_a_gateway_that_dies_is_said_and_can_be_started_again(page):
    page.do("lane.start", lane="c", kind="scgi", workers=1)
    lives = next(page.feed())[1]["lanes"]["c"]["lives"]
    os.kill(next(life["pid"] for life in lives if life["role"] == "master"), signal.SIGKILL)
    sentence = page.wait_for("c", lambda lane: lane["trouble"])["trouble"]
    assert sentence == "The gateway of this lane has ended by itself: start it again."
    assert "start it again" in page.do("once", lane="c")["sentence"]
    assert page.do("lane.start", lane="c", kind="scgi", workers=1) == {"done": None}
    page.do("once", lane="c")
    page.wait_for("c", lambda lane: lane["counts"]["served"] == 1)
    assert page.do("lane.stop", lane="c") == {"done": None}


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"do": "shell"}, "There is no action 'shell'"),
        ({"do": "once", "lane": "d"}, "start a gateway first"),
        ({"do": "lane.start", "lane": "z", "kind": "cgi"}, "A lane is one of a, b, c, d"),
        ({"do": "lane.start", "lane": "a", "kind": "php"}, "its gateway one of"),
        ({"do": "lane.start", "lane": "a", "kind": "cgi", "workers": 99}, "1 to 16"),
        ({"do": "rate", "lane": "a", "rate": 9999}, "0 to 500"),
        ({"do": "rate", "lane": "a", "rate": True}, "0 to 500"),
        ({"do": "rate", "lane": "a", "rate": 1e9}, "0 to 500"),
        ({"do": "rate", "lane": "a", "rate": float("nan")}, "0 to 500"),
        ({"do": "rate", "lane": "a", "rate": "x" * 9000}, "'xxx"),
        ({"do": "burst", "lane": "a", "count": 0}, "1 to 500"),
        ({"do": "path", "lane": "a", "path": "/upload"}, "The endpoints are"),
        ({"do": "kill", "lane": "a", "pid": 1}, "not of this lane"),
        ({"do": "kill", "lane": "a", "pid": os.getpid()}, "not of this lane"),
        ({"do": "kill", "lane": "a", "pid": -1}, "1 to"),
        ({"do": "workers", "lane": "a", "more": 0}, "1 to 16 workers"),
        ({"do": "life", "lane": "a", "pid": 1}, "Nothing is known"),
        ({"do": "vote", "question": "born", "option": "40 2", "hands": 999}, "0 to 200"),
        ({"do": "vote", "question": "born", "option": "40 2", "hands": 1.5}, "whole numbers"),
        ({"do": "vote", "question": "born", "option": "40 2", "hands": -1}, "0 to 200"),
        ({"do": "vote", "question": "born", "option": "40 2", "hands": "many"}, "whole numbers"),
        ({"do": "vote", "question": "born", "option": "41 2", "hands": 1}, "is none of"),
        ({"do": "screen", "screen": "nine"}, "The screens are"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(page, action, words):
    page.do("lane.start", lane="a", kind="cgi", workers=1) if "a" not in next(page.feed())[1]["lanes"] else None
    sentence = page.do(**action)["sentence"]
    assert words in sentence
    assert len(sentence) <= 400  # a page has no room for what somebody has sent


def test_a_lane_s_master_is_nobody_s_to_kill(page):
    page.do("lane.start", lane="a", kind="cgi", workers=1)
    master = next(life["pid"] for life in next(page.feed())[1]["lanes"]["a"]["lives"] if life["role"] == "master")
    assert "not of this lane" in page.do("kill", lane="a", pid=master)["sentence"]
    assert psutil.pid_exists(master)


def test_of_those_who_start_a_lane_at_once_one_is_heard(page):
    actions = ["lane.start", "lane.stop", "once", "kill", "reload"] * 2

    def act(do):
        return page.do(do, lane="d", kind="wsgi", workers=1)

    with concurrent.futures.ThreadPoolExecutor(len(actions)) as pool:
        for told in pool.map(act, actions):
            assert told.keys() in ({"done"}, {"sentence"})
    assert page.do("lane.stop", lane="d") == {"done": None}
    assert "d" not in next(page.feed())[1]["lanes"]


def test_who_does_not_know_the_token_does_nothing(page):
    for token in ("", "x", "\xff"):
        assert page.ask("POST", "/do", '{"do": "save"}', X_Classroom_Token=token)[0] == 403


def test_a_page_of_another_origin_is_given_no_leave_to_ask(page):
    status, _ = page.ask("OPTIONS", "/do", Origin="http://evil.example", Access_Control_Request_Method="POST",
                         Access_Control_Request_Headers="x-classroom-token")  # fmt: skip
    assert status == 405
    assert page.ask("POST", "/do", '{"do": "save"}', Origin="http://evil.example", Content_Type="text/plain")[0] == 403


def test_another_host_s_page_is_not_heard(page):
    for host in ("evil.example", f"evil.example:{page.port}", "127.0.0.1.evil.example", "localhost.evil", "fd:3"):
        assert page.get("/", Host=host)[0] == 421
    for host in ("127.0.0.1", f"127.0.0.2:{page.port}", f"LOCALHOST:{page.port}", f"[::1]:{page.port}"):
        assert page.get("/", Host=host)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/do", 405), ("POST", "/", 405), ("GET", "/static/../app.py", 404), ("GET", "/static/main.js", 200),
     ("GET", "/app.py", 404), ("HEAD", "/", 200)],
)  # fmt: skip
def test_addresses(page, method, path, status):
    assert page.ask(method, path)[0] == status


@pytest.mark.parametrize(("body", "status"), [("{", 400), ("[]", 400), ("[" * 9000, 400), ("x" * 10_001, 413)])
def test_what_is_no_action(page, body, status):
    assert page.ask("POST", "/do", body, X_Classroom_Token=page.token)[0] == status


def test_a_killed_classroom_leaves_no_process(tmp_path):
    page = Page(tmp_path)
    page.do("lane.start", lane="a", kind="cgi", workers=1)
    page.do("slow", lane="a")
    assert page.end(signal.SIGKILL) == (-signal.SIGKILL, [])
    folder = next(Path("/tmp").glob(f"classroom-{page.process.pid}-*"))
    again = Page(tmp_path)  # which removes what the one before could not
    again.do("lane.start", lane="a", kind="wsgi", workers=1)
    assert again.end(signal.SIGINT) == (0, [])
    assert not folder.exists()
    assert not list(Path("/tmp").glob(f"classroom-{again.process.pid}-*"))


@pytest.mark.parametrize("who", ["leash", "server"])
def test_a_page_s_server_that_is_killed_takes_everything_with_it(tmp_path, who):
    page = Page(tmp_path)
    page.do("lane.start", lane="a", kind="wsgi", workers=1)
    leash = psutil.Process(page.process.pid).children()[0]
    there = page.processes()
    (leash if who == "leash" else leash.children()[0]).kill()
    assert page.process.wait(LIMIT) == 1
    page.process.stdout.close()
    assert psutil.wait_procs(there, LIMIT)[1] == []


@contextlib.contextmanager
def terminal(command, **environment):
    """A program in a terminal of its own: (process, descriptor of the terminal's other side)."""
    pid, other = pty.fork()
    if pid == 0:
        kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
        os.execve(command[0], command, {**kept, **environment})
    try:
        yield psutil.Process(pid), other
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        with contextlib.suppress(OSError):
            os.close(other)


def read_until(other, words):
    said = b""
    while words not in said:
        said += os.read(other, 4096)
    return said.decode()


def ended(program, below):
    """Its exit code, once it and all below it have ended; nothing of it may be left."""
    _, status = os.waitpid(program.pid, 0)
    assert psutil.wait_procs(below, LIMIT)[1] == []
    assert list(Path("/tmp").glob(f"classroom-{program.pid}-*")) == []
    return os.waitstatus_to_exitcode(status)


GATELAB = [sys.executable, "-m", "gatelab", "demo"]


@pytest.mark.parametrize("command", [CLASSROOM, GATELAB], ids=["classroom_demo", "gatelab demo"])
def test_ctrl_c_twice_ends_it_once_and_leaves_nothing(command):
    with terminal(command) as (program, other):
        said = read_until(other, b"Ctrl-C ends everything.")
        assert "No browser can be opened here: open http://127.0.0.1:" in said
        below = program.children(recursive=True)
        os.write(other, b"\x03\x03")
        assert ended(program, below) == 0


def test_ctrl_c_while_it_starts():
    with terminal(CLASSROOM) as (program, other):
        wait_until(program.children)
        below = program.children(recursive=True)
        os.write(other, b"\x03")
        assert ended(program, below) == 0


def test_a_terminal_that_closes():
    with terminal(CLASSROOM) as (program, other):
        read_until(other, b"Ctrl-C ends everything.")
        below = program.children(recursive=True)
        os.close(other)
        assert ended(program, below) == 0


def test_a_browser_that_fails():
    with terminal(CLASSROOM, BROWSER="false %s") as (program, other):
        said = read_until(other, b" in one.\r\n")
        url = re.search(r"ready (\S+)", said)[1]
        assert f"No browser could be opened: open {url} in one." in said
        below = program.children(recursive=True)
        os.write(other, b"\x03")
        assert ended(program, below) == 0


def test_a_browser_is_not_ended_with_the_classroom(tmp_path):
    pid = tmp_path / "pid"
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 60\n")
    browser.chmod(0o755)
    with terminal(CLASSROOM, BROWSER=f"{browser} %s &") as (program, other):
        wait_until(pid.exists)
        opened = psutil.Process(int(pid.read_text()))
        os.write(other, b"\x03")
        assert ended(program, []) == 0
        assert opened.is_running()
        opened.kill()


@pytest.mark.parametrize(
    ("bind", "words"),
    [("0.0.0.0:0", "no other machine may reach it: write 127.0.0.1:PORT (and from"),
     ("unix:/tmp/x", "a browser cannot open that"), ("nonsense", "is not an address: write 127.0.0.1:PORT")],
)  # fmt: skip
def test_where_it_does_not_listen(bind, words, capsys):
    assert main(["--no-browser", "--bind", bind]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err


def test_a_taken_port_is_one_sentence_that_says_what_to_do(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["--no-browser", "--bind", bind]) == 2
    sentence = (
        f"cannot listen on {bind}: it is in use already; choose another, or leave out --bind for one that is free"
    )
    assert capsys.readouterr() == ("", f"classroom_demo: {sentence}\n")


def test_a_system_without_fork(capsys, monkeypatch):
    monkeypatch.delattr(os, "fork")
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "use WSL" in err
    assert "cannot fork" in unable()


def test_who_only_replays_starts_nothing_and_records_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv(REPLAY, raising=False)
    assert unable() == ""
    monkeypatch.setenv(REPLAY, "1")
    assert "start it without --replay" in unable()
    assert main(["--record", str(tmp_path / "lesson.jsonl.gz")]) == 2
    assert "start it without --replay" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_floor_that_has_failed_ends_its_process_for_a_new_one(tmp_path, monkeypatch):
    monkeypatch.setenv(VOTES_IN, str(tmp_path))
    monkeypatch.setattr(app, "_floor", None)
    killed = []
    monkeypatch.setattr(app.os, "kill", lambda *told: killed.append(told))
    floor = app.floor()
    assert floor.alive
    monkeypatch.setattr(floor, "_frame", lambda: 1 / 0)
    floor.hub.window()
    wait_until(lambda: not floor.alive)
    assert not killed
    app.floor()
    assert killed == [(os.getpid(), signal.SIGTERM)]
    floor._folder.cleanup()
