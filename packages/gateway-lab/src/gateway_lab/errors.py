"""What can go wrong in the laboratory: one sentence, which says what to do."""

from __future__ import annotations

__all__ = ["LabError"]


class LabError(Exception):
    """An experiment cannot run on this machine, or not now: a server that does not start, one that gives no answer."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints in the place of a traceback, which would teach nothing about gateways."""
        return [str(self)]
