"""The glass wall: a CGI program behind glass. The server runs it as ever, and we see what goes in and what comes out.

::

    client ---HTTP--->  cgi_runner  ---environment, argv, stdin--->  | pane |  ---the same--->  program
           <--HTTP----              <------------stdout------------  | .py  |  <----stdout----
      `send` has these bytes                                      `seen` has these

"""

from __future__ import annotations

import inspect
import json
import shutil
import socket
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from gateway_lab.errors import LabError
from gateway_lab.servers import Server

__all__ = ["DOORS", "GlassWall", "Seen", "as_program"]

DOORS: Final = ("environment", "argv", "stdin")
"""The ways into a new process."""
NAME = "kitchen.py"
"""What the program is called in the URL."""
PANE = Path(__file__).with_name("pane.py")
ANSWER_LIMIT = 20.0
"""Seconds without a byte: on a machine with forty learners two Pythons take long to start."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a program was given for one request, and all that it wrote."""

    environment: dict[str, str]
    argv: list[str]
    stdin: bytes
    stdout: bytes
    pid: int

    def doors(self, value: str) -> dict[str, str]:
        """Return through which doors a value came, and for each of them as what."""
        names = sorted((name for name, text in self.environment.items() if value in text), key=self._plainness)
        words = [f"argv[{place}]" for place, word in enumerate(self.argv) if value in word]
        found = {"environment": ", ".join(names[:1]), "argv": ", ".join(words)}
        return {door: what for door, what in found.items() if what} | (
            {"stdin": "content"} if value.encode() in self.stdin else {}
        )

    def _plainness(self, name: str) -> int:
        """How much more than the value itself a variable has: the one that is just it comes first."""
        return len(self.environment[name])


class GlassWall:
    """A CGI server with one program in it, given as text in Python. A context manager; `url` is the program's."""

    def __init__(self, program: str) -> None:
        self._program = textwrap.dedent(program)

    def __enter__(self) -> Self:
        """Start the server. Raises LabError."""
        self._folder = tempfile.TemporaryDirectory(prefix="lesson-")
        root = Path(self._folder.name)
        (root / ".seen").mkdir()
        (root / ".behind.py").write_text(self._program, "utf-8")
        shutil.copyfile(PANE, root / NAME)
        self._server = Server([sys.executable, "-m", "cgi_runner", str(root), "--bind", "127.0.0.1:0",
                               "--interpreter", f".py={sys.executable}"])  # fmt: skip
        try:
            self._server.__enter__()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server."""
        self._server.stop()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """Where the program is asked."""
        return f"{self._server.url}/{NAME}"

    @property
    def log(self) -> str:
        """What the server, and the program's standard error, said so far."""
        return self._server.log

    def send(self, request: bytes) -> tuple[bytes, Seen]:
        """Send a whole request, as bytes; return all that came back, as bytes, and what the program saw."""
        before = {path.name for path in self._notes()}
        answer = self._exchange(request)
        new = [path for path in self._notes() if path.name not in before]
        if not new:
            raise LabError(f"No program was started for this request: its path must begin with /{NAME}, and the answer "
                           f"begins {answer[:40]!r}.")  # fmt: skip
        note = json.loads(new[-1].read_text("ascii"))
        return answer, Seen(note["environment"], note["argv"], note["stdin"].encode("latin-1"),
                            note["stdout"].encode("latin-1"), note["pid"])  # fmt: skip

    def _exchange(self, request: bytes) -> bytes:
        answer = b""
        try:
            with socket.create_connection((self._server.host, self._server.port), ANSWER_LIMIT) as sock:
                sock.sendall(request)
                sock.shutdown(socket.SHUT_WR)
                while more := sock.recv(65536):
                    answer += more
        except OSError as error:
            raise LabError(f"The server gave no whole answer ({error}): look whether the program comes to an end, and "
                           "run this cell again.") from error  # fmt: skip
        return answer

    def _notes(self) -> list[Path]:
        return sorted(path for path in (Path(self._folder.name) / ".seen").iterdir() if not path.suffix)


def as_program(answer: Callable[..., Any]) -> str:
    """Return a function `answer(env, stdin)` as a CGI program: its source, and the lines that call it.

    Raises LabError if nobody knows its source any more.
    """
    try:
        source = textwrap.dedent(inspect.getsource(answer))
    except (OSError, TypeError):
        raise LabError("The source of this function cannot be found: run the cell that defines it, then this one."
                       ) from None  # fmt: skip
    name = answer.__name__
    return f"""from __future__ import annotations  # types that it names may be known in the notebook alone

import os
import sys

{source}

answer = {name}(dict(os.environ), sys.stdin.buffer)
if not isinstance(answer, bytes):
    sys.exit(f"{name} returned {{type(answer).__name__}}, and a program writes bytes")
sys.stdout.buffer.write(answer)
"""
