"""Facts in the lessons: what the pages say is what the table says, and what is due for another look is said."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from lesson_kit.errors import Missing
from lesson_kit.facts import facts, long_date, marks, overdue, refreshed

LESSONS = sorted((Path(__file__).parents[3] / "lessons").glob("*.md"))


def test_a_date_is_written_from_the_table() -> None:
    page = "It is of <!-- fact:fastcgi-spec -->yesterday<!-- /fact -->, or <!-- fact:asgi-3 --><!-- /fact -->."
    new = refreshed(page)
    assert "-->29 April 1996<!--" in new
    assert "-->March 2019<!--" in new
    assert marks(new) == ["fastcgi-spec", "asgi-3"]
    assert refreshed(new) == new


def test_an_unknown_fact_is_named() -> None:
    with pytest.raises(Missing, match="no fact 'flying-cars'"):
        refreshed("<!-- fact:flying-cars -->2020<!-- /fact -->")


@pytest.mark.parametrize("page", LESSONS, ids=lambda page: page.stem)
def test_pages_tell_what_the_table_tells(page: Path) -> None:
    text = page.read_text("utf-8")
    assert refreshed(text) == text, "python -m lesson_kit notebooks writes it anew"
    assert not re.search(r"^<!-- fact", text, re.MULTILINE), "at the start of a line it would end the paragraph"
    assert text.count("<!-- fact:") == text.count("<!-- /fact -->") == len(marks(text))


def test_what_is_due_is_said_with_its_source() -> None:
    first = next(iter(facts().values()))
    assert overdue(first["again"], [first]) == []
    (sentence,) = overdue(first["again"] + timedelta(days=1), [first])
    assert first["id"] in sentence
    assert first["source"] in sentence


def test_all_were_checked_by_the_day_that_the_table_says() -> None:
    assert all(date(2026, 1, 1) < event["checked"] < event["again"] for event in facts().values())
    assert long_date(facts()["rfc-3875"]) == "26 October 2004"
