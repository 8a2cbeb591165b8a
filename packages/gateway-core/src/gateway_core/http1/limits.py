"""What a peer may ask of our memory and time: every limit of the HTTP/1.1 codec, each with its reason.

A limit is applied while bytes arrive, not afterwards, and the answer names it: 414 for the request line, 431 for
fields, 413 for content (RFC 9110 section 15.5, RFC 6585 section 5).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "CHUNK_LINE",
    "CHUNK_OVERHEAD",
    "CHUNK_OVERHEAD_RATIO",
    "DEFAULT_LIMITS",
    "EMPTY_LINES",
    "INTERIM_RESPONSES",
    "LENGTH_DIGITS",
    "RESPONSE_LIMITS",
    "RETRY_AFTER",
    "Limits",
]

EMPTY_LINES = 4
"""Empty lines skipped before a request line. Old clients sent one after a form, none sends more (RFC 9112, 2.2)."""

LENGTH_DIGITS = 18
"""Digits of a Content-Length: 18 fit in a signed 64-bit number, and nobody has a larger disk."""

CHUNK_LINE = 4096
"""Bytes of one chunk-size line with its extensions. Nobody uses extensions, except to attack (CVE-2023-39326)."""

CHUNK_OVERHEAD = 64 * 1024
CHUNK_OVERHEAD_RATIO = 16
"""Bytes of chunk framing that a message may have: the first number, and the second for each byte of content.
A chunk of one byte has 5, so the smallest honest chunks pass and endless extensions do not."""

INTERIM_RESPONSES = 16
"""1xx responses that a client skips before the final one. More is a backend that never ends."""

RETRY_AFTER = 10
"""Seconds that a client is told to wait when a request cannot be taken now (503): a full disk takes a while."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one connection, in bytes, but `fields`, a count."""

    request_line: int = 8192
    """RFC 9112 section 3 recommends at least 8000."""

    field_line: int = 8192
    """Room for the largest cookie that browsers keep (4 KiB), twice."""

    fields: int = 100
    """Browsers send 20, a chain of proxies adds a dozen."""

    head: int = 64 * 1024
    """The whole head: what an idle attacker can make us hold for each connection."""

    body: int = 1 << 30
    """Content, decoded: 1 GiB. It lies on disk, so it is the disk that this protects."""


DEFAULT_LIMITS = Limits()
"""For requests."""

RESPONSE_LIMITS = Limits(fields=200, body=1 << 62)
"""For responses, which come from a backend that was chosen: content streams through and may go on for ever."""
