"""Fuzz the SCGI codec, both roles, by coverage. `reading` and `one_shot` say how an input is laid out.

::

    pip install atheris                                        # Linux, CPython; it brings libFuzzer
    python fuzz/scgi_atheris.py -max_total_time=60 /tmp/corpus
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "packages" / "scgi-server" / "tests")]

with atheris.instrument_imports(include=["gateway_core", "scgi_server"]):
    from one_shot import checker, seeds
    from reading import captured, run

    from scgi_server.protocol import ClientConnection, ServerConnection
    from test_scgi_protocol import BAD, DEEPTHOUGHT, head

check = checker(ServerConnection, ClientConnection, first={"SCGI": "1"})


def main() -> None:
    """Run libFuzzer."""
    requests = [DEEPTHOUGHT, *(row[0] for row in BAD), head(("A", "b")), *captured("SCGI", "front")]
    answers = [b"Status: 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"Location: /a\r\n\r\n", *captured("SCGI", "backend")]
    run(check, seeds(requests, answers))


if __name__ == "__main__":
    main()
