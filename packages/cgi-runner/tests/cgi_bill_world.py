"""For tests of bills: programs, and the pipes by which they tell their part, of which none may be left."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["no_pipe_left", "put"]


@contextmanager
def no_pipe_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have pipes made below `folder`; afterwards there is none."""
    pipes = folder / "pipes"
    pipes.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(pipes))
    yield
    assert list(pipes.iterdir()) == []


def put(directory: Path, name: str, text: str) -> None:
    """Write a program."""
    file = directory / name
    file.write_text(textwrap.dedent(text).lstrip())
    file.chmod(0o755)
