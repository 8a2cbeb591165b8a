#!/usr/bin/env python3
"""A form that answers itself, by hand: the standard library, no framework, nothing of ours. form.pl is its twin.

It shows the six things that a CGI program owes its server and its visitor: look at the method, never read more than
CONTENT_LENGTH, have a limit, refuse with the right status, escape what a visitor wrote, and send the head first.
"""

import html
import os
import sys
from typing import NoReturn
from urllib.parse import parse_qs

LIMIT = 10_000  # bytes: a form of one field is smaller
FORM = "application/x-www-form-urlencoded"


def answer(status: str, kind: str, text: str, *fields: str) -> NoReturn:
    """Send the head, the content unless only the head was asked for (RFC 3875 section 4.3.3), and end."""
    content = text.encode("utf-8", "replace")
    head = [f"Status: {status}", f"Content-Type: {kind}; charset=utf-8", f"Content-Length: {len(content)}", *fields]
    out = sys.stdout.buffer  # bytes: what text would become there depends on the server's locale
    out.write("\r\n".join([*head, "", ""]).encode("latin-1"))
    out.write(b"" if os.environ["REQUEST_METHOD"] == "HEAD" else content)
    sys.exit()


def refuse(status: str, sentence: str, *fields: str) -> NoReturn:
    """Say in one sentence what was wrong."""
    answer(status, "text/plain", sentence + "\n", *fields)


def content() -> str:
    """Return what was sent (section 4.2). Never read more than CONTENT_LENGTH: the server may hold the pipe open."""
    length = os.environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):
        refuse("400 Bad Request", "CONTENT_LENGTH is not a number.")
    if len(length) > len(str(LIMIT)) or int(length) > LIMIT:
        refuse("413 Content Too Large", "That is too long.")
    kind = os.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind not in ("", FORM):
        refuse("415 Unsupported Media Type", f"Send a form, as {FORM}.")
    data = sys.stdin.buffer.read(int(length))
    if len(data) < int(length):
        refuse("400 Bad Request", "The form ended early.")
    return data.decode("utf-8", "replace")


def main() -> NoReturn:
    """Read the form from where the method puts it (sections 4.1.7 and 4.2), answer with a page."""
    method = os.environ["REQUEST_METHOD"]
    if os.environ.get("PATH_INFO"):
        refuse("404 Not Found", "There is nothing behind this program.")
    if method not in ("GET", "HEAD", "POST"):
        refuse("405 Method Not Allowed", "Ask with GET, or send with POST.", "Allow: GET, HEAD, POST")
    fields = parse_qs(content() if method == "POST" else os.environ.get("QUERY_STRING", ""))
    name = html.escape(fields.get("name", ["stranger"])[0])
    answer(
        "200 OK", "text/html",
        f"<!doctype html><title>A form</title><p>Hello, {name}!</p>"
        '<form method="post"><label>Your name <input name="name"></label> <button>Send</button></form>\n',
    )  # fmt: skip


main()
