"""What was seen, as tables in Markdown for a notebook."""

from __future__ import annotations

from collections.abc import Iterable

from gateway_lab.who import Who, beginning

__all__ = ["bytes_between", "processes"]


def processes(run: Who) -> str:
    """Return the processes: who, which pids, and where they listen."""
    rows = ((one.name, one.part, ", ".join(map(str, one.pids)), ", ".join(one.listens)) for one in run.processes)
    return _table(("program", "does the work of", "pids", "listens at"), rows)


def bytes_between(run: Who) -> str:
    """Return the first bytes of each way between two processes."""
    rows = ((one.sender, one.receiver, f"`{beginning(one.sent)}`", f"`{beginning(one.came)}`") for one in run.hops)
    return _table(("from", "to", "first bytes there", "first bytes back"), rows)


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [[*headings], *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
