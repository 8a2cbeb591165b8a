"""For tests of the ASGI server: the application of the WSGI server's tests behind a bridge, and one that is asked.

`bridged` lets the WSGI server's own tests of HTTP run against this server, unchanged. What the application is told must
then come out of the scope.
"""

from __future__ import annotations

import sys
from pathlib import Path

WSGI_TESTS = str(Path(__file__).parents[2] / "wsgi-server" / "tests")
if WSGI_TESTS not in sys.path:
    sys.path.insert(0, WSGI_TESTS)

from http_peer import application as wsgi_application  # noqa: E402

BRIDGE = """
import io, sys
import told

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError("requests only")
    content, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        content += message["body"]
        more = message["more_body"]
    started = []
    environ = {
        "REQUEST_METHOD": scope["method"], "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode(), "REQUEST_URI": scope["raw_path"].decode(),
        "wsgi.input": io.BytesIO(content), "wsgi.errors": sys.stderr, "CONTENT_LENGTH": str(len(content)),
    }
    for name, value in scope["headers"]:
        key = "HTTP_" + name.decode().upper().replace("-", "_")
        if key not in ("HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"):
            joint = "; " if key == "HTTP_COOKIE" else ", "
            environ[key] = environ[key] + joint + value.decode("latin-1") if key in environ else value.decode("latin-1")
    body = told.app(environ, lambda status, headers: started.extend((int(status[:3]), headers)))
    pieces = iter(body)
    first = next(pieces, b"")
    status, headers = started
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if isinstance(body, list):
        await send({"type": "http.response.body", "body": first})
        return
    await send({"type": "http.response.body", "body": first, "more_body": True})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})
"""


def bridged(folder: Path) -> Path:
    """Write the WSGI tests' application into `folder`, as `bridge:app`."""
    wsgi_application(folder)
    (folder / "bridge.py").write_text(BRIDGE)
    return folder


PROBE = '''
import ast, asyncio, os, sys, time

def say(*words):
    os.write(2, (" ".join(map(str, words)) + "\\n").encode())

async def app(scope, receive, send):
    """The path says what to do."""
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["lists"] = []
        scope["state"]["word"] = "kept"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        say("shut down")
        await send({"type": "lifespan.shutdown.complete"})
        return
    await globals()[scope["path"].strip("/").replace("/", "_")](scope, receive, send)

async def text(send, text, **more):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text.encode(), **more})

async def content(receive):
    found, more = b"", True
    while more:
        message = await receive()
        found += message["body"]
        more = message["more_body"]
    return found

async def scope(scope, receive, send):
    await text(send, repr(scope))

async def unread(scope, receive, send):
    await text(send, "unread")

async def large(scope, receive, send):
    await text(send, "x" * 100_000)

async def play(scope, receive, send):
    """Send the messages that are the content."""
    messages = ast.literal_eval((await content(receive)).decode())
    for message in messages:
        await send(message)

async def pieces(scope, receive, send):
    """Tell each message as it comes."""
    await send({"type": "http.response.start", "status": 200})
    more = True
    while more:
        message = await receive()
        more = message["more_body"]
        await send({"type": "http.response.body", "body": repr(message).encode() + b"\\n", "more_body": True})
    await send({"type": "http.response.body"})

async def leaving(scope, receive, send):
    """Wait for the client to leave."""
    await content(receive)
    say("waiting")
    say("told", await receive())
    say("told again", await receive())
    await text(send, "for nobody")

async def cut(scope, receive, send):
    say("waiting")
    while (message := await receive())["type"] != "http.disconnect":
        pass
    say("told", message)

async def after(scope, receive, send):
    """Receive when the response is over, and send too."""
    await content(receive)
    waiting = asyncio.create_task(receive())
    await asyncio.sleep(0)
    await text(send, "over")
    say("told", await waiting)
    await send({"type": "http.response.body", "body": b"ignored"})
    say("ignored")

async def endless(scope, receive, send):
    """Send until nobody is there, and tell how much that was."""
    await send({"type": "http.response.start", "status": 200})
    sent = 0
    try:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            sent += 65536
    except OSError as error:
        say("sent", sent, type(error).__name__)
        raise

async def group(scope, receive, send):
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(endless(scope, receive, send))

async def lazy(scope, receive, send):
    """Begin to receive when the gate of this name is opened."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "more_body": True})
    await gate(scope).wait()
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.body", "body": str(size).encode()})

gates = {}

def gate(scope):
    return gates.setdefault(scope["query_string"], asyncio.Event())

async def open_gate(scope, receive, send):
    gate(scope).set()
    await text(send, "open")

async def silent(scope, receive, send):
    pass

async def half(scope, receive, send):
    await text(send, "half", more_body=True)

async def orphan(scope, receive, send):
    """Wait for what is cancelled."""
    task = asyncio.create_task(asyncio.sleep(1000))
    task.cancel()
    await task

async def stubborn(scope, receive, send):
    say("waiting")
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            say("not now")

async def exits(scope, receive, send):
    sys.exit("the application wants to exit")

async def state(scope, receive, send):
    scope["state"]["lists"].append(1)
    scope["state"]["mine"] = 1
    await text(send, repr(scope["state"]))

async def forever(scope, receive, send):
    say("waiting")
    try:
        await asyncio.Event().wait()
    finally:
        say("cancelled")

async def blocks(scope, receive, send):
    say("blocking")
    time.sleep(1000)
'''


def probed(folder: Path) -> Path:
    """Write the application that is asked into `folder`, as `probe:app`."""
    (folder / "probe.py").write_text(PROBE)
    return folder
