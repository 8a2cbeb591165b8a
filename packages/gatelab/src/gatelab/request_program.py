"""One request to a program on disk: its environment and standard input, its standard output.

The program is run as `cgi_runner` runs it: in a session of its own, with a guard that ends it when this process is
killed. When the time limit has passed, or Ctrl-C was pressed, its process group gets TERM, and KILL two seconds later.
"""

from __future__ import annotations

import errno
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from cgi_runner.guard import Guard
from cgi_runner.pump import Pump
from cgi_runner.run import Output, Run
from cgi_runner.spawn import Child, Command, strategy
from gateway_core.environ import decode_path
from gateway_core.errors import BackendTimeout, BadGateway
from gateway_core.events import Data, EndOfMessage, Response, Variables

from .request_content import Content
from .request_errors import Exit, Failed, system_words
from .request_meter import Meter
from .request_variables import Division

__all__ = ["Program", "find_program"]

A_DAY = 86_400.0
"""Seconds of silence when there is no time limit: the pump wants a number."""

_OF_THE_RESPONSE = ("not a response: ", "was silent for ", "gave no whole head ")

_PLACE = 0
"""In which the guard keeps the one program."""

_NOT_STARTED = {
    errno.ENOENT: "its #! line names a program that is not there",
    errno.ENOEXEC: "it has no #! line, or one that names no interpreter for this machine",
    errno.EACCES: "this user may not run it",
}


def find_program(path: str) -> tuple[Path, Division]:
    """Return the program in a path, the first part of it that is a file, and what a web server would say of it.

    Raises Failed if there is none that can be run.
    """
    segments = decode_path(path).encode("latin-1").split(b"/")
    for used in range(1, len(segments) + 1):
        file = Path(os.fsdecode(b"/".join(segments[:used]) or b"/"))
        if file.is_file():
            break
    else:
        raise Failed(Exit.NOT_REACHED, f"{path}: no part of this path is a file")
    if not os.access(file, os.X_OK):
        raise Failed(Exit.NOT_REACHED, f"{file} is not executable: chmod +x")
    extra = b"".join(b"/" + segment for segment in segments[used:]).decode("latin-1")
    file = file.absolute()
    name, folder = (os.fsencode(part).decode("latin-1") for part in (file.name, file.parent))
    more = [("SCRIPT_FILENAME", f"{folder.rstrip('/')}/{name}"), ("DOCUMENT_ROOT", folder)]
    if extra:
        more.append(("PATH_TRANSLATED", folder.rstrip("/") + extra))
    return file, Division(f"/{name}", extra, tuple(more))


class Program:
    """A program at work on one request; `errors` takes a line of its standard error, or one about its end."""

    def __init__(self, file: Path, meter: Meter, errors: Callable[[str], None]) -> None:
        self._file = file
        self._meter = meter
        self._errors = errors
        self._fault = "the program died"

    def talk(self, variables: Variables, content: Content, *, head: bool) -> Iterator[Response | Data | EndOfMessage]:
        """Yield what the program answers. Raises Failed. However this ends, the program has ended by then."""
        with closing(Guard(1)) as guard:
            guard.start()
            ended, run = self._start(guard, variables, content, head)
            try:
                yield run.head()
                for data in run:
                    yield Data(data)
                    self._meter.left()
                yield EndOfMessage()
            except BackendTimeout:
                raise self._meter.over() from None
            except BadGateway:
                raise self._broken() from None
            finally:
                run.close()
                ended.wait()

    def _start(self, guard: Guard, variables: Variables, content: Content, head: bool) -> tuple[threading.Event, Run]:
        left = self._meter.left()
        child = self._spawn(dict(variables), content.length > 0)
        guard.started(_PLACE, child.pid)
        self._meter.mark("connect")
        if not content.length:
            self._meter.mark("sent")
        ended = threading.Event()

        def done(_status: int) -> None:
            guard.ended(_PLACE)
            ended.set()

        deadline = math.inf if left is None else time.monotonic() + left
        counted = _Counted(content, self._took)
        pump = _CountedPump(self._meter.gave, child, counted, content.length, A_DAY, self._errors, deadline=deadline)
        output = Output(child, pump, left or A_DAY, self._note, done, lambda _moment: None)
        return ended, Run(output, no_content=head)

    def _spawn(self, environment: Mapping[str, str], content: bool) -> Child:
        encoded = {name.encode("latin-1"): value.encode("latin-1") for name, value in environment.items()}
        try:
            return strategy()(Command((str(self._file),), encoded, str(self._file.parent), content))
        except OSError as error:
            words = _NOT_STARTED.get(error.errno or 0) or system_words(error)
            raise Failed(Exit.NOT_REACHED, f"{self._file} cannot be started: {words}") from None

    def _note(self, sentence: str) -> None:
        """Take a word of the run's. What it says of the response itself becomes our own error."""
        if sentence.startswith(_OF_THE_RESPONSE):
            self._fault = sentence
        else:
            self._errors(f"({sentence})")

    def _broken(self) -> Failed:
        code, words = (Exit.CUT_SHORT, "breaks off") if "head" in self._meter.marks else (Exit.BROKEN, "is not CGI")
        return Failed(code, f"the answer {words}: {self._fault.removeprefix(_OF_THE_RESPONSE[0])}")

    def _took(self, data: bytes, complete: bool) -> None:
        self._meter.took(data)
        if complete:
            self._meter.mark("sent")


class _Counted:
    """Content on its way to the program; `took` is told of each piece, and whether it is the last."""

    def __init__(self, content: Content, took: Callable[[bytes, bool], None]) -> None:
        self._pieces = content.pieces()
        self._left = content.length
        self._took = took

    def read(self, _size: int, /) -> bytes:
        """Return the next piece: they have the size that the pump asks for."""
        piece = next(self._pieces, b"")
        self._left -= len(piece)
        self._took(piece, not self._left)
        return piece


class _CountedPump(Pump):
    """A pump that tells `gave` of the program's output."""

    def __init__(self, gave: Callable[[bytes], None], *arguments: Any, deadline: float) -> None:
        super().__init__(*arguments, deadline=deadline)
        self._gave = gave

    def read(self) -> bytes:
        """Return the next piece of output."""
        data = super().read()
        self._gave(data)
        return data
