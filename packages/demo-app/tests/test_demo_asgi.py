"""The ASGI endpoints beside their twins: the same answers, and what only these can say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from demo_app import asgi, experiments


class Call:
    """One call of the application by a small server of our own; `messages` is what it has sent."""

    def __init__(self, target: str, method: str = "GET", *pieces: bytes, kind: str = "http", **fields: str) -> None:
        path, _, query = target.partition("?")
        self.scope: dict[str, Any] = {
            "type": kind,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in fields.items()],
            "method": method,
        }
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        pieces = pieces or (b"",)
        for number, piece in enumerate(pieces, 1):
            self.inbox.put_nowait({"type": "http.request", "body": piece, "more_body": number < len(pieces)})
        self.messages: list[dict[str, Any]] = []
        self.sent = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        self.sent.set()
        await asyncio.sleep(0)

    async def run(self) -> Call:
        await asgi.app(self.scope, self.inbox.get, self.send)
        return self

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.sent.clear()
            await asyncio.wait_for(self.sent.wait(), 20)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name.decode(), value.decode("latin-1")) for name, value in self.messages[0]["headers"]]

    @property
    def body(self) -> bytes:
        assert all(message["type"] == "http.response.body" for message in self.messages[1:])
        assert [message.get("more_body", False) for message in self.messages[1:]][-1] is False
        return b"".join(message["body"] for message in self.messages[1:])


def call(target: str, method: str = "GET", *pieces: bytes, **fields: str) -> Call:
    return asyncio.run(Call(target, method, *pieces, **fields).run())


TWINS = [
    "/hello", "/health", "/sleep?ms=0", "/sleep?ms=x", "/sleep?ms=1&ms=2", "/cpu?ms=1", "/cpu?ms=99999999",
    "/stream?n=3&ms=0", "/stream?n=0", "/stream?n=10000&ms=60000", "/status/201", "/status/204", "/status/205",
    "/status/304", "/status/401", "/status/418", "/status/503", "/status/599", "/status/99", "/cookies",
    "/environ?format=xml",
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("target", TWINS)
def test_twins_answer_alike(ask, target, method):
    ours, theirs = call(target, method), ask(target, method)
    assert ours.status == theirs.code
    assert ours.headers == [(name.lower(), value) for name, value in theirs.headers]
    if method == "GET":
        assert ours.body == theirs.body


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_echo(ask, method):
    pieces = (b"one", b"\0\xff\r\n", b"three")
    whole = b"".join(pieces)
    ours = call("/echo", method, *pieces, content_type="image/x-thing", content_length=str(len(whole)))
    theirs = ask("/echo", method, whole, CONTENT_TYPE="image/x-thing")
    assert (ours.status, ours.body) == (200, theirs.body)
    assert ours.headers == [(name.lower(), value) for name, value in theirs.headers]
    assert len(ours.messages) == 2 + len(pieces)  # each goes back before the next is there


def test_a_client_that_leaves_within_its_request():
    one = Call("/echo", "POST", b"x", b"y")
    one.inbox.get_nowait()
    one.inbox.get_nowait()
    one.inbox.put_nowait({"type": "http.disconnect"})
    with pytest.raises(ConnectionError):
        asyncio.run(one.run())


def test_the_scope_is_shown():
    text = call("/environ?a=%20b", X_Thing="1").body.decode()
    assert "query_string = b'a=%20b'" in text
    assert "path = '/environ'" in text
    found = json.loads(call("/environ?format=json").body)
    assert (found["type"], found["method"]) == ("http", "GET")


def test_refusals():
    assert (call("/nothing").status, call("/nothing").body) == (404, b"There is no page at this address.\n")
    refused = call("/hello", "POST")
    assert (refused.status, dict(refused.headers)["allow"]) == (405, "GET, HEAD")


def test_crashes():
    for target, sent in (("/crash", 0), ("/crash?after=1", 2)):
        one = Call(target)
        with pytest.raises(experiments.CrashError):
            asyncio.run(one.run())
        assert len(one.messages) == sent


def test_the_counter_is_shared_with_the_twin(ask):
    first = int(call("/counter").body)
    assert (ask("/counter").body, call("/counter").body) == (b"%d\n" % (first + 1), b"%d\n" % (first + 2))


def test_a_mount_point_is_left_out_of_the_path():
    one = Call("/museum/hello")
    one.scope["root_path"] = "/museum"
    assert asyncio.run(one.run()).body == b"Hello, world!\n"


async def together(*calls: Call) -> list[asyncio.Task[Call]]:
    tasks = [asyncio.ensure_future(one.run()) for one in calls]
    for _ in range(10):
        await asyncio.sleep(0)
    return tasks


def test_wait_is_woken_or_gives_up_or_is_left():
    async def scene() -> None:
        woken, left = Call("/wait"), Call("/wait")
        tasks = await together(woken, left)
        left.inbox.put_nowait({"type": "http.disconnect"})
        await tasks[1]
        assert left.messages == []
        assert (await Call("/wait?wake=1").run()).body == b"rung\n"
        await tasks[0]
        assert woken.body == b"woken\n"
        assert (await Call("/wait?ms=1").run()).body == b"nothing for 1 ms\n"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def test_ticks_come_until_the_client_leaves():
    async def scene() -> None:
        few = await Call("/ticks?n=2&ms=1").run()
        assert few.body == b"data: tick 1\n\ndata: tick 2\n\n"
        assert dict(few.headers)["content-type"] == "text/event-stream"
        many = Call("/ticks?ms=1")
        (task,) = await together(many)
        await many.until(lambda: len(many.messages) > 5)
        many.inbox.put_nowait({"type": "http.disconnect"})
        await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def socket_call(path: str) -> Call:
    one = Call(path, kind="websocket")
    one.inbox.get_nowait()
    one.inbox.put_nowait({"type": "websocket.connect"})
    return one


def say(one: Call, text: str) -> None:
    one.inbox.put_nowait({"type": "websocket.receive", "text": text})


def leave(one: Call) -> None:
    one.inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})


def test_sockets():
    one = socket_call("/echo-socket")
    say(one, "hello")
    one.inbox.put_nowait({"type": "websocket.receive", "bytes": b"\0"})
    leave(one)
    asyncio.run(one.run())
    assert [(m.get("text"), m.get("bytes")) for m in one.messages[1:]] == [("hello", None), (None, b"\0")]
    other = asyncio.run(socket_call("/nowhere").run())
    assert other.messages == [{"type": "websocket.close"}]


def test_a_chat_is_heard_by_all_and_held_up_by_nobody():
    async def scene() -> None:
        ada, bob, deaf = (socket_call("/chat") for _ in range(3))
        gate = asyncio.Event()
        send = deaf.send

        async def slow(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.send":
                await gate.wait()
            await send(message)

        deaf.send = slow  # type: ignore[method-assign]
        tasks = await together(ada, bob, deaf)
        count = asgi.MAX_UNREAD + 5
        for number in range(count):
            say(ada, str(number))
            await ada.until(lambda number=number: len(ada.messages) == number + 2)
        await bob.until(lambda: len(bob.messages) == count + 1)
        assert [message["text"] for message in bob.messages[1:]] == [str(number) for number in range(count)]
        gate.set()
        await deaf.until(lambda: deaf.messages[-1]["type"] == "websocket.close")
        for one in (ada, bob, deaf):
            leave(one)
        await asyncio.gather(*tasks)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def test_a_lifespan():
    one = Call("/", kind="lifespan")
    one.inbox.get_nowait()
    for kind in ("lifespan.startup", "lifespan.shutdown"):
        one.inbox.put_nowait({"type": kind})
    asyncio.run(one.run())
    assert [message["type"] for message in one.messages] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
