"""Forms below a cell, where ipywidgets can be had; a learner without them types the answer into the cell.

A form asks, has the fields of the question (`fields`), how sure the learner is, a button that stores, and below it what
came of that: a sentence, or what is wrong with the answer. They are widgets of ipywidgets alone, without a line of
JavaScript, so they look and work the same in JupyterLab, Notebook 7 and VS Code.

There are no forms without ipywidgets, outside of a notebook, in a rehearsal, or with `LESSON_KIT_PLAIN` in the
environment. Beside each form goes a text, for where no widget can be shown: a page that keeps the notebook, a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

from lesson_kit import display, rehearsal
from lesson_kit.checking import LEVELS, Exercise
from lesson_kit.errors import Unfit
from lesson_kit.questions import Question
from lesson_kit.record import Entry

__all__ = ["PLAIN", "are_here", "offer", "scaffolds"]

PLAIN: Final = "LESSON_KIT_PLAIN"
"""The environment variable that wants no forms."""
NOT_ALL = "⚠️ Something of the answer is not there yet: fill in each field, and say how sure you are."


def are_here() -> bool:
    """Tell whether forms can be shown."""
    wanted = display.in_notebook() and not rehearsal.on() and not os.environ.get(PLAIN)
    return wanted and find_spec("ipywidgets") is not None


def offer(question: Question, kept: Entry | None, store: Callable[[Any, Any], None], *, sure: bool) -> bool:
    """Show a form whose button calls `store(answer, confidence)`; False where there are no forms."""
    if not are_here():
        return False
    display.show_widget(form_of(question, kept, store, sure=sure), f"{question.asks} {question.how()}")
    return True


def form_of(question: Question, kept: Entry | None, store: Callable[[Any, Any], None], *, sure: bool) -> Any:
    """Return the form of a question, preset with the answer that is kept."""
    import ipywidgets as widgets  # type: ignore[import-untyped]  # half a second, and may be absent

    from lesson_kit.fields import confidence_field, field_of, is_blank

    field = field_of(question, _before(question, kept))
    sureness = confidence_field(kept.get("confidence") if kept else None) if sure else None
    button = widgets.Button(description="Store", button_style="primary", tooltip="Store this answer")
    outcome = widgets.HTML()

    def press(_: Any) -> None:
        answer, percent = field.answer(), sureness.answer() if sureness else ...
        if is_blank(answer) or percent is None:
            outcome.value = display.html_of(NOT_ALL, "alert")
            return
        said: list[str] = []
        with display.said_into(said.append):
            try:
                store(answer, percent)
            except Exception as error:  # nobody sees what a button raises
                said.append(f"⚠️ This could not be stored: {error}")
        outcome.value = display.html_of("\n\n".join(said), "alert")

    button.on_click(press)
    rows = [widgets.HTML(display.html_of(question.asks)), field.box, *([sureness.box] if sureness else []), button]
    return widgets.VBox([*rows, outcome])


def scaffolds(exercise: Exercise, level: str) -> None:
    """Show an exercise at one of its three levels: with buttons for the others, or words that name them."""
    source = exercise.scaffold(level)
    if are_here():
        others = ", ".join(LEVELS)
        display.say(f"{exercise.task} There are three: the worked one, the half done one, and the blank one.")
        display.show_widget(_chooser(exercise, level), f"{level} (of {others}):\n\n{source}")
        return
    others = " and ".join(f"`{other}`" for other in LEVELS if other != level)
    display.show_source(source, f"{exercise.task} Here it is **{level}**; there are also {others}:")


def _chooser(exercise: Exercise, level: str) -> Any:
    """Return a button for each level, and the source of the one that is pressed."""
    import ipywidgets as widgets

    buttons = widgets.ToggleButtons(options=LEVELS, value=level, tooltips=[f"Show it {one}" for one in LEVELS])
    shown = widgets.Output()

    def show(_: Any = None) -> None:
        text = f"```python\n{exercise.scaffold(buttons.value).rstrip()}\n```"
        shown.outputs = ({"output_type": "display_data", "metadata": {}, "data": {
            "text/markdown": text, "text/plain": text}},)  # fmt: skip

    buttons.observe(show, "value")
    show()
    return widgets.VBox([buttons, shown])


def _before(question: Question, kept: Entry | None) -> Any:
    """Return the answer that is kept, if the question still takes it: a lesson may have changed since."""
    if kept is None:
        return None
    try:
        return question.read(kept["value"])
    except Unfit:
        return None
