"""The charts of the suite "cgi": hosts that start a program for each request.

`hello`  requests a second by host: a hello in sh, and one in a bare Python
`app`    the demo application, by how its process is started
`loop`   time for each request, over a bare loop of posix_spawn and wait
`goals`  ours over each host, beside what is promised
"""

from __future__ import annotations

from matplotlib.ticker import FuncFormatter

from gateway_bench.record.document import Document, Estimate, GatewayRecord
from gateway_bench.record.statistics import estimate
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import (
    BAR,
    HEADINGS,
    ROW,
    draw_interval,
    draw_rows,
    label_room,
    make_room,
    method_of,
)
from gateway_bench.report.chart_style import GREY, Picture, bare, colours, page, say
from gateway_bench.report.charts_common import comparison, once
from gateway_bench.report.charts_goals import draw_goals
from gateway_bench.report.measures import level
from gateway_bench.report.units import duration, duration_tick, figure, interval, ratio

__all__ = ["app", "cgi_finding", "goals", "hello", "loop", "zygote_finding"]

LOOP = "loop"
"""How the names of rows begin that are no hosts."""
MOST = "ours"
"""Whose ratio to the loop is promised."""
KNOWN = {"http-server": "http.server", "apache": "Apache", "lighttpd": "lighttpd"}


def cgi_finding(document: Document) -> str:
    """Say how many requests a second our CGI host makes of a hello in sh, and how that compares."""
    here = {row["gateway"]: row for row in findings.of_scenario(document, "sh") if not row["errors"]}
    ours = here.get(MOST)
    if ours is None:
        return "Requests a second, a program for each"
    others = []
    for row in document["ratios"]:
        if (row["scenario"], row["gateway"], row["question"]) != ("sh", MOST, "capacity"):
            continue
        other = here.get(row["against"])
        if row["against"] in KNOWN and other and not other["lower_bound"]:
            times = f"{figure(row['throughput']['median'])} times"
            least = "at least " if row["lower_bound"] else ""
            others.append(f"{'as many as' if level(row, 'throughput') else f'{least}{times}'} {KNOWN[row['against']]}")
    bound = "at least " if ours["lower_bound"] else ""
    words = f"cgi_runner starts {bound}{figure(ours['throughput_rps']['median'])} programs a second"
    return f"{words}: {findings.listed(others)}" if others else words


def zygote_finding(document: Document) -> str:
    """Say how many times as many requests a zygote answers as a new interpreter for each."""
    able = {row["gateway"]: row for row in findings.of_scenario(document, "app") if not row["errors"]}
    found = {name: row["throughput_rps"]["median"] for name, row in able.items()}
    zygote, plain = found.get("app-zygote"), found.get("app-fork-exec")
    if not zygote or not plain or able["app-fork-exec"]["lower_bound"]:
        return "The demo application, a process for each request"
    bound = "at least " if able["app-zygote"]["lower_bound"] else ""
    return (
        f"A zygote answers {bound}{figure(zygote / plain)} times as many requests as a new Python for each: "
        f"{figure(zygote)} and {figure(plain)} a second"
    )


def loop(document: Document) -> Picture | None:
    """Draw the time of a request in sh for each host, and how many times that of the bare loop it is."""
    results = [row for row in once(document, findings.of_scenario(document, "sh")) if not row["errors"]]
    times = {row["gateway"]: _time(row["throughput_rps"]) for row in results if row["throughput_rps"]["min"] > 0}
    results = sorted(
        (row for row in results if row["gateway"] in times), key=lambda row: times[row["gateway"]]["median"]
    )
    if LOOP not in times:
        return None
    least = times[LOOP]["median"]
    drawn, (axis,) = page(
        _loop_finding(times),
        "Time for one request: a second over the requests in it, four at a time. The bare loop is four processes that "
        f"start the same program, read its output and wait; {method_of(document)}",
        document,
        2.8 + ROW * len(results),
        label_inches=label_room(document, results),
    )
    places = draw_rows(axis, results, document)
    axis.axvline(least, color=GREY, linewidth=1)
    palette, known = colours(document), findings.labels(document)
    drawn.headings = HEADINGS
    for place, result in zip(places, results, strict=True):
        found = times[result["gateway"]]
        over = ratio(found["median"] / least)
        axis.barh(place, found["median"], BAR, color=palette[result["gateway"]])
        draw_interval(axis, found, place)
        say(axis, f"{duration(found['median'])}   {over}", max(found["max"], found["high"]), place)
        drawn.note("sh", known[result["gateway"]], duration(found["median"]), interval(found),
                   ", ".join(map(duration, found["values"])), f"{over} of the loop")  # fmt: skip
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    bare(axis)
    make_room(axis)
    return drawn


def goals(document: Document) -> Picture | None:
    """Draw each promised ratio, under the promise's own words."""
    return draw_goals(document, "Requests a second (or time)", lambda row: row["about"])


def _ours_or_loop(row: GatewayRecord) -> str:
    return "no host: a loop that starts the program" if row["name"].startswith(LOOP) else ""


def _time(speed: Estimate) -> Estimate:
    return estimate([1e6 / value for value in speed["values"]])


def _loop_finding(times: dict[str, Estimate]) -> str:
    if MOST not in times:
        return "What a host adds to starting a program"
    more = times[MOST]["median"] / times[LOOP]["median"]
    return f"A request to cgi_runner takes {figure(more)} times as long as a bare loop of posix_spawn and wait"


hello = comparison("throughput", ("sh", "python"), title=cgi_finding, grouped=_ours_or_loop)
app = comparison("throughput", ("app",), title=zygote_finding, best_first=True, logarithmic=True)
