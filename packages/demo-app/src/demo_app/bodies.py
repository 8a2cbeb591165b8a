"""Reading a request body in WSGI, and the two experiments that send it back.

How long a body is, PEP 3333 says by CONTENT_LENGTH. Absent or empty means that there is none, except
where the server sets ``wsgi.input_terminated``: then reading to the end of ``wsgi.input`` is safe,
which is how a chunked body arrives. Nothing here reads one byte more than it was promised: on an
old server that read would wait for ever.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from demo_app.exchange import RefusalError, Request, send

if TYPE_CHECKING:
    from wsgiref.types import InputStream, StartResponse, WSGIEnvironment

    from multipart import PushMultipartParser  # type: ignore[import-untyped]  # it has no py.typed

#: One read of the input: large enough to make the calls few, small enough to hold for many clients.
BLOCK = 64 * 1024

#: What /upload takes, in all. It keeps none of it; the limit is on how long a visitor may send.
MAX_UPLOAD = 256 * 1024 * 1024
MAX_PARTS = 1000

Part = dict[str, str | int | None]

_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_PLAIN = re.compile(r"[\x20-\x7e\x80-\xff]+")


def content_length(environ: "WSGIEnvironment") -> int | None:
    """Return the size of the body in bytes; None when only the end of the input will tell.

    Raises `RefusalError` (400) for a CONTENT_LENGTH that is not a number.
    """
    given = environ.get("CONTENT_LENGTH", "")
    if not given:
        return None if environ.get("wsgi.input_terminated") else 0
    if not _LENGTH.fullmatch(given):
        raise RefusalError(HTTPStatus.BAD_REQUEST, "The Content-Length is not a number.")
    return int(given)


def blocks(stream: "InputStream", length: int | None) -> Iterator[bytes]:
    """Yield the body in pieces of at most `BLOCK` bytes, and stop at its promised end."""
    left = length
    while left is None or left > 0:
        block = stream.read(BLOCK if left is None else min(BLOCK, left))
        if not block:
            return
        if left is not None:
            left -= len(block)
        yield block


def read_form_body(environ: "WSGIEnvironment", limit: int) -> bytes:
    """Return a small body whole. Raises `RefusalError` (413) when it is longer than ``limit`` bytes."""
    length = content_length(environ)
    if (length or 0) > limit:
        raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"That is more than {limit} bytes.")
    return b"".join(_up_to(limit, blocks(environ["wsgi.input"], length)))


def echo(request: Request, start_response: "StartResponse") -> Iterator[bytes]:
    """Send the request's body back as it comes in, under the media type that it came with."""
    environ = request.environ
    length = content_length(environ)
    headers = echo_headers(environ.get("CONTENT_TYPE") or "")
    if length is not None:
        headers.append(("Content-Length", str(length)))
    start_response("200 OK", headers)
    return blocks(environ["wsgi.input"], length)


def echo_headers(kind: str) -> list[tuple[str, str]]:
    """Return the headers of a body that came with the media type ``kind`` and goes back with it."""
    return [
        ("Content-Type", kind if _PLAIN.fullmatch(kind) else "application/octet-stream"),
        ("X-Content-Type-Options", "nosniff"),
    ]


def upload(request: Request, start_response: "StartResponse") -> list[bytes]:
    """Answer a multipart form with a JSON list: name, filename, size and SHA-256 of each part."""
    # Imported here: one endpoint of twenty needs it, and every CGI process would pay for it.
    import multipart

    kind, options = multipart.parse_options_header(request.environ.get("CONTENT_TYPE", ""))
    if kind != "multipart/form-data":
        raise RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send a form as multipart/form-data.")
    length = content_length(request.environ)
    if (length or 0) > MAX_UPLOAD:
        raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"That is more than {MAX_UPLOAD} bytes.")
    try:
        with multipart.PushMultipartParser(
            options.get("boundary", ""), -1 if length is None else length, max_segment_count=MAX_PARTS
        ) as parser:
            parts = list(_described(parser, _up_to(MAX_UPLOAD, blocks(request.environ["wsgi.input"], length))))
    except multipart.ParserLimitReached as error:
        raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The form is too large: {error}.") from None
    except multipart.MultipartError as error:
        raise RefusalError(HTTPStatus.BAD_REQUEST, f"The form is broken: {error}.") from None
    return send(start_response, "application/json", json.dumps(parts, indent=2).encode() + b"\n")


def _described(parser: "PushMultipartParser", body: Iterator[bytes]) -> Iterator[Part]:
    """Yield each part once its end is seen; the content itself is hashed and let go."""
    part: Part = {}
    digest = hashlib.sha256()
    for block in body:
        for event in parser.parse(block):
            if event is None:
                yield {**part, "sha256": digest.hexdigest()}
            elif isinstance(event, bytes | bytearray):
                digest.update(event)
                part["size"] = int(part["size"] or 0) + len(event)
            else:
                part = {"name": event.name, "filename": event.filename, "size": 0}
                digest = hashlib.sha256()


def _up_to(limit: int, body: Iterator[bytes]) -> Iterator[bytes]:
    """Pass a body on, and refuse it where it grows beyond ``limit`` bytes."""
    size = 0
    for block in body:
        size += len(block)
        if size > limit:
            raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"That is more than {limit} bytes.")
        yield block
