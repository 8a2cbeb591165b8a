"""The micro benchmark: its steps do what they say, and its counts are read and judged rightly."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

MICRO = Path(__file__).parents[3] / "benchmarks" / "micro"


@pytest.fixture
def micro(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a module of benchmarks/micro, which are programs and no package."""
    monkeypatch.syspath_prepend(str(MICRO))
    yield importlib.import_module
    for name in ("steps", "instructions"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["codec", "environ", "line", "response", "session", "browser", "form"])
def test_every_step_can_be_made_again_and_again(micro: Any, name: str) -> None:
    steps = micro("steps")
    assert name in steps.STEPS
    run = steps.STEPS[name]()
    run(2)
    run(3)


@pytest.mark.parametrize("name", ["session", "browser", "form"])
def test_the_steps_that_answer_answer_rightly(micro: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = micro("steps")
    sent: list[bytes] = []
    monkeypatch.setattr(steps.Sink, "write", lambda _, data: sent.append(data))
    steps.STEPS[name]()(3)
    assert len(sent) == 3
    assert all(answer.startswith(b"HTTP/1.1 200 OK\r\n") for answer in sent)
    assert all(answer.endswith(b"\r\n\r\nHello, world!\n") for answer in sent)


def test_a_round_trip_through_the_engine(micro: Any) -> None:
    with micro("steps").serving() as run:
        run(3)


def test_counts(micro: Any) -> None:
    instructions = micro("instructions")
    assert instructions.read_count("==7== \n==7== I   refs:      1,234,567\n") == 1_234_567
    assert instructions.read_count("==7== I refs: 99") == 99
    with pytest.raises(RuntimeError, match="no number of instructions: command not found"):
        instructions.read_count("command not found")
    counts = {"same": 100, "a little": 103, "dearer": 104, "cheaper": 50, "new": 999}
    before = dict.fromkeys(("same", "a little", "dearer", "cheaper"), 100)
    assert instructions.compare(counts, before) == ["dearer"]


def test_a_step_that_is_not_there_is_refused(micro: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    instructions = micro("instructions")
    monkeypatch.setattr(sys, "argv", ["instructions.py", "leap"])
    with pytest.raises(SystemExit) as raised:
        instructions.main()
    assert raised.value.code == 2
    assert "there is no step 'leap'" in capsys.readouterr().err
