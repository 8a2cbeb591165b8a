"""The museum's pages: Markdown, rendered when first asked for and kept.

A rendered page is kept with its file's time stamp. A process that stays alive renders each page
once, and once more after the file was saved; a CGI process renders it for every request. That
contrast is what this application is for.

A line ``[[figure NAME]]`` in the Markdown becomes a figure, ``[[history]]`` or ``[[history TOPIC]]`` a
list of dates. Links that start with "/" are links from the site's root, wherever it is mounted, and
links to a file ``other.md`` lead to its page.

A notebook written as Markdown (MyST) is shown as a page: its code cells, fenced with ``{code-cell}``,
as code, without their options; and its cell breaks, ``+++``, not at all. What a ``<details>`` folds is
Markdown too.
"""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from markdown import Markdown
from markdown.extensions.attr_list import AttrListExtension
from markdown.extensions.def_list import DefListExtension
from markdown.extensions.fenced_code import FencedCodeExtension
from markdown.extensions.md_in_html import MarkdownInHtmlExtension
from markdown.extensions.sane_lists import SaneListExtension
from markdown.extensions.tables import TableExtension
from markdown.extensions.toc import TocExtension
from markupsafe import Markup

from demo_app import figures, history, layout, sources

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

    from demo_app.exchange import Handler, Request

_MARKER = re.compile(r"<p>\[\[(figure|history)(?: ([a-z-]+))?\]\]</p>")
_LINK_FROM_ROOT = re.compile(r'(href|src)="/(?!/)')
_LINK_TO_FILE = re.compile(r'href="(?![a-z]+:)([^"#]+)\.md(#[^"]*)?"')
_CODE_CELL = re.compile(r"^(`{3,})\{([\w-]+)\}.*\n(?:(?::[\w-]+:.*\n)+\n?)?", re.MULTILINE)
_CELL_BREAK = re.compile(r"^\+\+\+.*$", re.MULTILINE)
_FOLD = re.compile(r"^<details>", re.MULTILINE)
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)


@dataclass(frozen=True)
class Page:
    """A rendered file, and the time stamp (ns) that it had."""

    file: Path
    stamp: int
    document: layout.Document


#: Pages by folder and path. Only pages that exist are kept, so strangers cannot make it grow.
_kept: dict[tuple[str, str], Page] = {}


def find(path: str) -> "Handler | None":
    """Return the handler that shows the page at ``path``, or None if there is no such page."""
    folder = sources.folder()
    page = _kept.get((folder, path))
    file = page.file if page else sources.find_file(folder, path)
    if file is None:
        return partial(_show, _contents_page(folder)) if path == "/" else None
    try:
        stamp = file.stat().st_mtime_ns
        if page is None or page.stamp != stamp:
            page = _kept[folder, path] = Page(file, stamp, _rendered(sources.read(file, path)))
    except OSError:  # it went away between two requests
        _kept.pop((folder, path), None)
        return None
    return partial(_show, page.document)


def _show(document: layout.Document, request: "Request", start_response: "StartResponse") -> list[bytes]:
    return layout.send_page(request, start_response, document)


def _rendered(source: sources.Source) -> layout.Document:
    # Given as objects: by name, `markdown` would look through everything that is installed for them.
    extensions = [
        AttrListExtension(),
        DefListExtension(),
        FencedCodeExtension(),
        MarkdownInHtmlExtension(),
        SaneListExtension(),
        TableExtension(),
        TocExtension(slugify=_anchor),
    ]
    converter = Markdown(extensions=extensions, output_format="html")
    text = _CELL_BREAK.sub("", _CODE_CELL.sub(r"\1\2\n", source.text))
    content = converter.convert(_FOLD.sub('<details markdown="block">', text))
    content = _LINK_TO_FILE.sub(r'href="\1\2"', content)
    content = _TABLE.sub(r'<div class="scroll" role="group" aria-label="Table" tabindex="0">\g<0></div>', content)
    content = _MARKER.sub(_figure_or_history, content)
    content = _LINK_FROM_ROOT.sub(rf'\1="{layout.ROOT}/', content)
    return layout.render(
        "page.html",
        source.path,
        title=source.title,
        summary=source.summary,
        content=Markup(content),  # noqa: S704
    )


def _anchor(heading: str, separator: str) -> str:
    """Return the id of a heading, so that the links within and between pages lead to the same place as on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", separator)


def _figure_or_history(marker: re.Match[str]) -> str:
    kind, name = marker.groups()
    made = figures.figure(name or "") if kind == "figure" else history.listing(name)
    return made or marker[0]


def _contents_page(folder: str) -> layout.Document:
    """Make the home page of a folder that has none: a list of its pages."""
    return layout.render("contents.html", "/", title="Contents", pages=sources.contents(folder))
