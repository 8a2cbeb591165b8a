"""An application that says who it is, and how often it has answered: its process id, and a count."""

import os

count = 0


def app(environ, start_response):
    """Answer with the two numbers."""
    global count
    count += 1
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {count}\n".encode()]
