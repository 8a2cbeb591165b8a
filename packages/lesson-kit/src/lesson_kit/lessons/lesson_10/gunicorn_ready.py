"""gunicorn's settings for an experiment: it says where it listens once it is ready, and keeps to itself."""

import sys
from typing import Any


def when_ready(server: Any) -> None:
    """Print the line that an experiment waits for."""
    port = server.LISTENERS[0].sock.getsockname()[1]
    print(f"ready http://127.0.0.1:{port}", file=sys.stderr, flush=True)
