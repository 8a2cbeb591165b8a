"""Visitors arrive at a rate whatever the server does, and each is accounted for: served, failed, turned away."""

import asyncio
import contextlib
import gc
import socket

import pytest

from classroom_demo import visitors
from classroom_demo.refusals import Refused
from classroom_demo.visitors import Crowd
from gateway_runtime.addresses import parse_url

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n"


@contextlib.asynccontextmanager
async def unanswered():
    """A crowd in front of a port that takes connections, and where nobody answers; and the list of its visits."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        scheme, address = parse_url(f"http://127.0.0.1:{port.getsockname()[1]}")
        seen = []
        one = Crowd(scheme, address, seen.append)
        try:
            yield one, seen
        finally:
            await one.leave()


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def test_they_come_at_a_rate_until_it_is_0():
    async def go():
        async with unanswered() as (one, seen):
            one.set_rate(500)
            await until(lambda: one.came >= 5)
            one.set_rate(0)
            came = one.came
            one.burst(2)
            assert (one.came, seen) == (came + 2, [])
            assert one.came == one.waiting + one.turned_away

    asyncio.run(go())


def test_a_rate_of_0_that_is_set_in_the_turn_in_which_one_is_due():
    async def go():
        async with unanswered() as (one, _):
            loop, done = asyncio.get_running_loop(), asyncio.Event()
            one.set_rate(500)
            await until(lambda: one.came)

            def be_late():  # beyond the next arrival: its timer and the new rate are then of one turn
                end = loop.time() + 3 / 500
                while loop.time() < end:
                    pass
                loop.call_soon(one.set_rate, 0)
                loop.call_soon(loop.call_later, 0.01, done.set)

            loop.call_soon(be_late)
            await done.wait()
            before = one.came
            one.set_rate(500)
            await until(lambda: one.came > before)

    asyncio.run(go())


def test_who_finds_no_room_is_turned_away_and_counted(monkeypatch):
    monkeypatch.setattr(visitors, "CROWD", 3)

    async def go():
        async with unanswered() as (one, seen):
            one.burst(5)
            assert (one.came, one.waiting, one.turned_away, seen) == (5, 3, 2, [])

    asyncio.run(go())


def test_a_visitor_gives_up_in_time(monkeypatch):
    monkeypatch.setattr(visitors, "PATIENCE", 0.01)

    async def go():
        async with unanswered() as (one, seen):
            visit = await one.one()
            assert (visit.failure, seen) == ("gave up", [visit])

    asyncio.run(go())


def test_the_lane_ends_before_the_answer():
    async def go():
        async with unanswered() as (one, _):
            asking = asyncio.ensure_future(one.one())
            await asyncio.sleep(0)
            await one.leave()
            with pytest.raises(Refused, match="stopped before"):
                await asking

    asyncio.run(go())


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (ANSWER, ""), (b"", "hung up"), (ANSWER[:20], "hung up"), (ANSWER[:-1], "hung up"),
        (b"\0nonsense\r\n\r\n", "not understood"),
    ],
)  # fmt: skip
def test_how_a_visit_ends(answer, failure):
    async def serve(reader, writer):
        await reader.read(4096)
        writer.write(answer)
        writer.close()

    async def go():
        seen = []
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            scheme, address = parse_url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            visit = await Crowd(scheme, address, seen.append).one()
        assert (visit.failure, seen) == (failure, [visit])
        assert visit.due <= visit.sent <= visit.answered <= visit.closed

    asyncio.run(go())


@pytest.mark.parametrize("turns", range(8))
def test_they_may_leave_at_any_moment_and_nobody_complains(turns):
    """`turns` of the loop after they have come: before they connect, meanwhile, and while they wait for an answer."""
    complaints = []

    async def go():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, told: complaints.append(told["message"]))
        async with unanswered() as (one, _):
            one.burst(3)
            for _ in range(turns):
                await asyncio.sleep(0)
            await one.leave()
            assert one.waiting == 0
            for _ in range(turns):  # their connections end in the turns that follow
                await asyncio.sleep(0)
        gc.collect()

    asyncio.run(go())
    gc.collect()
    assert complaints == []
