"""What can go wrong with a measurement, one class for each reaction.

::

    BenchError
    +-- NotReady    this gateway did not start: it is marked failed, and the run goes on
    +-- LoadFailed  the load generator gave no answer: this repeat is marked failed, and the run goes on
    +-- ProofFailed what is to be proved cannot be looked at: this proof is marked failed, and the run goes on
"""

from __future__ import annotations

__all__ = ["BenchError", "LoadFailed", "NotReady", "ProofFailed"]


class BenchError(Exception):
    """The run cannot be done as asked. `str(error)` is one sentence for the person who asked."""


class NotReady(BenchError):
    """A server did not say that it is ready, or did not answer. `output` is the end of what it printed."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class LoadFailed(BenchError):
    """The load generator ended without an answer. `output` is the end of what it printed."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class ProofFailed(BenchError):
    """A proof could not be made: the server ended, or the machine lacks something. `output` is what the server said."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output
