"""The picture in the documentation is what `gatelab record` shows of that recording today."""

from __future__ import annotations

import html
import re
import runpy
from pathlib import Path

FIGURES = Path(__file__).parents[3] / "docs" / "figures"


def words(picture):
    return re.sub(r"\s", "", html.unescape("".join(re.findall(r"<text[^>]*>([^<]*)</text>", picture))))


def test_the_picture_is_what_is_shown():
    drawn = runpy.run_path(str(FIGURES / "draw_record.py"))["draw"]()
    kept = (FIGURES / "record.svg").read_text("utf-8")
    assert words(drawn) == words(kept), "draw it anew: python docs/figures/draw_record.py"
    assert "BEGIN_REQUEST" in words(kept)
    assert "@font-face" not in kept  # it would be fetched from a far host
