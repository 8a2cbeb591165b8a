"""Two windows over the view: a question with yes or no, and a longer answer to read."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Label, Static

__all__ = ["Answer", "Question"]


class Question(ModalScreen[bool]):
    """Ask before something is done to a server. Gives True for yes; everything else is no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "yes"),
        Binding("n,escape,q", "dismiss(False)", "no"),
        Binding("left,right", "app.focus_next", "the other button", show=False),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical():
            yield Label(self._question, markup=False)
            with Horizontal():
                yield Button("y  Yes", id="yes", compact=True)
                yield Button("n  No", id="no", compact=True)

    def on_mount(self) -> None:
        """Have the harmless answer ready."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the answer by mouse or Enter."""
        self.dismiss(event.button.id == "yes")


class Answer(ModalScreen[None]):
    """Show what a server said, to be scrolled through."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,t", "dismiss", "close")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with VerticalScroll() as window:
            window.border_title = Text(self._title).markup
            window.border_subtitle = "Esc closes"
            yield Static(Text(self._text))
