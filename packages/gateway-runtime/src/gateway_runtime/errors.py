"""What can go wrong before a server serves."""

__all__ = ["EXIT_CANNOT_START", "EXIT_FAILED", "EXIT_STOPPED", "StartupError"]

EXIT_STOPPED = 0
"""Stopped as asked."""

EXIT_FAILED = 1
"""Failed while it ran."""

EXIT_CANNOT_START = 2
"""Could not start; one sentence on standard error says why. Also argparse's code for a wrong command line."""


class StartupError(Exception):
    """The server cannot start. `str(error)` is one sentence for the person who started it."""
