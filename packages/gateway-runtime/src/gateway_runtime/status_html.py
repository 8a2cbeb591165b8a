"""The status report as one web page: no script, nothing loaded, new every two seconds, light or dark as the reader is.

Everything that a peer or an operator can have chosen goes through `_escape`, and the page is sent with a policy that
allows nothing but its own style.
"""

from __future__ import annotations

from typing import Any

from .status_text import busy, duration, facts, printable, size, waiting

__all__ = ["POLICY", "html"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""The page's Content-Security-Policy."""

_REFRESH = 2
"""Seconds between two views: as often as one can read it, and no load."""

_ENTITIES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;", ord("'"): "&#39;"}

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #e0e1e6; --page: #fcfcfd; --card: #fff;
  --idle: #8bb8a0; --busy: #e8993b; --starting: #3b82c4; --retiring: #9a6cc4; --bad: #dc3d43; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --soft: #9ba1a6; --line: #33373b; --page: #111315;
  --card: #1a1d1f; --idle: #3f7a5d; --bad: #ff6369; } }
* { box-sizing: border-box; margin: 0; }
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto;
  font-variant-numeric: tabular-nums; max-width: 76rem; padding: 2rem 1.5rem; }
h1 { font-size: 1.5rem; } h1 small { color: var(--soft); font-weight: normal; }
.soft, dt, th { color: var(--soft); }
dl { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); margin: 1.5rem 0; }
dl div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; }
dt { font-size: .8rem; } dd { font-size: 1.5rem; line-height: 1.3; } dd small { color: var(--soft); font-size: .8rem; }
dd.bad { color: var(--bad); } a { color: inherit; }
.board { display: flex; flex-wrap: wrap; gap: 3px; margin-bottom: 1.5rem; }
.board i, td i { border-radius: 3px; display: inline-block; height: 1rem; width: 1rem; }
td i { height: .7rem; margin-right: .4rem; width: .7rem; }
.idle { background: var(--idle); } .busy { background: var(--busy); }
.starting { background: var(--starting); } .retiring { background: var(--retiring); }
.scroll { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin-bottom: 1.5rem;
  overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .4rem .9rem; text-align: right; vertical-align: top; white-space: nowrap; }
th { font-size: .8rem; font-weight: normal; } td { border-top: 1px solid var(--line); }
tbody:first-child tr:first-child td { border: 0; } .word { text-align: left; }
td:last-child { min-width: 20rem; overflow-wrap: anywhere; white-space: normal; width: 100%; }
code { font: .9em ui-monospace, monospace; }
"""

_COLUMNS = (
    ("PID", "", "process id"),
    ("State", "word", "starting, idle, busy or retiring"),
    ("Gen", "", "generation: it goes up with each reload"),
    ("Age", "", ""),
    ("Requests", "", "served so far"),
    ("Conns", "", "open connections"),
    ("RSS", "", "resident memory, with what it shares with others"),
    ("Wait ms", "", "that the last in line waited for the loop or a thread, of late"),
    ("Max ms", "", "the longest wait so far"),
    ("Serves", "word", "what, and for how long"),
)


def html(report: dict[str, Any]) -> str:
    """Return the page."""
    name = _escape(f"{report['program']} {report['version']}")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="refresh" content="{_REFRESH}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{name} <small>status</small></h1>\n<p class="soft">{_escape(facts(report))}</p>\n'
        f"{_tiles(report)}{_board(report)}{_workers(report)}{_listeners(report)}"
        '<p class="soft">Also as <a href="?format=text">text</a>, <a href="?format=json">JSON</a>, '
        '<a href="?format=metrics">metrics</a>.</p>\n</body>\n</html>\n'
    )


def _tiles(report: dict[str, Any]) -> str:
    workers = report["workers"]
    bounds = f"of {workers['configured']}"
    if workers["least"] != workers["most"]:
        bounds += f", {workers['least']} to {workers['most']}"
    alarm = ("", "bad")
    tiles = (
        ("requests served", f"{report['requests']:,}", "", ""),
        ("workers", workers["alive"], bounds, alarm[workers["alive"] < workers["configured"]]),
        ("busy", workers["busy"], f"threads each: {report['threads']}", ""),
        ("died", report["died"], f"of {report['spawned']} spawned", alarm[report["died"] > 0]),
        ("slow", report["slow_requests"], "requests", alarm[report["slow_requests"] > 0]),
        ("timed out", report["timed_out"], "requests", alarm[report["timed_out"] > 0]),
        ("reloads", report["reloads"], "", ""),
    )
    cells = (
        f'<div><dt>{name}</dt><dd class="{bad}">{value} <small>{more}</small></dd></div>\n'
        for name, value, more, bad in tiles
    )
    return f"<dl>\n{''.join(cells)}</dl>\n"


def _board(report: dict[str, Any]) -> str:
    cells = (f'<i class="{one["state"]}" title="{one["pid"]}: {one["state"]}"></i>' for one in report["worker"])
    return f'<div class="board">{"".join(cells)}</div>\n'


def _workers(report: dict[str, Any]) -> str:
    heads = "".join(f'<th class="{kind}" title="{title}">{name}</th>' for name, kind, title in _COLUMNS)
    rows = "".join(_worker(worker) for worker in report["worker"])
    return f'<div class="scroll"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n'


def _worker(worker: dict[str, Any]) -> str:
    state, wait = worker["state"], worker["queue_wait_ms"]
    serves = "<br>".join(f"{duration(seconds)} <code>{_escape(request)}</code>" for seconds, request in busy(worker))
    cells = (
        worker["pid"], f'<i class="{state}"></i>{state}', worker["generation"], duration(worker["age_s"]),
        worker["requests"], worker["connections"], size(worker["rss_bytes"]), f"{wait['recent']:.2f}",
        f"{wait['max']:.2f}", serves,
    )  # fmt: skip
    row = "".join(f'<td class="{kind}">{cell}</td>' for cell, (_, kind, _) in zip(cells, _COLUMNS, strict=True))
    return f"<tr>{row}</tr>\n"


def _listeners(report: dict[str, Any]) -> str:
    cells = ((f"<code>{_escape(one['url'])}</code>", f"{waiting(one)} waiting") for one in report["listeners"])
    rows = "".join(f'<tr><td class="word">{url}</td><td class="word">{queue}</td></tr>\n' for url, queue in cells)
    return f'<div class="scroll"><table>\n<tbody>\n{rows}</tbody>\n</table></div>\n'


def _escape(said: str) -> str:
    return printable(said).translate(_ENTITIES)
