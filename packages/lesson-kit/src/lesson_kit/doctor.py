"""What a lesson needs on this machine, and what of it is here: said first, in one line, not at the tenth cell."""

from __future__ import annotations

import platform
import shutil

from lesson_kit.lesson import Lesson

__all__ = ["examination"]


def examination(lesson: Lesson) -> str:
    """Return in Markdown which tools of a lesson are here, and what is left out without the others."""
    here = f"Python {platform.python_version()} on {platform.system()}: all that this lesson needs is here."
    absent = [
        f"`{tool}` was not found, so {use} is left out." for tool, use in lesson.tools.items() if not shutil.which(tool)
    ]
    return "\n".join([here, *absent])
