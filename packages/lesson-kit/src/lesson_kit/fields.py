"""The fields of a form, one sort for each kind of question. Only `forms` imports this, since it needs ipywidgets.

===========  =====================================================================
Choice       radio buttons
Number       a line of text: a field with limits would move an answer to its limit
Ranking      a menu for each place
Shares       a slider for each part, and what they make together
Curve        a line of text for each place
Sorting      a menu for each thing
Words        an area of text
===========  =====================================================================

Nothing is preset that somebody could store without having thought: a menu begins with "choose", the slider of how sure
you are with "?". Each has its description as its label, so that a screen reader says it; all work from the keyboard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any, NamedTuple

import ipywidgets as widgets  # type: ignore[import-untyped]  # it has no types

from lesson_kit.errors import Missing
from lesson_kit.questions import SLACK, WHOLE, Choice, Curve, Number, Question, Ranking, Shares, Sorting, Words

__all__ = ["Field", "confidence_field", "field_of", "is_blank"]

CHOOSE = "choose ..."
UNKNOWN = "?"
WIDE = "36em"
"""A form is no wider than a line that can be read."""
PER_LETTER = 0.62
"""Of an em that a letter takes on average, so that fields below each other begin at the same place."""
STEP = 5
"""Percent from one notch of confidence to the next; nobody is 63 % sure."""


class Field(NamedTuple):
    """What is shown, and a function that returns what it holds now: None or "" where nothing was answered yet."""

    box: Any
    answer: Callable[[], Any]


@singledispatch
def field_of(question: Question, before: Any) -> Field:
    """Return the field of a question, preset with the answer from before, if there is one (else None)."""
    raise Missing(f"There is no field for a question of kind {question.kind!r}.")


@field_of.register
def _(question: Choice, before: Any) -> Field:
    box = widgets.RadioButtons(options=question.options, value=before, layout={"width": "auto"})
    return Field(box, lambda: box.value)


@field_of.register
def _(question: Number, before: Any) -> Field:
    words = f"{question.low:g} to {question.high:g} {question.unit}".strip()
    box = _line("Your answer", words, before, len("Your answer"))
    return Field(box, lambda: box.value.strip())


@field_of.register
def _(question: Ranking, before: Any) -> Field:
    names = [f"{place}." for place in range(1, len(question.items) + 1)]
    names[0] = f"1. ({question.first})"
    return _menus(names, question.items, before)


@field_of.register
def _(question: Shares, before: Any) -> Field:
    width = max(map(len, question.parts))
    sliders = [
        widgets.FloatSlider(
            value=(before or {}).get(part, 0.0), min=0, max=WHOLE, step=1, readout_format=".0f", description=part,
            tooltip=f"{part}, percent", style=_style(width), layout={"width": WIDE},
        )
        for part in question.parts
    ]  # fmt: skip
    together = widgets.HTML()

    def add_up(_: Any = None) -> None:
        together.value = _together(sum(slider.value for slider in sliders))

    for slider in sliders:
        slider.observe(add_up, "value")
    add_up()
    return Field(widgets.VBox([*sliders, together]), lambda: [slider.value for slider in sliders])


@field_of.register
def _(question: Curve, before: Any) -> Field:
    names = [f"{place:g} {question.across}".strip() for place in question.at]
    width = max(map(len, names))
    lines = [
        _line(name, question.unit or "a number", value, width)
        for name, value in zip(names, before or [None] * len(names), strict=True)
    ]
    return Field(widgets.VBox(lines), lambda: [line.value.strip() for line in lines])


@field_of.register
def _(question: Sorting, before: Any) -> Field:
    return _menus(question.items, question.boxes, list(before.values()) if before else None)


@field_of.register
def _(question: Words, before: Any) -> Field:
    box = widgets.Textarea(
        value=before or "", placeholder="a sentence, in your own words", description="In words", rows=3,
        style=_style(len("In words")), layout={"width": WIDE},
    )  # fmt: skip
    return Field(box, lambda: box.value.strip())


def confidence_field(before: float | None) -> Field:
    """Return the field for how sure the learner is, in percent."""
    notches = sorted({*map(float, range(0, 101, STEP)), *([] if before is None else [before])})
    options = [(UNKNOWN, None), *((f"{notch:g} %", notch) for notch in notches)]
    name = "How sure are you?"
    box = widgets.SelectionSlider(
        options=options, index=0 if before is None else notches.index(before) + 1, description=name,
        tooltip="How sure you are, in percent", style=_style(len(name)), layout={"width": WIDE},
    )  # fmt: skip
    return Field(box, lambda: box.value)


def is_blank(answer: Any) -> bool:
    """Tell whether something of an answer is not there yet."""
    return answer in (None, "") or (isinstance(answer, list) and any(one in (None, "") for one in answer))


def _menus(names: Sequence[str], options: Sequence[str], before: Sequence[str | None] | None) -> Field:
    width = max(map(len, names))
    menus = [
        widgets.Dropdown(options=[(CHOOSE, None), *((option, option) for option in options)],
                         index=0 if value is None else list(options).index(value) + 1,  # else it shows nothing
                         description=name, style=_style(width), layout={"width": WIDE})
        for name, value in zip(names, before or [None] * len(names), strict=True)
    ]  # fmt: skip
    return Field(widgets.VBox(menus), lambda: [menu.value for menu in menus])


def _line(name: str, placeholder: str, before: Any, width: int) -> Any:
    return widgets.Text(value="" if before is None else f"{before:.12g}", placeholder=placeholder, description=name,
                        style=_style(width), layout={"width": WIDE})  # fmt: skip


def _style(letters: int) -> dict[str, str]:
    return {"description_width": f"{letters * PER_LETTER + 0.5:.1f}em"}


def _together(total: float) -> str:
    if abs(total - WHOLE) <= SLACK:
        return f"Together {total:g} %."
    more = f"{WHOLE - total:g} % still to give" if total < WHOLE else f"{total - WHOLE:g} % too much"
    return f"Together {total:g} %: {more}."
