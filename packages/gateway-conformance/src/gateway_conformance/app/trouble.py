"""Routes that break PEP 3333, to see that the gateway lets nothing of it out."""

from __future__ import annotations

from collections.abc import Iterator

from .tools import Environ, Route, StartResponse, note, query

__all__ = ["BAD_FIELDS", "ROUTES"]

_PLAIN = [("Content-Type", "text/plain")]

_ERRORS: dict[str, type[BaseException]] = {
    "RuntimeError": RuntimeError,
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "MemoryError": MemoryError,
    "BrokenPipeError": BrokenPipeError,
}


def _raise(environ: Environ, start_response: StartResponse) -> object:
    """Raise at the moment, and with the class, that the query names."""
    error = _ERRORS[query(environ, "error", "RuntimeError")]
    when = query(environ, "when")
    if when == "call":
        raise error("on purpose")
    write = start_response("200 OK", [*_PLAIN, ("X-Head", "sent")])
    if when == "start":
        raise error("on purpose")
    if when == "write":
        write(b"first,")
        raise error("on purpose")

    def iterate() -> Iterator[bytes]:
        if when == "blank":
            yield b""
        if when == "later":
            yield b"first,"
        raise error("on purpose")

    return iterate()


BAD_FIELDS: dict[str, object] = {
    "crlf": [("X-Split", "a\r\nX-Injected: b")],
    "lf": [("X-Split", "a\nX-Injected: b")],
    "cr": [("X-Split", "a\rX-Injected: b")],
    "nul": [("X-Split", "a\0X-Injected: b")],
    "name": [("X-Injected: b\r\nX-Split", "a")],
    "blank-name": [("X Split", "X-Injected")],
    "colon-name": [("X-Injected:", "b")],
    "no-name": [("", "X-Injected")],
    "not-latin-1": [("X-Injected", "\u20ac")],
    "bytes-value": [("X-Injected", b"b")],
    "bytes-name": [(b"X-Injected", "b")],
    "none-value": [("X-Injected", None)],
    "number": [("X-Injected", 1)],
    "triple": [("X-Injected", "b", "c")],
    "text": ["X-Injected: b"],
    "tuple": (("X-Injected", "b"),),
    "dict": {"X-Injected": "b"},
    "hop-connection": [("X-Injected", "b"), ("Connection", "x-injected")],
    "hop-transfer-encoding": [("X-Injected", "b"), ("Transfer-Encoding", "chunked")],
    "hop-upgrade": [("X-Injected", "b"), ("Upgrade", "x-injected")],
    "length-twice": [("X-Injected", "b"), ("Content-Length", "3"), ("content-length", "3")],
    "length-sign": [("X-Injected", "b"), ("Content-Length", "+3")],
    "length-text": [("X-Injected", "b"), ("Content-Length", "three")],
    "length-list": [("X-Injected", "b"), ("Content-Length", "3, 3")],
}


def _fields(environ: Environ, start_response: StartResponse) -> object:
    """Give bad fields. With `try` in the query: see whether start_response says so at once, and answer anew."""
    bad = BAD_FIELDS[query(environ, "how")]
    if not query(environ, "try"):
        start_response("200 OK", bad)
        return [b"out"]
    try:
        start_response("200 OK", bad)
    except Exception as error:
        info = (type(error), error, error.__traceback__)
        start_response("200 Told", list(_PLAIN), info)
        return [b"told at once"]
    return [b"not told"]


def _status(environ: Environ, start_response: StartResponse) -> object:
    """Give the status that the query names, or one that is no str."""
    how = query(environ, "how")
    start_response({"bytes": b"200 OK", "int": 200, "none": None}.get(how, how), [*_PLAIN, ("X-Injected", "b")])
    return [b"out"]


_NOT_BYTES: dict[str, object] = {"str": "text", "none": None, "int": 65, "bytearray": bytearray(b"x"), "list": [b"x"]}


def _item(environ: Environ, start_response: StartResponse) -> object:
    """Give an item that is not bytes: alone, in an iterator, after a good one, or to write()."""
    bad = _NOT_BYTES[query(environ, "how")]
    when = query(environ, "when")
    write = start_response("200 OK", list(_PLAIN))
    if when == "write":
        write(bad)
    if when == "later":
        return iter([b"first,", bad])
    return iter([bad]) if when == "iterator" else [bad]


def _nothing(environ: Environ, start_response: StartResponse) -> object:
    """Forget something."""
    how = query(environ, "how")
    if how == "start":
        return [b"data without a head"]
    if how == "start-empty":
        return []
    start_response("200 OK", list(_PLAIN))
    return None


def _twice(environ: Environ, start_response: StartResponse) -> object:
    """Call start_response twice without exc_info."""
    start_response("200 OK", list(_PLAIN))
    start_response("200 Again", [*_PLAIN, ("X-Injected", "b")])
    return [b"out"]


def _length(environ: Environ, start_response: StartResponse) -> object:
    """Declare one length, give another: `given` bytes, in one block or many or through write(), whose error is seen."""
    how, given = query(environ, "how"), int(query(environ, "given"))
    write = start_response("200 OK", [*_PLAIN, ("Content-Length", query(environ, "declared"))])
    if how == "write":
        write(b"x" * given)
        return []
    if how == "write-seen":
        try:
            write(b"x" * given)
        except Exception:
            note(environ, "told")
        return []
    return [b"x" * given] if how == "one" else iter([b"x"] * given)


ROUTES: dict[str, Route] = {
    "fields": _fields,
    "item": _item,
    "length": _length,
    "nothing": _nothing,
    "raise": _raise,
    "status": _status,
    "twice": _twice,
}
