"""What a page is told when something cannot be done: one sentence, and the lesson goes on."""

from __future__ import annotations

__all__ = ["Refused"]


class Refused(Exception):
    """An action that cannot be done; the text is a sentence for the page."""
