"""Three pipes, of which the program gets one end each; and nothing is left open, however the start ends.

Both ends are made close-on-exec (PEP 446). The program's end loses that when it is moved to its place, 0, 1 or 2.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

from .process import Child, TryAgain, exit_descriptor, waiter

__all__ = ["Pipes"]

_SHORTAGES = frozenset((errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE))


class Pipes:
    """A context for the start of a program: the program's ends, `theirs`, are closed in any case, ours if it fails.

    `theirs` are in the order of their places in the program. An OSError for want of something that there may be again
    in a moment leaves the context as `TryAgain`.
    """

    __slots__ = ("_content", "_ours", "theirs")

    def __init__(self, content: bool) -> None:
        self._content = content
        self.theirs: list[int] = []
        self._ours: list[int] = []

    def __enter__(self) -> Self:
        try:
            self._open()
        except OSError as error:
            self.__exit__(None, error, None)
            raise
        return self

    def _open(self) -> None:
        if self._content:
            read, write = os.pipe()
            self.theirs.append(read)
            self._ours.append(write)
            os.set_blocking(write, False)
        else:
            self.theirs.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(2):
            read, write = os.pipe()
            self.theirs.append(write)
            self._ours.append(read)
            os.set_blocking(read, False)

    def child(self, pid: int, poll: Callable[[], int | None] | None = None, exited: int | None = None) -> Child:
        """Return the program that has been started, with our ends. `poll`, `exited`: if it is no child of ours."""
        stdin, stdout, stderr = self._ours if self._content else [-1, *self._ours]
        self._ours = []
        if exited is None:
            exited = exit_descriptor(pid)
        return Child(pid, stdin, stdout, stderr, exited, poll or waiter(pid))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for descriptor in (*self.theirs, *self._ours):
            os.close(descriptor)
        if isinstance(error, OSError) and error.errno in _SHORTAGES and not isinstance(error, TryAgain):
            raise TryAgain(error.errno, error.strerror) from error
