"""`python -m asgi_server MODULE:APP`."""

from __future__ import annotations

import sys

from gateway_runtime.cli import main

from .server import GATEWAY

if __name__ == "__main__":
    sys.exit(main(GATEWAY))
