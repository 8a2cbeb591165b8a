"""What a cell shows when something is not as it must be: a sentence, in the place of a traceback."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from lesson_kit import display, rehearsal
from lesson_kit.errors import SENTENCES, Missing

__all__ = ["spoken"]

P = ParamSpec("P")


def spoken(method: Callable[P, None]) -> Callable[P, None]:
    """Make a method say the sentence of an error instead of raising it; what is missing in the lesson is raised.

    Any other error is said, too, with the place where it came up: a learner has no use for a traceback through the kit.
    A rehearsal, where somebody looks for faults, raises it.
    """

    @wraps(method)
    def call(*args: P.args, **more: P.kwargs) -> None:
        try:
            method(*args, **more)
        except Missing:
            raise
        except SENTENCES as error:
            display.say(f"⚠️ {error}")
        except Exception as error:
            if rehearsal.on():
                raise
            display.say(f"⚠️ This did not work: {type(error).__name__}: {error} ({_place(error)}). Run the cells above "
                        "again, in their order, and then this one.")  # fmt: skip

    return call


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"
