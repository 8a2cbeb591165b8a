"""Which calls of the application will be slow? Guessed as a processor guesses branches.

A route has a counter of two bits. Each call moves it: up when the call was slow, down when it was not. In the upper
half the next call is expected to be slow::

    fast              fast             slow              slow
     0  <--quick--  1  <--quick--   2  <--quick--   3
        --slow--->     --slow--->      --slow--->

So one slow call out of many changes nothing, and after two of them a route is known. Routes that were never slow are
not in the table, so that it is empty, and costs one look, where all is fast.
"""

from __future__ import annotations

__all__ = ["SLOW_FROM", "Predictor"]

_MOST = 3
SLOW_FROM = 2

_ROUTES_MAX = 1024
"""Routes that a table may hold; then it starts anew. Ids in paths must not fill the memory."""

_SEGMENTS = 2
"""Path segments that tell routes apart: `/users/42/photo` and `/users/43` are one, `/users` and `/help` are not."""


class Predictor:
    """Saturating counters by method and first path segments. A route is written "GET /path"."""

    __slots__ = ("_counters",)

    def __init__(self) -> None:
        self._counters: dict[str, int] = {}

    def slow(self, route: str) -> bool:
        """Is the next call of this route expected to be slow?"""
        counters = self._counters
        return bool(counters) and counters.get(_key(route), 0) >= SLOW_FROM

    def learn(self, route: str, slow: bool) -> None:
        """Move the counter by what a call of the route has done. Between threads: at worst one step is lost."""
        counters = self._counters
        if slow:
            if len(counters) >= _ROUTES_MAX:
                counters.clear()
            key = _key(route)
            counters[key] = min(_MOST, counters.get(key, 0) + 1)
        elif counters:
            key = _key(route)
            count = counters.get(key, 0)
            if count > 1:
                counters[key] = count - 1
            elif count:
                counters.pop(key, None)


def _key(route: str) -> str:
    """Return method and first segments: "GET /users/42"."""
    parts = route.split("/", _SEGMENTS + 1)
    return route if len(parts) <= _SEGMENTS + 1 else "/".join(parts[: _SEGMENTS + 1])
