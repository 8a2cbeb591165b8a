"""An application that works for some milliseconds of processor time, and waits for some: /?work=4&wait=12."""

import time
from urllib.parse import parse_qsl


def app(environ, start_response):
    """Work, wait, and say so."""
    asked = {name: float(value) / 1000 for name, value in parse_qsl(environ["QUERY_STRING"])}
    until = time.thread_time() + asked["work"]
    while time.thread_time() < until:
        pass
    time.sleep(asked["wait"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"done\n"]
