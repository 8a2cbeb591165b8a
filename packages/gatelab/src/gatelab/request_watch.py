"""`-v`: every byte both ways, field by field, on standard error."""

from __future__ import annotations

from typing import TextIO

from .request_url import Url

__all__ = ["Watcher"]


class Watcher:
    """Shows what passes, to be called with the sender and the bytes."""

    def __init__(self, url: Url, out: TextIO) -> None:
        self._url = url
        self._out = out

    def __call__(self, sender: str, data: bytes) -> None:
        """Show some bytes; b"" is end of file."""
        mark = ">" if sender == "front" else "<"
        for at in range(0, len(data), 16):
            row = data[at : at + 16]
            text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            print(f"{mark} {row.hex(' '):<48} {text}", file=self._out)
