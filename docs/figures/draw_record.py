"""Draw `record.svg`: what `gatelab record --no-hex` shows of one request that nginx has made of our FastCGI server.

    python docs/figures/draw_record.py

What is shown is one of the recordings in captures/, as if it passed just now.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from gatelab.record_display import Display
from gatelab.recording import Recording

HERE = Path(__file__).parent
PICTURE = HERE / "record.svg"
RECORDING = HERE.parents[1] / "captures" / "nginx-fastcgi.json"

CONNECTION = 5
"""A GET, without more to say than it must."""

WIDTH = 100

WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Rich's picture asks a far host for its font; the reader's own will do."""


def draw() -> str:
    """Return the picture, as SVG."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False
    )
    recording = Recording.load(RECORDING)
    Display(console, recording.protocol, hex=False).show(CONNECTION, recording.connections[CONNECTION - 1])
    title = "gatelab record --no-hex --listen unix:/run/museum/tap.sock --to unix:/run/museum/fastcgi.sock"
    return WEB_FONT.sub("", console.export_svg(title=title, unique_id="record"))


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
