"""A front for an experiment: what visitors knock at, before a gateway."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gateway_lab.servers import Server

__all__ = ["front"]


def front(*to: str, options: Sequence[str] = ()) -> Server:
    """Return our front before the gateways at these URLs, such as uwsgi://127.0.0.1:3031, for a `with` block.

    The scheme is what it speaks to them, whatever they understand. `options` go to its command line.
    """
    gateways = [word for url in to for word in ("--to", url)]
    return Server([sys.executable, "-m", "http_front", *gateways, "--bind", "127.0.0.1:0", *options])
