"""Draw `request-v.svg`: what `gatelab request -v` shows of one request to a real server.

python docs/figures/draw_request.py
"""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path

from rich.console import Console

from gatelab.request_content import Content
from gatelab.request_fields import request_fields
from gatelab.request_meter import Meter
from gatelab.request_output import Answer, Output
from gatelab.request_run import Order, run
from gatelab.request_url import parse
from gatelab.request_variables import divide, meta_variables
from gatelab.request_watch import Watcher
from gateway_runtime.testing import Server

PICTURE = Path(__file__).parent / "request-v.svg"

URL = "uwsgi://127.0.0.1:3031/hello"
"""What is asked; in truth at a socket, so that no port need be free."""

WIDTH = 100

WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Rich's picture asks a far host for its font; the reader's own will do."""


def draw() -> str:
    """Ask, and return the picture as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    with tempfile.TemporaryDirectory() as folder, Content([]) as content, Output(f"{folder}/content") as output:
        url = parse(URL, f"{folder}/socket")
        fields = request_fields([], url.host)
        order = Order(url, "GET", fields, meta_variables(url, "GET", fields, 0, divide(url)))
        with Server("uwsgi_gateway", "demo_app:app", "--bind", f"unix:{folder}/socket"):
            run(order, content, output, Answer(Meter(None, Watcher(url.protocol, console))))
        console.print(Path(folder, "content").read_text(), end="", highlight=False)
    return WEB_FONT.sub("", console.export_svg(title=f"gatelab request -v {URL}", unique_id="request-v"))


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
