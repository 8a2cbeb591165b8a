"""`gatelab up`: what its table says, that the gateways answer through the front, and that nothing is left of them."""

import signal
import subprocess
import sys
import urllib.request

import psutil

from gatelab.record_display import new_console
from gatelab.up import ROUTES, Row, counts, lines, table
from gateway_lab.happenings import Happening

LIMIT = 60


def told(kind, pid, parent, n):
    return Happening(kind, 1.0, pid, parent, {"n": n})


def test_counts_are_those_of_who_told_though_some_were_not_heard():
    happenings = [
        told("spawn", 8, 7, 1),
        told("ready", 8, 7, 1),
        told("begin", 8, 7, 1),
        told("end", 8, 7, 1),
        told("spawn", 9, 7, 3),
        told("end", 8, 7, 5),
        told("spawn", 20, 9, 2),
        told("end", 9, 7, 1),
    ]
    assert counts(happenings) == (3 + 2, 5 + 1)
    assert counts([]) == (0, 0)


def test_table_and_lines_say_the_same(capsys):
    rows = [
        Row("fastcgi", "http://h:1/fastcgi/", "fastcgi://h:2", (7, 8), 1, 40),
        Row("cgi", "http://h:1/cgi/", "http://h:3", tuple(range(100, 120)), 43, 41, runs=False),
    ]
    new_console().print(table(rows))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    for words in ("http://h:1/fastcgi/", "fastcgi://h:2", "7 8", "40", "43", "has ended", "Ctrl-C"):
        assert words in shown
    assert lines(rows)[0] == "fastcgi\thttp://h:1/fastcgi/\tfastcgi://h:2\t7 8\t1\t40"


def test_many_processes_are_not_all_listed():
    assert Row("cgi", "", "", tuple(range(1, 20)), 0, 0).cells()[3] == "1 2 3 4 5 6 ..."


def test_it_starts_answers_counts_and_leaves_nothing():
    command = [sys.executable, "-W", "error", "-m", "gatelab", "up", "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        urls = {}
        while not (line := process.stdout.readline()).startswith("ready "):
            assert line, process.stderr.read()
            name, url, *_ = line.split("\t")
            urls[name] = url
        for route in ROUTES:
            with urllib.request.urlopen(f"{urls[route]}hello", timeout=LIMIT) as answer:
                assert answer.read() == b"Hello, world!\n"
        there = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (0, "")
    born = {"cgi": 2}  # the runner's worker, and a program for the request
    assert out.splitlines() == [f"{one}: {born.get(one, 1)} processes born, 1 requests" for one in ROUTES]
    assert psutil.wait_procs(there, LIMIT)[1] == []
