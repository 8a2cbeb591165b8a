"""From the path of a URL to a file below a folder, and to none outside of it.

The path is decoded already, once (`%2e%2e%2f` is `../` by now), so what is looked at here is what the file system would
see. Nothing is repaired: a path that is odd names no file.

::

    /a/b.txt            a, b.txt
    /a/                 a, ""                          the folder
    /a//b  /a/./b       none: an empty segment and a dot are nobody's names
    /a/../b             none
    /a/.git/config      none: what begins with a dot is not for visitors
    /a/x%0a.php         none: a control character is in no name that is served

A link is followed as long as it leads to something below the folder. Who may write there while we look can win the race
between the look and the opening: the folder belongs to the site.
"""

from __future__ import annotations

import os
import re

__all__ = ["below", "split"]

_SEGMENT = re.compile(rb"[^./\x00-\x1f\x7f][^/\x00-\x1f\x7f]*")


def split(path: str) -> list[bytes] | None:
    """Return the segments of a decoded path, with a last b"" if it ends in a slash; None if it names no file."""
    first, *segments = path.encode("latin-1").split(b"/")
    if first or not segments:
        return None
    named = segments if segments[-1] else segments[:-1]
    return segments if all(_SEGMENT.fullmatch(segment) for segment in named) else None


def below(folder: bytes, segments: list[bytes]) -> bytes | None:
    """Return the real path of a file or folder that exists below `folder`; None if there is none."""
    root = os.path.realpath(folder)
    real = os.path.realpath(os.path.join(root, *segments))  # noqa: PTH118 - bytes
    inside = real == root or real.startswith(root.rstrip(b"/") + b"/")
    return real if inside and os.path.exists(real) else None  # noqa: PTH110 - bytes
