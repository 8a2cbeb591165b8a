"""What is on the wire, byte by byte: FastCGI, SCGI, uwsgi, CGI, HTTP/1.1 and AJP13, with names and meanings.

`Conversation` decodes one connection; `text`, `html`, `show` and `as_json` show its messages; `columns` lays several
side by side.
"""

from __future__ import annotations

from . import html, text
from .cgi import environment
from .conversation import PROTOCOLS, Conversation
from .html import show
from .message import Field, Message, as_json
from .side_by_side import columns

__all__ = ["PROTOCOLS", "Conversation", "Field", "Message", "as_json", "columns", "environment", "html", "show", "text"]
