"""One question to a server that may do anything."""

from __future__ import annotations

import asyncio
import json
import os
import socket

import pytest

from gatelab import ask as ask_module
from gatelab.ask import ask, report_of
from gatelab.errors import Unreachable
from gatelab.target import Target, parse_target
from gatelab_samples import Fake, document, http, report, worker

CONTENT = json.dumps(document([worker()])).encode()
HALF = len(CONTENT) // 2
CHUNKS = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (CONTENT[:HALF], CONTENT[HALF:])) + b"0\r\n\r\n"

ANSWERS = {
    "with its length": http(CONTENT),
    "until the end of file": b"HTTP/1.0 200 OK\r\n\r\n" + CONTENT,
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "after an interim response": b"HTTP/1.1 103 Early Hints\r\n\r\n" + http(CONTENT),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_every_form_of_answer(tmp_path, answer):
    with Fake(tmp_path / "s", answer) as fake:
        assert asyncio.run(report_of(parse_target(f"unix:{tmp_path}/s"))) == report([worker()])
    assert fake.asked[0].startswith(b"GET /status?format=json HTTP/1.1\nhost: localhost")
    assert b"connection: close" in fake.asked[0]


def test_a_status_page_over_tcp():
    with Fake(answer=http(CONTENT)) as fake:
        assert asyncio.run(ask(parse_target(f"http://127.0.0.1:{fake.port}/deep/page?key=1"))) == CONTENT
    assert fake.asked[0].startswith(b"GET /deep/page?key=1&format=json HTTP/1.1\nhost: 127.0.0.1:%d" % fake.port)


BAD = {
    "not a report": (http(b"<html>"), "no status report"),
    "not found": (http(b"", "404 Not Found"), "it answers 404 Not Found, not with a report"),
    "no reason": (b"HTTP/1.0 503 \r\n\r\n", "it answers 503, not with a report"),
    "nothing": (b"", "no HTTP"),
    "another protocol": (b"220 mail ESMTP\r\n\r\n", "no HTTP"),
    "half of it": (http(CONTENT)[:-5], "no HTTP|ended|closed"),
}


@pytest.mark.parametrize(("answer", "said"), BAD.values(), ids=BAD)
def test_bad_answers(tmp_path, answer, said):
    with Fake(tmp_path / "s", answer), pytest.raises(Unreachable, match=said):
        asyncio.run(report_of(parse_target(f"unix:{tmp_path}/s")))


def test_an_endless_answer_is_broken_off(tmp_path, monkeypatch):
    monkeypatch.setattr(ask_module, "ANSWER_MAX", 1000)
    with Fake(tmp_path / "s", b"HTTP/1.0 200 OK\r\n\r\n" + bytes(100_000)), pytest.raises(Unreachable, match="longer"):
        asyncio.run(ask(parse_target(f"unix:{tmp_path}/s")))


def test_silence_is_not_waited_out(tmp_path, monkeypatch):
    monkeypatch.setattr(ask_module, "PATIENCE", 0.01)
    with Fake(tmp_path / "s", None), pytest.raises(Unreachable, match="does not answer within"):
        asyncio.run(ask(parse_target(f"unix:{tmp_path}/s")))


def test_no_socket(tmp_path):
    with pytest.raises(Unreachable, match="there is no such socket"):
        asyncio.run(ask(parse_target(f"unix:{tmp_path}/s")))


def test_a_socket_that_was_left_behind(tmp_path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
    with pytest.raises(Unreachable, match="nobody listens there"):
        asyncio.run(ask(parse_target(f"unix:{tmp_path}/s")))


def test_a_path_that_is_too_long_for_a_socket():
    with pytest.raises(Unreachable, match="too long"):
        asyncio.run(ask(parse_target(f"unix:/{'x' * 200}")))


def test_a_port_that_nobody_has():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(Unreachable, match="nobody listens there"):
        asyncio.run(ask(parse_target(f"http://127.0.0.1:{port}/status")))


@pytest.mark.parametrize("host", ["", "no-such-host.invalid", "a..b", "x" * 100])
def test_a_host_that_nobody_has(host):
    with pytest.raises(Unreachable) as caught:
        asyncio.run(ask(Target("", host=host or "256.256.256.256", port=1)))
    assert "\n" not in str(caught.value)


def open_files():
    return os.listdir("/dev/fd")  # noqa: PTH208 - their numbers are what matters


def test_nothing_stays_open(tmp_path):
    async def often():
        before = open_files()
        for _ in range(5):
            await ask(parse_target(f"unix:{tmp_path}/s"))
            with pytest.raises(Unreachable):
                await ask(parse_target(f"unix:{tmp_path}/t"))
        async with asyncio.timeout(20):
            while open_files() != before:  # the server's ends are among them
                await asyncio.sleep(0.001)

    with Fake(tmp_path / "s", http(CONTENT)), Fake(tmp_path / "t", b""):
        asyncio.run(often())
