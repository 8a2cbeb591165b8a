#!/usr/bin/env python3
"""The smallest CGI program, as hello.sh is. First an interpreter starts; `python -X importtime` shows with what."""

import os
import sys


def given(name: bytes, default: bytes = b"") -> bytes:
    """Return a variable as the bytes that it is: a path need not be UTF-8, and nothing here has to understand it."""
    return os.environb.get(name, default)


out = sys.stdout.buffer
out.write(b"Content-Type: text/plain; charset=utf-8\n\n")
if given(b"REQUEST_METHOD") != b"HEAD":
    out.write(b"Hello, %b!\n" % given(b"REMOTE_ADDR", b"visitor"))
    asked = given(b"REQUEST_METHOD"), given(b"SCRIPT_NAME"), given(b"PATH_INFO")
    out.write(b"You asked with %b for %b, and behind that stood '%b'.\n" % asked)
    out.write(b"I am process %d, started for you alone, and this is my last line.\n" % os.getpid())
