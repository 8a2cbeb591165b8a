"""Time the steps of the hot path with pyperf: `python benchmarks/micro/hot_path.py [pyperf's options]`.

pyperf starts this file again and again, in processes of their own, and takes the mean of what they find. Times hold for
one machine and one minute: compare runs of the same machine (`python -m pyperf compare_to`), and better still count
instructions, which do not depend on who else is there (`instructions.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import pyperf  # type: ignore[import-untyped]  # it has no py.typed
from steps import LOOP, STEPS, Run, serving


def timed(run: Run) -> Callable[[int], float]:
    """Return what pyperf calls: it makes the step that many times, and says how long that took."""

    def measure(loops: int) -> float:
        began = perf_counter()
        run(loops)
        return perf_counter() - began

    return measure


def main() -> None:
    """Time every step."""
    runner = pyperf.Runner()
    for name, make in STEPS.items():
        runner.bench_time_func(name, timed(make()))
    with serving() as run:
        runner.bench_time_func(LOOP, timed(run))


if __name__ == "__main__":
    main()
