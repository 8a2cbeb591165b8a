"""The dates that the museum tells, each with its source, kept in one table beside the pages.

``content/facts.toml`` holds them in order of time. A page asks for those of its own topic, the
timeline for all. Dates are data so that a page and the timeline cannot disagree.
"""

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import TypedDict

from demo_app import layout


class Event(TypedDict):
    """One dated fact.

    ``read`` is "primary" when the source itself was read, else "secondary"; ``checked`` and ``again``
    are the days of the last look at it and of the next one.
    """

    id: str
    date: str
    fact: str
    source: str
    link: str
    read: str
    topics: list[str]
    checked: date
    again: date


@cache
def events() -> list[Event]:
    """Return all dated facts, oldest first."""
    text = (Path(__file__).parent / "content" / "facts.toml").read_text(encoding="utf-8")
    found: list[Event] = tomllib.loads(text)["event"]
    return found


def listing(topic: str | None) -> str | None:
    """Return the dates of one topic (None: of all) as an HTML list; None when there is none."""
    chosen = [event for event in events() if topic is None or topic in event["topics"]]
    return layout.fragment("figures/history.html", events=chosen) if chosen else None
