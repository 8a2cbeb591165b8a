"""Checks: whatever a learner hands over, it ends, and one sentence says what of it."""

from __future__ import annotations

import functools
import random
import select
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway_lab.errors import LabError
from lesson_kit.answers import LINES_KEPT, Printed, copied, frames_of, kind_of, why_not
from lesson_kit.checking import Exercise, Inconclusive, NotYet, Outcome, Verdict, examine, expect_bytes, expect_text
from lesson_kit.deadline import TookTooLong, within

BLANK = 'def double(number):\n    """Return twice the number."""\n'
LIMIT = 0.15


def check_double(double: Callable[..., Any], dice: random.Random, *given: Any) -> None:
    """Check `double`; `given` may change what the check does, to try what becomes of it."""
    for act in given:
        act()
    answer = double(dice.randrange(1, 100))
    if answer is None:
        raise NotYet("blank", "Nothing came back.")
    if answer + 0 == 1:
        raise NotYet("one", "One is not twice anything.")


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    (tmp_path / "blank.py").write_text(BLANK)
    return Exercise("double", "Double it.", check_double, tmp_path)


def answer_of(source: str) -> Any:
    """Return what a learner's cell defines as `double`; the cell is a module of its own."""
    space: dict[str, Any] = {"__name__": "learner"}
    exec(compile(source, "<cell>", "exec"), space)
    return space["double"]


def body(*lines: str, head: str = "def double(number):") -> str:
    return "\n".join([head, *(f"    {line}" for line in lines)])


SAID: list[tuple[str, str, Outcome, str, str]] = [
    ("right", body("return 2 * number"), Outcome.PASS, "", "did what it must"),
    ("lambda", "double = lambda n: 2 * n", Outcome.PASS, "", ""),
    ("more", body("return more * number", head="def double(number, more=2):"), Outcome.PASS, "", ""),
    ("any", body("return 2 * them[0]", head="def double(*them):"), Outcome.PASS, "", ""),
    ("partial", "import functools, operator; double = functools.partial(operator.mul, 2)", Outcome.PASS, "", ""),
    ("object", "class D:\n    def __call__(self, n): return 2 * n\ndouble = D()", Outcome.PASS, "", ""),
    ("built in", "double = abs", Outcome.PASS, "", ""),
    ("blank", BLANK, Outcome.NOT_YET, "blank", "Nothing came back."),
    ("idea", body("return 1"), Outcome.NOT_YET, "one", "One is not"),
    ("no function", "double = 2", Outcome.NOT_YET, "function", "of type int, and must be a function"),
    ("result", "double = None", Outcome.NOT_YET, "function", "is None"),
    ("dots", "double = ...", Outcome.NOT_YET, "function", "still `...`"),
    ("class", "class double:\n    pass", Outcome.NOT_YET, "function", "is a class"),
    ("async", body("return 1", head="async def double(number):"), Outcome.NOT_YET, "function", "async def"),
    ("too few", body("return 1", head="def double():"), Outcome.NOT_YET, "function", "which are: number"),
    ("too many", body("return 1", head="def double(a, b):"), Outcome.NOT_YET, "function", "which are: number"),
    ("keyword", body("return 1", head="def double(*, number):"), Outcome.NOT_YET, "function", "which are: number"),
    ("error", body("", "", "return 1 / 0"), Outcome.NOT_YET, "error", "division by zero, in its line 4"),
    ("within", body("import json", "json.loads('{')"), Outcome.NOT_YET, "error", "JSONDecodeError"),
    ("long", body("raise ValueError('x' * 10**6)"), Outcome.NOT_YET, "error", "xxx ..., in its line 2"),
    ("mute", "class E(Exception):\n    def __str__(self): return 1 / 0\n" + body("raise E"),
     Outcome.NOT_YET, "error", "cannot say why"),
    ("exit", body("import sys", "sys.exit()"), Outcome.NOT_YET, "error", "ends the whole program, in its line 3"),
    ("close", body("raise GeneratorExit"), Outcome.NOT_YET, "error", "raised GeneratorExit"),
    ("recursion", body("return double(number)"), Outcome.NOT_YET, "endless", "calls itself"),
    ("text", body("return 'two'"), Outcome.NOT_YET, "type", "reading it raised TypeError"),
    ("generator", body("yield 2"), Outcome.NOT_YET, "type", ""),
    ("loop", body("while True: pass"), Outcome.NOT_YET, "endless", "did not come to an end"),
    ("sleep", body("import time", "time.sleep(60)"), Outcome.NOT_YET, "endless", ""),
    ("recv", body("import socket", "a, b = socket.socketpair()", "with a, b: a.recv(1)"),
     Outcome.NOT_YET, "endless", ""),
    ("except", body("while True:", "    try: pass", "    except Exception: pass"), Outcome.NOT_YET, "endless", ""),
    ("swallow", body("while True:", "    try:", "        pass", "    except:", "        pass"),
     Outcome.NOT_YET, "endless", ""),
    ("swallow sleep",
     body("import time", "while True:", "    try:", "        time.sleep(9)", "    except:", "        pass"),
     Outcome.NOT_YET, "endless", ""),
    ("another error", body("import time", "try:", "    time.sleep(9)", "finally:", "    raise RuntimeError"),
     Outcome.NOT_YET, "endless", ""),
    ("finally",
     body("import time", "while True:", "    try:", "        time.sleep(9)", "    finally:", "        continue"),
     Outcome.NOT_YET, "endless", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "outcome", "idea", "words"), [row[1:] for row in SAID], ids=[row[0] for row in SAID]
)
def test_whatever_it_is_there_is_a_sentence(
    source: str, outcome: Outcome, idea: str, words: str, exercise: Exercise
) -> None:
    handler, timer, tracing = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)[0], sys.gettrace()
    verdict = examine(exercise, answer_of(source), first=7, limit=LIMIT)
    assert (verdict.outcome, verdict.idea) == (outcome, idea), verdict
    assert words in verdict.sentence
    assert "\n" not in str(verdict)
    assert verdict.seed == 7
    assert signal.getsignal(signal.SIGALRM) == handler
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) == (timer > 0)  # the test's own limit, if it has one
    assert sys.gettrace() is tracing


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


OURS: list[tuple[BaseException, Outcome, str]] = [
    (Inconclusive("nginx is not here."), Outcome.INCONCLUSIVE, "nginx is not here."),
    (LabError("The server did not start."), Outcome.INCONCLUSIVE, "The server did not start."),
    (OSError(24, "Too many open files"), Outcome.INCONCLUSIVE, "Too many open files"),
    (TookTooLong(), Outcome.INCONCLUSIVE, "this machine is busy"),
]


@pytest.mark.parametrize(("error", "outcome", "words"), OURS, ids=lambda it: type(it).__name__)
def test_what_is_not_the_learners_fault_is_not_held_against_them(
    error: BaseException, outcome: Outcome, words: str, exercise: Exercise
) -> None:
    verdict = examine(exercise, answer_of(body("return 2")), raising(error), first=1)
    assert verdict.outcome is outcome
    assert words in verdict.sentence


def test_the_learners_own_interrupt_gets_through(exercise: Exercise) -> None:
    handler = signal.getsignal(signal.SIGALRM)
    with pytest.raises(KeyboardInterrupt):
        examine(exercise, answer_of(body("raise KeyboardInterrupt")))
    assert signal.getsignal(signal.SIGALRM) == handler


def test_what_it_prints_is_kept_to_some_lines(exercise: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    loud = answer_of(body("for n in range(5_000): print('line', n)", "import sys", "print('oh', file=sys.stderr)",
                          "return 2"))  # fmt: skip
    verdict = examine(exercise, loud, limit=30)
    assert verdict.outcome is Outcome.PASS
    assert verdict.printed.splitlines()[:2] == ["line 0", "line 1"]
    assert len(verdict.printed.splitlines()) == LINES_KEPT + 1
    assert "characters more" in verdict.printed
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        ([], ""), (["one"], "one"), (["one\n", "two\n"], "one\ntwo"),
        (["x" * 300], "x" * 200 + "\n... and 99 characters more"),
    ],
)  # fmt: skip
def test_printed(texts: list[str], kept: str) -> None:
    printed = Printed()
    print(*texts, sep="", end="", file=printed)
    assert printed.text == kept


def test_what_it_changes_are_copies(exercise: Exercise) -> None:
    seen: list[list[int]] = []
    mine = [3, 1, 2]

    def check(double: Callable[..., Any], dice: random.Random, numbers: list[int]) -> None:
        double(numbers)
        seen.append(numbers)

    changing = Exercise("double", "", check, exercise.folder)
    assert examine(changing, answer_of(body("number.sort()")), mine).outcome is Outcome.PASS
    assert mine == [3, 1, 2]
    assert seen == [[1, 2, 3]] * 5


def test_what_cannot_be_copied_is_handed_over_itself() -> None:
    lock = threading.Lock()
    assert copied(([1], lock))[1] is lock


def test_frames_are_those_of_the_answers_own_module() -> None:
    def wrapped(answer: Callable[..., Any]) -> Callable[..., Any]:
        return functools.wraps(answer)(lambda *them: answer(*them))

    for source in (body("1 / 0"), "class D:\n    def __call__(self, n): 1 / 0\ndouble = D()",
                   "class double:\n    def __init__(self, n): 1 / 0"):  # fmt: skip
        answer = answer_of(source)
        answer = wrapped(answer) if callable(answer) and not isinstance(answer, type) else answer
        with pytest.raises(ZeroDivisionError) as caught:
            answer(1)
        assert [frame.lineno for frame in frames_of(caught.value, answer)] == [2]


def test_seeds_are_those_that_were_asked_for(exercise: Exercise) -> None:
    drawn: list[int] = []
    counting = Exercise("double", "", lambda _, dice: drawn.append(dice.randrange(10**6)), exercise.folder)
    verdict = examine(counting, lambda number: number, seeds=3, first=5)
    assert drawn == [random.Random(seed).randrange(10**6) for seed in (5, 6, 7)]
    assert str(verdict) == "PASS: `double` did what it must on 3 inputs (seed 5)"
    assert examine(counting, lambda number: number).seed != examine(counting, lambda number: number).seed


EXPECTED: list[tuple[Callable[[object, str], Any], Any, str]] = [
    (expect_bytes, b"", ""), (expect_bytes, "text", "text"), (expect_bytes, None, "blank"),
    (expect_bytes, ..., "blank"), (expect_bytes, 5, "type"),
    (expect_text, "", ""), (expect_text, b"", "type"), (expect_text, None, "blank"),
    (expect_text, (n for n in ()), "type"),
]  # fmt: skip


@pytest.mark.parametrize(("expect", "value", "idea"), EXPECTED, ids=lambda it: None)
def test_expected_types(expect: Callable[[object, str], Any], value: Any, idea: str) -> None:
    if not idea:
        assert expect(value, "the head") == value
        return
    with pytest.raises(NotYet, match=r"^The head is ") as refused:
        expect(value, "the head")
    assert refused.value.idea == idea


async def later() -> None:
    """Run only when somebody waits."""


KINDS: list[tuple[Callable[[], object], str]] = [
    (lambda: None, "None"), (lambda: ..., "still `...`"), (lambda: 5, "of type int"),
    (lambda: (n for n in ()), "`yield`"), (later, "`async def`"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "words"), KINDS, ids=range(len(KINDS)))
def test_kinds_say_why_nothing_has_run(make: Callable[[], object], words: str) -> None:
    assert words in kind_of(make())


@pytest.mark.parametrize(
    "blank", ["class double:\n    pass\n", "double = ...\n", "async def double(number):\n    pass\n"]
)
def test_what_is_asked_for_may_be_something_else_than_a_function(blank: str) -> None:
    assert why_not(later, "double", blank.replace("number", "")) == ""
    assert why_not(type, "double", blank.partition("async")[0]) == ""


# -- the deadline -----------------------------------------------------------------------------------------------------


def test_in_another_thread_a_loop_ends_too(exercise: Exercise) -> None:
    verdicts: list[Verdict] = []
    loop = answer_of(body("while True: pass"))
    thread = threading.Thread(target=lambda: verdicts.append(examine(exercise, loop, limit=LIMIT)))
    thread.start()
    thread.join(20)
    assert [verdict.idea for verdict in verdicts] == ["endless"]
    for watch in threading.enumerate():
        if watch.name == "deadline":
            watch.join(20)
            assert not watch.is_alive()


def test_one_deadline_within_another() -> None:
    with pytest.raises(TookTooLong), within(0.2):
        with within(5):
            pass
        with pytest.raises(TookTooLong), within(0.05):
            threading.Event().wait(20)
        threading.Event().wait(20)


def test_whenever_a_bell_rings_nothing_of_it_stays() -> None:
    """Before, in and after the block: a ring that came where nobody puts the bell away would end the kernel later."""
    handler = signal.getsignal(signal.SIGALRM)
    dice = random.Random(1)
    for _ in range(500):
        try:
            with within(0.001 + dice.random() / 2000):
                select.select([], [], [], 0.001)
        except TookTooLong:
            pass
    assert signal.getsignal(signal.SIGALRM) == handler
    with within(60):
        pass
