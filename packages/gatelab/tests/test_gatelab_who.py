"""`gatelab who`: what its tables say, and that the gateways it starts are gone with it."""

from __future__ import annotations

import json
import subprocess
import sys

import psutil
import pytest

from gatelab.record_display import new_console
from gatelab.who import tables
from gateway_lab.who import Call, Hop, Process, Who, beginning

GATEWAYS = ["fastcgi_server", "uwsgi_gateway", "scgi_server", "wsgi_server", "cgi_runner"]


def gatelab(*arguments):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "gatelab", "who", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def runs(pid):
    """Tell whether a process runs: one that has ended may still wait for init to hear of it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_json_has_processes_hops_and_calls_and_nothing_stays():
    seen = json.loads(gatelab("--json"))
    assert [one["name"] for one in seen["processes"]] == ["http_front", *GATEWAYS]
    assert all(len(one["listens"]) == 1 and one["pids"] for one in seen["processes"])
    assert [one["rule"] for one in seen["hops"]] == ["HTTP", "FastCGI", "uwsgi", "SCGI", "HTTP", "HTTP", "CGI"]
    assert {one["mentions"] for one in seen["hops"]} == {0}
    assert [one["gateway"] for one in seen["calls"]] == GATEWAYS
    assert [one["own"] for one in seen["calls"]] == [False, False, False, False, True]
    pids = [pid for one in seen["processes"] for pid in one["pids"]]
    assert {one["pid"] for one in seen["calls"][:-1]} < set(pids)
    assert not [pid for pid in pids if runs(pid)]


def test_tables_are_plain_without_a_terminal(capsys):
    seen = Who(
        (Process("fastcgi_server", "", (7, 8), ("127.0.0.1:9000",)),),
        (Hop("http_front", "fastcgi_server", "FastCGI", b"\x01\x01\0\x01", b"\x1b[2J", 0),),
        (Call("fastcgi_server", 8, False, 9), Call("cgi_runner", 9, True, 8)),
    )
    console = new_console()
    for table in tables(seen):
        console.print(table)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    for words in (
        "7 8",
        "127.0.0.1:9000",
        "01 01 00 01",
        "1b 5b 32 4a",
        "its own worker",
        "a process for this request",
    ):
        assert words in shown


@pytest.mark.parametrize(
    ("data", "shown"),
    [(b"", ""), (b"GET / HTTP/1.1\r\n", r"GET / HTTP/1.1\r\n"), (b"\x00\xfc\x01\x00CO", "00 fc 01 00 43 4f"),
     (b"\x1b[2J", "1b 5b 32 4a")],
)  # fmt: skip
def test_bytes_for_a_terminal(data, shown):
    assert beginning(data) == shown
