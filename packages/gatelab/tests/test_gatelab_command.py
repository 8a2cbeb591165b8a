"""The command line: `gatelab status`, and `gatelab top` where there is no terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from gatelab_samples import Fake, document, http, thread, worker

REPORT = document([worker(4201, [thread(200, "GET /hello"), thread(100, "GET /sleep?ms=90000", 1.5)])], threads=2)
TABLE = "     PID STATE    GEN   AGE  REQS REQ/S  CONN   RSS  WAIT   FOR DOING"


def answer(**changes):
    return http(json.dumps({**REPORT, **changes}).encode())


def gatelab(*arguments):
    """Run the command without a terminal; return exit code, output and standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "gatelab", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def server(tmp_path):
    """A server with one report."""
    with Fake(tmp_path / "a", answer()) as fake:
        fake.address = f"unix:{tmp_path}/a"
        yield fake


def test_status_as_text(server):
    code, out, err = gatelab("status", server.address)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("wsgi_server 0.1.0   pid 4200")
    assert lines[1] == "requests  300 in all"
    assert lines[-2] == TABLE
    assert re.split(" +", lines[-1], maxsplit=11)[1:] == [
        "4201", "busy", "1", "12s", "300", "-", "12", "21.9M", "100µs", "1.5s", "GET /sleep?ms=90000",
    ]  # fmt: skip
    assert len(server.asked) == 1


def test_status_as_json(server):
    code, out, err = gatelab("status", "--json", server.address)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert json.loads(out) == REPORT


def test_a_report_of_a_later_server_is_passed_on_whole(server):
    server.answer = answer(novelty={"a": [1]})
    assert json.loads(gatelab("status", "--json", server.address)[1])["novelty"] == {"a": [1]}


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_server_that_does_not_answer_does_not_hide_the_others(server, tmp_path, option):
    with Fake(tmp_path / "b", answer(pid=77)):
        silent = f"unix:{tmp_path}/none"
        code, out, err = gatelab("status", *option, server.address, silent, f"unix:{tmp_path}/b")
    assert code == 1
    assert out.index("4200") < out.index("77")
    assert err == f"gatelab: {silent}: there is no such socket\n"


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_what_is_no_report_is_not_printed(server, option):
    server.answer = http(b'{"format": 7}')
    code, out, err = gatelab("status", *option, server.address)
    assert (code, out) == (1, "")
    assert err.startswith(f"gatelab: {server.address}: the report there has format 7")


def test_the_same_address_twice_is_one_server(server):
    assert gatelab("status", server.address, server.address)[1].count("wsgi_server") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status"], "which server? start it with --status unix:/tmp/app.status, then: gatelab status"),
        (["top"], "which server? start it with --status unix:/tmp/app.status, then: gatelab top"),
        (["status", "127.0.0.1:80"], "'127.0.0.1:80' is not an address: write unix:PATH"),
        (
            ["top", "--control", "http://127.0.0.1:1/x"],
            "'http://127.0.0.1:1/x' is not a control socket: write unix:PATH",
        ),
        (["top", "unix:/x", "/y"], "'/y' is not an address: write unix:PATH"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, said):
    code, out, err = gatelab(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"gatelab: {said}")


def test_top_prints_one_frame_with_rates_where_there_is_no_terminal(tmp_path):
    class Counting(Fake):
        """Each answer is a second and ten requests later."""

        @property
        def answer(self):
            second = len(self.asked)
            return answer(uptime_s=10.0 + second, requests=1000 + 10 * second)

        @answer.setter
        def answer(self, _):
            pass

    with Counting(tmp_path / "a") as fake:
        code, out, err = gatelab("top", "--interval", "0.1", f"unix:{tmp_path}/a")
    assert (code, err, len(fake.asked)) == (0, "", 2)
    assert out.splitlines()[1].split() == ["requests", "10.0/s", "1,020", "in", "all"]
    assert "\x1b" not in out


def test_top_once_of_a_server_that_is_not_there(tmp_path):
    code, out, err = gatelab("top", "--once", f"unix:{tmp_path}/none")
    assert (code, out, err) == (1, "", f"gatelab: unix:{tmp_path}/none: there is no such socket\n")


def test_a_reader_who_has_enough(server):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "gatelab", "status", server.address],
            stdin=subprocess.DEVNULL, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == ""


@pytest.mark.parametrize(("columns", "cut"), [(40, True), (200, False)])
def test_on_a_terminal_no_line_is_longer_than_that(server, columns, cut):
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "gatelab", "top", "--once", "--interval", "0.1", server.address],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=30, check=False,
        env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"},
    )  # fmt: skip
    os.close(theirs)
    out = os.read(ours, 65536).decode()
    os.close(ours)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("…" in out) is cut


def test_help_reads_well():
    code, out, err = gatelab("--help")
    assert (code, err) == (0, "")
    assert "top " in out
    assert "status " in out


def test_alone_it_says_what_there_is():
    code, out, err = gatelab()
    assert code == 2
    assert out + err == gatelab("--help")[1]


def test_only_the_live_view_pays_for_textual():
    program = "import sys, gatelab.__main__, gatelab.plain; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "False\n"
