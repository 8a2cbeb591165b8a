"""The content of a request, with curl's habits, in constant memory.

::

    -d 'a=1' -d 'b=2'        a=1&b=2
    -d @form.txt             the file without its line ends
    --data-binary @photo     the file as it is
    --data-binary @-         standard input

Its length must be known before the first byte goes out, since every one of these protocols says it in front. A plain
file has one; all else is first collected, beyond 1 MiB in a temporary file.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

from .request_errors import Exit, Failed, system_words

__all__ = ["BLOCK", "Content"]

BLOCK = 64 * 1024
"""Bytes that are read and sent at a time."""

IN_MEMORY = 1024 * 1024
"""Bytes of collected content that are kept in memory: more than any form has."""


class Content:
    """Content that is to be sent, with its length. A context manager; `pieces` may be read once.

    `items` are the arguments of -d, or with `binary` those of --data-binary. Raises Failed if a file cannot be read.
    """

    def __init__(self, items: Sequence[str], *, binary: bool = False) -> None:
        self._files = ExitStack()
        try:
            self.stream, self.length = self._gather(items, binary)
        except OSError as error:
            self._files.close()
            raise Failed(Exit.NOT_READ, f"{error.filename or 'the content'}: {system_words(error)}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def pieces(self) -> Iterator[bytes]:
        """Yield the content. Raises Failed if a file has become shorter, or cannot be read to its end."""
        left = self.length
        while left:
            try:
                piece = self.stream.read(min(BLOCK, left))
            except OSError as error:
                raise Failed(Exit.NOT_READ, f"the content cannot be read: {system_words(error)}") from None
            if not piece:
                raise Failed(Exit.NOT_READ, f"the file has become {left} bytes shorter while it was sent")
            left -= len(piece)
            yield piece

    def _gather(self, items: Sequence[str], binary: bool) -> tuple[IO[bytes], int]:
        if len(items) == 1 and binary and items[0].startswith("@"):
            stream = self._open(items[0][1:])
            status = os.fstat(stream.fileno())
            if stat.S_ISREG(status.st_mode):
                return stream, status.st_size - stream.tell()
            return self._collect([stream], binary)
        return self._collect(
            [self._open(item[1:]) if item.startswith("@") else os.fsencode(item) for item in items], binary
        )

    def _collect(self, parts: Sequence[IO[bytes] | bytes], binary: bool) -> tuple[IO[bytes], int]:
        whole: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the stack closes it
        self._files.callback(whole.close)
        for number, part in enumerate(parts):
            if number:
                whole.write(b"&")
            if isinstance(part, bytes):
                whole.write(part)
                continue
            while piece := part.read(BLOCK):
                whole.write(piece if binary else piece.translate(None, b"\r\n\0"))
        length = whole.tell()
        whole.seek(0)
        return whole, length

    def _open(self, name: str) -> IO[bytes]:
        if name == "-":
            if sys.stdin is None:
                raise Failed(Exit.NOT_READ, "standard input is closed")
            return sys.stdin.buffer
        return self._files.enter_context(Path(name).open("rb", buffering=0))
