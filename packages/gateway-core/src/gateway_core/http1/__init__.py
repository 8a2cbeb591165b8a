"""HTTP/1.1 without I/O (RFC 9112, RFC 9110), both roles.

Read in this order: `inbox` (bytes that wait), `grammar` and `request_line` (what a line may be), `head_limits`,
`framing` (where a request ends), `chunked`, `request_reader` (bytes to requests), `response_lines` and `server`
(responses to bytes), then the other side: `request_writer` and `client`.
"""

from __future__ import annotations

from .chunked import ChunkedReader, encode_chunk
from .client import ClientConnection
from .dates import http_date, imf_fixdate
from .limits import DEFAULT_LIMITS, Limits
from .request import HttpRequest
from .server import ServerConnection

__all__ = [
    "DEFAULT_LIMITS",
    "ChunkedReader",
    "ClientConnection",
    "HttpRequest",
    "Limits",
    "ServerConnection",
    "encode_chunk",
    "http_date",
    "imf_fixdate",
]
