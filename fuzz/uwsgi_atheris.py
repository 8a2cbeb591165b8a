"""Fuzz the uwsgi codec, both roles, by coverage. `reading` and `one_shot` say how an input is laid out.

::

    pip install atheris                                        # Linux, CPython; it brings libFuzzer
    python fuzz/uwsgi_atheris.py -max_total_time=60 /tmp/corpus
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "packages" / "uwsgi-gateway" / "tests")]

with atheris.instrument_imports(include=["gateway_core", "uwsgi_gateway"]):
    from one_shot import checker, seeds
    from reading import captured, run

    from test_uwsgi_protocol import BAD, GET, packet
    from uwsgi_gateway.protocol import ClientConnection, ServerConnection

check = checker(ServerConnection, ClientConnection, first={})


def main() -> None:
    """Run libFuzzer."""
    post = packet(("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "2")) + b"hi"
    requests = [GET, post, *(row[0] for row in BAD), *captured("uwsgi", "front")]
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"\x64\0\0\1", *captured("uwsgi", "backend")]
    run(check, seeds(requests, answers))


if __name__ == "__main__":
    main()
