"""Against real servers: the two ends of the report were written apart, and here they meet."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import contextmanager

import pytest
from textual.widgets import Static

from gatelab.ask import command, report_of
from gatelab.errors import Refused
from gatelab.rates import SERVER, rates_between
from gatelab.target import parse_target
from gatelab.top import Top
from gatelab.watch import Watch
from gateway_runtime.testing import Server

APPLICATION = ["demo_app:app"]

GATEWAYS = {
    "wsgi_server": APPLICATION,
    "fastcgi_server": APPLICATION,
    "scgi_server": APPLICATION,
    "uwsgi_gateway": APPLICATION,
    "cgi_runner": ["--app", *APPLICATION],
    "http_front": ["--to", "http://127.0.0.1:1"],
}


@contextmanager
def serving(tmp_path, program="wsgi_server", *more):
    arguments = [*GATEWAYS[program], "--bind", "127.0.0.1:0", "--status", f"unix:{tmp_path}/s", *more]
    with Server(program, *arguments) as server:
        yield server


def ask(server, path, wait=True):
    """Send a request; return the response, or the socket on which it will come."""
    sock = server.connect()
    sock.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path)
    if not wait:
        return sock
    with sock, sock.makefile("rb") as stream:
        return stream.read()


@pytest.mark.parametrize("program", GATEWAYS)
def test_every_gateway_reports(tmp_path, program):
    with serving(tmp_path, program, "--workers", "2") as server:
        report = asyncio.run(report_of(parse_target(f"unix:{tmp_path}/s")))
    assert (report.program, report.pid) == (program, server.pid)
    assert (report.manager, report.workers.alive, report.generation) == ("static", 2, 1)
    assert len(report.worker) == 2
    assert report.listeners[0].url == server.url


def test_a_status_page_counts_what_it_is_asked(tmp_path):
    with serving(tmp_path, "wsgi_server", "--status-path", "/-/status") as server:
        page, socket = parse_target(f"{server.url}/-/status"), parse_target(f"unix:{tmp_path}/s")
        first = asyncio.run(report_of(socket))
        for _ in range(5):
            assert ask(server, b"/hello").endswith(b"Hello, world!\n")
        second = asyncio.run(report_of(page))
        rate = rates_between(first, second)[SERVER]
        assert second.requests - first.requests == 5
        assert rate == pytest.approx(5 / (second.uptime_s - first.uptime_s))
        assert second.worker[0].requests == 5


def test_orders_are_taken_or_refused(tmp_path):
    control = parse_target(f"unix:{tmp_path}/c")
    with serving(tmp_path, "wsgi_server", "--control", f"unix:{tmp_path}/c") as server:
        assert "workers from now on: 2" in asyncio.run(command(control, "/workers?n=2"))
        worker = server.workers()[0]
        assert str(worker) in asyncio.run(command(control, f"/traceback?pid={worker}"))
        server.wait_for_line("most recent call first")
        for what in ("/workers?n=0", "/workers?n=x", "/traceback?pid=1", "/no-such-order"):
            with pytest.raises(Refused, match=r"[a-z]{3}"):
                asyncio.run(command(control, what))


async def test_a_day_in_the_life_of_a_server(tmp_path):
    """Busy, resized, a worker killed, reloaded, ended: the view follows."""

    async def until(condition):
        async with asyncio.timeout(30):
            while not condition():
                await pilot.pause(0.01)

    def header():
        return str(app.query_one("#header", Static).render())

    def rows():
        return [[text.plain.strip() for text in app._table.get_row_at(row)] for row in range(app._table.row_count)]

    def workers(number):
        return lambda: f"workers   {number}   {number} idle" in header() and len(rows()) == number

    options = ["--control", f"unix:{tmp_path}/c", "--threads", "2"]
    with serving(tmp_path, "wsgi_server", *options) as server:
        watch = Watch(parse_target(f"unix:{tmp_path}/s"), parse_target(f"unix:{tmp_path}/c"))
        app = Top([watch], report_of, 0.1)
        async with app.run_test(notifications=True) as pilot:
            await until(workers(1))
            with ask(server, b"/sleep?ms=60000", wait=False):
                await until(lambda: rows()[0][1] == "busy" and rows()[0][-1].startswith("GET /sleep"))
                await pilot.press("plus", "y")
                await until(lambda: "workers   2   1 idle   1 busy" in header())
                busy = (
                    watch.report.worker[0].pid if watch.report.worker[0].state == "busy" else watch.report.worker[1].pid
                )
                os.kill(busy, signal.SIGKILL)
                await until(lambda: "1 died" in header())
            await until(workers(2))
            await pilot.press("r", "y")
            await until(lambda: "generation 2" in header() and workers(2)())
            await pilot.press("enter")
            await until(lambda: len(rows()) == 2 + len(watch.report.worker[0].threads))
            await asyncio.to_thread(server.stop)
            await until(lambda: "there is no such socket" in watch.trouble)
            assert rows()
