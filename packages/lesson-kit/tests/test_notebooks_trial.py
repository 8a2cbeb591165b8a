"""A lesson is tried: what a good one comes to, and that nothing which is wrong with one stays unseen."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import psutil
import pytest

from lesson_kit.lesson import Expected, Lesson, load_lesson
from lesson_kit.notebooks import kernel
from lesson_kit.notebooks.judging import judge
from lesson_kit.notebooks.reference import load_reference, save_reference
from lesson_kit.notebooks.trial import Attempt, attempt

LESSON = load_lesson(1)
BLANK = LESSON.exercises[0].scaffold("blank")
HEAD = "---\ntitle: Heads\n---\n"
OPEN = "from lesson_kit import open_lesson\ndesk = open_lesson(1)"


def code(source: str, tags: str = "") -> str:
    return f"```{{code-cell}} ipython3\n{f':tags: [{tags}]' if tags else ''}\n{source}\n```\n"


GOOD = "".join(
    [
        HEAD,
        code(OPEN),
        code("print('exactly', *range(3))", "exact"),
        *(code(f"desk.predict({question.name!r}, ...)", "predict") for question in LESSON.questions),
        code("desk.measured(reads_of_7=10, reads_of_1=68, answers=[200, 200, 200])"),
        code("desk.draw('strip', {'whole': [b'abc', b'd']})"),
        code("desk.observe('strip', ...)", "observe"),
        '+++ {"explain": "strip"}\n\n<details><summary>Explain</summary>\n\nSo.\n\n</details>\n\n+++\n',
        code(BLANK, "make, split_head"),
        code('desk.check("split_head", split_head)', "check"),
        code("desk.keep(answer=...)", "keep"),
    ]
)
WRONG = "".join(
    [
        HEAD,
        code("import socket, subprocess, sys, tempfile\nprint('oh', file=sys.stderr)"),
        code("kept = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE, env={})"),
        code("also = subprocess.Popen(['sleep', '100'], start_new_session=True)"),
        code("folder = tempfile.mkdtemp(prefix='left-')"),
        code("try:\n    socket.create_connection(('192.0.2.1', 80), 1)\nexcept OSError:\n    pass"),
        code("from IPython.display import Markdown\nMarkdown('⚠️ No.')"),
        code("1 / 0"),
        code("print('never')"),
    ]
)


def tried(folder: Path, text: str, *, short: bool = True) -> Attempt:
    lessons = folder / "lessons"
    (folder / "notebooks").mkdir(exist_ok=True)
    lessons.mkdir(exist_ok=True)
    (lessons / "01-heads.md").write_text(text)
    told: list[tuple[int, int]] = []
    found = asyncio.run(
        attempt(LESSON, lessons, short=short, guarded=True, tell=lambda done, count: told.append((done, count)))
    )
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    return found


def test_a_good_lesson(tmp_path: Path) -> None:
    found = tried(tmp_path, GOOD)
    assert found.faults == []
    assert found.exact == [{"cell": "print('exactly', *range(3))", "output": "exactly 0 1 2\n"}]
    assert found.verdicts == {"split_head": "PASS"}
    assert found.badly == {("split_head", "half"): "NOT YET", ("split_head", "blank"): "NOT YET"}
    assert len(found.seconds) == 2
    lessons = tmp_path / "lessons"
    assert judge(found, load_reference(1, lessons)).faults == [
        "There is no reference run yet: `python -m lesson_kit lessons --save-reference 1` makes one."
    ]
    (lessons / "figures").mkdir()
    (lessons / "figures/01-gone.svg").touch()
    save_reference(found, lessons, {"commit": "0" * 40, "dirty": False})
    assert [path.name for path in (lessons / "figures").iterdir()] == ["01-strip.svg"]
    reference = load_reference(1, lessons)
    assert reference
    assert (reference["measured"], reference["verdicts"]) == (found.measured, found.verdicts)
    assert {"machine", "day", "source"} <= reference.keys()
    assert judge(found, reference).faults == []


def test_what_is_wrong_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "END_LIMIT", 0.1)
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    found = tried(tmp_path, WRONG)
    wanted = (
        "wrote to standard error: oh", "said: ⚠️ No.", "raised ZeroDivisionError", "(sleep 100) is left",
        "is left in TMPDIR", "A lesson stays on this machine",
    )  # fmt: skip
    assert [words for words in wanted if not any(words in fault for fault in found.faults)] == []
    assert len(found.seconds) == 1, "nobody waits for a second run"
    assert {process.pid for process in psutil.Process().children(recursive=True)} == before
    assert judge(found, None).faults == found.faults


def test_a_text_that_breaks_a_rule(tmp_path: Path) -> None:
    assert tried(tmp_path, HEAD + code("1", "make")).faults == [
        "a cell to make something has two tags: make, and the exercise's name."
    ]


def test_without_unix_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "SOCKET_PATH_LIMIT", 0)
    found = tried(tmp_path, HEAD + code("1 / 0"))
    assert len(found.faults) == 1, "and no warning of the kernel's"
    assert "ZeroDivisionError" in found.faults[0]


# -- judging ----------------------------------------------------------------------------------------------------------

EXPECTED = (
    Expected("It is 3.", lambda found: found["three"] == 3, "", firm=True),
    Expected("It is fast.", lambda found: found["fast"], ""),
)
TOY = dataclasses.replace(LESSON, expected=EXPECTED)
ANSWERED = {
    ("prediction", "first_byte"), ("prediction", "reads"), ("observation", "strip"), ("keep", LESSON.keep.name),
}  # fmt: skip
REFERENCE = {"measured": {"three": 3, "fast": True}, "exact": [{"cell": "print(1)", "output": "1\n"}]}
SAMPLE = dataclasses.replace(LESSON.exercises[0], example=lambda dice: ())

CHECKED = "The check of `split_head`"
SHOWN = r"An exact cell shows '2\n', and '1\n' in the reference run."


def toy(lesson: Lesson = TOY, **changed: Any) -> Attempt:
    told = {
        "measured": {"three": 3, "fast": True}, "exact": REFERENCE["exact"], "verdicts": {"split_head": "PASS"},
        "badly": {("split_head", "half"): "NOT YET", ("split_head", "blank"): "NOT YET"},
        "figures": {"strip": "<svg/>"}, "answered": ANSWERED,
    }  # fmt: skip
    return Attempt(lesson, **(told | changed))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, ""),
        ({"faults": ["Cell 3 failed."]}, "Cell 3 failed."),
        ({"answered": ANSWERED - {("prediction", "reads")}}, "The question 'reads' was never asked."),
        ({"answered": ANSWERED - {("observation", "strip")}}, "What is seen in 'strip' was never asked."),
        ({"answered": ANSWERED - {("keep", LESSON.keep.name)}}, "The sentence to keep was never asked for."),
        ({"figures": {}}, "The figure 'strip' was not drawn."),
        ({"verdicts": {"split_head": "NOT YET"}}, f"{CHECKED} (worked) said NOT YET, and must say PASS."),
        ({"verdicts": {}}, f"{CHECKED} (worked) was never asked, and must say PASS."),
        (
            {"badly": {("split_head", "half"): "PASS", ("split_head", "blank"): "NOT YET"}},
            f"{CHECKED} (half) said PASS, and must say NOT YET.",
        ),
        ({"measured": {"three": 4, "fast": True}}, "“It is 3.” did not hold, and does not depend on chance."),
        ({"exact": [{"cell": "print(1)", "output": "2\n"}]}, SHOWN),
    ],
)
def test_judgement(changed: dict[str, Any], fault: str) -> None:
    judgement = judge(toy(**changed), REFERENCE)
    assert judgement.faults == ([fault] if fault else [])
    assert judgement.notes == []


@pytest.mark.parametrize(
    ("changed", "beginning"),
    [
        ({"measured": {"three": 3}}, "This run and the reference did not measure the same: fast;"),
        ({"exact": []}, "The exact cells are others than in the reference run:"),
    ],
)
def test_another_reference_is_due(changed: dict[str, Any], beginning: str) -> None:
    assert [fault for fault in judge(toy(**changed), REFERENCE).faults if fault.startswith(beginning)]


def test_what_chance_can_change_is_only_said() -> None:
    judgement = judge(toy(measured={"three": 3, "fast": False}), REFERENCE)
    assert judgement.faults == []
    assert judgement.notes == ["“It is fast.” did not hold here."]
    noisy = dataclasses.replace(TOY, exercises=(SAMPLE,))
    judgement = judge(toy(noisy, verdicts={"split_head": "INCONCLUSIVE"}), REFERENCE)
    assert judgement.faults == []
    assert judgement.notes == ["The check of `split_head` (worked) was inconclusive."]
