"""The command line of the kit: exit codes, and a sentence for what cannot be done."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lesson_kit.__main__ import main

CELL = "```{code-cell} ipython3\n1 + 1\n```\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that has one lesson, of which there is no notebook yet."""
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons/01-heads.md").write_text(f"---\ntitle: Heads\n---\n{CELL}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LESSON_KIT_LESSONS", raising=False)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["lesson_kit", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_notebooks(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "notebooks", "--check") == 1
    assert capsys.readouterr().err.startswith("01-heads.ipynb is not what lessons/01-heads.md makes")
    assert run(monkeypatch, "notebooks") == 0
    assert capsys.readouterr().out == "wrote notebooks/01-heads.ipynb\n"
    assert run(monkeypatch, "notebooks", "--check") == 0
    assert run(monkeypatch, "notebooks") == 0
    assert capsys.readouterr() == ("", "")


def test_prove(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "prove", "1") == 0
    assert "split_head" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lessons", "--short", "--save-reference"], "lesson_kit: A reference run is a whole one: leave out --short."),
        (["learn"], "lesson_kit: There are no notebooks in {}/notebooks: `nox -s notebooks` writes them."),
    ],
)
def test_what_cannot_be_done(here: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str) -> None:
    assert run(monkeypatch, *words) == sentence.format(here)


def test_a_folder_that_cannot_be_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "notebooks")
    (here / "my-lessons").touch()
    sentence = str(run(monkeypatch, "learn"))
    assert sentence.startswith(f"lesson_kit: {here}/my-lessons cannot be written (")
    assert sentence.endswith("learn in a copy of the repository of your own.")


def test_without_lessons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LESSON_KIT_LESSONS", raising=False)
    assert str(run(monkeypatch, "notebooks")).startswith("lesson_kit: The texts of the lessons are not above ")
