"""Our own front, `http_front`: one worker, pure Python, all four protocols.

A request that waits for its backend is a thread that waits; threads are started as they are needed, and may be as many
as it has by default. The one interpreter lock makes all of them together one thread of work.

Its variables are its own: 14 besides the visitor's fields, with the path in PATH_INFO. It adds Forwarded and
X-Forwarded-For, -Host and -Proto, whatever the protocol.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace

from gateway_bench.servers.fronts.front import CONNECTIONS, IDLE_SECONDS, Front, Place

__all__ = ["FRONT", "arguments"]


def arguments(place: Place) -> list[str]:
    """Return its command line, which says all that there is to say."""
    script = place.backend.script
    return [
        "--to", str(replace(place.backend, script="")),
        *(["--environ", f"SCRIPT_FILENAME={script}"] if script else []),
        "--bind", place.at,
        "--workers", "1",
        "--keep", str(place.kept),
        "--idle-timeout", str(IDLE_SECONDS),
        "--max-connections", str(CONNECTIONS),
    ]  # fmt: skip


def _argv(place: Place) -> Sequence[str]:
    return [place.program, "-m", "http_front", *arguments(place)]


FRONT = Front(
    name="ours",
    label="http_front (ours)",
    speaks=("http", "fastcgi", "scgi", "uwsgi"),
    keeps=("http", "fastcgi"),
    programs=(sys.executable,),
    install=f"{sys.executable} -m pip install http-front",
    argv=_argv,
    ready=re.compile(r"ready (\S+)"),
    scripts=True,
    asks=("-c", "import http_front, importlib.metadata as metadata; print(metadata.version('http-front'))"),
)
