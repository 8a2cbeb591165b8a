"""One run of `gatelab up`, from the first start to the last end, and the two ways to show it.

::

    open() ----> watch ----> close()       each of the outer two in a thread, so that it can be shown, and Ctrl-C heard
      |  Ctrl-C    |  Ctrl-C    |  Ctrl-C: whoever still answers ends with its leash
      +------------+----------> +
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.live import Live

from .up_table import WHERE, Row, lines, view
from .up_together import Together
from .up_wishes import Wish, Wishes

__all__ = ["Lines", "Screen", "Session", "Show"]

STEP: Final = 0.5
"""Seconds from one look at the programs to the next."""
STEP_SHORT: Final = 0.1
"""The same while they start or end."""
STARTING: Final = "The gateways start, and then the front. Ctrl-C ends all."
ENDING: Final = "All end now. Ctrl-C once more: do not wait for requests under way."
RUNNING: Final = "Ctrl-C ends all."
AGAIN: Final = " Key s starts again what has ended."
BY_HAND: Final = " What has ended stays so: end all and start anew."


class Show(Protocol):
    """Where it is shown."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Give back what was taken."""

    def ready(self, rows: Sequence[Row]) -> None:
        """All can be asked now."""

    def draw(self, rows: Sequence[Row], notes: Sequence[str], hint: str) -> None:
        """Show how it is."""


class Screen:
    """A table in a terminal of its own screen. It is drawn when something has changed, so text can be marked in it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._shown: object = None

    def __enter__(self) -> Self:
        """Take the screen."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the screen back, as it was."""
        self._live.stop()

    def ready(self, rows: Sequence[Row]) -> None:
        """The table says it."""

    def draw(self, rows: Sequence[Row], notes: Sequence[str], hint: str) -> None:
        """Show how it is, in the size that the terminal has now."""
        size = self._console.size
        shown = view(rows, notes, hint, (size.width, size.height))
        if (shown.plain, size) != self._shown:
            self._shown = (shown.plain, size)
            self._live.update(shown, refresh=True)


class Lines:
    """Lines of text where there is no terminal: the addresses, `ready URL`, then what happens."""

    def __init__(self) -> None:
        self._shown = 0

    def __enter__(self) -> Self:
        """Nothing is taken."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is given back."""

    def ready(self, rows: Sequence[Row]) -> None:
        """Say where to ask."""
        front, *_ = rows
        print(*lines(rows, (*WHERE, "processes")), f"ready {front.through}", sep="\n", flush=True)

    def draw(self, rows: Sequence[Row], notes: Sequence[str], hint: str) -> None:
        """Say what has happened since the last time."""
        for note in notes[self._shown :]:
            print(note, flush=True)
        self._shown = len(notes)


class Session:
    """Start, watch, end."""

    def __init__(self, bind: str, workers: int, wanted: Wishes, show: Show) -> None:
        self.notes: list[str] = []
        self._together = Together(workers, bind, self._note)
        self._wanted = wanted
        self._show = show

    def run(self) -> list[Row]:
        """Return what was known at the end; nothing, if that came before all had started. Raises LabError.

        However it goes, all that was started is ended.
        """
        ready = False
        with self._show:
            try:
                ready = self._meanwhile(self._together.open, STARTING)
                if ready:
                    self._show.ready(self._together.rows())
                    self._watch()
            finally:
                self._meanwhile(self._together.close, ENDING)
        return self._together.rows() if ready else []

    def _watch(self) -> None:
        """Show what happens until the end is asked for."""
        while (wish := self._wanted.wait(STEP)) is not Wish.END:
            if wish is Wish.AGAIN:
                threading.Thread(target=self._together.again, daemon=True).start()
            self._together.look()
            self._draw(RUNNING)

    def _meanwhile(self, call: Callable[[], None], hint: str) -> bool:
        """Make a call that takes its time, and show what becomes of it. False: the end was asked for before that."""
        wrong: list[Exception] = []

        def make() -> None:
            try:
                call()
            except Exception as error:
                wrong.append(error)

        thread = threading.Thread(target=make, daemon=True)
        thread.start()
        while thread.is_alive():
            self._draw(hint)
            if self._wanted.wait(STEP_SHORT) is Wish.END:
                return False
        if wrong:
            raise wrong[0]
        return True

    def _draw(self, hint: str) -> None:
        rows = self._together.rows()
        if hint == RUNNING and any(row.state for row in rows):
            hint += AGAIN if self._wanted.keys else BY_HAND
        self._show.draw(rows, list(self.notes), hint)

    def _note(self, sentence: str) -> None:
        self.notes.append(f"{time.strftime('%H:%M:%S')}  {sentence}")
