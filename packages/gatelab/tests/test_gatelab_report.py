"""Reports: what is read, what is passed over, and what makes one bad."""

from __future__ import annotations

import json

import pytest

from gatelab.errors import Unreachable
from gatelab.report import read_report
from gatelab_samples import document, report, thread, worker


def test_a_report_is_read_whole():
    read = report([worker(4201, [thread(200, "GET /hello"), thread(100, "GET /sleep", 1.5)])], threads=2)
    assert (read.program, read.pid, read.uptime_s, read.requests) == ("wsgi_server", 4200, 12.3, 300)
    assert (read.workers.alive, read.workers.busy, read.listeners[0].queue_max) == (1, 1, 1024)
    (one,) = read.worker
    assert (one.pid, one.queue_wait_ms.max, one.threads[1].request) == (4201, 3.2, "GET /sleep")


def test_what_the_system_does_not_tell_is_none():
    read = report([worker(rss_bytes=None)], listeners=[{"url": "http://127.0.0.1:1", "queue": None, "queue_max": None}])
    assert read.worker[0].rss_bytes is None
    assert read.listeners[0].queue is None


def test_whole_numbers_are_times_too():
    assert report(uptime_s=12).uptime_s == 12.0


def test_what_a_newer_server_says_more_is_passed_over():
    assert report([worker(novelty=[1])], novelty={"a": 1}) == report([worker()])


@pytest.mark.parametrize(
    ("threads", "request_"),
    [
        ([thread(9, "GET /idle")], None),
        ([thread(9, "GET /a", 1.0), thread(9, "GET /b", 2.0), thread(9, "GET /c")], "GET /b"),
        ([thread(9, "GET /just-begun", 0.0)], "GET /just-begun"),
    ],
)
def test_the_longest_request_of_a_worker(threads, request_):
    longest = report([worker(threads=threads)]).worker[0].longest
    assert (longest.request if longest else None) == request_


def change(path, value):
    """Return a report with one value changed; ... takes it away."""
    whole = document([worker()])
    place = whole
    *way, last = path
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["pid"], ..., "pid"),
        (["pid"], "4200", r"\$\.pid"),
        (["pid"], None, r"\$\.pid"),
        (["pid"], 42.5, r"\$\.pid"),
        (["worker"], ..., "worker"),
        (["worker"], {}, r"\$\.worker"),
        (["worker", 0, "threads", 0, "busy_s"], "1", r"busy_s"),
        (["workers", "idle"], ..., r"idle"),
        (["listeners", 0, "queue"], ..., r"queue"),
        (["format"], ..., "format"),
        (["format"], 2, "format 2.*reads 1: update"),
    ],
)
def test_a_report_that_lacks_something_says_what(path, value, said):
    with pytest.raises(Unreachable, match=said):
        read_report(change(path, value))


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b'{"format": 1', b"\xff\xfe", b'{"format": 1}x'])
def test_what_is_no_report_is_called_so(content):
    with pytest.raises(Unreachable, match="no status report"):
        read_report(content)
