"""One black-box suite for every gateway between the web and WSGI.

`CASES` is the table, `Target` a gateway, `run(target)` gives an `Outcome` for each case. The application under test is
`gateway_conformance.app:app`; it stands for itself and imports nothing of the suite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .case import Case, Drive, Expected
    from .cases import CASES
    from .outcome import Outcome, Verdict
    from .runner import run, run_case
    from .target import Target, TargetError

__all__ = ["CASES", "Case", "Drive", "Expected", "Outcome", "Target", "TargetError", "Verdict", "run", "run_case"]

_HOMES = {
    "CASES": "cases", "Case": "case", "Drive": "case", "Expected": "case", "Outcome": "outcome", "Target": "target",
    "TargetError": "target", "Verdict": "outcome", "run": "runner", "run_case": "runner",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for: a CGI server imports this package, to reach `app`, for every request."""
    if name not in __all__:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
