"""A learner's folder keeps what the learner wrote; and JupyterLab is there after one command, and gone after Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
from tornado.websocket import websocket_connect

from lesson_kit.errors import Missing
from lesson_kit.notebooks.opening import lay_out

ROOT = Path(__file__).parents[3]


def notebook(source: str, output: str = "", version: str = "1") -> str:
    outputs = [{"output_type": "stream", "name": "stdout", "text": output}] if output else []
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "execution_count": None,
        "source": source,
        "outputs": outputs,
    }
    metadata = {"language_info": {"name": "python", "version": version}}
    return json.dumps({"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


OLD, NEW = notebook("1"), notebook("2")


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Path]:
    """The notebooks, and a learner's folder that has had one of them."""
    ours, mine = tmp_path / "notebooks", tmp_path / "mine"
    ours.mkdir()
    (ours / "00-a.ipynb").write_text(OLD)
    assert lay_out(ours, mine) == []
    assert (mine / "00-a.ipynb").read_text() == OLD
    return ours, mine


@pytest.mark.parametrize(
    ("learners", "ours", "kept", "beside"),
    [
        (None, OLD, OLD, False),
        (None, NEW, NEW, False),
        (notebook("1", version="2"), NEW, NEW, False),
        (notebook("my own"), OLD, notebook("my own"), False),
        (notebook("my own"), NEW, notebook("my own"), True),
        (notebook("1", "an output"), NEW, notebook("1", "an output"), True),
        ("no notebook", NEW, "no notebook", True),
        (NEW, NEW, NEW, False),
    ],
    ids=["untouched", "newer", "metadata", "changed", "changed-and-newer", "run", "broken", "the-same"],
)
def test_nothing_of_a_learner_is_lost(
    given: tuple[Path, Path], learners: str | None, ours: str, kept: str, beside: bool
) -> None:
    notebooks, mine = given
    if learners is not None:
        (mine / "00-a.ipynb").write_text(learners)
    (notebooks / "00-a.ipynb").write_text(ours)
    sentences = lay_out(notebooks, mine)
    assert (mine / "00-a.ipynb").read_text() == kept
    others = [path for path in mine.glob("*.ipynb") if path.name != "00-a.ipynb"]
    assert [path.read_text() for path in others] == ([ours] if beside else [])
    assert len(sentences) == beside
    assert all(others[0].name in sentence for sentence in sentences)
    assert lay_out(notebooks, mine) == [], "said once"
    assert (mine / "00-a.ipynb").read_text() == kept


def test_a_notebook_that_was_deleted_comes_back(given: tuple[Path, Path]) -> None:
    notebooks, mine = given
    (mine / "00-a.ipynb").unlink()
    lay_out(notebooks, mine)
    assert (mine / "00-a.ipynb").read_text() == OLD


def test_a_broken_list_of_what_was_given_loses_nothing(given: tuple[Path, Path]) -> None:
    notebooks, mine = given
    (mine / ".given.json").write_text("{")
    (mine / "00-a.ipynb").write_text("my own")
    lay_out(notebooks, mine)
    assert (mine / "00-a.ipynb").read_text() == "my own"


def test_without_notebooks_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="nox -s notebooks"):
        lay_out(tmp_path / "notebooks", tmp_path / "mine")


def test_the_lab_is_there_and_then_gone(tmp_path: Path) -> None:
    for name in ("lessons", "notebooks"):
        (tmp_path / name).mkdir()
    (tmp_path / "lessons/00-a.md").touch()
    (tmp_path / "notebooks/00-a.ipynb").write_text(OLD)
    tmp = tmp_path / "tmp"
    tmp.mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp), "HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "lesson_kit", "learn", "--no-browser"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout
            said, found = "", None
            while not found and (line := process.stdout.readline()):
                said += line
                found = re.search(r"(http://127\.0\.0\.1:\d+)/lab/tree/my-lessons/00-a\.ipynb\?token=(\w+)", line)
            assert found, said
            told = ask(*found.groups(), "/api/contents/my-lessons")
            assert [one["path"] for one in told["content"]] == ["my-lessons/00-a.ipynb"]
            kernel = ask(*found.groups(), "/api/kernels", {"name": "python3"})
            assert asyncio.run(run(*found.groups(), kernel["id"], "print(6 * 7)")) == "42\n"
            with pytest.raises(urllib.error.HTTPError, match="403"):
                ask(found[1], "wrong", "/api/contents")
            tree = psutil.Process(process.pid).children(recursive=True)
            assert tree
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert said.splitlines()[0] == "JupyterLab starts: this takes a few seconds."
    assert len(said.splitlines()) == 2, "one line more, with the address"
    assert rest == ""
    assert [one for one in tree if one.is_running()] == []
    assert list(tmp.iterdir()) == []


def ask(base: str, token: str, path: str, data: Any = None) -> Any:
    request = urllib.request.Request(
        base + path, json.dumps(data).encode() if data else None, {"Authorization": f"token {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


async def run(base: str, token: str, kernel: str, code: str) -> str:
    """Have a kernel run code, as a notebook would; return what it prints."""
    question = {
        "header": {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "", "version": "5.3"},
        "parent_header": {}, "metadata": {}, "channel": "shell",
        "content": {"code": code, "silent": False, "store_history": False, "allow_stdin": False},
    }  # fmt: skip
    place = f"{base.replace('http', 'ws')}/api/kernels/{kernel}/channels?token={token}"
    channels = await websocket_connect(place)
    await channels.write_message(json.dumps(question))
    printed = ""
    while message := await channels.read_message():
        told = json.loads(message)
        printed += told["content"].get("text", "")
        if told["msg_type"] == "status" and told["content"]["execution_state"] == "idle" and printed:
            break
    channels.close()
    return printed
