"""Which processor the server runs on, and which one the generator, where a suite keeps them apart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["can_pin", "on_core", "two_cores"]


def can_pin() -> bool:
    """Tell whether this system can keep a process on one processor, and has two of them for us."""
    return hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) >= 2


def two_cores(apart: bool) -> tuple[int | None, int | None]:
    """Return a processor for the server and one for the generator; None twice when they are not kept apart."""
    if not apart or not can_pin():
        return None, None
    first, second, *_ = sorted(os.sched_getaffinity(0))
    return first, second


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Start what the block starts on one processor: children inherit the mask. With None, anywhere."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
