"""The charts and sentences of the suite "shapes": a load that changes with time, and what becomes of it.

::

    requests a second                 p99
      |  ......____                     |        o
      | ___/---                         |      o  o
      |                                 |oooooo    ooo
      +-----------> s                   +-------------> s
      grey: offered, colour: answered

`draw_shape("ramp")` is one such pair of panels for each row, every round a line. Where a ramp went past what was still
answered (`gateway_bench.load.shapes.breaking_point`), a mark says at which rate. A server has *recovered* from a spike
in the first window after it whose p99 is no more than twice that of the time before the spike.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from matplotlib.ticker import FuncFormatter, NullLocator

from gateway_bench.load.shapes import breaking_point
from gateway_bench.record.document import Document, Moment, Repeat
from gateway_bench.record.statistics import estimate
from gateway_bench.report.chart_style import FAINT, INK, MUTED, SIZES, Picture, bare, colours, page
from gateway_bench.report.units import duration, duration_tick, figure, interval

__all__ = ["breaking_finding", "draw_shape", "spike_finding", "step_finding"]

PANEL = 1.35
"""Inches of height for a row."""
LEFT = 1.0
CALM = 2.0
"""Times the p99 from before a spike up to which a server has recovered."""
SPIKE, RAMP, STEP = "spike", "ramp", "step"
WORDS = {
    STEP: "The rate rises in steps, beyond what the row can do",
    SPIKE: "Half of what the row can do; more than that for a third of the time; half of it again",
    RAMP: "The rate rises evenly until the row breaks",
}


def draw_shape(shape: str) -> Callable[[Document], Picture | None]:
    """Return what draws one shape: rates and p99 over time, a pair of panels for each row."""
    finding = {STEP: step_finding, SPIKE: spike_finding, RAMP: breaking_finding}[shape]

    def draw(document: Document) -> Picture | None:
        rows = _by_row(document, shape)
        if not rows:
            return None
        drawn, axes = page(
            finding(document),
            f"{WORDS[shape]}. Left: requests a second, offered (grey) and answered (colour). Right: how long 99 of 100 "
            "waited that were answered then, logarithmic. A line for each round, windows of a quarter of a second",
            document,
            2.4 + PANEL * len(rows),
            label_inches=LEFT,
            nrows=len(rows),
            ncols=2,
            sharex=True,
        )
        drawn.headings = ("row", "offered at most", "answered at most", "broke at")
        for number, (name, repeats) in enumerate(rows.items()):
            _draw_row(axes[2 * number], axes[2 * number + 1], document, name, repeats, number == len(rows) - 1)
        drawn.subplots_adjust(hspace=0.5, wspace=0.28)
        return drawn

    return draw


def breaking_finding(document: Document) -> str:
    """Say at which rate each row broke under a ramp."""
    parts, whole = [], []
    for name, repeats in _by_row(document, RAMP).items():
        points = [_broke(repeat) for repeat in repeats]
        known = [point for point in points if point is not None]
        if not known:
            whole.append(name)
            continue
        found = estimate(known)
        wide = interval(found, figure)
        rate = f"at {figure(found['median'])} requests a second{f' ({wide})' if wide else ''}"
        parts.append(f"{name} broke {rate if found['median'] else 'at once'}")
    if not parts and not whole:
        return ""
    if not parts:
        return "No row broke under the ramp"
    rest = f"; {_list(whole)} did not break" if whole else ""
    return f"Under a ramp {_list(parts)}{rest}"


def spike_finding(document: Document) -> str:
    """Say how long each row took to recover from a spike, and what was lost in it."""
    recovered, others = [], []
    for name, repeats in _by_row(document, SPIKE).items():
        times = [_recovery(repeat) for repeat in repeats]
        known = [time for time in times if time is not None]
        if len(known) < len(times):
            others.append(name)
        else:
            recovered.append(f"{name} within {figure(median(known))} s")
    parts = [f"{_list(others)} had not recovered at the end"] if others else []
    parts += [f"these recovered: {_list(recovered)}"] if recovered else []
    lost = sum(sum(repeat["errors"].values()) for repeats in _by_row(document, SPIKE).values() for repeat in repeats)
    if not parts:
        return ""
    return f"After a spike {'; '.join(parts)}; {f'{lost:,} requests were lost' if lost else 'no request was lost'}"


def step_finding(document: Document) -> str:
    """Say how much longer visitors wait on the last step that is still answered than on the first."""
    parts = []
    for name, repeats in _by_row(document, STEP).items():
        ends = [_ends(repeat) for repeat in repeats]
        known = [end for end in ends if end is not None]
        if known:
            first, last = (median(values) for values in zip(*known, strict=True))
            parts.append(f"{name} from {duration(first)} to {duration(last)}")
    return f"From the first step to the last, p99 goes for {_list(parts)}" if parts else ""


def _draw_row(rates: Any, waits: Any, document: Document, name: str, repeats: list[Repeat], last: bool) -> None:
    colour = colours(document, apart=True)[repeats[0]["gateway"]]
    top = 0.0
    for repeat in repeats:
        line = repeat["timeline"]
        at = [moment["at"] for moment in line]
        rates.step(at, [moment["offered"] for moment in line], where="post", color=MUTED, linewidth=1.1, alpha=0.7)
        rates.step(at, [moment["answered"] for moment in line], where="post", color=colour, linewidth=1.8)
        answered = [moment for moment in line if moment["p99"]]
        waits.plot([moment["at"] for moment in answered], [moment["p99"] for moment in answered], "-o", color=colour,
                   linewidth=1.2, markersize=3)  # fmt: skip
        top = max([top, *(max(moment["offered"], moment["answered"]) for moment in line)])
    points = [point for point in map(_broke, repeats) if point is not None]
    if points and repeats[0]["shape"] == RAMP:
        rates.axhline(median(points), color=INK, linewidth=1, linestyle=(0, (4, 3)))
        rates.annotate(f"broke at {figure(median(points))}/s", (0, median(points)), (3, 3), textcoords="offset points",
                       size=SIZES["small"])  # fmt: skip
    rates.set_title(name, size=SIZES["subtitle"])
    rates.set_ylim(0, 1.15 * top if top else 1)
    rates.locator_params(axis="y", nbins=3)
    waits.set_yscale("log")
    waits.yaxis.set_minor_locator(NullLocator())
    waits.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    waits.set_title("p99", size=SIZES["subtitle"])
    for axis in (rates, waits):
        bare(axis, grid=False)
        axis.tick_params(axis="y", labelsize=SIZES["ticks"])
        axis.grid(visible=True, axis="y", color=FAINT)
        if last:
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    _note(rates, name, repeats, points)


def _note(axis: Any, name: str, repeats: list[Repeat], points: list[float]) -> None:
    offered, answered = (
        max((moment[key] for repeat in repeats for moment in repeat["timeline"]), default=0.0)
        for key in ("offered", "answered")
    )
    axis.figure.note(name, figure(offered), figure(answered), figure(median(points)) if points else "")


def _by_row(document: Document, shape: str) -> dict[str, list[Repeat]]:
    """Return the repeats of a shape by the label of their row, in the order of the rows; a row that is again is not."""
    shaped = [repeat for repeat in document["repeats"] if repeat["shape"] == shape and repeat["timeline"]]
    found = {
        row["label"]: [repeat for repeat in shaped if repeat["gateway"] == row["name"]]
        for row in document["gateways"]
        if not row["again"]
    }
    return {name: repeats for name, repeats in found.items() if repeats}


def _broke(repeat: Repeat) -> float | None:
    return breaking_point(repeat["timeline"], repeat["offered"]) if repeat["offered"] else None


def _recovery(repeat: Repeat) -> float | None:
    """Return the seconds from the end of a spike until p99 is calm again; None if it never is."""
    if repeat["offered"] is None:
        return None
    third = repeat["offered"]["seconds"] / 3
    before = [moment["p99"] for moment in repeat["timeline"] if moment["at"] < third and moment["p99"]]
    if not before:
        return None
    limit = CALM * median(before)
    after = (moment for moment in repeat["timeline"] if moment["at"] >= 2 * third and moment["p99"])
    calm: Moment | None = next((moment for moment in after if moment["p99"] <= limit), None)
    return None if calm is None else max(0.0, calm["at"] - 2 * third)


def _ends(repeat: Repeat) -> tuple[float, float] | None:
    """Return p99 of the first step and of the last one (medians of their windows); None where one has no answer."""
    if repeat["offered"] is None:
        return None
    seconds, steps = repeat["offered"]["seconds"], repeat["offered"]["steps"]
    first, last = (
        [moment["p99"] for moment in repeat["timeline"] if low <= moment["at"] < high and moment["p99"]]
        for low, high in ((0.0, seconds / steps), (seconds - seconds / steps, seconds))
    )
    return (median(first), median(last)) if first and last else None


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
