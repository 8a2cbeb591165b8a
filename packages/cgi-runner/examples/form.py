#!/usr/bin/env python3
"""A form that answers itself, written by hand as in 1995: no framework, no library of ours."""

import html
import os
import sys
from urllib.parse import parse_qs

LIMIT = 10_000  # bytes: a form of one field is smaller


def main() -> None:
    """Read the form from where the method puts it (RFC 3875 section 4.2 and 4.1.7), answer with a page."""
    if os.environ["REQUEST_METHOD"] == "POST":
        # Never read more than CONTENT_LENGTH: the server may hold the pipe open.
        length = int(os.environ.get("CONTENT_LENGTH") or 0)
        if length > LIMIT:
            sys.stdout.write("Status: 413 Content Too Large\r\nContent-Type: text/plain\r\n\r\nThat is too long.\n")
            return
        fields = parse_qs(sys.stdin.buffer.read(length).decode())
    else:
        fields = parse_qs(os.environ.get("QUERY_STRING", ""))
    name = html.escape(fields.get("name", ["stranger"])[0])
    sys.stdout.write(
        "Content-Type: text/html; charset=utf-8\r\n\r\n"
        f"<!doctype html><title>A form</title><p>Hello, {name}!</p>"
        '<form method="post"><label>Your name <input name="name"></label> <button>Send</button></form>\n'
    )


main()
