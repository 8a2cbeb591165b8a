"""For fuzz tests of any codec: what was right is spoilt, and cut into the pieces in which a network may bring it.

`GATELAB_FUZZ=100000` asks for so many examples of each property.
"""

from __future__ import annotations

import os
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st

__all__ = ["CUTS", "changes_of", "cut", "fuzzed", "spoil"]

fuzzed = settings(max_examples=int(os.environ.get("GATELAB_FUZZ", "60")), deadline=None)

CUTS = st.lists(st.integers(0, 400), max_size=5)


def changes_of(snippets: list[bytes]) -> st.SearchStrategy[list[tuple[float, int, bytes]]]:
    """Return ways to spoil bytes with some of these."""
    return st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.sampled_from(snippets)), max_size=3)


def spoil(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """Put snippets in the place of some bytes."""
    for where, count, snippet in changes:
        at = round(where * len(data))
        data = data[:at] + snippet + data[at + count :]
    return data


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut at these places; none of the pieces is empty."""
    edges = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]
