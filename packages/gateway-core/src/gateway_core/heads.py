"""Heads that come again: what a front has said before, byte for byte, need not be read again.

For the same request of the same visitor a front sends the same block of variables: a page that polls, an API that is
called in a loop, a health check. Where anything differs, such as the query or the visitor's port, it is another block.
Most blocks never come again, and to keep those would be memory for nothing. So of a block only the hash is noted at
first, and it is kept when it comes a second time::

    block --known?--> its variables, and the environ made of them
       '--no: decode it --noted?--> keep it
                          '--no: note it

HTTP has the like for its lines (`memo`). A block with a secret in it is never kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .events import Variables

__all__ = ["BLOCK_MAX", "KEPT_MAX", "Heads", "KnownVariables"]

KEPT_MAX = 256
"""Blocks that are kept; then it starts anew. One worker has few such visitors at a time."""

BLOCK_MAX = 2048
"""Bytes of a block that is kept. With KEPT_MAX and what is made of a block, that bounds the memory: some 3 MiB."""

NOTED_MAX = 4096
"""Hashes that are noted; then it starts anew."""

_SECRET = (b"HTTP_COOKIE", b"HTTP_AUTHORIZATION", b"HTTP_PROXY_AUTHORIZATION")


class KnownVariables(list[tuple[str, str]]):
    """Variables that may come again. Nobody may change them. `made`: a template, and the environ made of both."""

    __slots__ = ("made",)

    made: tuple[dict[str, Any], dict[str, Any]] | None


class Heads(dict[bytes, KnownVariables]):
    """`heads[block]` is `decode(block)`. Errors of `decode` pass through. Safe between threads, as `Memo` is."""

    __slots__ = ("_decode", "_noted")

    def __init__(self, decode: Callable[[bytes], Variables]) -> None:
        super().__init__()
        self._decode = decode
        self._noted: set[int] = set()

    def __missing__(self, block: bytes) -> KnownVariables:
        variables = KnownVariables(self._decode(block))
        variables.made = None
        mark = hash(block)
        if mark not in self._noted:
            if len(self._noted) >= NOTED_MAX:
                self._noted.clear()
            self._noted.add(mark)
        elif len(block) <= BLOCK_MAX and not any(secret in block for secret in _SECRET):
            if len(self) >= KEPT_MAX:
                self.clear()
            self[block] = variables
        return variables
