"""The suites: what the bench can be asked. See `gateway_bench.suites.suite` for what one is made of.

Their modules draw charts, and matplotlib takes its time to import: so a suite is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module

from gateway_bench.errors import BenchError
from gateway_bench.suites.suite import Suite

__all__ = ["NAMES", "suite_named"]

MODULES = {
    "evolution": "evolution",
    "peers": "peers",
    "fronts": "fronts",
    "workers": "workers",
    "1996": "experiment_1996",
    "autopsy": "autopsy",
    "backends": "backends",
    "cgi": "cgi",
    "shapes": "shapes",
    "targets": "targets",
    "proofs": "proofs",
    "method": "method",
}
NAMES = tuple(MODULES)
"""In the order in which help and documents list them; the first is the one that is meant where none is named."""


def suite_named(name: str) -> Suite:
    """Return a suite. Raises BenchError where there is none of that name."""
    if name not in MODULES:
        raise BenchError(f"there is no suite {name!r}; there are {', '.join(NAMES)}")
    suite: Suite = import_module(f"{__name__}.{MODULES[name]}").SUITE
    return suite
