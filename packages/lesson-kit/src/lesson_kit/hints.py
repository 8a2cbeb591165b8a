"""Cells that are run out of order: a sentence in the place of the traceback that says so.

Two errors come of how a notebook is used, not of what was written: a name that the cell above would have defined, and
the learner's own interrupt. In a notebook they are shown as one sentence. The cell has failed all the same, so a run of
all cells stops there, and whatever else is raised is shown as ever.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from IPython.core.getipython import get_ipython

from lesson_kit import display, rehearsal

__all__ = ["hint_of", "show_hints"]

INTERRUPTED = "Interrupted. What this cell had started has ended with it."


def show_hints() -> None:
    """Have this notebook show them, unless it is a rehearsal, or has something of the kind already."""
    shell = get_ipython()
    if shell and display.in_notebook() and not rehearsal.on() and not shell.custom_exceptions:
        shell.set_custom_exc((NameError, KeyboardInterrupt), _show)  # type: ignore[no-untyped-call]  # IPython has no types


def hint_of(error: BaseException, trace: TracebackType | None, names: dict[str, Any]) -> str:
    """Return the sentence for an error; "" if there is none. `names` are those of the notebook."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, NameError) and error.name and _last(trace) is names:
        return (f"`{error.name}` is not there yet: run the cells above first, in their order, and then this one. If "
                "you have, look whether the name is spelt as there.")  # fmt: skip
    return ""


def _last(trace: TracebackType | None) -> dict[str, Any] | None:
    """Return the names among which the error came up."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_globals if trace else None


def _show(
    shell: Any, kind: type[BaseException], error: Any, trace: TracebackType | None, tb_offset: int | None = None
) -> None:
    hint = hint_of(error, trace, shell.user_ns)
    if hint:
        error._render_traceback_ = lambda: [hint]
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
