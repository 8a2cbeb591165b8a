"""The same answer twice: as a function that returns, and as a coroutine that awaits."""

HELLO = b"Hello, world!\n"
LENGTH = str(len(HELLO))


def wsgi(environ, start_response):
    """Return the answer."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", LENGTH)])
    return [HELLO]


async def asgi(scope, receive, send):
    """Send the answer, in two messages."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    headers = [(b"content-type", b"text/plain"), (b"content-length", LENGTH.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": HELLO})
