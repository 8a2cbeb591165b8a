"""Dated facts in the lessons: written once, in the museum's table, and from there into every page that tells them.

A page has a date between two marks, which no reader sees::

    The specification is of <!-- fact:fastcgi-spec -->29 April 1996<!-- /fact -->.

`refreshed` writes the date anew from the table (`demo_app/content/facts.toml`: fact, source, when it was checked, when
to check it again). A page that disagrees with the table is one that CI refuses; a fact that is due for another look is
a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import cache

from demo_app.history import Event, events
from lesson_kit.errors import Missing

__all__ = ["facts", "long_date", "marks", "overdue", "refreshed"]

_MARK = re.compile(r"<!-- fact:([\w-]+) -->(.*?)<!-- /fact -->", re.DOTALL)
_MONTHS = {
    "Jan": "January", "Feb": "February", "Mar": "March", "Apr": "April", "May": "May", "Jun": "June", "Jul": "July",
    "Aug": "August", "Sep": "September", "Oct": "October", "Nov": "November", "Dec": "December",
}  # fmt: skip


@cache
def facts() -> dict[str, Event]:
    """Return the facts by their ids."""
    return {event["id"]: event for event in events()}


def long_date(event: Event) -> str:
    """Return the date of a fact with its month written out: "29 April 1996"."""
    return " ".join(_MONTHS.get(word, word) for word in event["date"].split())


def marks(text: str) -> list[str]:
    """Return the ids of the facts that a page tells."""
    return [found[1] for found in _MARK.finditer(text)]


def refreshed(text: str) -> str:
    """Return a page with every date as the table has it. Raises Missing for a fact that the table has not."""
    return _MARK.sub(lambda found: f"<!-- fact:{found[1]} -->{long_date(_fact(found[1]))}<!-- /fact -->", text)


def overdue(today: date, among: Iterable[Event] | None = None) -> list[str]:
    """Return a sentence for each fact that should have been checked again by now."""
    return [
        f"{event['id']} was checked on {event['checked']} and is due again since {event['again']}: {event['source']}"
        for event in (events() if among is None else among)
        if event["again"] < today
    ]


def _fact(name: str) -> Event:
    try:
        return facts()[name]
    except KeyError:
        raise Missing(f"There is no fact {name!r}: they are {', '.join(facts())}.") from None
