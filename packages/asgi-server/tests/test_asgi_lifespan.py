"""The application's beginning and end: in order, once a process, and whatever it does."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from asgi_peer import probed

from http_peer import ask, request  # isort: skip
from gateway_runtime.testing import Server, run_to_end

HEAD = """
import asyncio, os, sys
def say(*words): os.write(2, (" ".join(map(str, words)) + "\\n").encode())
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await life(scope, receive, send)
    else:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"served"})
"""
REST = """
    await receive()
    say("shutting down")
    await send({"type": "lifespan.shutdown.complete"})
"""

FAILURES = [
    # the lifespan, the sentence
    ('await receive(); await send({"type": "lifespan.startup.failed", "message": "no database at db:5432"})',
     "no database at db:5432"),
    ('await receive(); await send({"type": "lifespan.startup.failed"})', "its start-up has failed"),
    ('await receive(); await send({"type": "lifespan.startup.failed", "message": "x"}); raise ValueError("y")', "x"),
]  # fmt: skip


def written(folder: Path, life: str) -> Path:
    (folder / "lived.py").write_text(f"{HEAD}async def life(scope, receive, send):\n    {life}\n")
    return folder


@pytest.mark.parametrize(("life", "sentence"), FAILURES)
def test_a_start_up_that_fails_ends_the_start(tmp_path: Path, life: str, sentence: str) -> None:  # ASGI-10
    code, said = run_to_end("asgi_server", "lived:app", "--bind", "127.0.0.1:0", cwd=written(tmp_path, life))
    assert code == 2
    assert said.startswith("asgi_server: ")
    assert sentence in said
    assert said.count("\n") == 1


WITHOUT = [
    # the lifespan, the line
    ('raise TypeError("only http")', "served without lifespan events: TypeError: only http"),
    ('assert scope["type"] == "http"', "served without lifespan events: AssertionError"),
    ('await receive(); raise KeyError("x")', "served without lifespan events: KeyError"),
    (
        'await receive(); await send({"type": "lifespan.shutdown.complete"})',
        "does not send 'lifespan.shut",
    ),
    ('await receive(); await send({"type": "lifespan.startup.complete"}); raise ValueError("later")', "ended early"),
    ("return", ""),
]


@pytest.mark.parametrize(("life", "line"), WITHOUT)
def test_an_application_without_a_lifespan_is_served(tmp_path: Path, life: str, line: str) -> None:  # ASGI-11
    with Server("asgi_server", "lived:app", "--bind", "127.0.0.1:0", cwd=written(tmp_path, life)) as server:
        assert ask(server, "/").body == b"served"
        if line:
            server.wait_for_line(line)


def test_start_up_comes_first_and_shut_down_last(tmp_path: Path) -> None:  # ASGI-10, ASGI-12
    life = f"""say("starting", os.getpid(), scope["asgi"])
    assert (await receive()) == {{"type": "lifespan.startup"}}
    await asyncio.sleep(0.05)
    say("started")
    await send({{"type": "lifespan.startup.complete"}})
    assert (await receive()) == {{"type": "lifespan.shutdown"}}{REST.replace("await receive()", "pass")}"""
    options = ("--bind", "127.0.0.1:0", "--workers", "2")
    with Server("asgi_server", "lived:app", *options, cwd=written(tmp_path, life)) as server:
        said = server.stderr.split("\n")
        workers = server.workers()
        assert ask(server, "/").body == b"served"
    starts = [line for line in said if line.startswith("starting")]
    assert sorted(starts) == [f"starting {pid} {{'version': '3.0', 'spec_version': '2.0'}}" for pid in workers]
    assert said.index(server_ready := f"ready {server.url}") > max(said.index("started"), said.index(starts[1]))
    assert server.stderr.split(server_ready)[1].count("shutting down") == 2


ENDS = [
    # after the start-up, the line at the end
    ('await receive(); await send({"type": "lifespan.shutdown.failed", "message": "cannot"})', "has failed: cannot"),
    ("await receive(); await asyncio.Event().wait()", "has not shut down within"),
    ('await receive(); raise ValueError("at the end")', "ended early: ValueError: at the end"),
]


@pytest.mark.parametrize(("life", "line"), ENDS)
def test_a_shut_down_that_fails_does_not_hold_up_the_end(tmp_path: Path, life: str, line: str) -> None:  # ASGI-12
    life = 'await receive(); await send({"type": "lifespan.startup.complete"}); ' + life
    options = ("--bind", "127.0.0.1:0", "--grace-timeout", "0.1")
    with Server("asgi_server", "lived:app", *options, cwd=written(tmp_path, life)) as server:
        server.stop()
        server.wait_for_line(line)


def test_told_to_stop_while_it_starts(tmp_path: Path) -> None:
    life = 'say("starting"); await asyncio.Event().wait()'
    early = _Early("asgi_server", "lived:app", "--bind", "127.0.0.1:0", cwd=written(tmp_path, life))
    with pytest.raises(AssertionError, match="the server ended with code 0"), early:
        pass


class _Early(Server):
    """A server that is told to stop as soon as its worker says that it starts."""

    def _wait_for_ready(self) -> None:
        self.wait_for_line("^starting$")
        self.signal(signal.SIGTERM)
        super()._wait_for_ready()


def test_shut_down_waits_for_requests_that_are_under_way(tmp_path: Path) -> None:  # ASGI-12
    with Server("asgi_server", "probe:app", "--bind", "127.0.0.1:0", cwd=probed(tmp_path)) as server:
        with server.connect() as sock, server.connect() as idle:
            sock.sendall(request("/leaving"))
            server.wait_for_line("^waiting$")
            idle.sendall(request("/unread"))
            assert idle.recv(65536).endswith(b"unread")
            server.signal(signal.SIGTERM)
            assert idle.recv(65536) == b""  # it has heard of it
        server.wait()
    said = server.stderr.split("\n")
    assert said.index("shut down") > said.index("told again {'type': 'http.disconnect'}")


def test_what_has_not_ended_within_the_grace_time_is_cancelled(tmp_path: Path) -> None:  # ASGI-12
    options = ("--bind", "127.0.0.1:0", "--grace-timeout", "0.2")
    with Server("asgi_server", "probe:app", *options, cwd=probed(tmp_path)) as server, server.connect() as sock:
        sock.sendall(request("/forever"))
        server.wait_for_line("^waiting$")
        server.stop()
        server.wait_for_line("^cancelled$")
        server.wait_for_line("GET /forever: the call is cancelled")
        server.wait_for_line("^shut down$")


def test_a_call_that_will_not_be_cancelled_holds_up_nobody(tmp_path: Path) -> None:
    options = ("--bind", "127.0.0.1:0", "--grace-timeout", "0.1")
    with Server("asgi_server", "probe:app", *options, cwd=probed(tmp_path)) as server, server.connect() as sock:
        sock.sendall(request("/stubborn"))
        server.wait_for_line("^waiting$")
        server.stop()
        server.wait_for_line("^not now$")
        server.wait_for_line("^shut down$")  # the application has its chance all the same
        server.wait_for_line("is killed because it has not ended in time")


def test_a_lifespan_that_will_not_end_holds_up_nobody(tmp_path: Path) -> None:
    life = f"""await receive()
    await send({{"type": "lifespan.startup.complete"}}){REST}
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            say("not now")"""
    options = ("--bind", "127.0.0.1:0", "--grace-timeout", "0.1")
    with Server("asgi_server", "lived:app", *options, cwd=written(tmp_path, life)) as server:
        server.stop()
        server.wait_for_line("^not now$")
        server.wait_for_line("is killed because it has not ended in time")
