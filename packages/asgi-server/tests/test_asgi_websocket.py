"""WebSockets: against a client that we did not write (websockets), and byte by byte where no client would go."""

from __future__ import annotations

import ast
import base64
import hashlib
import random
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from asgi_peer import WSGI_TESTS  # noqa: F401 - makes http_peer known

from http_peer import answers, ask, read_all, request, reset, talk  # isort: skip
from asgi_server.frames import MESSAGE_MAX
from gateway_runtime.lifetime import resident
from gateway_runtime.testing import Server, wait_until

client = pytest.importorskip("websockets.sync.client", reason="needs the websockets package")
exceptions = pytest.importorskip("websockets.exceptions")

APPLICATION = '''
import ast, asyncio, os

def say(*words):
    os.write(2, (" ".join(map(str, words)) + "\\n").encode())

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"http"})
        return
    assert (await receive()) == {"type": "websocket.connect"}
    await globals()[scope["path"].strip("/")](scope, receive, send)

async def scope(scope, receive, send):
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": repr(scope)})

async def echo(scope, receive, send):
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", **{k: v for k, v in message.items() if k != "type"}})
    say("told", message)
    say("told again", await receive())
    try:
        await send({"type": "websocket.send", "text": "to nobody"})
    except OSError as error:
        say("gone", type(error).__name__)

async def choose(scope, receive, send):
    choice = scope["query_string"].decode() or None
    headers = [(b"X-Custom", b"1"), (b"Sec-WebSocket-Accept", b"mine"), (b"Connection", b"close")]
    await send({"type": "websocket.accept", "subprotocol": choice, "headers": headers})
    await receive()

async def reject(scope, receive, send):
    await send({"type": "websocket.close"})
    say("told", await receive())

async def play(scope, receive, send):
    """Send the messages that come as the first message, then wait for the end."""
    await send({"type": "websocket.accept"})
    for message in ast.literal_eval((await receive())["text"]):
        await send(message)
    say("told", await receive())

async def before(scope, receive, send):
    for message in ast.literal_eval(bytes.fromhex(scope["query_string"].decode()).decode()):
        await send(message)

async def think(scope, receive, send):
    say("thinking")
    say("told", await receive())

async def returns(scope, receive, send):
    await send({"type": "websocket.accept"})

async def crashes(scope, receive, send):
    await send({"type": "websocket.accept"})
    raise ValueError("in the open")

async def refuses(scope, receive, send):
    raise ValueError("before it opened")

async def deaf(scope, receive, send):
    """Receive when the gate is opened by another."""
    await send({"type": "websocket.accept"})
    await gate.wait()
    size = 0
    while size < 32 << 20:
        size += len((await receive())["bytes"])
    await send({"type": "websocket.send", "text": str(size)})

gate = asyncio.Event()

async def open_gate(scope, receive, send):
    gate.set()

async def endless(scope, receive, send):
    await send({"type": "websocket.accept"})
    sent = 0
    try:
        while True:
            await send({"type": "websocket.send", "bytes": b"x" * 65536})
            sent += 65536
    finally:
        say("sent", sent)
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sockets")
    (folder / "sockets.py").write_text(APPLICATION)
    options = ("--bind", "127.0.0.1:0", "--send-timeout", "0.3")
    with Server("asgi_server", "sockets:app", *options, cwd=folder) as one:
        yield one


def opened(server: Server, path: str, **more: Any) -> Any:
    """Return a connection of the websockets package."""
    more = {"compression": None, "max_size": None, **more}
    return client.connect(f"ws://127.0.0.1:{server.address.port}{path}", **more)


def lines(server: Server, start: str) -> list[str]:
    return [line for line in server.stderr.split("\n") if line.startswith(start)]


def told(server: Server, before: int, word: str) -> None:
    """Wait until one of the lines beyond the first `before` says what the application was told."""
    wait_until(lambda: any(word in line for line in lines(server, "told ")[before:]), f"a line told ...{word}")


def another(server: Server, start: str, before: int) -> str:
    """Return the line beyond the first `before` ones that begins so, waited for."""
    wait_until(lambda: len(lines(server, start)) > before, f"a line {start!r}")
    return lines(server, start)[before]


# -- against websockets --------------------------------------------------------------------------------------------

MESSAGES: list[str | bytes] = [
    "",
    "x",
    "\u00e9\u20ac\U0001f600" * 50,
    b"",
    b"\0\xff",
    b"y" * 125,
    b"y" * 126,
    b"y" * 70_000,
]


def test_messages_go_both_ways(server: Server) -> None:  # ASGI-14
    before = len(lines(server, "told "))
    with opened(server, "/echo") as sock:
        for message in MESSAGES:
            sock.send(message)
            assert sock.recv(timeout=20) == message
        sock.send(["in", " three", " pieces"])
        assert sock.recv(timeout=20) == "in three pieces"
        sock.ping().wait(20)
        sock.close(4321, "enough")
    expected = {"type": "websocket.disconnect", "code": 4321, "reason": "enough"}
    told(server, before, f"told {expected}")
    server.wait_for_line(re.escape(f"told again {expected}"))
    server.wait_for_line("^gone ClientGone$")


def test_the_scope_of_a_websocket(server: Server) -> None:
    with opened(server, "/scope?a=b", subprotocols=["one", "two"], origin="http://museum.test") as sock:
        scope = ast.literal_eval(sock.recv(timeout=20))
    assert {name for name, _ in scope["headers"]} >= {b"host", b"origin", b"sec-websocket-key"}
    assert scope["client"][0] == scope["server"][0] == "127.0.0.1"
    assert "method" not in scope
    expected = {
        "type": "websocket", "http_version": "1.1", "scheme": "ws", "path": "/scope", "raw_path": b"/scope",
        "query_string": b"a=b", "root_path": "", "subprotocols": ["one", "two"], "state": {},
        "asgi": {"version": "3.0", "spec_version": "2.5"}, "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    assert {name: scope[name] for name in expected} == expected


def test_the_answer_to_a_handshake(server: Server) -> None:
    with opened(server, "/choose?two", subprotocols=["one", "two"]) as sock:
        assert sock.subprotocol == "two"
        assert sock.response.headers["x-custom"] == "1"
        assert sock.response.headers["connection"] == "Upgrade"
    with opened(server, "/choose", subprotocols=["one"]) as sock:
        assert sock.subprotocol is None
    with pytest.raises(exceptions.InvalidStatus, match="500"):
        opened(server, "/choose?three", subprotocols=["one"])
    server.wait_for_line("has not offered the subprotocol 'three'")


def test_a_handshake_that_is_not_accepted(server: Server) -> None:
    before = len(lines(server, "told "))
    for path, status in (("/reject", "403"), ("/refuses", "500"), ("/nothing", "500")):
        with pytest.raises(exceptions.InvalidStatus, match=status):
            opened(server, path)
    told(server, before, "1006")


ENDS = [("/returns", 1000), ("/crashes", 1011)]


@pytest.mark.parametrize(("path", "code"), ENDS)
def test_the_end_of_the_call_closes(server: Server, path: str, code: int) -> None:
    with opened(server, path) as sock:
        with pytest.raises(exceptions.ConnectionClosed):
            sock.recv(timeout=20)
        assert sock.close_code == code


SEND: dict[str, Any] = {"type": "websocket.send"}
CLOSE: dict[str, Any] = {"type": "websocket.close"}

PLAYED = [
    # messages, the code that the client sees, a word of the log
    ([CLOSE], 1000, ""),
    ([{**CLOSE, "code": 3999, "reason": "because"}], 3999, ""),
    ([{**CLOSE, "reason": None}], 1000, ""),
    ([{**CLOSE, "reason": "\u00e9" * 61}], 1000, ""),
    ([CLOSE, SEND], 1000, ""),
    ([SEND], 1011, "either bytes or text"),
    ([{**SEND, "text": "x", "bytes": b"x"}], 1011, "either bytes or text"),
    ([{**SEND, "text": b"x"}], 1011, "UTF-8"),
    ([{**SEND, "text": "\ud800"}], 1011, "UTF-8"),
    ([{**SEND, "bytes": "x"}], 1011, "UTF-8"),
    ([{**CLOSE, "code": 1005}], 1011, "cannot send the code 1005"),
    ([{**CLOSE, "code": 999}], 1011, "cannot send the code 999"),
    ([{**CLOSE, "code": "1000"}], 1011, "cannot send the code '1000'"),
    ([{**CLOSE, "reason": 5}], 1011, "reason"),
    ([{"type": "websocket.accept"}], 1011, "in an open WebSocket"),
    ([{"type": "http.response.start"}], 1011, "in an open WebSocket"),
    (["websocket.send"], 1011, "a message is a dict"),
]


@pytest.mark.parametrize(("messages", "code", "word"), PLAYED)
def test_what_an_application_may_send(server: Server, messages: list[Any], code: int, word: str) -> None:  # ASGI-9
    before = len(lines(server, "gateway_core.errors.ApplicationError"))
    with opened(server, "/play") as sock:
        sock.send(repr(messages))
        with pytest.raises(exceptions.ConnectionClosed):
            sock.recv(timeout=20)
        assert sock.close_code == code
        assert sock.close_reason == (messages[0].get("reason") or "" if code != 1011 else "")
    if word:
        assert word in another(server, "gateway_core.errors.ApplicationError", before)


TOO_EARLY = [
    ([{**SEND, "text": "x"}], 500),
    ([{"type": "websocket.accept", "headers": [("a", "b")]}], 500),
    ([{"type": "websocket.accept", "headers": [(b"a", b"b\r\n")]}], 500),
    ([], 500),
    ([CLOSE, {"type": "websocket.accept"}], 403),
]


@pytest.mark.parametrize(("messages", "status"), TOO_EARLY)
def test_before_it_is_open(server: Server, messages: list[Any], status: int) -> None:  # ASGI-9, ASGI-14
    with pytest.raises(exceptions.InvalidStatus, match=str(status)):
        opened(server, f"/before?{repr(messages).encode().hex()}")


DENY: dict[str, Any] = {"type": "websocket.http.response.start", "status": 401}
WHY: dict[str, Any] = {"type": "websocket.http.response.body", "body": b"who?"}
DENIED = [
    # messages, status (0: cut), content, a word of the log
    ([DENY, WHY], 401, b"who?", ""),
    ([{**DENY, "status": 200}, WHY], 200, b"who?", ""),
    ([DENY, {**WHY, "more_body": True}, WHY], 401, b"who?who?", ""),
    ([DENY, {"type": WHY["type"]}], 401, b"", ""),
    ([DENY, WHY, WHY], 401, b"who?", ""),  # the WebSocket is closed: an OSError, and no fault
    ([DENY], 500, b"Internal", "the application returned before its response was complete"),
    ([WHY], 500, b"Internal", "'websocket.http.response.body' is nothing that may be sent before the handshake"),
    ([DENY, DENY], 500, b"Internal", "'websocket.http.response.start' is nothing that may be sent in a response"),
    ([DENY, CLOSE], 500, b"Internal", "'websocket.close' is nothing that may be sent in a response"),
    ([DENY, {"type": "websocket.accept"}], 500, b"Internal", "'websocket.accept' is nothing that may be sent in"),
    ([{**DENY, "status": 101}], 500, b"Internal", "from 200 to 599"),
    ([{**DENY, "headers": [(b"a", b"b\r\n")]}, WHY], 500, b"Internal", "control"),
    ([DENY, {**WHY, "body": "x"}], 500, b"Internal", "websocket.http.response.body has a body of bytes"),
    ([DENY, {**WHY, "more_body": True}, CLOSE], 0, b"", "'websocket.close' is nothing that may be sent in a response"),
    ([DENY, {**WHY, "more_body": True}], 0, b"", "the application returned before its response was complete"),
]


@pytest.mark.parametrize(("messages", "status", "content", "word"), DENIED)
def test_a_handshake_may_be_denied_with_a_response(
    server: Server, messages: list[Any], status: int, content: bytes, word: str
) -> None:
    path = f"/before?{repr(messages).encode().hex()}"
    before = server.stderr
    with server.connect() as sock:
        sock.sendall(request(path, *SHAKE))
        if not status:
            with pytest.raises(ConnectionResetError):
                read_all(sock)
        else:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += sock.recv(1)
            sock.sendall(request("/", "Connection: close"))  # the connection goes on as HTTP
            answer, other = answers(head + read_all(sock), ["GET", "GET"])
            assert (answer.status, answer.body[: len(content) if status == 500 else None]) == (status, content)
            assert "upgrade" not in answer.fields
            assert other.body == b"http"
    wait_until(lambda: word in server.stderr[len(before) :], f"a line with {word!r}")


def test_what_a_client_is_told_that_is_denied(server: Server) -> None:
    headers = [(b"WWW-Authenticate", b"Basic"), (b"Connection", b"close")]
    with pytest.raises(exceptions.InvalidStatus) as raised:
        opened(server, f"/before?{repr([{**DENY, 'headers': headers}, WHY]).encode().hex()}")
    response = raised.value.response
    assert (response.status_code, response.body) == (401, b"who?")
    assert (response.headers["www-authenticate"], response.headers["connection"]) == ("Basic", "close")


def test_a_reason_that_is_too_long_is_shortened(server: Server) -> None:  # RFC 6455 section 5.5
    with opened(server, "/play") as sock:
        sock.send(repr([{**CLOSE, "reason": "\u00e9" * 1000}]))
        with pytest.raises(exceptions.ConnectionClosed):
            sock.recv(timeout=20)
        assert (sock.close_code, sock.close_reason) == (1000, "\u00e9" * 61)  # of 123 bytes, and no half a character


# -- byte by byte --------------------------------------------------------------------------------------------------

KEY = base64.b64encode(b"sixteen bytes ok").decode()
UPGRADE = ("Connection: keep-alive, Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Version: 13")
SHAKE = (*UPGRADE, f"Sec-WebSocket-Key: {KEY}")


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, masked: bool = True, length: int | None = None) -> bytes:
    """Return a frame as a client sends it (RFC 6455 section 5.2); `length` may lie."""
    size = len(data) if length is None else length
    head = bytes([0x80 * fin | opcode])
    bit = 0x80 * masked
    head += bytes([bit | size]) if size < 126 else bytes([bit | 127]) + struct.pack("!Q", size)
    mask = b"\x37\xfa\x21\x3d" if masked else b""
    return head + mask + bytes(byte ^ mask[at % 4] if masked else byte for at, byte in enumerate(data))


def shaken(server: Server, target: str = "/echo", *more: bytes) -> tuple[socket.socket, bytes]:
    """Open a WebSocket by hand; return the socket and the head of the answer."""
    sock = server.connect()
    sock.sendall(request(target, *SHAKE))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    for piece in more:
        sock.sendall(piece)
    return sock, head


def test_the_handshake_of_the_standard(server: Server) -> None:  # RFC 6455 section 1.3
    with server.connect() as sock:
        fields = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        sock.sendall(request("/echo", *fields, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
        head = sock.recv(65536)
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head


def without(name: str, *more: str) -> tuple[str, ...]:
    return (*[field for field in SHAKE if not field.startswith(name)], *more)


HANDSHAKES = [
    # fields, status
    (without("Sec-WebSocket-Version"), 400),
    (without("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), 400),
    (without("Sec-WebSocket-Key"), 400),
    (without("Sec-WebSocket-Key", "Sec-WebSocket-Key: short"), 400),
    (without("Sec-WebSocket-Key", "Sec-WebSocket-Key: caf\u00e9"), 400),
    ((*SHAKE, f"Sec-WebSocket-Key: {KEY}"), 400),
    ((*SHAKE, "Sec-WebSocket-Protocol: "), 400),
    ((*SHAKE, "Sec-WebSocket-Protocol: a b"), 400),
    ((*SHAKE, "Sec-WebSocket-Protocol: a,,b"), 400),
    ((*SHAKE, "Sec-WebSocket-Protocol: a\x80b"), 400),
    ((*SHAKE, "Sec-WebSocket-Protocol: \u00ff\u00fe"), 400),
    ((*SHAKE, "Sec-WebSocket-Protocol: a\x01"), 400),
    ((*SHAKE, "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"), 400),
    ((*SHAKE, "Content-Length: 1"), 400),
    (without("Upgrade", "Upgrade: h2c"), 200),  # HTTP goes on as if nothing had been asked
    (without("Connection"), 200),
]


@pytest.mark.parametrize(("fields", "status"), HANDSHAKES)
def test_bad_handshakes_crash_nothing(server: Server, fields: tuple[str, ...], status: int) -> None:
    # ASGI-15, HTTP-88, HTTP-89
    workers = server.workers()
    sent = "\r\n".join(["GET /echo HTTP/1.1", "Host: a", *fields, "", ""]).encode("latin-1")
    with server.connect() as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        (answer,) = answers(read_all(sock))
    assert answer.status == status
    if "Version: 13" not in " ".join(fields):
        assert answer.fields["sec-websocket-version"] == "13"
    assert server.workers() == workers
    assert ask(server, "/").body == b"http"


def test_other_requests_are_no_handshakes(server: Server) -> None:  # HTTP-88
    stream = request("/", *SHAKE, method="POST") + request("/", *SHAKE, "Connection: close", version="HTTP/1.0")
    assert [answer.body for answer in answers(talk(server, stream), ["POST", "GET"])] == [b"http"] * 2


@pytest.mark.parametrize("behind", [True, False])
def test_frames_before_the_answer_are_refused(server: Server, behind: bool) -> None:  # HTTP-115
    sent = request("/think", *SHAKE)
    before = len(lines(server, "thinking"))
    with server.connect() as sock:
        sock.sendall(sent + frame(1, b"x") if behind else sent)
        if not behind:
            another(server, "thinking", before)
            sock.sendall(frame(1, b"x"))
        assert answers(read_all(sock))[0].status == 400


FAULTS = [
    # bytes of a client, code of our Close
    (frame(1, b"x", masked=False), 1002),
    (frame(3), 1002),
    (b"\xc1\x80\0\0\0\0", 1002),  # a reserved bit
    (frame(0, b"x"), 1002),
    (frame(1, b"x", fin=False) + frame(1, b"y"), 1002),
    (frame(9, b"", fin=False), 1002),
    (frame(9, b"x" * 126), 1002),
    (frame(8, b"x"), 1002),
    (frame(8, struct.pack("!H", 1005)), 1002),
    (frame(1, b"\xff"), 1007),
    (frame(1, b"\xc3", fin=False) + frame(0, b"\x28"), 1007),
]


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize(("sent", "code"), FAULTS)
def test_frames_that_break_the_protocol(server: Server, sent: bytes, code: int, one_by_one: bool) -> None:
    before = len(lines(server, "told "))
    pieces = [sent[at : at + 1] for at in range(len(sent))] if one_by_one else [sent]
    sock, _ = shaken(server)
    with sock:
        try:
            for piece in pieces:
                sock.sendall(piece)
        except OSError:
            pass  # it has heard enough
        found = read_all(sock)
    assert found[0] == 0x88
    assert struct.unpack("!H", found[2:4]) == (code,)
    told(server, before, f"'code': {code}")


def test_noise(server: Server) -> None:  # ASGI-15
    """Frames and handshakes with bytes changed by chance: whatever comes of it, the worker stays."""
    workers = server.workers()
    good = frame(1, b"hello", fin=False) + frame(9, b"ping") + frame(0, b" you") + frame(2, bytes(200)) + frame(8)
    for seed in range(60):
        dice = random.Random(seed)
        spoilt = bytearray(good if seed % 2 else request("/echo", *SHAKE, "Sec-WebSocket-Protocol: a, b"))
        for _ in range(dice.randint(1, 6)):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        sock = shaken(server)[0] if seed % 2 else server.connect()
        with sock:
            sock.sendall(spoilt)
            sock.shutdown(socket.SHUT_WR)
            try:
                read_all(sock)
            except ConnectionResetError:
                pass
    assert server.workers() == workers
    assert ask(server, "/").body == b"http"
    said = server.stderr.split("Traceback")
    assert all("ApplicationError" in part or "ValueError" in part or "KeyError" in part for part in said[1:])


def test_a_message_that_is_too_large(server: Server) -> None:
    sock, _ = shaken(server)
    with sock:
        size = MESSAGE_MAX + 1
        mask = b"\0\0\0\0"
        try:
            sock.sendall(b"\x82\xff" + struct.pack("!Q", size) + mask + bytes(size))
        except OSError:
            pass
        found = read_all(sock)
    assert struct.unpack("!H", found[2:4]) == (1009,)


def test_fragments_take_no_more_than_they_hold(server: Server) -> None:  # ASGI-15
    (worker,) = server.workers()
    sock, _ = shaken(server, "/echo", frame(2, b"begun", fin=False))
    with sock:
        before = resident(worker)
        sock.sendall(frame(0, b"x", fin=False) * 80_000 + frame(9, b"over"))
        assert sock.recv(65536).endswith(b"over")
        assert resident(worker) - before < 3 << 20


@pytest.mark.parametrize("rude", [False, True])
def test_a_client_that_goes_without_a_word(server: Server, rude: bool) -> None:  # ASGI-8
    before = len(lines(server, "told "))
    sock, _ = shaken(server)
    if rude:
        reset(sock)
    else:
        sock.close()
    told(server, before, "'code': 1006")
    assert "Traceback" not in "".join(server.stderr.split("\n")[-3:])


def test_a_close_without_a_code(server: Server) -> None:  # RFC 6455 section 7.1.5
    before = len(lines(server, "told "))
    sock, _ = shaken(server, "/echo", frame(8))
    with sock:
        assert read_all(sock) == b"\x88\x00"
    told(server, before, "'code': 1005")


# -- back-pressure, silence, the end -------------------------------------------------------------------------------

PLENTY = 32 << 20


def test_messages_that_nobody_receives_stay_with_the_client(server: Server) -> None:  # ASGI-16
    sock, _ = shaken(server, "/deaf")
    piece = b"\x82\xff" + struct.pack("!Q", 65536) + b"\0\0\0\0" + bytes(65536)
    stream = piece * (PLENTY // 65536)
    with sock:
        sock.settimeout(0.2)
        sent = 0
        try:
            while sent < len(stream):
                sent += sock.send(stream[sent : sent + (1 << 20)])
        except TimeoutError:
            pass
        assert sent < PLENTY // 2
        with pytest.raises(exceptions.InvalidStatus):  # it opens the gate, and nothing else
            opened(server, "/open_gate")
        sock.settimeout(20)
        sock.sendall(stream[sent:])
        assert str(PLENTY).encode() in read_all(sock)


def test_who_does_not_read_stops_the_sender(server: Server) -> None:  # ASGI-16
    before = len(lines(server, "sent "))
    sock, _ = shaken(server, "/endless")
    with sock:
        assert int(another(server, "sent ", before).split()[1]) < PLENTY
    server.wait_for_line("the peer does not take what is sent")


def test_a_silent_client_is_asked_whether_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "sockets.py").write_text(APPLICATION)
    options = ("--bind", "127.0.0.1:0", "--idle-timeout", "0.3")
    with Server("asgi_server", "sockets:app", *options, cwd=tmp_path) as server:
        dead, _ = shaken(server)
        with dead, opened(server, "/echo", ping_interval=None) as alive:
            assert dead.recv(65536) == b"\x89\x00"
            with pytest.raises(ConnectionResetError):
                read_all(dead)
            server.wait_for_line("does not answer a ping")
            alive.send("still here")
            assert alive.recv(timeout=20) == "still here"


def test_the_end_of_the_server_closes_websockets(tmp_path: Path) -> None:
    (tmp_path / "sockets.py").write_text(APPLICATION)
    with Server("asgi_server", "sockets:app", "--bind", "127.0.0.1:0", cwd=tmp_path) as server:
        with opened(server, "/echo") as sock:
            server.signal(15)
            with pytest.raises(exceptions.ConnectionClosed):
                sock.recv(timeout=20)
            assert sock.close_code == 1001
        assert server.wait() == 0
        assert "'code': 1001" in server.wait_for_line("^told ")


def test_start_up_is_lean(server: Server) -> None:
    """Only a handshake brings wsproto; the handshake's hash is that of the standard, done here once more by hand."""
    names = "import sys, asgi_server.server; print('wsproto' in sys.modules, 'h11' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    sock, head = shaken(server)
    sock.close()
    hashed = hashlib.sha1(KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    assert base64.b64encode(hashed) in head
