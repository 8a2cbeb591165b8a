"""What `gatelab up` shows: where to ask, and what the programs do, in as many columns as there is room for.

::

    gateway  through the front                by itself                  an address is never folded: it can be copied
    fastcgi  http://127.0.0.1:8080/fastcgi/   fastcgi://127.0.0.1:9000

    gateway  born  alive  requests  a second  failed   CPU  CPU each  memory  processes
    fastcgi     2      3       120      40.0       0  0.4s       3ms   71.2M  812: 813 814

Where the terminal is narrow, the columns that tell least are left away; nothing is said by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from . import figures

__all__ = ["CGI", "COUNTERS", "FRONT", "SUMS", "WHERE", "Row", "grid", "lines", "view"]

FRONT: Final = "front"
CGI: Final = "cgi"
"""The two rows that are not of workers which stay behind the front."""
GAP: Final = "  "
WHERE: Final = ("gateway", "through the front", "by itself")
COUNTERS: Final = (
    "gateway", "born", "alive", "requests", "a second", "failed", "CPU", "CPU each", "memory", "processes",
)  # fmt: skip
SUMS: Final = ("gateway", "born", "requests", "failed", "CPU", "CPU each")
LEFT_AWAY: Final = ("by itself", "CPU each", "memory", "CPU", "failed", "alive", "a second", "processes", "gateway")
"""The first of these that there is goes first, if not all have room."""
TO_THE_LEFT: Final = (*WHERE, "processes")
PIDS_WIDTH: Final = (20, 60)
"""Columns for process ids: no fewer while there are others to leave away, and no more."""
CPU_MIN: Final = 0.1
"""Seconds: of less, its share of a request is not said, since the kernel counts in hundredths."""
RUNS: Final = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A program: where it is asked, its processes, and what they have done. `state`: why there are none, or ""."""

    name: str
    through: str
    url: str
    pids: tuple[int, ...] = ()
    born: int = 0
    requests: int = 0
    rate: float | None = None
    failed: int = 0
    cpu: float | None = None
    memory: int | None = None
    state: str = RUNS

    def cells(self) -> Mapping[str, str]:
        """Return it as text, by heading."""
        first, *others = map(str, self.pids) if self.pids else ("",)
        each = self.cpu / self.requests if self.cpu and self.requests and self.cpu >= CPU_MIN else None
        return {
            "gateway": self.name,
            "through the front": self.through or "-",
            "by itself": self.url or "-",
            "processes": self.state or f"{first}: {' '.join(others)}",
            "born": f"{self.born:,}",
            "alive": str(len(self.pids)),
            "requests": f"{self.requests:,}",
            "a second": figures.rate(self.rate),
            "failed": f"{self.failed:,}",
            "CPU": "-" if self.cpu is None else figures.seconds(self.cpu),
            "CPU each": "-" if each is None else figures.seconds(each),
            "memory": figures.size(self.memory),
        }


def grid(headings: Sequence[str], rows: Sequence[Row], width: int) -> list[Text]:
    """Return headings and rows as lines of at most `width` columns, but for one column that is wider by itself."""
    cells = [row.cells() for row in rows]
    widths = {name: max([len(name), *(len(one[name]) for one in cells)]) for name in headings}
    least, most = PIDS_WIDTH
    if "processes" in widths:
        widths["processes"] = min(widths["processes"], least)
    for name in LEFT_AWAY:
        if len(widths) > 1 and _whole(widths) > width:
            widths.pop(name, None)
    if "processes" in widths:
        widths["processes"] = max(widths["processes"], min(most, width - _whole(widths) + widths["processes"]))
    found = [Text(_line(dict(zip(headings, headings, strict=True)), widths), "bold")]
    for row, one in zip(rows, cells, strict=True):
        found.append(Text(_line(one, widths), "red" if row.state and not row.pids else ""))
    return found


def view(rows: Sequence[Row], notes: Sequence[str], hint: str, size: tuple[int, int]) -> Text:
    """Return all that is shown, for a terminal of so many columns and lines. The latest notes come first to go last."""
    width, height = size
    shown = [
        Text(hint, overflow="ellipsis"),
        Text(),
        *grid(WHERE, rows, width),
        Text(),
        *grid(COUNTERS, rows, width),
        Text(),
    ]
    room = height - len(shown)
    shown += [Text(note) for note in notes[-room:] if room > 0]
    for line in shown:
        if not line.plain.lstrip().startswith("http"):
            line.truncate(width, overflow="ellipsis")
    return Text("\n").join(shown[:height])


def lines(rows: Sequence[Row], headings: Sequence[str]) -> list[str]:
    """Return headings and rows with tabs between, for where there is no terminal."""
    return ["\t".join(headings), *("\t".join(row.cells()[name] for name in headings) for row in rows)]


def _whole(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + len(GAP) * (len(widths) - 1)


def _line(cells: Mapping[str, str], widths: Mapping[str, int]) -> str:
    shown = []
    for name, width in widths.items():
        text = cells[name]
        if len(text) > width:
            text = f"{text[: width - 1]}…"
        shown.append(text.ljust(width) if name in TO_THE_LEFT else text.rjust(width))
    return GAP.join(shown).rstrip()
