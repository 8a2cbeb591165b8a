"""What is to be run, and how: what a command line says of it, or what a bill is wanted of, as one value."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from .job import Choose, each_request_runs
from .programs import Programs
from .spawn import DEFAULT, STRATEGIES, Spawn, World, strategy, zygote

__all__ = ["Plan", "child_command"]


def child_command(*arguments: str) -> tuple[str, ...]:
    """Return what runs an application. (`-m cgi_runner.child` does the same, and is dearer than what it runs.)"""
    return sys.executable, "-c", "from cgi_runner.child import main; main()", *arguments


@dataclass(frozen=True, slots=True)
class Plan:
    """Either `app`, MODULE:APP, or a `directory` of programs, in which `interpreters` run files by their endings.

    `own` is the environment that programs get besides the request (`environment.own_variables`), `spawn` how they are
    started: one of STRATEGIES, or "zygote".
    """

    app: str | None
    directory: str | None
    own: Mapping[bytes, bytes]
    spawn: str = DEFAULT
    world: World = field(default_factory=World)
    interpreters: Mapping[str, str] | None = None

    def choose(self) -> Choose:
        """Return what says which program a request runs."""
        if self.app is not None:
            return each_request_runs(child_command(self.app), self.app)
        assert self.directory is not None
        return Programs(self.directory, self.interpreters)

    def strategy(self) -> Spawn:
        """Return what starts programs; a zygote is ready then. Raises ValueError, and StartupError for a zygote."""
        if self.spawn == "zygote":
            return zygote.strategy(self.world, self.app, self.own)
        if self.spawn not in STRATEGIES:
            raise ValueError(f"{self.spawn!r} is not one of {', '.join(STRATEGIES)}, zygote")
        return strategy(self.spawn, self.world)
