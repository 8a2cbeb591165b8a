"""`python -m fastcgi_server MODULE:APP`."""

from __future__ import annotations

import sys

from gateway_runtime.cli import main

from .server import GATEWAY
from .startup import hold_standard_descriptors

if __name__ == "__main__":
    hold_standard_descriptors()
    sys.exit(main(GATEWAY))
