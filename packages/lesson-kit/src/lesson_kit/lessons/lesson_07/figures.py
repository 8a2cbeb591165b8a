"""The map: which keys an application finds under which gateway, and how many bytes brought them; and three flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gateway_bench.report.chart_style import FAINT, GREY, INK, LIGHT, MUTED, PAPER, SIZES, bare, colour_of
from lesson_kit.charts.paper import GUESS, ghost_point, sheet
from lesson_kit.lessons.lesson_07.looking import GATEWAYS

__all__ = ["BY_HAND", "draw_flags", "draw_map", "kinds_of"]

BY_HAND = "WSGI, a call"
"""The column of the call that a notebook makes itself."""
OWN = ("gatelab.", "fastcgi.", "wsgi.early_hints")
"""How the names of keys begin that a gateway adds for itself: they are counted, not listed."""
ABSENT, SAME, DIFFERS, OBJECT = "absent", "same", "differs", "object"
COLOURS = {ABSENT: PAPER, SAME: FAINT, DIFFERS: LIGHT["sky"], OBJECT: LIGHT["green"]}
SHOWN = 15
"""Characters of a value in a cell."""
ROW, BARS, GAP = 0.27, 1.3, 0.32
"""Inches: of a row of cells, of all bars, and between the two, for the names of the columns."""
FAR = 1.6
FLAGS = ("wsgi.run_once", "wsgi.multiprocess", "wsgi.multithread")
SET = {"neither": (False, False), "multiprocess": (True, False), "multithread": (False, True), "both": (True, True)}

Environs = Mapping[str, Mapping[str, Any]]
"""What the application found, by the name of the gateway: a value that is no text stands as "<type>"."""


def kinds_of(environs: Environs) -> dict[str, dict[str, str]]:
    """Return for each key and each column what its cell is. "Same" is: in all gateways that have it."""
    keys = {key for environ in environs.values() for key in environ if not key.startswith(OWN)}
    return {key: _row(key, environs) for key in sorted(keys, key=_order)}


def _row(key: str, environs: Environs) -> dict[str, str]:
    found = {str(environ[key]) for name, environ in environs.items() if key in environ and name != BY_HAND}
    cells = {}
    for name, environ in environs.items():
        if key not in environ:
            cells[name] = ABSENT
        elif str(environ[key]).startswith("<"):
            cells[name] = OBJECT
        else:
            cells[name] = SAME if len(found | {str(environ[key])}) == 1 else DIFFERS
    return cells


def _order(key: str) -> tuple[int, str]:
    return (2 if key.startswith("wsgi.") else 1 if key.startswith("HTTP_") else 0), key


def draw_map(data: Mapping[str, Any], guesses: Mapping[str, Any]) -> Figure:
    """Draw `data["wire"]` (bytes by column) as bars over `data["environs"]`, a cell for each key and column."""
    wire, environs = data["wire"], data["environs"]
    kinds = kinds_of(environs)
    names = list(environs)
    below = max(1, len(kinds) + 1) * ROW
    figure, (bars, cells) = sheet(
        _map_title(wire),
        "Above: bytes of the request that reached the process. Below: what the application found. Grey is the same in "
        "all, blue differs, green is a Python object, which no wire carries; empty: not there.",
        2.6 + BARS + below, 2.35, nrows=2, ncols=1, sharex=True,
        gridspec_kw={"height_ratios": [BARS, below], "hspace": 2 * GAP / (BARS + below)},
    )  # fmt: skip
    _bars(bars, wire, names, guesses["wire_bytes"])
    for row, (key, cols) in enumerate(kinds.items()):
        for column, name in enumerate(names):
            _cell(cells, column, row, cols[name], environs[name].get(key))
    _own(cells, environs, len(kinds))
    _run_once(cells, list(kinds), names, guesses["run_once"])
    ringed = "ringed where you expected True" if "True" in guesses["run_once"].values() else "expected True nowhere"
    words = f"lines of the file changed: {data['changed']}, your guess: {guesses['lines']}; wsgi.run_once: {ringed}"
    cells.annotate(words, (1, 0), (0, -4), xycoords="axes fraction", textcoords="offset points", ha="right", va="top",
                   color=MUTED, size=SIZES["ticks"])  # fmt: skip
    cells.set_yticks(range(len(kinds) + 1), [*kinds, "and keys of its own"], size=SIZES["ticks"])
    cells.set_ylim(len(kinds) + 0.5, -0.5)
    cells.set_xticks([])
    bare(cells, grid=False)
    return figure


def _bars(axis: Any, wire: Mapping[str, int], names: list[str], guess: float) -> None:
    for column, name in enumerate(names):
        size = wire.get(name, 0)
        axis.bar(column, size, 0.6, color=colour_of(GATEWAYS.get(name, "")))
        axis.annotate(f"{size}", (column, size), (0, 3), textcoords="offset points", ha="center", weight="bold")
        axis.annotate(name, (column, 0), (0, -4), xycoords=("data", "axes fraction"), textcoords="offset points",
                      ha="center", va="top", weight="bold")  # fmt: skip
    top = max([*wire.values(), 1])
    if names:
        place = min(guess, top * FAR)
        ghost_point(axis, len(names) - 1, place)
        axis.annotate(f"your guess: {guess:g}{' ↑' if guess > place else ''}", (len(names) - 0.5, place), (0, 21),
                      textcoords="offset points", ha="right", va="bottom", color=MUTED,
                      size=SIZES["ticks"])  # fmt: skip
    axis.set_ylim(-0.12 * top, max(top * 1.3, axis.get_ylim()[1] * 1.3))
    axis.set_xlim(-0.5, max(1, len(names)) - 0.5)
    axis.set_yticks([])
    bare(axis, grid=False)
    axis.tick_params(axis="x", labelbottom=False)


def _cell(axis: Any, column: int, row: int, kind: str, value: Any) -> None:
    axis.barh(row, 0.92, 0.8, left=column - 0.46, color=COLOURS[kind])
    if kind in (DIFFERS, OBJECT) or isinstance(value, bool):
        said = str(value).strip("<>")
        words = said if len(said) <= SHOWN else f"{said[: SHOWN - 1]}…"
        axis.text(column, row, words, ha="center", va="center", size=SIZES["small"], color=INK)


def _own(axis: Any, environs: Environs, row: int) -> None:
    for column, environ in enumerate(environs.values()):
        count = sum(key.startswith(OWN) for key in environ)
        axis.text(column, row, f"{count}", ha="center", va="center", size=SIZES["small"], color=MUTED)


def _run_once(axis: Any, keys: list[str], names: list[str], guess: Mapping[str, str]) -> None:
    """Ring the cells of `wsgi.run_once` where True was expected."""
    if FLAGS[0] not in keys:
        return
    for column, name in enumerate(names):
        if guess.get(name) == "True":
            axis.add_patch(_ring(column, keys.index(FLAGS[0])))


def _ring(column: float, row: float) -> Any:
    return Rectangle((column - 0.49, row - 0.48), 0.98, 0.96, fill=False, edgecolor=GREY, linestyle=GUESS["linestyle"],
                     linewidth=GUESS["linewidth"], zorder=4)  # fmt: skip


def _map_title(wire: Mapping[str, int]) -> str:
    crossed = [size for name, size in wire.items() if name != BY_HAND]
    if not crossed:
        return "Nothing was asked yet"
    by_hand = f"; the call that is WSGI took {wire[BY_HAND]}" if BY_HAND in wire else ""
    return f"{min(crossed)} to {max(crossed)} bytes brought one request to the process{by_hand}"


def draw_flags(found: Mapping[str, Mapping[str, bool]], guesses: Mapping[str, Any]) -> Figure:
    """Draw the three flags of each arrangement of processes and threads, and ring those that were expected."""
    same = [name for name, flags in found.items() if _pair(flags) == SET.get(guesses["flags"].get(name, ""))]
    figure, (axis,) = sheet(
        f"What the application is told of its company: as you expected in {len(same)} of {len(found)} arrangements",
        "Green: the server says True. A dashed ring: you expected True (of the last two).",
        2.0 + 0.5 * max(1, len(found)), 3.0,
    )  # fmt: skip
    for row, (name, flags) in enumerate(found.items()):
        expected = dict(zip(FLAGS[1:], SET.get(guesses["flags"].get(name, ""), (False, False)), strict=True))
        for column, flag in enumerate(FLAGS):
            held = bool(flags.get(flag))
            axis.barh(row, 0.9, 0.76, left=column - 0.45, color=LIGHT["green"] if held else FAINT)
            axis.text(column, row, str(held), ha="center", va="center", color=INK)
            if expected.get(flag):
                axis.add_patch(_ring(column, row))
    axis.set_yticks(range(len(found)), list(found))
    axis.set_xticks(range(len(FLAGS)), FLAGS)
    axis.xaxis.tick_top()
    axis.set_xlim(-0.55, len(FLAGS) - 0.45)
    axis.set_ylim(max(1, len(found)) - 0.5, -0.5)
    bare(axis, grid=False)
    axis.tick_params(axis="x", labelsize=SIZES["text"], labelcolor=INK)
    return figure


def _pair(flags: Mapping[str, bool]) -> tuple[bool, bool]:
    return bool(flags.get(FLAGS[1])), bool(flags.get(FLAGS[2]))
