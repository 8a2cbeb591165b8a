"""How a process comes into being: four strategies, one type.

::

    fork-exec     copy the server, then become the program           1971: fork, exec         fork_exec.py
    vfork         borrow the server's memory until exec              1979: what subprocess does   vfork.py
    posix-spawn   one call that says all that the program shall get  2001                     posix_spawn.py
    zygote        copy an interpreter that has imported everything,  the missing link between CGI and FastCGI
                  and never exec                                                              zygote.py

A strategy is made once, in the worker, from the `World` that all programs get; then it is a function from `Command` to
`Child`. Nobody else knows which one it is, so that what each costs can be compared: `process` has the types, and
`pipes` what the strategies share.
"""

from __future__ import annotations

from importlib import import_module

from .process import TICK, Child, Command, Spawn, TryAgain, World, exit_words, signal_group

__all__ = [
    "DEFAULT", "STRATEGIES", "TICK", "Child", "Command", "Spawn", "TryAgain", "World", "exit_words", "signal_group",
    "strategy",
]  # fmt: skip

STRATEGIES = ("fork-exec", "vfork", "posix-spawn")
"""Those that need nothing but the world; `zygote` also has to know what to import."""

DEFAULT = "posix-spawn"
"""The cheapest of them."""


def strategy(name: str = DEFAULT, world: World | None = None) -> Spawn:
    """Return a strategy of STRATEGIES. Raises ValueError for limits that it cannot set on this system."""
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    made: Spawn = module.strategy(world or World())
    return made
