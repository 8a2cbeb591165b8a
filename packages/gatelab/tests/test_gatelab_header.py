"""The lines above the table."""

from __future__ import annotations

import pytest

from gatelab.header import header
from gatelab.target import parse_target
from gatelab.watch import Watch
from gatelab_samples import report, thread, worker


def lines(*reports, width=100, address="unix:/run/app.status"):
    watch = Watch(parse_target(address))
    for one in reports:
        watch.take(one)
    return header(watch, width).plain.split("\n")


def counts(**changes):
    numbers = {"configured": 4, "least": 4, "most": 4, "alive": 4, "idle": 3, "busy": 1, "starting": 0, "retiring": 0}
    return {**numbers, **changes}


def test_nothing_is_known_before_the_first_report():
    assert lines() == [""]


def test_who_it_is():
    title = lines(report(uptime_s=18_120.0, manager="dynamic", generation=3))[0]
    assert title.split("   ")[:5] == ["wsgi_server 0.1.0", "pid 4200", "up 5 h 2 min", "dynamic", "generation 3"]
    assert title.endswith("unix:/run/app.status")
    assert len(title) == 100


def test_an_address_that_has_no_room_is_left_away():
    assert lines(report(), address="unix:/" + "x" * 40)[0].endswith("generation 1")


def test_the_rate_is_there_from_the_second_report_on():
    first, second, third = (report([worker(threads=[thread(1000 + 50 * n)])], uptime_s=10.0 + n) for n in range(3))
    assert lines(first)[1] == "requests  1,000 in all"
    assert lines(first, second)[1].split() == ["requests", "50.0/s", "1,050", "in", "all"]
    assert lines(first, second, third)[1].split() == ["requests", "50.0/s", "██", "1,100", "in", "all"]
    assert len(lines(first, second, third)[1]) == 100


@pytest.mark.parametrize(
    ("workers", "said"),
    [
        (counts(), "4   3 idle   1 busy   0 starting   0 retiring   2 threads"),
        (counts(least=2, most=8), "4 (2 to 8)   3 idle   1 busy   0 starting   0 retiring   2 threads"),
        (counts(alive=3, idle=2), "3 of 4   2 idle   1 busy   0 starting   0 retiring   2 threads"),
        (counts(alive=5, retiring=1), "5   3 idle   1 busy   0 starting   1 retiring   2 threads"),
        (
            counts(least=2, most=8, alive=1, idle=0),
            "1 (2 to 8)   0 idle   1 busy   0 starting   0 retiring   2 threads",
        ),
    ],
)
def test_workers(workers, said):
    assert lines(report(workers=workers, threads=2))[2] == f"workers   {said}"


def test_a_single_thread_is_one():
    assert lines(report())[2].endswith("1 thread")


@pytest.mark.parametrize(
    ("listener", "said"),
    [((3, 1024), "3 of 1024"), ((None, None), "-"), ((None, 1024), "-"), ((7, None), "7")],
)
def test_listen_queues(listener, said):
    queue, most = listener
    shown = lines(report(listeners=[{"url": "http://a:1", "queue": queue, "queue_max": most}]))[3]
    assert shown.rstrip() == f"queue     {said}  http://a:1"


def test_each_address_has_its_queue():
    listeners = [{"url": f"http://a:{n}", "queue": n, "queue_max": 10} for n in range(3)]
    assert lines(report(listeners=listeners))[3].count(" of 10  http://a:") == 3


def test_a_queue_that_fills_is_marked():
    def style(queue):
        watch = Watch(parse_target("unix:/x"))
        watch.take(report(listeners=[{"url": "http://a:1", "queue": queue, "queue_max": 10}]))
        line = header(watch, 100).split("\n")[3]
        return [str(span.style) for span in line.spans if span.start == len("queue     ")]

    assert style(4) == []
    assert style(5) == ["bold red"]


def test_the_longest_wait_of_all_workers():
    waits = [{"recent": 0.1, "max": 3.2}, {"recent": 0.4, "max": 1.0}]
    read = report([worker(pid, queue_wait_ms=wait) for pid, wait in enumerate(waits)])
    assert lines(read)[4] == "waited    400µs recently   3.2ms at most"
    assert lines(report())[4] == "waited    0 recently   0 at most"


def test_trouble():
    read = report(died=1, slow_requests=2000, timed_out=3, spawned=5, reloads=1)
    assert lines(read)[5] == "trouble   1 died   2,000 slow   3 timed out   5 spawned   1 reload"
    assert lines(report(reloads=2))[5].endswith("2 reloads")


@pytest.mark.parametrize("width", [1, 20, 60, 80, 200])
def test_no_line_is_longer_than_the_terminal(width):
    listeners = [{"url": f"http://a:{n}", "queue": n, "queue_max": 10} for n in range(9)]
    read = [report([worker(threads=[thread(10**12 + n)])], uptime_s=n, listeners=listeners) for n in (1, 2, 3)]
    shown = lines(*read, width=width)
    assert len(shown) == 6
    assert max(map(len, shown)) <= width


def test_at_eighty_columns_the_usual_lines_are_whole():
    read = report(
        [worker(4194304)], workers=counts(least=2, most=8), threads=8, pid=4194303, uptime_s=1e6, manager="ondemand",
        requests=123_456_789, generation=12, died=10, slow_requests=100, timed_out=10, spawned=100, reloads=10,
    )  # fmt: skip
    assert "…" not in "".join(lines(read, width=80))


def test_what_a_server_says_cannot_command_the_terminal():
    listeners = [{"url": "http://\x1b[2J", "queue": 0, "queue_max": 1}]
    assert "\x1b" not in "".join(lines(report(program="\x1b[2J", version="\x1b", manager="\x1b", listeners=listeners)))
