"""`gatelab who`: what its tables say, and that the gateways it starts are gone with it."""

from __future__ import annotations

import json
import subprocess
import sys

import psutil
import pytest

from gatelab.record_display import new_console
from gatelab.who import tables, tables_running
from gatelab.who_running import Running, Seen, Way, known, running, ways
from gateway_lab.servers import serve
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


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("nginx: master process /usr/sbin/nginx -g daemon off;", "nginx"),
        ("nginx: worker process", "nginx"),
        ("php-fpm: pool www", "php-fpm"),
        ("/usr/sbin/php-fpm8.2|--nodaemonize", "php-fpm"),
        ("/usr/bin/uwsgi|--ini|app.ini", "uwsgi"),
        ("/venv/bin/python|/venv/bin/gunicorn|-w|4|app:app", "gunicorn"),
        ("gunicorn: master [app:app]", "gunicorn"),
        ("python3.11|-W|error|-m|fastcgi_server|app:app", "fastcgi_server"),
        ("/usr/bin/python3|-m|uvicorn.main|app:app", "uvicorn"),
        ("java|-classpath|x.jar|org.apache.catalina.startup.Bootstrap|start", "tomcat"),
        ("python|-I|-S|/lab/leash.py|python|-m|fastcgi_server|app:app", ""),
        ("vi|nginx.conf", ""),
        ("python|-m", ""),
        ("python", ""),
        ("", ""),
    ],
)
def test_a_program_is_known_by_its_words(words, name):
    assert known(words.split("|") if words else []) == name


def fastcgi(*words):
    return ("python", "-m", "fastcgi_server", *words)


PROCESSES = [
    Seen(1, 0, ("init",)),
    Seen(10, 1, ("nginx: master process nginx",), ("127.0.0.1:80",)),
    Seen(11, 10, ("nginx: worker process",), None, ("10.0.0.9:5", "127.0.0.1:9000")),
    Seen(20, 1, fastcgi(), ("127.0.0.1:9000",)),
    Seen(21, 20, fastcgi(), ("127.0.0.1:9000",)),
    Seen(22, 21, ("convert", "a.png")),
    Seen(23, 22, ("python", "leash.py")),
    Seen(24, 23, fastcgi("another"), None),
    Seen(25, 24, fastcgi("another"), None),
]


def test_parents_tell_the_first_one_from_its_workers_and_these_from_what_they_run():
    assert running(reversed(PROCESSES)) == [
        Running("nginx", "a front", "HTTP", 10, (11,), (), ("127.0.0.1:80",), ("10.0.0.9:5", "127.0.0.1:9000")),
        Running("fastcgi_server", "holds workers", "FastCGI", 20, (21,), (22, 23), ("127.0.0.1:9000",), ()),
        Running("fastcgi_server", "holds workers", "FastCGI", 24, (25,), (), None, ()),
    ]


def test_connections_lead_from_one_to_the_other():
    assert ways(running(PROCESSES)) == [Way("nginx", "fastcgi_server", "FastCGI", "127.0.0.1:9000", 1)]


def test_what_runs_is_shown_and_what_is_hidden_said(capsys):
    console = new_console()
    for table in tables_running(running(PROCESSES)):
        console.print(table)
    shown = capsys.readouterr().out
    assert all(words in shown for words in ("a front", "holds workers", "22 23", "root is shown", "how many"))
    assert tables_running([]) == []


def test_running_finds_a_gateway_and_ends_nothing():
    with serve("scgi", workers=2) as server:
        first, *workers = server.pids
        seen = json.loads(gatelab("--running", "--json"))
        assert server.alive
        found = next(one for one in seen["running"] if one["first"] == first)
    assert (found["name"], found["takes"], found["workers"]) == ("scgi_server", "SCGI", sorted(workers))
    assert found["listens"] == [server.url.partition("://")[2]]
