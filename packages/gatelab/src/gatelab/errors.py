"""What can go wrong, one class for each reaction.

::

    GatelabError          one sentence for a person
        BadAddress            wrong from the start: exit code 2
        Unreachable           no good answer just now: `top` asks again, `status` says so with exit code 1
        Refused               the server understood and will not: shown, nothing else changes
        Absent                a part that is not installed: exit code 2
"""

from __future__ import annotations

__all__ = ["Absent", "BadAddress", "GatelabError", "Refused", "Unreachable"]


class GatelabError(Exception):
    """Its text is one sentence that says what to do."""


class Absent(GatelabError):
    """What is asked for is in a package that is not installed."""


class BadAddress(GatelabError):
    """That cannot be the address of a server."""


class Unreachable(GatelabError):
    """Nobody answers there, or not with a report."""


class Refused(GatelabError):
    """The server will not do what was asked."""
