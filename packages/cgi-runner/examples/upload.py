#!/usr/bin/env python3
"""A form with a file in it: what a script with `cgi.FieldStorage` becomes. It needs `multipart`, and nothing of ours.

docs/how-to/cgi-forms.md has the script as it was, and goes through the differences.
"""

import hashlib
import html
import os
import sys
from typing import NoReturn
from urllib.parse import parse_qsl

import multipart

TEXT_MAX = 100_000  # bytes of all fields together: they are kept in memory
FILES_MAX = 10_000_000  # bytes of all files: one beyond 64 KiB goes to a temporary file
SENT_MAX = TEXT_MAX + FILES_MAX

FORM = (
    '<form method="post" enctype="multipart/form-data"><label>Your name <input name="name"></label> '
    '<label>A file <input name="file" type="file"></label> <button>Send</button></form>'
)


def answer(status: str, kind: str, text: str, *fields: str) -> NoReturn:
    """Send the head, the content unless only the head was asked for, and end."""
    content = text.encode("utf-8", "replace")
    head = [f"Status: {status}", f"Content-Type: {kind}; charset=utf-8", f"Content-Length: {len(content)}", *fields]
    sys.stdout.buffer.write("\r\n".join([*head, "", ""]).encode("latin-1"))
    sys.stdout.buffer.write(b"" if os.environ["REQUEST_METHOD"] == "HEAD" else content)
    sys.exit()


def refuse(status: str, sentence: str, *fields: str) -> NoReturn:
    """Say in one sentence what was wrong."""
    answer(status, "text/plain", sentence + "\n", *fields)


def length() -> int:
    """Return how many bytes were sent: the program must read them, and no more (RFC 3875 section 4.2)."""
    given = os.environ.get("CONTENT_LENGTH") or "0"
    if not (given.isascii() and given.isdigit()):
        refuse("400 Bad Request", "CONTENT_LENGTH is not a number.")
    if len(given) > len(str(SENT_MAX)) or int(given) > SENT_MAX:
        refuse("413 Content Too Large", f"That is more than {SENT_MAX} bytes.")
    return int(given)


def form() -> tuple[multipart.MultiDict, multipart.MultiDict]:
    """Return the text fields, and the files. Ends the program when the form is not one."""
    if os.environ["REQUEST_METHOD"] != "POST":
        return multipart.MultiDict(parse_qsl(os.environ.get("QUERY_STRING", ""))), multipart.MultiDict()
    size = length()
    if not multipart.is_form_request(os.environ):
        refuse("415 Unsupported Media Type", "Send a form: multipart/form-data or application/x-www-form-urlencoded.")
    environ = {**os.environ, "CONTENT_LENGTH": str(size), "wsgi.input": sys.stdin.buffer}
    try:
        return multipart.parse_form_data(environ, strict=True, memory_limit=TEXT_MAX, disk_limit=FILES_MAX)
    except multipart.ParserLimitReached as error:
        refuse("413 Content Too Large", f"The form is too large: {error}.")
    except (multipart.MultipartError, UnicodeError) as error:
        refuse("400 Bad Request", f"The form is broken: {error}.")


def main() -> NoReturn:
    """Answer with the form, and with what was in it."""
    if os.environ["REQUEST_METHOD"] not in ("GET", "HEAD", "POST"):
        refuse("405 Method Not Allowed", "Ask with GET, or send with POST.", "Allow: GET, HEAD, POST")
    fields, files = form()
    name = html.escape(fields.get("name", index=0) or "stranger")
    said = f"<p>Hello, {name}!</p>"
    sent = files.get("file")
    if sent is not None and sent.filename:
        digest = hashlib.file_digest(sent.file, "sha256").hexdigest()
        said += f"<p>{html.escape(sent.filename)}: {sent.size} bytes, SHA-256 {digest}</p>"
    answer("200 OK", "text/html", f"<!doctype html><title>A file</title>{said}{FORM}\n")


main()
