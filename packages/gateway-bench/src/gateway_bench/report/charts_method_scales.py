"""The charts of the suite `method` along a scale; those that are bars are in `charts_method`.

A wait against the rate, a stall in two loops, latencies kept in two ways, a server against itself, and one measurement
against time.
"""

from __future__ import annotations

from collections import Counter
from math import log10
from typing import Any

from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from gateway_bench.load.latency import Latency, counted, curve
from gateway_bench.record.document import Document, Proof, Reading
from gateway_bench.report import findings_method as findings
from gateway_bench.report.chart_style import (
    BAD,
    BAND,
    GREY,
    INK,
    LIGHT,
    MUTED,
    PAPER,
    SIZES,
    Picture,
    bare,
    page,
)
from gateway_bench.report.units import amount, duration, duration_tick, figure, rate

__all__ = ["chance", "omission", "questions", "record", "rounding"]

NEAR, FAR = (0.8, 0.9, 1, 1.1, 1.2), (0.25, 0.5, 0.75, 1, 1.5, 2, 4)
"""Ratios that get a figure beside the scale."""
P50, P99 = LIGHT["blue"], LIGHT["red"]
LOOPS = {
    "open": (LIGHT["blue"], "open: visitors come at a rate"),
    "closed": (LIGHT["red"], "closed: one visitor, again and again"),
}
UNTITLED = 0.3
"""Inches of a page that titles of axes would take."""
NINES = tuple(100 - 10 ** (-step / 8) * 100 for step in range(28))
"""Percentiles: eight for each further nine, from 0 to 99.96."""
NAMED = 1.35
"""Nines at which the names of both curves stand: 95.5 %."""
BIN_US = 25
"""Width of a bar of a distribution."""
COUNTS = {
    "minor_faults": "page faults",
    "voluntary_switches": "waits for something",
    "involuntary_switches": "times made way",
}
"""Of an account, with what they are."""
NAMED_SHARE, HIGH_SHARE = 3.0, 30.0
"""Percent of all from which on a bar gets its words, and from which on they have room beside its top."""
SHOWN_US = 3_000
"""Of it, at most: three of the values that locust keeps."""


def questions(document: Document) -> Picture | None:
    """Draw p50 and p99 of a server against the rate at which it is asked; its capacity is marked."""
    proof = findings.proof_of(document, "questions")
    if proof is None:
        return None
    rows = findings.rows_of(proof, loop="open")
    capacity = findings.value_of(proof, "capacity")
    drawn, (axis,) = page(
        findings.questions_finding(document),
        "Wait for a request with 2 ms of work, from the time it was meant to come, against requests a second; beyond "
        "the capacity it grows for as long as one asks",
        document, 3.7, label_inches=1.1,
    )  # fmt: skip
    drawn.headings = ("of the capacity", "requests a second", "p50", "p99", "generator late, p99")
    rates = [float(row["rate"]) for row in rows]
    for name, colour in (("p50", P50), ("p99", P99)):
        waits = [float(row[name]) for row in rows]
        axis.plot(rates, waits, "o-", color=colour, linewidth=2.2, markersize=6)
        axis.annotate(f"{name}, {duration(waits[-1])}", (rates[-1], waits[-1]), (9, 0), textcoords="offset points",
                      va="center_baseline", color=colour)  # fmt: skip
    axis.axvline(capacity, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    axis.annotate(f"capacity, {rate(capacity)}/s ", (capacity, 1), (-2, -2), xycoords=("data", "axes fraction"),
                  textcoords="offset points", ha="right", va="top", color=MUTED, size=SIZES["ticks"])  # fmt: skip
    for row in rows:
        drawn.note(f"{100 * float(row['part']):.0f} %", rate(float(row["rate"])), duration(float(row["p50"])),
                   duration(float(row["p99"])), duration(float(row["late_p99"])))  # fmt: skip
    axis.set_yscale("log")
    axis.set_xlim(0, 1.32 * max(rates))
    axis.set_xticks(
        rates, [f"{rate(value)}\n{100 * float(row['part']):.0f} %" for value, row in zip(rates, rows, strict=True)]
    )
    _times(axis, (1, 3))
    _closer(drawn)
    return drawn


def omission(document: Document) -> Picture | None:
    """Draw the latency curves of both loops of a server that stalls."""
    proof = findings.proof_of(document, "omission")
    if proof is None:
        return None
    first = proof["readings"][0]
    drawn, (axis,) = page(
        findings.omission_finding(document),
        "How long a request took, against the part of all requests that took less; the same server, which does nothing "
        f"for {duration(float(first['stall_us']))} at every {first['every']}th request",
        document, 3.7, label_inches=1.1,
    )  # fmt: skip
    drawn.headings = ("by name", "requests", "p50", "p90", "p99")
    for loop, (colour, words) in LOOPS.items():
        row = findings.rows_of(proof, loop=loop)[0]
        points = [(_nines(percent), value) for percent, value in curve(_latency(row), NINES)]
        axis.step([place for place, _ in points], [value for _, value in points], color=colour, linewidth=2.4)
        at = min(points, key=lambda point: abs(point[0] - NAMED))
        axis.annotate(words, at, (0, 9), textcoords="offset points", color=colour, ha="center")
        told = dict(curve(_latency(row), (50.0, 90.0, 99.0)))
        drawn.note(words, figure(float(row["requests"])), *(duration(value) for value in told.values()))
    ticks = (0.0, 50.0, 90.0, 99.0, 99.9)
    axis.set_xticks([_nines(percent) for percent in ticks], [f"{percent:g} %" for percent in ticks])
    axis.set_yscale("log")
    axis.set_ylim(axis.get_ylim()[0], 8 * axis.get_ylim()[1])
    _times(axis, (1,))
    _closer(drawn)
    return drawn


def rounding(document: Document) -> Picture | None:
    """Draw the same latencies as an HDR histogram keeps them, and as locust's own statistics do."""
    proof = findings.proof_of(document, "rounding")
    if proof is None:
        return None
    (exact,) = findings.rows_of(proof, kept="hdr")
    rounded = {1e3 * float(row["ms"]): int(row["count"]) for row in findings.rows_of(proof, kept="locust")}
    whole, bins = sum(rounded.values()), Counter[int]()
    for microseconds, count in counted(_latency(exact)):
        bins[microseconds // BIN_US * BIN_US] += count
    drawn, axes = page(
        findings.rounding_finding(document),
        f"The same {whole:,} latencies of hello: in bars of {BIN_US} µs from the HDR histogram (above), and as locust "
        "keeps them (below)",
        document, 3.9, label_inches=1.3, nrows=2, sharex=True,
    )  # fmt: skip
    drawn.headings = ("by name", "from", "requests", "of all")
    looks = ((axes[0], "HDR", {1.0 * value: count for value, count in bins.items()}, BIN_US, LIGHT["green"]),
             (axes[1], "locust", rounded, 60, GREY))  # fmt: skip
    for axis, name, values, width, colour in looks:
        shown = {value: 100 * count / whole for value, count in sorted(values.items()) if value <= SHOWN_US}
        axis.bar([*shown], [*shown.values()], width, color=colour, align="edge" if name == "HDR" else "center")
        for value, share in shown.items():
            drawn.note(name, duration(value), f"{values[value]:,}", f"{figure(share)} %")
            if name == "locust" and share >= NAMED_SHARE:
                axis.annotate(f"“{value / 1e3:g} ms”, {share:.0f} % of all", (value, share), (8, 0),
                              textcoords="offset points", va="top" if share > HIGH_SHARE else "bottom")  # fmt: skip
        axis.set_ylabel(name, rotation=0, ha="right", va="center", color=INK)
        axis.yaxis.set_major_locator(MaxNLocator(2))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        axis.tick_params(axis="y", labelsize=SIZES["ticks"], labelcolor=MUTED)
        bare(axis)
    last = min(SHOWN_US, max(*bins, *rounded))
    axes[1].set_xlim(-80, 1.25 * max(last, 1_000))
    axes[1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value) if value >= 0 else ""))
    beyond = sum(count for value, count in rounded.items() if value > SHOWN_US)
    if beyond:
        words = f"{figure(100 * beyond / whole)} % lie beyond"
        axes[0].annotate(words, (1, 1), xycoords="axes fraction", va="top", ha="right",
                         size=SIZES["ticks"], color=MUTED)  # fmt: skip
    _closer(drawn)
    return drawn


def chance(document: Document) -> Picture | None:
    """Draw the ratios of one server to itself, pair by pair, with the band that the rule takes for chance."""
    proof = findings.proof_of(document, "chance")
    if proof is None:
        return None
    verdicts = [row for row in proof["readings"] if "ratio" in row]
    rounds = max(int(row["round"]) for row in proof["readings"] if "round" in row)
    drawn, (axis,) = page(
        findings.chance_finding(document),
        f"Requests a second of a server over its own, in {len(verdicts)} pairs of {rounds} rounds: each round (small), "
        "median and interval (large), and the band of chance of the pair",
        document, 3.7, label_inches=1.1,
    )  # fmt: skip
    drawn.headings = ("by name", "ratio", "interval", "band of chance", "verdict")
    axis.axhline(1, color=GREY, linewidth=1)
    ends = [1.1, 1 / 1.1]
    for row in verdicts:
        pair, ratio, low, high = (float(row[key]) for key in ("pair", "ratio", "low", "high"))
        colour = LIGHT["blue"] if row["tie"] else BAD
        low_end, high_end = float(row["band_low"]), float(row["band_high"])
        axis.fill_between([pair - 0.4, pair + 0.4], low_end, high_end, color=BAND, linewidth=0,
                          zorder=0)  # fmt: skip
        each = [float(one["second"]) / float(one["first"]) for one in findings.rows_of(proof, pair=row["pair"])
                if "round" in one]  # fmt: skip
        axis.plot([pair] * len(each), each, "o", markersize=3, color=GREY)
        axis.plot([pair, pair], [low, high], color=colour, linewidth=1.5)
        axis.plot(pair, ratio, "o", markersize=7, color=colour, markeredgecolor=PAPER)
        ends += [low, high, *each]
        drawn.note(f"pair {pair:.0f}", figure(ratio), f"{figure(low)}..{figure(high)}",
                   f"{figure(low_end)}..{figure(high_end)}",
                   "a tie" if row["tie"] else "a difference")  # fmt: skip
    axis.set_yscale("log")
    axis.set_ylim(min(ends) / 1.03, max(ends) * 1.03)
    axis.yaxis.set_minor_locator(NullLocator())
    steps = [value for value in (NEAR if max(ends) < 1.3 else FAR) if min(ends) <= value <= max(ends)]
    axis.set_yticks(steps, [f"{value:g}" for value in steps])
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlim(0.3, len(verdicts) + 0.7)
    bare(axis, grid=False)
    axis.tick_params(axis="y", labelsize=SIZES["ticks"])
    _closer(drawn)
    return drawn


def record(document: Document) -> Picture | None:
    """Draw one measurement against time: windows of the warm-up, the readings at rest, what was counted, memory."""
    proof = findings.proof_of(document, "record")
    if proof is None:
        return None
    windows = findings.rows_of(proof, kind="window")
    (warmup,), (stretch,) = findings.rows_of(proof, kind="warm-up"), findings.rows_of(proof, kind="counted")
    end, length = float(warmup["seconds"]), float(stretch["seconds"])
    begin = end + 0.06 * (end + length)  # it takes what it takes: drawn as a gap
    drawn, axes = page(
        findings.record_finding(document),
        "Requests a second in each window of the warm-up (thrown away) and in the stretch that counts; memory of the "
        "server; at the broken lines, with nothing in flight, the accounts are read",
        document, 4.1, label_inches=1.7, nrows=2, sharex=True, gridspec_kw={"height_ratios": (3, 1)},
    )  # fmt: skip
    drawn.headings = ("by name", "from", "what the record has")
    for row in windows:
        axes[0].bar(float(row["at"]), float(row["rate"]), 0.9 * float(row["seconds"]), align="edge", color=GREY)
        drawn.note("warm-up", duration(1e6 * float(row["at"])), f"{rate(float(row['rate']))} requests a second")
    counts = float(stretch["requests"]) / length
    axes[0].bar(begin, counts, length, align="edge", color=LIGHT["green"])
    axes[0].annotate(
        _said(proof, stretch), (begin + length, counts / 2), (-6, 0), textcoords="offset points", ha="right",
        va="center", size=SIZES["ticks"], bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 3},
    )  # fmt: skip
    drawn.note("counted", duration(1e6 * begin), _said(proof, stretch).replace("\n", "; "))
    memory = findings.rows_of(proof, kind="memory", who="server")
    moments, sizes = [begin + float(row["at"]) for row in memory], [float(row["bytes"]) for row in memory]
    axes[1].plot(moments, sizes, "o-", color=LIGHT["blue"], markersize=4, linewidth=1.6)
    for row in memory:
        drawn.note("memory", duration(1e6 * (begin + float(row["at"]))), amount(float(row["bytes"])))
    if memory:
        axes[1].annotate(amount(float(memory[-1]["bytes"])), (0, 0.5), (8, 0), xycoords="axes fraction", va="center",
                         textcoords="offset points", color=LIGHT["blue"])  # fmt: skip
        axes[1].set_ylim(0, 1.5 * max(float(row["bytes"]) for row in memory))
    for axis, name in zip(axes, ("requests/s", "memory"), strict=True):
        for moment in (begin - 0.03 * (end + length), begin + length + 0.03 * (end + length)):
            axis.axvline(moment, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
        axis.set_ylabel(name, rotation=0, ha="right", va="center", color=INK)
        axis.tick_params(axis="y", labelsize=SIZES["ticks"], labelcolor=MUTED)
        bare(axis)
    axes[0].yaxis.set_major_locator(MaxNLocator(3))
    axes[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes[1].set_yticks([])
    axes[1].set_xlim(0, begin + length + 0.06 * (end + length))
    axes[1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    _closer(drawn)
    return drawn


def _said(proof: Proof, stretch: Reading) -> str:
    """Say what was counted, and what the accounts had of it."""
    account = findings.rows_of(proof, kind="account", who="server")[0]
    words = [f"{float(account['cpu_seconds']):.3g} s of CPU"]
    words += [f"{account[key]:,} {name}" for key, name in COUNTS.items() if key in account]
    words += [f"{births['spawned']} births" for births in findings.rows_of(proof, kind="births")]
    half = (len(words) + 1) // 2
    lines = [f"{stretch['requests']:,} requests, every answer right", "server: " + ", ".join(words[:half])]
    return "\n".join([*lines, ", ".join(words[half:])]).strip()


def _latency(row: Reading) -> Latency:
    """Return a distribution of which the histogram is known."""
    number = int(row["requests"] if "requests" in row else row["count"])
    return Latency(count=number, p50=0, p90=0, p99=0, p999=0, max=0, histogram=str(row["histogram"]))


def _nines(percent: float) -> float:
    """Return the place of a percentile on a scale on which each further nine is as wide as the one before."""
    return -log10(1 - percent / 100)


def _closer(drawn: Picture) -> None:
    """Give the axes the room that a page leaves for their titles: here they have none."""
    drawn.subplots_adjust(top=drawn.subplotpars.top + UNTITLED / drawn.get_figheight())


def _times(axis: Any, steps: tuple[int, ...]) -> None:
    """Show a logarithmic scale of times upwards, with these steps in each power of ten."""
    axis.yaxis.set_major_locator(LogLocator(10, subs=steps, numticks=6))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    axis.yaxis.set_minor_locator(NullLocator())
    bare(axis, grid=False)
    axis.grid(visible=True, axis="y")
    axis.tick_params(axis="y", labelsize=SIZES["ticks"], labelcolor=MUTED)
