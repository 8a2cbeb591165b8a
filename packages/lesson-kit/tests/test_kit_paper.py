"""The paper: a sentence on top, the machine at the bottom, and guesses that look like guesses."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_bench.report.chart_style import GREY
from lesson_kit import display
from lesson_kit.charts.paper import ghost_line, ghost_point, sheet


@pytest.fixture
def axis() -> Any:
    _, (axis,) = sheet("A sentence", "and how", 3.0)
    axis.set_xlim(0, 10)
    axis.set_ylim(0, 10)
    return axis


def test_a_sheet_has_its_sentence_and_says_where_it_was_made() -> None:
    figure, axes = sheet("A sentence made from the data", "and how it was drawn", 4.0, ncols=2)
    assert len(axes) == 2
    assert tuple(figure.get_size_inches()) == (10, 4)
    words = [text.get_text() for text in figure.texts]
    assert words[0] == "A sentence made from the data"
    assert "CPython" in words[2] or "PyPy" in words[2]
    svg = display.svg_of(figure, 'What "there" is & to <see>')
    assert 'aria-label="What &quot;there&quot; is &amp; to &lt;see>"' in svg


@pytest.mark.parametrize(("left", "side"), [(False, "left"), (True, "right")])
def test_a_guess_is_a_dashed_line_with_its_words(left: bool, side: str, axis: Any) -> None:
    ghost_line(axis, 4, "your guess: 4", left=left)
    (line,), (words,) = axis.lines, axis.texts
    assert line.get_color() == GREY
    assert line.is_dashed()
    assert (words.get_text(), words.get_horizontalalignment()) == ("your guess: 4", side)


@pytest.mark.parametrize("words", ["", "your guess"])
def test_a_guess_is_a_hollow_ring(words: str, axis: Any) -> None:
    ghost_point(axis, 1, 2, words)
    (ring,) = axis.lines
    assert (ring.get_markerfacecolor(), ring.get_markeredgecolor()) == ("none", GREY)
    assert [text.get_text() for text in axis.texts] == [words] * bool(words)
