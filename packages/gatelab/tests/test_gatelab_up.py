"""`gatelab up`: what it counts and shows, that all answer through the front, and that nothing is left of them."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import urllib.error
import urllib.request

import psutil
import pytest

from gatelab.up import summary
from gatelab.up_table import COUNTERS, WHERE, Row, grid, lines, view
from gatelab.up_tally import Tally, how
from gatelab.up_together import Together
from gateway_lab.errors import LabError
from gateway_lab.servers import Server
from gateway_runtime.testing import wait_until

LIMIT = 60
COMMAND = [sys.executable, "-W", "error", "-m", "gatelab", "up", "--workers", "1"]
ROUTES = ("fastcgi", "uwsgi", "scgi", "wsgi", "cgi")
ROWS = [
    Row("front", "http://127.0.0.1:33333/", "", (9, 10), 1, 40),
    *(
        Row(name, f"http://127.0.0.1:33333/{name}/", f"{name}://127.0.0.1:44444", (7, 8), 2, 40, 1.5, 0, 0.4, 2**26)
        for name in ROUTES
    ),
]


# -- counting ----------------------------------------------------------------------------------------------------------


def told(event, pid, n, parent=7, **more):
    return json.dumps({"event": event, "t": 1.0, "pid": pid, "ppid": parent, "n": n, **more}).encode()


def heard(*datagrams, begun_well=True):
    notes = []
    tally = Tally(notes.append)
    if begun_well:
        tally.begun_well()
    for one in datagrams:
        tally.hear(one)
    return tally, notes


@pytest.mark.parametrize(
    ("datagrams", "born", "requests", "failed"),
    [
        ([], 0, 0, 0),
        ([told("spawn", 8, 1), told("begin", 8, 1), told("end", 8, 1)], 1, 1, 0),
        ([told("spawn", 9, 3), told("end", 9, 5)], 3, 5, 0),  # what was not heard is in `n`
        ([told("end", 8, 5), told("end", 9, 2), told("end", 8, 6)], 0, 8, 0),
        ([told("end", 8, 5), told("end", 8, 1)], 0, 6, 0),  # another process with an old id
        ([told("begin", 8, 3), told("end", 8, 1), told("exit", 8, 1, role="worker", code=-9)], 0, 1, 2),
        ([told("begin", 8, 3), told("end", 8, 1), told("exit", 8, 1, role="worker", code=0)], 0, 1, 0),
        ([told("spawn", 8, 1, role="cgi"), told("exit", 8, 1, role="cgi", status=1)], 1, 0, 1),
        ([told("spawn", 8, 1, role="cgi"), told("exit", 8, 1, role="cgi", status=0)], 1, 0, 0),
        ([b"", b"{}", b"[]", b"1", b"\xff", b'{"event": "end", "pid": "x", "n": 1}', told("other", 8, 1)], 0, 0, 0),
    ],
)
def test_sums(datagrams, born, requests, failed):
    tally, _ = heard(*datagrams)
    assert (tally.born, tally.requests, tally.failed) == (born, requests, failed)


def test_a_gateway_that_is_gone_has_failed_what_it_held_and_no_more():
    tally, _ = heard(told("begin", 8, 3), told("end", 8, 1), told("begin", 9, 1))
    tally.lost()
    assert tally.failed == 3
    tally.lost()
    tally.hear(told("begin", 8, 1))
    tally.hear(told("end", 8, 1))
    assert (tally.failed, tally.requests) == (3, 2)


def test_notes_are_of_workers_after_the_start_and_before_the_end():
    events = (told("spawn", 8, 1, role="worker"), told("begin", 8, 1),
              told("exit", 8, 1, role="worker", code=-9), told("spawn", 9, 1, role="cgi"))  # fmt: skip
    tally, notes = heard(*events)
    assert notes == ["worker 8 is born", "worker 8 was killed by SIGKILL, and 1 request with it"]
    tally.ends()
    tally.hear(told("exit", 9, 2, role="worker", code=0))
    assert len(notes) == 2
    assert heard(*events, begun_well=False)[1] == []


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "has ended"), (None, "has ended"), (3, "ended with exit code 3"), (-9, "was killed by SIGKILL"),
     (-63, "was killed by signal 63")],
)  # fmt: skip
def test_how_it_ended(code, words):
    assert how(code) == words


# -- showing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [33, 42, 60, 80, 100, 120, 200])
def test_a_line_fits_and_an_address_is_whole(width):
    for headings in (WHERE, COUNTERS):
        assert all(len(line.plain) <= width for line in grid(headings, ROWS, width))
    assert all(row.through in "\n".join(line.plain for line in grid(WHERE, ROWS, width)).split() for row in ROWS)


@pytest.mark.parametrize(
    ("width", "there", "away"),
    [
        (120, {"by itself", "CPU each", "memory", "processes"}, set()),
        (80, {"by itself", "processes", "requests", "failed"}, {"CPU each"}),
        (50, {"processes", "born", "requests"}, {"by itself", "CPU", "memory"}),
    ],
)
def test_what_tells_least_is_left_away_first(width, there, away):
    headings = {name for table in (WHERE, COUNTERS) for name in re.split(r" {2,}", grid(table, ROWS, width)[0].plain)}
    assert there <= headings
    assert not away & headings


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (80, 18), (24, 8), (1, 1)])
def test_a_view_fits_its_terminal(size):
    width, height = size
    shown = view(ROWS, [f"note {number}" for number in range(50)], "hint", size).plain.split("\n")
    assert len(shown) <= height
    assert all(len(line) <= width for line in shown if "http" not in line)
    if height > 18:
        assert shown[-1] == "note 49"


def test_what_has_ended_says_so_in_words():
    dead = Row("cgi", "http://h:1/cgi/", "http://h:3", (), 43, 41, failed=2, state="was killed by SIGKILL")
    assert "was killed by SIGKILL" in grid(COUNTERS, [dead], 120)[1].plain
    assert dead.cells()["CPU"] == dead.cells()["memory"] == "-"


def test_lines_say_what_the_table_says():
    assert lines(ROWS[1:2], (*WHERE, "processes")) == [
        "gateway\tthrough the front\tby itself\tprocesses",
        "fastcgi\thttp://127.0.0.1:33333/fastcgi/\tfastcgi://127.0.0.1:44444\t7: 8",
    ]


def test_the_share_of_a_request_is_said_once_it_can_be():
    each = [Row("cgi", "", "", (7,), 0, 10, cpu=cpu).cells()["CPU each"] for cpu in (None, 0.05, 0.2)]
    assert each == ["-", "-", "20ms"]


def test_the_end_tells_what_staying_saves():
    assert summary(ROWS)[-1] == "40 requests under CGI: 2 processes born; 160 under the other four: 8."
    asked = [Row(name, "", "", requests=int(name == "cgi"), born=1) for name in ("front", *ROUTES)]
    assert "under CGI" not in summary(asked)[-1]
    assert summary([]) == []


# -- running -----------------------------------------------------------------------------------------------------------


def answer(url):
    try:
        with urllib.request.urlopen(url, timeout=LIMIT) as found:
            return found.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_without_a_terminal_it_answers_counts_tells_and_leaves_nothing():
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        told_of = {}
        while not (line := process.stdout.readline()).startswith("ready "):
            assert line, process.stderr.read()
            name, *cells = line.rstrip("\n").split("\t")
            told_of[name] = cells
        assert line == f"ready {told_of['front'][0]}\n"
        assert [answer(f"{told_of[route][0]}hello") for route in ROUTES] == [200] * 5
        there = psutil.Process(process.pid).children(recursive=True)
        worker = int(told_of["scgi"][2].split()[1])
        os.kill(worker, signal.SIGKILL)
        assert f"scgi: worker {worker} was killed by SIGKILL" in process.stdout.readline()
        assert "scgi: worker " in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (0, "")
    sums = dict(re.findall(r"^(\w+) +(\d+ +\d+ +\d+)", out, re.MULTILINE))
    # the CGI server's worker, and a program for the request; SCGI's worker that was killed, and the one after it
    born = {"cgi": 2, "scgi": 2}
    assert {name: numbers.split() for name, numbers in sums.items()} == {
        "front": ["1", "5", "0"],
        **{route: [str(born.get(route, 1)), "1", "0"] for route in ROUTES},
    }
    assert out.endswith("1 request under CGI: 2 processes born; 4 under the other four: 5.\n")
    assert psutil.wait_procs(there, LIMIT)[1] == []


class Terminal:
    """`gatelab up` in a pseudo-terminal of 120 columns, of which it is the foreground."""

    def __init__(self, *arguments, **environment):
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.mode = termios.tcgetattr(self.theirs)
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        open_it = "import os, sys; os.close(os.open(os.ttyname(0), os.O_RDWR)); os.execv(sys.argv[1], sys.argv[1:])"
        self.process = subprocess.Popen(
            [sys.executable, "-c", open_it, *COMMAND, *arguments],
            stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, start_new_session=True,
            env={**kept, "TERM": "xterm", **environment},
        )  # fmt: skip
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)

    def read(self, seconds=0.1):
        if select.select([self.ours], [], [], seconds)[0]:
            self.seen += os.read(self.ours, 65536).decode()

    def wait_for(self, pattern):
        """Read until a pattern comes after what was waited for before, and return the match."""
        wait_until(lambda: self.read() or re.search(pattern, self.seen), pattern, LIMIT)
        found = re.search(pattern, self.seen)
        self.seen = self.seen[found.end() :]
        return found

    def press(self, keys):
        os.write(self.ours, keys)

    def end(self):
        """Wait for the end; return what came last."""
        wait_until(lambda: self.read() or self.process.poll() is not None, "its end", LIMIT)
        while select.select([self.ours], [], [], 0)[0]:
            self.read()
        assert self.process.returncode == 0
        assert termios.tcgetattr(self.theirs) == self.mode
        return self.seen


def test_in_a_terminal_a_dead_gateway_is_told_and_starts_again_where_it_was():
    with Terminal() as terminal:
        url = terminal.wait_for(r"http://[\d.:]+/uwsgi/(?= +uwsgi://127.0.0.1:\d+)")[0]
        first = int(terminal.wait_for(r"uwsgi +1 +2 .* (\d+): \d+")[1])
        os.kill(first, signal.SIGKILL)
        terminal.wait_for("Key s starts again")
        terminal.wait_for(rf"uwsgi: process {first} was killed by SIGKILL")
        assert answer(f"{url}hello") == 503
        terminal.press(b"s")
        terminal.wait_for("uwsgi: runs again, as process")
        assert answer(f"{url}hello") == 200  # the front finds it at its old port
        there = psutil.Process(terminal.process.pid).children(recursive=True)
        terminal.press(b"q")
        last = terminal.end()
        assert "\x1b[?1049l" in last
        assert re.search(rf"uwsgi: process {first} was killed", last.rpartition("\x1b[?1049l")[2])
        assert psutil.wait_procs(there, LIMIT)[1] == []


def test_ctrl_c_while_they_start_leaves_nothing_and_no_colour():
    with Terminal(NO_COLOR="1") as terminal:
        terminal.wait_for("The gateways start")
        wait_until(lambda: len(psutil.Process(terminal.process.pid).children(recursive=True)) > 2, "their start", LIMIT)
        there = psutil.Process(terminal.process.pid).children(recursive=True)
        terminal.press(b"\x03")
        terminal.press(b"\x03")  # it does not wait, and its leashes end what is left
        assert not re.search(r"\x1b\[3\dm", terminal.end())
        assert psutil.wait_procs(there, LIMIT)[1] == []


def refused(*arguments):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("bind", "words"),
    [("nonsense", "'nonsense' is not an address"), ("127.0.0.1:99999", "is not an address"),
     ("unix:/tmp/x", "give --bind HOST:PORT"), ("127.0.0.1:{}", "it is in use already")],
)  # fmt: skip
def test_where_nobody_can_listen_is_refused_before_anything_starts(bind, words):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = refused("--bind", bind.format(taken.getsockname()[1]))
    assert code == 2
    assert words in said
    assert said.count("\n") == 1


def test_what_cannot_start_is_said_and_nothing_stays():
    with pytest.raises(LabError, match=r"^front: .*no such thing"), Together(1, "127.0.0.1:0", print) as together:
        command = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
        together.front.make = lambda _: Server(command)
        together.open()
    assert {row.state for row in together.rows()} == {"has ended", "did not start"}
    assert not [one for one in together.gateways if one.server.alive]
