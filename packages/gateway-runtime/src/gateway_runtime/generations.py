"""Which workers have which code. One generation serves; a reload loads the next one beside it.

::

                 begin                 all workers of n + 1 can serve: switch
    serving n  -------->  serving n  ---------------------------------------->  serving n + 1    (n finishes and ends)
                          loading n + 1
                              |  begin again: n + 1 ends, n + 2 is loaded
                              +- one cannot start, give up: n + 1 ends, n serves on

The start is a reload of nothing: generation 1 is loaded beside generation 0, which has no worker.
"""

from __future__ import annotations

from .children import Stage
from .family import Family
from .keeper import Keeper

__all__ = ["Generations"]


class Generations:
    """The generations of a family. `serving` and `loading` are their numbers; loading is None if nothing is loaded."""

    def __init__(self, family: Family, keeper: Keeper) -> None:
        self._family = family
        self._keeper = keeper
        self.serving = 0
        self.loading: int | None = None
        self.target = 0
        """Workers that the generation that is loaded is to have before it serves."""
        self._newest = 0

    def begin(self, target: int) -> None:
        """Load the application as it is now, for `target` workers. What was being loaded is out of date: it ends."""
        self._end_loading()
        self._newest += 1
        self.loading, self.target = self._newest, target
        self._keeper.brake.release()  # what was wrong may be mended

    def fill(self) -> bool:
        """Start the workers that the generation lacks. False: one could not be started."""
        if self.loading is None:
            return True
        lacking = self.target - len(self._family.of(self.loading))
        return all(self._keeper.spawn(self.loading) for _ in range(lacking))

    @property
    def loaded(self) -> bool:
        """Can all workers of the new generation serve?"""
        if self.loading is None:
            return False
        there = self._family.of(self.loading)
        return len(there) >= self.target and all(child.stage is Stage.SERVING for child in there)

    def switch(self) -> int:
        """Let the new generation serve alone; return how many old workers that has ended."""
        assert self.loading is not None
        old = self._family.of(self.serving)
        for child in old:
            self._family.retire(child)
        self.serving, self.loading = self.loading, None
        return len(old)

    def give_up(self) -> None:
        """Go on with the generation that serves."""
        self._end_loading()
        self.loading = None

    def _end_loading(self) -> None:
        if self.loading is not None:
            for child in self._family.of(self.loading):
                self._family.retire(child)
