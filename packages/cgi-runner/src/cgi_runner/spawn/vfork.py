"""vfork: the child runs in our memory until it becomes the program (3BSD; gone from POSIX since 2008, not from Linux).

Nothing is copied, not even the tables of pages, and our thread rests until exec; so the little that the child does in
between must be done in C, with care. Python has that in `subprocess`, and this strategy is `subprocess.Popen` with no
ornament: what it takes beyond `posix_spawn` is the price of its generality. Where the C library has no vfork, it forks.

What this process ignores stays ignored in the program, except what `restore_signals` names; a server ignores nothing.
"""

from __future__ import annotations

import subprocess

from .limits import check_from_outside, limit_from_outside
from .pipes import Pipes
from .process import Child, Command, Spawn, World

__all__ = ["strategy"]


def strategy(world: World) -> Spawn:
    """Return the strategy. Raises ValueError for limits, where they cannot be set from outside."""
    check_from_outside(world.limits)
    umask = -1 if world.umask is None else world.umask

    def spawn(command: Command) -> Child:
        with Pipes(command.content) as pipes:
            stdin, stdout, stderr = pipes.theirs
            process = subprocess.Popen(
                command.argv,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=command.environment,
                cwd=command.directory,
                umask=umask,
                close_fds=True,
                start_new_session=True,
                restore_signals=True,
            )
            if world.limits:
                limit_from_outside(process.pid, world.limits)
            return pipes.child(process.pid, process.poll)

    return spawn
