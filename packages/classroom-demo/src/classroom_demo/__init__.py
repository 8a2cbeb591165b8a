"""The classroom: a process per request beside persistent workers, live in a browser.

Contents
--------
===============  ===========================================================================================
``app``          the page as a WSGI application: its files, the feed, the actions
``floor``        one thread on which everything that moves is kept in order
``feed``         frames for all windows, as server-sent events
``lanes``        a gateway and its visitors; ``lives``: its processes; ``visitors``: the crowd; ``queues``
``slow_motion``  the bytes of a process, and one request stretched over its five stages
``script``       seven screens; ``scenes``, ``bill``, ``columns``: what they run; ``backstage``: their lanes;
                 ``votes``, ``recording``
===============  ===========================================================================================

``python -m classroom_demo`` opens it.
"""

from typing import Final

__all__ = ["REPLAY", "VOTES_IN"]

REPLAY: Final = "CLASSROOM_REPLAY"
"""The environment variable that, if it says anything, has the script replayed and no gateway started."""

VOTES_IN: Final = "CLASSROOM_VOTES"
"""The environment variable that says where votes are saved."""
