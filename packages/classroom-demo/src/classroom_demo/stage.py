"""What a scene plays on: the steps of a screen, what is to be seen of it, and what a scene may use.

::

    Screen "stay"    Step "run": live=...    Step "truth": then=...
                       |                        |
                     a Scene, called with the Stage: asks for lanes, tells data, locks votes
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from .lanes import Lane
    from .votes import Box

__all__ = ["ASK", "Scene", "Screen", "Stage", "Step"]


class Stage(Protocol):
    """What a scene may use."""

    hurry: asyncio.Event

    @property
    def data(self) -> dict[str, Any]:
        """The data of the screen so far."""

    @property
    def box(self) -> Box:
        """The votes."""

    async def lane(self, name: str, kind: str, workers: int, *, fresh: bool = False) -> Lane:
        """Return a lane with this gateway, started if need be; `fresh`: and nobody has asked anything there."""

    def tell(self, **data: Any) -> None:
        """Change the data and let the pages know."""

    def lock(self, question: str, truth: str) -> None:
        """Let the votes on a question change no more, now that the truth is known."""

    def seen(self, screen: str) -> dict[str, Any]:
        """Return the data of another screen, {} before it was shown."""


Scene = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a screen: `live` needs processes, and is replayed where there are none; `then` reckons with its data.

    With neither, it waits for the class.
    """

    live: Scene | None = None
    then: Scene | None = None

    @property
    def ends(self) -> str:
        """The state that its screen is in when it is over."""
        return "done" if self.live or self.then else "waiting"


ASK: Final = Step()


@dataclass(slots=True)
class Screen:
    """What is to be seen of one screen. `state` is waiting, running, done or failed; `replay` its recording.

    `seen` are the steps that are over, with their data then; one that is shown again is not done again.
    """

    name: str
    steps: tuple[str, ...]
    step: str = ""
    state: str = "waiting"
    sentence: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    replay: dict[str, str] | None = None
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def more(self) -> str:
        """The step that comes next; "" after the last."""
        return next(iter(self.steps[self.steps.index(self.step) + 1 if self.step else 0 :]), "")

    @property
    def before(self) -> str:
        """The step that comes before; "" before the first."""
        return self.steps[self.steps.index(self.step) - 1] if self.step not in ("", self.steps[0]) else ""

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "name": self.name, "step": self.step, "more": self.more, "state": self.state, "sentence": self.sentence,
            "data": self.data, "replay": self.replay,
        }  # fmt: skip
