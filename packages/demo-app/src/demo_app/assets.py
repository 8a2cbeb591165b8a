"""The style sheet and the pictures, served by the application itself.

Its own lie in ``static/``. The pictures of another folder of pages (`sources`) lie among those.

The files are few and known, so they are read once, by listing the folder: a request names a key of
that table and never a file, which leaves a path nothing to climb out of. A browser that has a file
asks with If-None-Match and gets 304, a head without a body (RFC 9110 §13.1.2).
"""

import hashlib
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from demo_app import sources
from demo_app.exchange import RefusalError, Request, send, status_line

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

    from demo_app.exchange import Handler

PREFIX = "/static/"

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}

#: An hour. Pages name the style sheet with its stamp, so that a new one is seen at once.
CACHE_CONTROL = "public, max-age=3600"


@dataclass(frozen=True)
class Asset:
    """One file: its media type, its bytes, and a tag that changes with them (RFC 9110 §8.8.3)."""

    kind: str
    content: bytes
    tag: str


@cache
def table() -> dict[str, Asset]:
    """Read every asset of the package, by name."""
    found = {}
    for file in sorted((Path(__file__).parent / "static").iterdir()):
        if file.suffix in KINDS:
            found[file.name] = _asset(KINDS[file.suffix], file.read_bytes())
    return found


def stamp() -> str:
    """Return a short text that changes when the style sheet does, for its URL."""
    return table()["style.css"].tag[1:9]


def send_asset(request: Request, start_response: "StartResponse") -> list[bytes]:
    """Answer with one asset, or with 304 to a client that has it. Raises `RefusalError` (404)."""
    asset = table().get(request.path.removeprefix(PREFIX))
    if asset is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "There is no such file here.")
    return _send(asset, request, start_response)


def find_picture(path: str) -> "Handler | None":
    """Return the handler for a picture among the pages; None if there is none at that path."""
    file = sources.find_file(sources.folder(), path, tuple(PICTURES))
    try:
        return partial(_send, _asset(PICTURES[file.suffix], file.read_bytes())) if file else None
    except OSError:  # it went away between two looks
        return None


def _asset(kind: str, content: bytes) -> Asset:
    return Asset(kind, content, f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def _send(asset: Asset, request: Request, start_response: "StartResponse") -> list[bytes]:
    headers = [("ETag", asset.tag), ("Cache-Control", CACHE_CONTROL)]
    if _has(request.environ.get("HTTP_IF_NONE_MATCH", ""), asset.tag):
        start_response(status_line(304), headers)
        return []
    return send(start_response, asset.kind, asset.content, headers=[*headers, ("X-Content-Type-Options", "nosniff")])


def _has(condition: str, tag: str) -> bool:
    """Compare tags weakly, as RFC 9110 §13.1.2 asks: "W/" before a tag does not count."""
    tags = [given.strip(" \t").removeprefix("W/") for given in condition.split(",")]
    return tag in tags or tags == ["*"]
