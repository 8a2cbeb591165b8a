"""All the processor time of a server, whoever it starts and whoever waits for that: by a control group of its own.

The time of an ended child is in the account of whoever waits for it. But nobody need wait: a host that ignores SIGCHLD
(Apache's mod_cgid, fcgiwrap), or whose child leaves its work to a grandchild, has none of that time in its account.
Linux keeps another one. What a process and all its children use is also charged to their control group (cgroup version
2, `cpu.stat`), to the microsecond and to their very end, and no child can leave the group by itself.

So the processes of a server, while it is at rest, are moved into a group below our own::

    /sys/fs/cgroup/.../our-own/                    cgroup.subtree_control has no "cpu"
                              gatelab-.../         cgroup.procs <- the server        cpu.stat -> its time

That takes a folder in which we may write: that of root, mostly. And no controller of processor time may be switched on
for the groups below ours: the scheduler would then share the processors out among groups, no longer among processes,
and what is measured would change by being measured. Where it cannot be had, `reason` says why.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_bench.errors import LoadFailed
from gateway_bench.samples.cgroup import OWN, read_text

__all__ = ["TimeGroup", "time_group"]

MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
"""Where version 2 is mounted: alone, or beside version 1."""
PROCESSES = "cgroup.procs"
SWITCHED_ON = "cgroup.subtree_control"

_OWN_PATH = re.compile(r"^0::/(.*)$", re.MULTILINE)
_TIME = re.compile(r"^(usage|system)_usec ([0-9]+)$", re.MULTILINE)


class TimeGroup:
    """A control group, or `reason`, which says why there is none."""

    def __init__(self, folder: Path | None, reason: str = "") -> None:
        self.reason = reason
        self._folder = folder

    def take(self, pids: Iterable[int]) -> bool:
        """Charge the group with what these use from now on, and all that they start. Tell whether all are in it."""
        if self._folder is None:
            return False
        return all(_move(pid, self._folder) for pid in pids)

    def used(self) -> tuple[float, float]:
        """Return processor time used so far, and the system's part of it, in seconds. Raises LoadFailed."""
        assert self._folder
        told = dict(_TIME.findall(read_text(self._folder / "cpu.stat")))
        if told.keys() != {"usage", "system"}:
            raise LoadFailed("the server's control group is gone: somebody has removed it")
        return int(told["usage"]) / 1e6, int(told["system"]) / 1e6

    def close(self) -> None:
        """Remove the group; whoever is still in it goes back to ours."""
        if self._folder is None:
            return
        for pid in read_text(self._folder / PROCESSES).split():
            _move(int(pid), self._folder.parent)
        try:
            self._folder.rmdir()
        except OSError:  # somebody was born into it this very moment: an empty folder is left
            pass
        self._folder = None


@contextmanager
def time_group() -> Iterator[TimeGroup]:
    """Make a group for the length of the block, where that can be had."""
    group = _made()
    try:
        yield group
    finally:
        group.close()


def _made() -> TimeGroup:
    mount = next((path for path in MOUNTS if (path / "cgroup.controllers").exists()), None)
    path = _OWN_PATH.search(read_text(OWN))
    if mount is None or path is None:
        return TimeGroup(None, "this system has no control groups of version 2")
    above = mount / path[1]
    if "cpu" in read_text(above / SWITCHED_ON).split():
        return TimeGroup(None, "a control group would get a share of the processors here, and change what is measured")
    try:
        folder = Path(tempfile.mkdtemp(prefix="gatelab-", dir=above))
    except OSError as error:
        return TimeGroup(None, f"no control group can be made here ({error.strerror})")
    group = TimeGroup(folder)
    if "usage_usec" not in read_text(folder / "cpu.stat"):
        group.close()
        return TimeGroup(None, "control groups have no account of time here")
    return group


def _move(pid: int, folder: Path) -> bool:
    """Move a process into a group; tell whether it is there. One that has ended is nowhere, and needs nothing."""
    try:
        (folder / PROCESSES).write_text(str(pid), "ascii")
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return True
