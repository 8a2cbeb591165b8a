"""`-v`: every byte both ways, field by field, on standard error. `wire_inspector` knows what they mean."""

from __future__ import annotations

import sys

from rich.console import Console

from gateway_core.events import Variables
from wire_inspector import Conversation, Message, environment, text

__all__ = ["Watcher"]


class Watcher:
    """Shows what passes; to be called with the sender and the bytes. Colours are for terminals, without NO_COLOR."""

    def __init__(self, protocol: str, console: Console | None = None) -> None:
        self._conversation = Conversation(protocol)
        self._console = console or _Lenient(stderr=True, quiet=sys.stderr is None)

    def __call__(self, sender: str, data: bytes) -> None:
        """Show some bytes; b"" is end of file."""
        for message in self._conversation.receive(sender, data):
            self._show(message)

    def environment(self, variables: Variables) -> None:
        """Show what a program is given in place of bytes."""
        self._show(environment(variables))

    def _show(self, message: Message) -> None:
        for line in text.lines(message, width=self._console.width):
            try:
                self._console.print(line, soft_wrap=True, highlight=False)
            except OSError:
                self._console.quiet = True


class _Lenient(Console):
    """Who does not want to see more still gets his answer."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
