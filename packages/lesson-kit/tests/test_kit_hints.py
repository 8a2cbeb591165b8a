"""A name that is not there yet, and an interrupt: one sentence, in the place of a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from lesson_kit import display, hints
from lesson_kit.hints import INTERRUPTED, hint_of, show_hints

HINTS: list[tuple[str, str]] = [
    ("trace", "`trace` is not there yet"),
    ("def f():\n    return trace\nf()", "`trace` is not there yet"),
    ("raise KeyboardInterrupt", INTERRUPTED),
    ("1 / 0", ""),
    ("raise NameError('mine')", ""),
    ("import random; random.nothing()", ""),
    ("import types; types.FunctionType(compile('trace', 'x', 'eval'), {})()", ""),  # in somebody else's module
]  # fmt: skip


@pytest.mark.parametrize(("source", "words"), HINTS, ids=range(len(HINTS)))
def test_only_what_comes_of_the_order_of_cells_has_a_hint(source: str, words: str) -> None:
    names: dict[str, Any] = {}
    with pytest.raises(BaseException) as caught:
        exec(source, names)
    hint = hint_of(caught.value, caught.value.__traceback__, names)
    assert words in hint
    assert bool(words) == bool(hint)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A shell as a kernel has one."""
    shell = InteractiveShell()
    monkeypatch.setattr(display, "in_notebook", lambda: True)
    monkeypatch.setattr(hints, "get_ipython", lambda: shell)
    monkeypatch.delenv("LESSON_KIT_REHEARSAL", raising=False)
    yield shell
    shell.history_manager.end_session()
    shell.restore_sys_module_state()


def test_a_cell_shows_the_hint_alone_and_has_failed(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    show_hints()
    done = shell.run_cell("trace")
    assert isinstance(done.error_in_exec, NameError)
    assert capsys.readouterr().out.startswith("`trace` is not there yet")
    shell.run_cell("1 / 0")
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_what_somebody_else_shows_is_left_alone(shell: Any) -> None:
    shell.set_custom_exc((ValueError,), lambda *_, **__: None)
    show_hints()
    assert shell.custom_exceptions == (ValueError,)


def test_a_rehearsal_has_tracebacks(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSON_KIT_REHEARSAL", "/nowhere")
    show_hints()
    assert shell.custom_exceptions == ()
