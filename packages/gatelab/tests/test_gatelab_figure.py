"""The picture in the documentation is what the recording shows today."""

from __future__ import annotations

import html
import re
import runpy
from pathlib import Path

FIGURES = Path(__file__).parents[3] / "docs" / "figures"


def words(picture):
    """What it says; where each letter stands is textual's affair."""
    return re.sub(r"\s", "", html.unescape("".join(re.findall(r"<text[^>]*>([^<]*)</text>", picture))))


async def test_the_picture_is_drawn_from_the_recording():
    draw = runpy.run_path(str(FIGURES / "draw_top.py"))["draw"]
    drawn, kept = await draw(FIGURES / "top.jsonl"), (FIGURES / "top.svg").read_text("utf-8")
    assert words(drawn) == words(kept), "draw it anew: python docs/figures/draw_top.py"
    assert "GET/sleep" in words(kept)
    assert "@font-face" not in kept  # it would be fetched from a far host
