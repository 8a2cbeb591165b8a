"""Showing things where the learner looks: in a notebook's cell, or as plain text where there is none.

Each takes what is to be shown and returns nothing, so that the last line of a cell leaves no `None` behind.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import SVG, Markdown, display
from matplotlib.figure import Figure

from gateway_bench.report.chart_style import styled

__all__ = [
    "html_of", "in_notebook", "said_into", "say", "show_figure", "show_source", "show_widget", "svg_of",
]  # fmt: skip

_MARKS = re.compile(r"\*\*|`")
_SPANS = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<b>.+?)\*\*|\*(?P<i>\S[^*]*)\*")
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


def in_notebook() -> bool:
    """Tell whether a kernel runs this, whose front end renders Markdown and pictures."""
    shell = get_ipython()
    return bool(shell and getattr(shell, "kernel", None))


def say(markdown: str) -> None:
    """Show a sentence or more, in Markdown."""
    listener = _listener.get()
    if listener:
        listener(markdown)
    elif in_notebook():
        _show(Markdown(markdown))  # type: ignore[no-untyped-call]  # IPython has no types for these
    else:
        print(_MARKS.sub("", markdown))


@contextmanager
def said_into(listener: Callable[[str], None]) -> Iterator[None]:
    """Give what is said in the block to a listener, instead of showing it below the cell that ran last."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)


def html_of(markdown: str, role: str = "") -> str:
    """Return sentences as HTML: bold, slanted and code, all else as it is. With the role "alert" it is read out."""
    text = _SPANS.sub(_span, html.escape(markdown, quote=False))
    mark = f' role="{role}"' if role else ""
    return "".join(f'<p style="line-height: 1.5"{mark}>{one}</p>' for one in text.split("\n\n") if one)


def show_widget(widget: Any, text: str) -> None:
    """Show a widget of ipywidgets, or the text where a page cannot have one."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display({"application/vnd.jupyter.widget-view+json": view, "text/plain": text}, raw=True)  # type: ignore[no-untyped-call]


def show_source(source: str, caption: str = "") -> None:
    """Show Python source."""
    say(f"{caption}\n\n```python\n{source.rstrip()}\n```" if caption else f"```python\n{source.rstrip()}\n```")


def show_figure(figure: Figure, alt: str) -> None:
    """Show a figure; `alt` is what there is to see, in words."""
    if in_notebook():
        _show(SVG(svg_of(figure, alt)))  # type: ignore[no-untyped-call]
    else:
        print(f"[figure] {alt}")


def svg_of(figure: Figure, alt: str) -> str:
    """Return a figure as SVG that reads out `alt`."""
    out = io.StringIO()
    with styled():
        figure.savefig(out, format="svg", metadata={"Date": None, "Title": alt})
    return out.getvalue().replace("<svg ", f'<svg role="img" aria-label="{_attribute(alt)}" ', 1)


def _span(found: re.Match[str]) -> str:
    tag = found.lastgroup
    return f"<{tag}>{found[tag or 0]}</{tag}>"


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _show(thing: Any) -> None:
    display(thing)  # type: ignore[no-untyped-call]  # IPython has no types for it
