"""Showing things where the learner looks: in a notebook's cell, or as plain text where there is none.

Each takes what is to be shown and returns nothing, so that the last line of a cell leaves no `None` behind.
"""

from __future__ import annotations

import io
import re
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import HTML, SVG, Markdown, display
from matplotlib.figure import Figure

from gateway_bench.report.chart_style import styled

__all__ = ["in_notebook", "say", "show_figure", "show_html", "show_source", "svg_of"]

_MARKS = re.compile(r"\*\*|`")


def in_notebook() -> bool:
    """Tell whether a kernel runs this, whose front end renders Markdown and pictures."""
    shell = get_ipython()
    return bool(shell and getattr(shell, "kernel", None))


def say(markdown: str) -> None:
    """Show a sentence or more, in Markdown."""
    if in_notebook():
        _show(Markdown(markdown))  # type: ignore[no-untyped-call]  # IPython has no types for these
    else:
        print(_MARKS.sub("", markdown))


def show_html(html: str, text: str) -> None:
    """Show HTML, or the text where there is no browser."""
    if in_notebook():
        _show(HTML(html))  # type: ignore[no-untyped-call]
    else:
        print(text)


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


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _show(thing: Any) -> None:
    display(thing)  # type: ignore[no-untyped-call]  # IPython has no types for it
