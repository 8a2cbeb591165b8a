"""The one exception with which any part of the host says: no response from a program, this sentence instead."""

from __future__ import annotations

__all__ = ["Refused"]


class Refused(Exception):
    """Answer with `status` (a whole status line, "404 Not Found"), `fields`, and `str(refused)`, one sentence."""

    def __init__(self, status: str, sentence: str, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.fields = fields
