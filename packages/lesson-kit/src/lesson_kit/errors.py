"""What can go wrong in the kit, one class for each reaction.

::

    KitError            one sentence that says what to do next
    ├── Unfit           an answer that does not fit its question: the learner corrects it
    └── Missing         a question, figure, exercise, lesson or symbol that is not there: the lesson is wrong

Beside it stands the laboratory's `LabError`: an experiment that cannot run here. Of both a notebook shows the sentence
alone (`SENTENCES`). A traceback through the kit would teach nothing about gateways.
"""

from __future__ import annotations

from gateway_lab.errors import LabError

__all__ = ["SENTENCES", "KitError", "Missing", "Unfit"]


class KitError(Exception):
    """Something that the learner, or the author of a lesson, can put right; the text is one sentence."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints in the place of a traceback."""
        return [str(self)]


class Unfit(KitError):
    """An answer that does not fit its question."""


class Missing(KitError):
    """A lesson asks the kit for something that is not there."""


SENTENCES = (KitError, LabError)
"""What is shown as its sentence."""
