"""From what was seen to a verdict."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .case import Case, Drive
from .exchange import End, Seen

__all__ = ["Outcome", "Verdict", "judge"]

_SHOWN = 120
"""Characters of a body that an explanation shows."""

_INSIDE = (b"Traceback", b"on purpose")
"""What a 500 must not show: it is for the log (WSGI-76)."""


class Verdict(enum.Enum):
    """What came of a case."""

    PASS = "as it must be"  # noqa: S105 - a verdict, not a password
    FAIL = "not as it must be"
    LEFT_OUT = "not asked, for the reason given"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case and its verdict; `why` is the fault of a FAIL, the reason of a LEFT_OUT."""

    case: Case
    verdict: Verdict
    why: str = ""


def judge(case: Case, seen: Seen) -> str:
    """Return what is wrong with what was seen, "" if nothing is. The record, which may be late, is judged elsewhere."""
    expected = case.expected
    if case.drive in (Drive.LEAVE, Drive.HALF):
        return "" if seen.end is End.LEFT else _ended(seen)
    if expected.aborted and not (seen.end is End.COMPLETE and seen.status in expected.instead):
        return "" if seen.end is End.ABORTED else f"expected a cut connection, but {_ended(seen)}"
    if seen.end is not End.COMPLETE:
        return _ended(seen)
    if seen.status != expected.status and not expected.aborted:
        return f"the status is {seen.status}, not {expected.status}; the content begins {_shown(seen.body)}"
    if expected.body is not None and seen.body != expected.body:
        return f"the content is {_shown(seen.body)}, not {_shown(expected.body)}"
    if seen.status >= 500 and any(words in seen.body for words in _INSIDE):
        return f"the client is shown what went wrong inside: {_shown(seen.body)}"
    return _judge_fields(case, seen)


def _judge_fields(case: Case, seen: Seen) -> str:
    values: dict[str, list[str]] = {}
    for name, value in seen.fields:
        values.setdefault(name.lower(), []).append(value)
    for name, value in case.expected.fields:
        if values.get(name) != [value]:
            return f"the field {name} is {values.get(name)}, not [{value!r}]"
    for name in case.expected.absent:
        if name in values or any(name in value.lower() for _, value in seen.fields):
            return f"the field {name} must not be there"
    for name, count in case.expected.count.items():
        if len(values.get(name, [])) != count:
            return f"the field {name} has {len(values.get(name, []))} lines, not {count}"
    return ""


def _ended(seen: Seen) -> str:
    why = f" ({seen.why})" if seen.why else ""
    return f"{seen.end.value}{why}; status {seen.status or 'none'}, content {_shown(seen.body)}"


def _shown(body: bytes) -> str:
    text = repr(body[:_SHOWN])
    return f"{text}... ({len(body)} bytes)" if len(body) > _SHOWN else text
