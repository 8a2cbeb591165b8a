"""The charts of the suite `method` that are bars; those along a scale are in `charts_method_scales`.

One difference; one server and three generators; wrong answers; runs that are killed. All of them are flat, to stand
among the words of `benchmarks/README.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from matplotlib.ticker import FuncFormatter, MaxNLocator

from gateway_bench.record.document import Document, Reading
from gateway_bench.record.statistics import estimate
from gateway_bench.record.summary import SATURATED
from gateway_bench.report import findings_method as findings
from gateway_bench.report.chart_parts import BAR, draw_interval, make_room
from gateway_bench.report.chart_style import BAD, GREY, LIGHT, PAPER, SIZES, Picture, bare, page, say
from gateway_bench.report.units import duration, duration_tick, figure, interval, rate

__all__ = ["cpu", "difference", "kept", "suspect", "wrong"]

WAYS = {"direct": "FastCGI, asked directly", "behind": "FastCGI behind a front"}
SERVERS = {"honest": "answers rightly", "wrong": "wrong to one in three"}
COLOURS = {"locust": LIGHT["green"], "crowd": LIGHT["blue"], "wrk": LIGHT["orange"]}
SCENARIOS = {"hello": "hello", "page": "a page"}


def difference(document: Document) -> Picture | None:
    """Draw CPU for a request of a gateway, directly and behind a front: the server's part and the front's."""
    proof = findings.proof_of(document, "difference")
    if proof is None:
        return None
    drawn, (axis,) = page(
        findings.difference_finding(document),
        f"CPU for one hello: the server's part (blue), and the front's beside it (grey); {_rounds(proof['readings'])}",
        document, 3.1, label_inches=2.6,
    )  # fmt: skip
    drawn.headings = ("by name", "server", "front", "server, each round", "front, each round")
    _name(axis, [*WAYS.values()])
    for place, (way, words) in enumerate(WAYS.items()):
        rows = findings.rows_of(proof, way=way)
        server, front = (estimate([float(row[part]) for row in rows]) for part in ("server_us", "front_us"))
        whole = estimate([float(row["server_us"]) + float(row["front_us"]) for row in rows])
        axis.barh(place, server["median"], BAR, color=LIGHT["blue"])
        axis.barh(place, front["median"], BAR, left=server["median"], color=GREY)
        draw_interval(axis, whole, place)
        parts = f"server {duration(server['median'])}"
        if way == "behind":
            parts += f" + front {duration(front['median'])}"
        say(axis, parts, max(whole["max"], server["median"] + front["median"]), place)
        each = [", ".join(duration(value) for value in found["values"]) for found in (server, front)]
        drawn.note(words, duration(server["median"]), duration(front["median"]), *each)
    _scale(axis, duration_tick)
    return drawn


def suspect(document: Document) -> Picture | None:
    """Draw requests a second of one server as its generators find them, with their share of a core."""
    proof = findings.proof_of(document, "suspect")
    if proof is None:
        return None
    names = _generators(proof["readings"])
    drawn, (axis,) = page(
        findings.suspect_finding(document),
        "Requests a second of one and the same server, one worker on one core, by who asks for hello; hatched: the "
        f"generator was the limit; {_rounds(proof['readings'])}",
        document, 3.5, label_inches=1.3,
    )  # fmt: skip
    drawn.headings = ("by name", "requests a second", "its interval", "of its core", "each round")
    _name(axis, names)
    for place, name in enumerate(names):
        rows = findings.rows_of(proof, generator=name, scenario="hello")
        found, share = estimate([float(row["rate"]) for row in rows]), median(float(row["share"]) for row in rows)
        limit = share >= SATURATED
        _bar(axis, place, found["median"], COLOURS[name], hatched=limit)
        draw_interval(axis, found, place)
        busy = f"{100 * share:.0f} % of its core"
        say(axis, f"{rate(found['median'], limit)}, with {busy}", found["max"], place)
        drawn.note(name, rate(found["median"], limit), interval(found, rate), busy, _each(found["values"], rate))
    _scale(axis, lambda value: f"{value:,.0f}")
    return drawn


def cpu(document: Document) -> Picture | None:
    """Draw the server's CPU for a request by who asks, for one that takes next to nothing and one that does not."""
    proof = findings.proof_of(document, "suspect")
    if proof is None:
        return None
    names = _generators(proof["readings"])
    drawn, axes = page(
        findings.cpu_finding(document),
        "CPU of the server for one request, from the same measurements; a server that is asked faster finds several "
        f"requests at one look; {_rounds(proof['readings'])}",
        document, 3.5, label_inches=1.3, ncols=len(SCENARIOS), sharey=True,
    )  # fmt: skip
    drawn.headings = ("scenario", "by name", "median", "its interval", "each round")
    for axis, (scenario, title) in zip(axes, SCENARIOS.items(), strict=True):
        axis.set_title(title, size=SIZES["subtitle"], pad=4)
        _name(axis, names)
        for place, name in enumerate(names):
            rows = findings.rows_of(proof, generator=name, scenario=scenario)
            found = estimate([float(row["server_us"]) for row in rows])
            _bar(axis, place, found["median"], COLOURS[name])
            draw_interval(axis, found, place)
            say(axis, duration(found["median"]), found["max"], place)
            drawn.note(scenario, name, duration(found["median"]), interval(found), _each(found["values"], duration))
        _scale(axis, duration_tick)
    return drawn


def wrong(document: Document) -> Picture | None:
    """Draw what two harnesses make of a server that answers wrongly: one that counts, and ours."""
    proof = findings.proof_of(document, "wrong")
    if proof is None:
        return None
    drawn, axes = page(
        findings.wrong_finding(document),
        "Two servers; right answers take 1 ms of work, wrong ones none. Median of the rounds; each answer is looked at "
        "in ours, and (hatched) errors are no throughput",
        document, 3.4, label_inches=2.3, ncols=2, sharey=True,
    )  # fmt: skip
    drawn.headings = (
        "by name",
        "answers a second, counted",
        "right answers a second",
        "errors of the requests",
        "place",
    )
    for axis, title in zip(axes, ("a harness that counts answers", "this one"), strict=True):
        axis.set_title(title, size=SIZES["subtitle"], pad=4)
        _name(axis, [*SERVERS.values()])
    for place, (name, words) in enumerate(SERVERS.items()):
        counted, right = (findings.value_of(proof, f"{what}-{name}") for what in ("counted", "right"))
        placed = bool(findings.value_of(proof, "ranked-honest" if name == "honest" else "ranked"))
        errors = {row["name"].removeprefix("errors-"): row["value"] for row in proof["figures"]
                  if row["name"].startswith("errors-") and name == "wrong"}  # fmt: skip
        lost = sum(errors.values())
        _bar(axes[0], place, counted, GREY)
        say(axes[0], f"{rate(counted)}/s", counted, place)
        _bar(axes[1], place, right, LIGHT["green"])
        failed = right * lost / (1 - lost) if lost < 1 else 0.0
        if failed:
            _bar(axes[1], place, failed, BAD, left=right, hatched=True)
        kinds = [f"{100 * part:.0f} % {kind.replace('-', ' ')}" for kind, part in errors.items()]
        said = f"{rate(right)}/s" if not errors else f"{rate(right)}/s, no place" if not placed else f"{rate(right)}/s"
        say(axes[1], said, right + failed, place)
        drawn.note(words, rate(counted), rate(right), ", ".join(kinds) or "none", "yes" if placed else "no")
        if kinds:
            axes[1].annotate("errors: " + ", ".join(kinds), (0, place + BAR / 2), (2, -9), textcoords="offset points",
                             size=SIZES["ticks"], color=BAD, va="center")  # fmt: skip
    for axis in axes:
        _scale(axis, lambda value: f"{value:,.0f}")
        axis.set_ylim(1.75, -0.6)
    end = max(axis.get_xlim()[1] for axis in axes)
    for axis in axes:  # one scale for both
        axis.set_xlim(0, end)
    return drawn


def kept(document: Document) -> Picture | None:
    """Draw for each run that was killed how many repeats it had shown, and how many were there afterwards."""
    proof = findings.proof_of(document, "kept")
    if proof is None:
        return None
    rows = proof["readings"]
    drawn, (axis,) = page(
        findings.kept_finding(document),
        "Repeats that were there afterwards (bars), and those that the run had shown as finished by then (dots)",
        document, 2.3 + 0.25 * len(rows), label_inches=2.6,
    )  # fmt: skip
    drawn.headings = ("by name", "shown", "kept", "missing", "left")
    labels = [
        f"KILL after {float(row['after']):.2f} s" if row["signal"] == "KILL" else "INT, as Ctrl-C" for row in rows
    ]
    _name(axis, labels)
    for place, (row, label) in enumerate(zip(rows, labels, strict=True)):
        shown, there = int(row["shown"]), int(row["kept"])
        _bar(axis, place, there, BAD if row["missing"] else LIGHT["green"])
        axis.plot([*range(1, shown + 1)], [place] * shown, "o", markersize=5, markerfacecolor=PAPER,
                  markeredgecolor=LIGHT["ink"])  # fmt: skip
        left = (
            f"exit code {row['exit']}, {row['processes']} processes and {row['files']} files left"
            if "exit" in row
            else ""
        )
        say(axis, f"{shown} shown, {there} kept{f'; {left}' if left else ''}", max(shown, there), place)
        drawn.note(label, figure(shown), figure(there), figure(int(row["missing"])), left)
    _scale(axis, lambda value: f"{value:.0f}")
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return drawn


def _generators(readings: Sequence[Reading]) -> list[str]:
    found = {str(row["generator"]) for row in readings}
    return [name for name in COLOURS if name in found]


def _rounds(readings: Sequence[Reading]) -> str:
    rounds = max(int(row["round"]) for row in readings)
    return f"median of {rounds} rounds (dots)" if rounds > 1 else "one round"


def _each(values: Sequence[float], show: Any) -> str:
    return ", ".join(show(value) for value in values)


def _name(axis: Any, names: Sequence[str]) -> None:
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)


def _bar(axis: Any, place: float, value: float, colour: str, hatched: bool = False, left: float = 0.0) -> None:
    looks = (
        {"facecolor": PAPER, "edgecolor": colour, "hatch": "///", "linewidth": 1.2} if hatched else {"color": colour}
    )
    axis.barh(place, value, BAR, left=left, **looks)


def _scale(axis: Any, tick: Any) -> None:
    """Set the scale across, from zero, with room for the words."""
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    bare(axis)
    make_room(axis)
    axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
