"""The guestbook: a page that remembers, whatever process happens to serve it.

GET shows the newest entries. POST takes a form, and answers a good one with 303 to the list, so that
a reload does not sign twice; a bad one gets the form back with what was typed and one clear sentence.
Names and messages are text from strangers: they are kept as they came and escaped where they are shown.
"""

import re
import unicodedata
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from demo_app import layout, store
from demo_app.bodies import read_form_body
from demo_app.exchange import MAX_FIELDS, RefusalError, Request, send

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

FORM = "application/x-www-form-urlencoded"
MAX_NAME = 60
MAX_MESSAGE = 1000

#: A character of UTF-8 has up to 4 bytes, and a byte in a form up to 3 characters; and some room.
MAX_FORM = (MAX_NAME + MAX_MESSAGE) * 4 * 3 + 256

PER_PAGE = 20
MAX_PAGE = 100_000

_LINE_END = re.compile(r"\r\n?")


class _BadEntryError(Exception):
    """The form is filled in wrongly; the text says what to change."""


def show(request: Request, start_response: "StartResponse") -> list[bytes]:
    """Answer GET with one page of entries, and POST as `_sign` does."""
    if request.method == "POST":
        return _sign(request, start_response)
    page = request.number_in("page", 1, 1, MAX_PAGE)
    return _send_list(request, start_response, page=page)


def _sign(request: Request, start_response: "StartResponse") -> list[bytes]:
    form = _read_form(request)
    name = form.get("name", "")
    message = _LINE_END.sub("\n", form.get("message", ""))
    try:
        signed = _checked("name", name, MAX_NAME, ""), _checked("message", message, MAX_MESSAGE, "\n")
    except _BadEntryError as error:
        return _send_list(request, start_response, error=str(error), name=name, message=message)
    try:
        store.sign(*signed)
    except store.NoStoreError as error:
        raise _unavailable(request, error) from error
    return send(start_response, "text/plain", b"Signed.\n", 303, [("Location", f"{request.root}/guestbook")])


def _read_form(request: Request) -> dict[str, str]:
    """Return the first value of each field. Raises `RefusalError` for what is not such a form."""
    kind = request.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The guestbook takes a form as {FORM}.")
    body = read_form_body(request.environ, MAX_FORM)
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:  # too many fields, not ASCII outside, or not UTF-8 inside
        raise RefusalError(HTTPStatus.BAD_REQUEST, "The form is not a form of UTF-8 text.") from None
    return {key: values[0] for key, values in fields.items()}


def _checked(field: str, text: str, limit: int, allowed: str) -> str:
    """Trim a field and return it. Raises `_BadEntryError`."""
    text = text.strip()
    if not text:
        raise _BadEntryError(f"Please write a {field}.")
    if len(text) > limit:
        raise _BadEntryError(f"The {field} is {len(text)} characters long; {limit} fit.")
    if any(unicodedata.category(letter) == "Cc" and letter not in allowed for letter in text):
        raise _BadEntryError(f"The {field} has a control character in it.")
    return text


def _send_list(
    request: Request, start_response: "StartResponse", page: int = 1, error: str = "", name: str = "", message: str = ""
) -> list[bytes]:
    try:
        total = store.count()
        entries = store.newest(PER_PAGE, (page - 1) * PER_PAGE)
    except store.NoStoreError as failure:
        raise _unavailable(request, failure) from failure
    if page > 1 and not entries:
        raise RefusalError(HTTPStatus.NOT_FOUND, f"The guestbook has no page {page}.")
    document = layout.render(
        "guestbook.html",
        "/guestbook",
        entries=[(entry, datetime.fromtimestamp(entry.signed, UTC)) for entry in entries],
        total=total,
        page=page,
        pages=max(1, -(-total // PER_PAGE)),
        limits={"name": MAX_NAME, "message": MAX_MESSAGE},
        error=error,
        # A control character is refused above, but the form shows what was typed.
        name=name.replace("\0", ""),
        message=message.replace("\0", ""),
    )
    return layout.send_page(request, start_response, document, 422 if error else 200)


def _unavailable(request: Request, error: store.NoStoreError) -> RefusalError:
    request.environ["wsgi.errors"].write(f"demo_app: {error}\n")
    return RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), [("Retry-After", "5")])
