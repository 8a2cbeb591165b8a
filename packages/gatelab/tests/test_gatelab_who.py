"""`gatelab who`: what its tables say, and that the gateways it starts are gone with it."""

from __future__ import annotations

import json
import subprocess
import sys

import psutil
import pytest

from gatelab.who import printable

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


def test_tables_are_plain_without_a_terminal():
    shown = gatelab()
    assert "\x1b" not in shown
    assert all(name in shown for name in GATEWAYS)
    assert "01 01 00 01" in shown


@pytest.mark.parametrize(
    ("data", "shown"),
    [(b"", ""), (b"GET / HTTP/1.1\r\n", r"GET / HTTP/1.1\r\n"), (b"\x00\xfc\x01\x00CO", "00 fc 01 00 43 4f"),
     (b"\x1b[2J", "1b 5b 32 4a")],
)  # fmt: skip
def test_bytes_for_a_terminal(data, shown):
    assert printable(data) == shown
