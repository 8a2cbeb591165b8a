"""What can go wrong with one request, and the exit codes that say so: curl's numbers, where curl has one.

::

    0    there is an answer, whatever its status          28   a time limit has passed
    2    it cannot be done as asked                       52   the peer closed without a byte of an answer
    6    nobody knows the host                            56   the connection broke
    7    nobody listens, or the program cannot be run     63   the content does not fit into the JSON
    8    the answer breaks the protocol                   130  Ctrl-C
    18   the answer breaks off before its end
    22   --fail, and the status is 400 or above
    23   the answer cannot be written where it should go
    26   the content to send cannot be read
"""

from __future__ import annotations

import enum
import os

from .errors import GatelabError

__all__ = ["BadRequest", "Exit", "Failed", "system_words"]


class Exit(enum.IntEnum):
    """Exit codes of `gatelab request`."""

    ANSWERED = 0
    REFUSED = 2
    NO_SUCH_HOST = 6
    NOT_REACHED = 7
    BROKEN = 8
    CUT_SHORT = 18
    STATUS = 22
    NOT_WRITTEN = 23
    NOT_READ = 26
    TIMED_OUT = 28
    NO_ANSWER = 52
    LOST = 56
    TOO_LARGE = 63
    INTERRUPTED = 130


class BadRequest(GatelabError):
    """That cannot be asked: exit code 2."""


class Failed(GatelabError):
    """There is no whole answer, or no place for it. `code` is the exit code."""

    def __init__(self, code: Exit, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def system_words(error: OSError) -> str:
    """Return what an error says, without its number."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
