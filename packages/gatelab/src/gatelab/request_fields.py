"""The fields of a request, with curl's habits: some stand there by themselves, -H sets, empties or removes.

::

    -H 'X-Name: value'   set it, or add another one: two -H of one name are two fields
    -H 'X-Name;'         a field without a value
    -H 'X-Name:'         not this one: takes a field away that would stand there by itself
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version

from gateway_core.events import Fields

from .request_errors import BadRequest

__all__ = ["FORM", "PROGRAM", "request_fields"]

PROGRAM = f"gatelab/{version('gatelab')}"

FORM = "application/x-www-form-urlencoded"
"""The type of what -d sends, unless -H says another one: that of a form in a page."""

_FIELD = re.compile(r"(?P<name>[!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?::[ \t]*(?P<value>[\t\x20-\x7e\x80-\xff]*)|(?P<empty>;))")


def request_fields(wanted: Sequence[str], host: str, content_type: str = "") -> Fields:
    """Return the fields: Host, User-Agent, Accept, Content-Type if there is content, as `wanted` changes them.

    Values are latin-1 text, one character a byte. Raises BadRequest.
    """
    own = [("Host", host), ("User-Agent", PROGRAM), ("Accept", "*/*")]
    if content_type:
        own.append(("Content-Type", content_type))
    theirs = [_read(text) for text in wanted]
    named = {name.lower() for name, _ in theirs}
    fields = [field for field in own if field[0].lower() not in named]
    fields += [(name, value) for name, value in theirs if value is not None]
    return sorted(fields, key=lambda field: field[0].lower() != "host")  # first, as RFC 9110 section 7.2 would have it


def _read(text: str) -> tuple[str, str | None]:
    """Return name and value; None: this field is to go."""
    match = _FIELD.fullmatch(text.encode("utf-8", "surrogateescape").decode("latin-1"))
    if match is None:
        raise BadRequest(f"-H {text!r} is not a field: write 'Name: value', 'Name;' for an empty one, 'Name:' for none")
    if match["name"].lower() in ("content-length", "transfer-encoding"):
        raise BadRequest(f"-H {text!r}: gatelab counts the content itself")
    if match["empty"]:
        return match["name"], ""
    return match["name"], match["value"].rstrip(" \t") or None
