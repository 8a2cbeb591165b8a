"""What `gatelab record` and `gatelab show` print: every message, with its connection's number and its time.

::

    #3   0.001204  > 1: PARAMS, 312 bytes                                FastCGI at 16
      0e 03 52 45 51 55 45 53  ..REQUES  REQUEST_METHOD  GET
      ...
    #3   0.004310  < end of file

What `wire_inspector.text` shortens is short; here it is the number of messages: of a run of like ones, as large content
makes, the first are shown and the others counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from wire_inspector import Conversation, Message, text

from .recording import Connection, Sender

__all__ = ["RUN", "Display", "new_console"]

RUN = 4
"""Messages of one kind in a row that are shown: content's beginning says what it is."""

PLAIN_WIDTH = 100
"""Columns where there is no terminal that has a width."""

_ARROWS: dict[Sender, str] = {"front": ">", "backend": "<"}


class Lenient(Console):
    """Who does not want to see more leaves the relay at work."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


def new_console(*, stderr: bool = False) -> Console:
    """Return what is printed on: in colour on a terminal, but for NO_COLOR; plain lines elsewhere."""
    console = Lenient(stderr=stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


@dataclass(slots=True)
class _Run:
    """Like messages in a row, by one sender: how many, and what of them was not shown."""

    kind: str = ""
    count: int = 0
    hidden: int = 0
    last: float = 0.0


@dataclass(slots=True)
class _Open:
    """A connection that is open. Its runs are told by sender: the other side may well say something in between."""

    conversation: Conversation
    began: float
    runs: dict[str, _Run] = field(default_factory=lambda: {sender: _Run() for sender in _ARROWS})


class Display:
    """A relay's watch that prints; `show` prints a connection of a recording. `trouble`: why it could not go on."""

    def __init__(self, console: Console, protocol: str | None = None, *, hex: bool = True) -> None:  # noqa: A002
        self._console = console
        self._protocol = protocol
        self._hex = hex
        self._open: dict[int, _Open] = {}
        self.trouble = ""

    def opened(self, number: int, client: str, at: float) -> None:
        """A front has connected."""
        self._open[number] = _Open(Conversation(self._protocol), at)
        self._note(number, 0.0, f"{client or 'a front'} connects")

    def passed(self, number: int, sender: Sender, data: bytes, reset: bool, at: float) -> None:
        """Bytes have passed, or a side has ended."""
        messages = [] if reset else self._open[number].conversation.receive(sender, data)
        self._tell(number, at - self._open[number].began, sender, messages, _end(data, reset))

    def closed(self, number: int, at: float) -> None:
        """The connection is over."""
        for sender in _ARROWS:
            self._end_run(number, sender)
        self._note(number, at - self._open.pop(number).began, "closed")

    def show(self, number: int, connection: Connection) -> None:
        """Print a connection that was recorded."""
        self._open[number] = _Open(Conversation(), 0.0)
        self._note(number, 0.0, f"{connection.client or 'a front'} connects")
        for segment, messages in connection.replay(self._protocol):
            self._tell(number, segment.t, segment.sender, messages, _end(segment.data, segment.reset))
        for sender in _ARROWS:
            self._end_run(number, sender)
        if connection.cut is not None:
            cut = f"{connection.cut.front:,} bytes of the front and {connection.cut.backend:,} of the backend"
            self._note(number, connection.ended, f"the recording is cut here: {cut} are not in it")
        del self._open[number]

    def _tell(self, number: int, at: float, sender: Sender, messages: Sequence[Message], end: str) -> None:
        for message in messages:
            self._message(number, at, message)
        if end:
            self._end_run(number, sender)
            self._note(number, at, f"{_ARROWS[sender]} {end}")

    def _message(self, number: int, at: float, message: Message) -> None:
        """Print a message, unless many like it have come before."""
        runs = self._open[number].runs
        kind = message.title.partition(",")[0]
        if kind != runs[message.sender].kind or message.fault:
            self._end_run(number, message.sender)
            runs[message.sender].kind = kind
        run = runs[message.sender]
        run.count += 1
        if run.count > RUN:
            run.hidden += len(message.data)
            run.last = at
            return
        prefix = _prefix(number, at)
        first, *rest = text.lines(message, hex=self._hex, width=max(40, self._console.width - len(prefix)))
        self._print(Text(prefix, "dim").append_text(first))
        for line in rest:
            self._print(line)

    def _end_run(self, number: int, sender: str) -> None:
        """Say what was not shown."""
        runs = self._open[number].runs
        run, runs[sender] = runs[sender], _Run()
        if run.hidden:
            arrow = ">" if sender == "front" else "<"
            self._note(number, run.last, f"{arrow} {run.count - RUN:,} more like it, {run.hidden:,} bytes")

    def _note(self, number: int, at: float, words: str) -> None:
        self._print(Text(f"{_prefix(number, at)}{text.printable(words)}", "dim"))

    def _print(self, line: Text) -> None:
        try:
            self._console.print(line)
        except OSError as error:  # a full disk, say: the bytes go on all the same
            self._console.quiet = True
            self.trouble = (error.strerror or str(error)).lower()


def _prefix(number: int, at: float) -> str:
    return f"#{number:<3} {at:9.6f}  "


def _end(data: bytes, reset: bool) -> str:
    return "" if data else "reset" if reset else "end of file"
