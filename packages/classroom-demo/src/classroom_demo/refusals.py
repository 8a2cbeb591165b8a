"""What a page is told when something cannot be done: one sentence, and the lesson goes on."""

from __future__ import annotations

import os

from . import REPLAY

__all__ = ["Refused", "unable"]


class Refused(Exception):
    """An action that cannot be done; the text is a sentence for the page."""


def unable() -> str:
    """Say why this classroom starts no gateway, whatever is asked for; "" if it may try."""
    if os.environ.get(REPLAY):
        words = f"start it without --replay, and without {REPLAY}, to run gateways"
        return f"This classroom shows what was recorded and starts nothing: {words}."
    if not hasattr(os, "fork"):
        return "This system cannot fork processes, so no gateway runs here: the script shows what was recorded."
    return ""
