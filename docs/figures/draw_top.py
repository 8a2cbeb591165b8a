"""Draw `top.svg`, a picture of `gatelab top`, from `top.jsonl`: what a real server reported, about a second apart.

    python docs/figures/draw_top.py

The last report is shown, with the rates and the curve of all before it. A recording is made with

    while sleep 1; do gatelab status --json unix:/tmp/app.status; done > docs/figures/top.jsonl
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from gatelab.report import Report, read_report
from gatelab.target import Target, parse_target
from gatelab.top import Top
from gatelab.watch import Watch

HERE = Path(__file__).parent
RECORD = HERE / "top.jsonl"
PICTURE = HERE / "top.svg"

SIZE = (100, 20)
"""Columns and lines."""

KEYS = ("less_than_sign", "less_than_sign", "down", "enter")
"""What the user has pressed: sort by FOR, unfold the second worker."""

WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Textual's picture asks a far host for its font; the reader's own will do."""


async def draw(record: Path) -> str:
    """Return the picture, as SVG."""
    reports = map(read_report, record.read_bytes().splitlines())
    over = asyncio.Event()

    async def source(_: Target) -> Report:
        for report in reports:
            return report
        over.set()
        return await asyncio.Future()  # for ever: the picture stands still

    app = Top([Watch(parse_target("unix:/tmp/app.status"))], source, interval=0)
    async with app.run_test(size=SIZE) as pilot:
        await over.wait()
        await pilot.press(*KEYS)
        await pilot.pause()
        return WEB_FONT.sub("", app.export_screenshot(title="gatelab top"))


if __name__ == "__main__":
    PICTURE.write_text(asyncio.run(draw(RECORD)), "utf-8")
