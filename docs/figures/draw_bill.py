"""Measure where the time of CGI requests goes, and draw `bill-programs.svg` and `bill-spawn.svg`.

    python docs/figures/draw_bill.py

A minute on a machine that does nothing else. The charts say of themselves where they were made.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cgi_runner.bill import Target, compare
from cgi_runner.bill_table import style_for, table

HERE = Path(__file__).parent
EXAMPLES = str(HERE.parents[1] / "packages" / "cgi-runner" / "examples")
REQUESTS = 50

PROGRAMS = [
    Target(directory=EXAMPLES, path="/hello.sh"),
    Target(directory=EXAMPLES, path="/hello.py"),
    Target(app="demo_app:app", path="/hello"),
]
"""One and the same greeting: by a shell, by Python, and by an application with templates and Markdown."""

STRATEGIES = [
    Target(app="demo_app:app", path="/hello", spawn=how) for how in ("fork-exec", "vfork", "posix-spawn", "zygote")
]


def main() -> None:
    """Measure, print the tables, draw."""
    pictures = {"bill-programs": compare(PROGRAMS, REQUESTS), "bill-spawn": compare(STRATEGIES, REQUESTS)}

    from cgi_runner.bill_chart import save  # not above: fork has to copy whatever this process holds

    for name, measured in pictures.items():
        print("\n".join(table(one, style_for(sys.stdout)) for one in measured))
        save(measured, HERE / f"{name}.svg")


if __name__ == "__main__":
    main()
