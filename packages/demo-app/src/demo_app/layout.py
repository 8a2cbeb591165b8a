"""From template to bytes, in two steps with a cache between them.

Rendering is the dear part (`jinja2`, and for pages `markdown` before it), so its result is kept as a
`Document`: the finished text, cut at the two things that differ between requests. One is where the
application is mounted (SCRIPT_NAME, at the front of every link), the other is the footer. Serving a
kept document is a join and a format; a CGI process, which serves one request, renders it first.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from demo_app import assets, served, sources
from demo_app.exchange import Headers, RefusalError, Request, send

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

#: Stand-ins in a rendered document. NUL is in no template, page, or accepted input.
ROOT = "\0root\0"
SERVED = "\0served\0"

HTML = "text/html; charset=utf-8"
HTML_HEADERS = [
    # The footer is new every time: a stored copy would tell of another request.
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"),
    ("X-Content-Type-Options", "nosniff"),
]


class Document:
    """A rendered page: its bytes before and after the footer, each cut where the root belongs."""

    def __init__(self, text: str) -> None:
        before, after = text.split(SERVED)
        self._before = [part.encode() for part in before.split(ROOT)]
        self._after = [part.encode() for part in after.split(ROOT)]

    def bytes_for(self, request: Request) -> bytes:
        """Return the page as bytes for one request, its footer filled in last."""
        root = request.root.encode()
        before, after = root.join(self._before), root.join(self._after)
        return before + served.footer(request.environ, request.number, request.started).encode() + after


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _menu() -> list[tuple[str, str]]:
    return [(source.path, source.menu) for source in sources.contents(sources.folder()) if source.menu]


def render(template: str, here: str, **values: object) -> Document:
    """Render a template for the page at the path ``here``, which the menu marks as the current one."""
    return Document(fragment(template, served=SERVED, here=here, menu=_menu(), stamp=assets.stamp(), **values))


def fragment(template: str, **values: object) -> str:
    """Render a template that is a part of a page, its links beginning with `ROOT`."""
    return _templates().get_template(template).render(root=ROOT, **values)


def send_page(
    request: Request,
    start_response: "StartResponse",
    document: Document,
    code: int = 200,
    headers: Headers = (),
) -> list[bytes]:
    """Answer with an HTML page."""
    return send(start_response, HTML, document.bytes_for(request), code, [*HTML_HEADERS, *headers])


def send_refusal(request: Request, start_response: "StartResponse", refusal: RefusalError) -> list[bytes]:
    """Answer with a friendly page that says in one sentence what is wrong."""
    status = refusal.status
    document = render("refusal.html", "", title=f"{status.value} {status.phrase}", sentence=refusal.sentence)
    return send_page(request, start_response, document, status.value, refusal.headers)
