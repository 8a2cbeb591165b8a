"""Cases under `wsgiref.validate`, CPython's own referee: it raises inside the application at any fault that it sees.

The application notes `validated` once it has read its content, and `closed` when its generator has ended.
"""

from __future__ import annotations

from .case import FRONTED, Case, Drive, Expected

__all__ = ["VALIDATED_CASES"]

_LONG = b"long\n" + b"x" * 100_000
_NO_CHUNKS = dict.fromkeys(FRONTED, "the protocol carries CONTENT_LENGTH: the front must know the length")
_KILLED = {"cgi": "the program is ended by a signal when its reader has gone: no line of it runs any more"}


def _validated(
    how: str,
    method: str = "GET",
    body: bytes = b"",
    content: bytes | None = None,
    status: int = 200,
    chunked: bool = False,
    drive: Drive = Drive.WHOLE,
) -> Case:
    target = f"/validated?record={{record}}&how={how}" + (f"&status={status}" if status != 200 else "")
    kind = f"{status}, " if status != 200 else ""
    words = "chunked" if chunked else "bytes"
    name = f"validate: {method} {how}, {kind}{len(body)} {words}"
    record = ("validated", "closed") if how in ("generator", "endless") else ("validated",)
    given = (b"" if method == "HEAD" else body or b"nothing") if content is None else content
    expected = Expected(status, None if drive is Drive.LEAVE else given, record=record)
    without = _NO_CHUNKS if chunked else _KILLED if drive is Drive.LEAVE else {}
    return Case(name, ("WSGI-96",), target, expected, method, body=body, chunked=chunked, drive=drive, without=without)


_WAYS = ("list", "iterator", "generator", "write", "file")

VALIDATED_CASES = (
    *[_validated(how, method) for how in _WAYS for method in ("GET", "HEAD")],
    *[_validated(how, "POST", b"one\ntwo") for how in _WAYS],
    *[_validated(how, "PUT", _LONG) for how in _WAYS],
    *[_validated(how, "POST", body, chunked=True) for how in _WAYS for body in (b"", b"one\ntwo", _LONG)],
    *[_validated("empty", method, content=b"") for method in ("GET", "HEAD", "DELETE", "OPTIONS")],
    *[_validated("empty", method, content=b"", status=status) for method in ("GET", "HEAD") for status in (204, 304)],
    _validated("endless", "POST", b"one\ntwo", drive=Drive.LEAVE),
)
"""All of them."""
