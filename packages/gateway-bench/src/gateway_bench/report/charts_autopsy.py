"""The charts and sentences of the suite "autopsy": what was asked, what came back, and what was made of it in 2016.

`draw_answers`   right answers a second, and beside them what got none, by kind
`draw_2016`      the published figures of uWSGI over the connections that it was asked by

Each row is asked twice: by wrk, as in 2016, and by the crowd, which follows every visitor to the end of his request.
wrk counts requests that are answered; one that is still waiting when the time is up is nowhere in its figures.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from matplotlib.ticker import FuncFormatter, NullLocator

from gateway_bench.record.document import Document, Repeat, Result
from gateway_bench.record.statistics import estimate
from gateway_bench.report import figures_2016 as published
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import BAR, ROW, draw_interval, draw_rows, label_room, make_room, method_of
from gateway_bench.report.chart_style import (
    BAD,
    FAINT,
    GREY,
    INK,
    MUTED,
    PAPER,
    SIZES,
    Picture,
    bare,
    colour_of,
    page,
    say,
)
from gateway_bench.report.units import figure, interval, rate

__all__ = [
    "again_finding", "cause_finding", "deaf_finding", "draw_2016", "draw_answers", "flag_finding", "little_finding",
    "published_finding", "ranks_finding", "today_finding",
]  # fmt: skip

MISTAKE, MENDED = "uwsgi-2016", "uwsgi-keepalive"
"""The rows that differ by one flag."""
OURS = "gatelab"
FLAG = "--http-keepalive"
WRK, CROWD, DEAF = "hello", "checked", "deaf"
"""The scenarios: asked by wrk where it is found, by the crowd, and by a client that does not notice a close."""
DEAF_MISTAKE, DEAF_MENDED = "deaf-2016", "deaf-keepalive"
IDLE = 0.1
"""Part of the visitors of a closed loop that are being served at any moment, by requests a second times latency. It
should be all of them; some are always between two requests, or in the generator's own queue. Fewer than this, and the
others are not being served at all."""
ALIKE = 3.0
"""Times the published figure beyond which one is another."""
KEPT = 0.5
"""Connections for each right answer from which on they are not kept."""
TITLE = "What one flag does to a server that is asked over kept connections"


def draw_answers(document: Document) -> Picture | None:
    """Draw what was asked a second: right answers, and after them what got no right answer."""
    panels = [(name, findings.of_scenario(document, name)) for name in (WRK, CROWD, DEAF)]
    panels = [(name, results) for name, results in panels if results]
    if not panels:
        return None
    everybody = [result for _, results in panels for result in results]
    drawn, axes = page(
        flag_finding(document),
        f"Requests a second over {document['parameters']['users']} connections that were meant to be kept: right "
        f"answers, and (hatched) those without one, by kind; {method_of(document)}",
        document,
        2.6 + sum(ROW * len(results) + 0.7 for _, results in panels),
        label_inches=label_room(document, everybody),
        nrows=len(panels),
        height_ratios=[len(results) + 0.4 for _, results in panels],
    )
    drawn.headings = ("asked by", "row", "right answers a second", "its interval", "without one, a second")
    for axis, (name, results) in zip(axes, panels, strict=True):
        axis.set_title(_asked_by(document, name))
        draw_rows(axis, results, document)
        for place, result in enumerate(results):
            _draw_row(axis, document, place, result)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        bare(axis)
        make_room(axis)
        axis.locator_params(axis="x", nbins=5)
    drawn.subplots_adjust(hspace=0.5)
    return drawn


def draw_2016(document: Document) -> Picture | None:
    """Draw the published figures of uWSGI, the line of one answer for each connection, and the winner's for scale."""
    drawn, (axis,) = page(
        published_finding(document),
        f"Requests a second over connections, as published: {published.SOURCE}. Not measured here. Both scales are "
        "logarithmic",
        document,
        6.2,
        label_inches=1.15,
    )
    drawn.headings = ("connections", "uWSGI, a second", "answers of a connection in 30 s", "connections at work")
    line = [number / published.SECONDS for number in published.CONNECTIONS]
    axis.plot(published.CONNECTIONS, line, linestyle=(0, (4, 3)), linewidth=1.5, color=MUTED)
    axis.plot(published.CONNECTIONS, published.UWSGI, "o", markersize=7, color=colour_of("ours"))
    axis.plot(published.CONNECTIONS, published.BJOERN, "s", markersize=5, color=GREY)
    axis.set_xscale("log")
    axis.set_yscale("log")
    last = published.CONNECTIONS[-1]
    for words, height in (
        ("bjoern", published.BJOERN[-1]),
        ("uWSGI", 1.45 * published.UWSGI[-1]),
        ("connections / 30 s", line[-1] / 1.45),
    ):
        axis.annotate(words, (last, height), (10, 0), textcoords="offset points", va="center_baseline")
    axis.set_xlim(80, last * 4.5)
    axis.set_xticks([100, 1_000, 10_000], ["100", "1,000", "10,000"])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_xlabel("connections")
    bare(axis, grid=False)
    axis.tick_params(axis="y", labelsize=SIZES["ticks"])
    axis.grid(visible=True, axis="y", color=FAINT)
    for number, found, wait, answers in zip(
        published.CONNECTIONS, published.UWSGI, published.UWSGI_MS, published.ANSWERS, strict=True
    ):
        drawn.note(f"{number:,}", figure(found), figure(answers), figure(published.at_work(found, wait / 1e3)))
    return drawn


def flag_finding(document: Document) -> str:
    """Say what of the requests got no right answer without the flag, and with it."""
    without, with_ = [], []
    for scenario in (WRK, CROWD):
        wrong, mended = _result(document, scenario, MISTAKE), _result(document, scenario, MENDED)
        if wrong and mended:
            whose = f"those of {_engine(document, scenario)}"
            without.append(f"{_percent(_lost_share(wrong))} of {whose}")
            with_.append(f"{_percent(_lost_share(mended))} of {whose}")
    if not without:
        return TITLE
    mended_all = all(words.startswith("none") for words in with_)
    rest = "with it, none" if mended_all else f"with it, {_list(with_)}"
    return f"Without {FLAG} these requests got no right answer from uWSGI's router: {_list(without)}; {rest}"


def again_finding(document: Document) -> str:
    """Say how the figure of 2016, asked again in the same way, looks with the versions of today."""
    result = _result(document, WRK, MISTAKE)
    if result is None or result["users"] not in published.CONNECTIONS:
        return ""
    then = published.UWSGI[published.CONNECTIONS.index(result["users"])]
    now = result["throughput_rps"]["median"]
    version = next((row["version"] for row in document["gateways"] if row["name"] == MISTAKE), "")
    said = (
        f"Asked as in 2016, uWSGI {version} gives {figure(now)} right answers a second over {result['users']} "
        f"connections, where {figure(then)} were published"
    )
    if now > ALIKE * then:
        still = ", and the flag still matters" if result["errors"] else ", nor does the flag matter"
        return f"{said}: what happened then does not happen with this wrk{still}"
    return f"{said}: the figure of 2016 comes again"


def deaf_finding(document: Document) -> str:
    """Say what a client makes of the flag that does not notice a close, as wrk did not in 2015."""
    wrong, mended = (_result(document, DEAF, name) for name in (DEAF_MISTAKE, DEAF_MENDED))
    if wrong is None or mended is None:
        return ""
    in_all = sum(_right(repeat) for repeat in _repeats(document, wrong)) / wrong["repeats"]
    without, with_ = (figure(result["throughput_rps"]["median"]) for result in (wrong, mended))
    return (
        f"A client that does not notice a close, as wrk did not in 2015, counts {without} answers a second without "
        f"{FLAG}, which is {figure(in_all)} over {wrong['users']} connections in all, and {with_} with it"
    )


def today_finding(document: Document) -> str:
    """Say what became of connections without the flag: how many there were for each right answer, and what failed."""
    repeats = [row for row in document["repeats"] if row["gateway"] == MISTAKE and row["connections"] is not None]
    right = sum(_right(repeat) for repeat in repeats)
    if not repeats or not right:
        return ""
    opened = sum(repeat["connections"] or 0 for repeat in repeats) / right
    errors = _kinds(sum((Counter(repeat["errors"]) for repeat in repeats), Counter()))
    wrong = f"the requests sent on the old ones were lost ({errors})" if errors else "nothing was lost"
    return (
        f"Without {FLAG} the crowd had to open {figure(opened)} connections for each right answer, and {wrong}: the "
        "server closes each after one answer, and no field of the answer says so"
        if opened > KEPT
        else f"Without {FLAG} the crowd opened {figure(opened)} connections for each right answer, and {wrong}"
    )


def published_finding(document: Document) -> str:
    """Say what the published figures of 2016 are, by arithmetic."""
    least, most = min(published.ANSWERS), max(published.ANSWERS)
    return (
        f"In 2016 each connection to uWSGI carried {figure(least)} to {figure(most)} answers in {published.SECONDS} s, "
        "however many there were: its requests a second are the number of connections, divided"
    )


def cause_finding(document: Document) -> str:
    """Say how the raw logs of 2016 add up."""
    if any(requests != connections + errors for connections, requests, errors in published.LOGS):
        return ""
    sums = [f"{requests:,} = {connections:,} + {errors}" for connections, requests, errors in published.LOGS]
    busy = published.at_work(published.UWSGI[0], published.UWSGI_MS[0] / 1e3)
    return (
        f"The raw logs of 2016 count as many requests as connections and read errors together ({_list(sums)}): one "
        f"answer for each connection, which wrk then did not notice to be closed; {figure(busy)} of "
        f"{published.CONNECTIONS[0]} visitors were being served"
    )


def little_finding(document: Document) -> str:
    """Name rows of which the generator's own figures say that most visitors were not being served."""
    known = findings.labels(document)
    parts = []
    for result in findings.of_scenario(document, WRK) + findings.of_scenario(document, DEAF):
        busy = published.at_work(result["throughput_rps"]["median"], result["p50_us"]["median"] / 1e6)
        if busy < IDLE * result["users"] and not result["errors"]:
            parts.append(f"{known[result['gateway']]}: {figure(busy)} of {result['users']}")
    if not parts:
        return ""
    return (
        f"No error was counted, yet most visitors were never served (requests a second times latency): {_list(parts)}"
    )


def ranks_finding(document: Document) -> str:
    """Say how many rows have a rank, and that those with errors have none."""
    known = findings.labels(document)
    wrong = [known[result["gateway"]] for result in findings.of_scenario(document, CROWD) if result["errors"]]
    if not wrong:
        return "No row met an error, so none is refused a rank"
    return f"Errors refuse a rank to {_list(wrong)}"


def _draw_row(axis: Any, document: Document, place: int, result: Result) -> None:
    right = result["throughput_rps"]
    repeats = _repeats(document, result)
    lost = estimate([sum(repeat["errors"].values()) / repeat["seconds"] for repeat in repeats])
    colour = colour_of("gatelab" if result["gateway"] == OURS else "fastcgi")
    axis.barh(place, right["median"], BAR, color=colour)
    if lost["median"]:
        axis.barh(place, lost["median"], BAR, left=right["median"], facecolor=PAPER, edgecolor=BAD, hatch="xx")
    draw_interval(axis, right, place, INK)
    words = f"{rate(right['median'], result['lower_bound'])} right"
    missing = f"{rate(lost['median'])} {_kinds(Counter(result['errors']))}" if lost["median"] else ""
    if missing:
        words += f", {missing}"
    say(axis, words, max(right["high"], right["max"], right["median"] + lost["median"]), place)
    names = findings.labels(document)
    axis.figure.note(
        _asked_by(document, result["scenario"]), names[result["gateway"]], rate(right["median"]),
        interval(right, rate), missing or "none",
    )  # fmt: skip


def _engine(document: Document, scenario: str) -> str:
    """Return what made the load, with its article."""
    engine = next((repeat["engine"] for repeat in document["repeats"] if repeat["scenario"] == scenario), "")
    return {"crowd": "the crowd", "team": "the team", "loop": "a client that does not notice a close"}.get(
        engine, engine
    )


def _asked_by(document: Document, scenario: str) -> str:
    engine = _engine(document, scenario)
    how = {"wrk": " of today", "the crowd": ", visitor by visitor"}.get(engine, "")
    return f"Asked by {engine}{how}"


def _repeats(document: Document, result: Result) -> list[Repeat]:
    key = result["gateway"], result["scenario"], result["question"]
    return [row for row in document["repeats"] if (row["gateway"], row["scenario"], row["question"]) == key]


def _result(document: Document, scenario: str, gateway: str) -> Result | None:
    return next((row for row in findings.of_scenario(document, scenario) if row["gateway"] == gateway), None)


def _right(repeat: Repeat) -> int:
    return repeat["requests"] - sum(repeat["errors"].values())


def _lost_share(result: Result) -> float:
    return sum(result["errors"].values()) / result["requests"] if result["requests"] else 0.0


def _percent(share: float) -> str:
    return "none" if share == 0 else f"{figure(100 * share)} %"


def _kinds(errors: Counter[str]) -> str:
    return ", ".join(kind for kind, _ in errors.most_common())


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
