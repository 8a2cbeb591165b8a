"""Applications that use WSGI in the ways that it allows: returned, yielded, written, late, empty, and with content."""


def hello(environ, start_response):
    """Return a list, as most do."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello, ", environ["PATH_INFO"].encode("latin-1"), b"\n"]


def echo(environ, start_response):
    """Give the content back, and its type."""
    size = int(environ.get("CONTENT_LENGTH") or 0)
    start_response("200 OK", [("Content-Type", environ.get("CONTENT_TYPE") or "text/plain")])
    return [environ["wsgi.input"].read(size)]


def written(environ, start_response):
    """Write first, then return the rest."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written\n")
    write(b"and written\n")
    return [b"returned\n"]


def late(environ, start_response):
    """Begin when the first piece is asked for; it is empty."""
    start_response("202 Accepted", [("Content-Type", "application/octet-stream")])
    yield b""
    yield bytes(range(256))
    yield b"\xff\xfe"


def cookies(environ, start_response):
    """Give a field twice."""
    fields = [("Content-Type", "text/plain"), ("Set-Cookie", "first=1"), ("Set-Cookie", "second=2")]
    start_response("404 Not Found", fields)
    return [b"nothing here\n"]


def empty(environ, start_response):
    """Say nothing but a head."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return []


def changed(environ, start_response):
    """Change the head while nothing is out yet."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        raise ValueError("found out late")
    except ValueError:
        import sys

        start_response("500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"it went wrong\n"]
