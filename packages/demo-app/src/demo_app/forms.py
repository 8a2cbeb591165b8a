"""The two pages that are forms and not Markdown: the list of experiments, and the upload."""

from functools import cache
from typing import TYPE_CHECKING

from demo_app import bodies, layout

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

    from demo_app.exchange import Request


@cache
def _document(template: str) -> layout.Document:
    return layout.render(template, "/" + template.removesuffix(".html"))


def show(template: str, request: "Request", start_response: "StartResponse") -> list[bytes]:
    """Answer with a page made from a template alone, rendered once in a process."""
    return layout.send_page(request, start_response, _document(template))


def upload(request: "Request", start_response: "StartResponse") -> list[bytes]:
    """Answer GET with the form to fill in, and POST with what it held."""
    if request.method == "POST":
        return bodies.upload(request, start_response)
    return show("upload.html", request, start_response)
