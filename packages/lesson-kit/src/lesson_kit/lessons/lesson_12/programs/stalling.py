"""An application that answers at once, and at every 500th request does nothing at all for 200 ms first."""

import itertools
import time

EVERY = 500
STALL = 0.2
numbers = itertools.count(1)


def app(environ, start_response):
    """Say hello, sooner or later."""
    if next(numbers) % EVERY == 0:
        time.sleep(STALL)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "14")])
    return [b"Hello, world!\n"]
