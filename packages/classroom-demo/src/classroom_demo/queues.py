"""How many connections wait at a port of this machine, for a process to accept them. Linux tells anybody.

::

    /proc/net/tcp (proc(5))      sl  local_address rem_address   st tx_queue rx_queue ...
                                  0: 0100007F:A3B5 00000000:0000 0A 00000000:00000003

Lines of listening sockets (state 0A) come first, and in them rx_queue is the length of the queue. So the first few
lines are read, however many connections the machine has. Elsewhere, only the process that listens can ask.
"""

from __future__ import annotations

from typing import Final

__all__ = ["waiting_at"]

TABLE: Final = "/proc/net/tcp"
LISTEN: Final = "0A"


def waiting_at(port: int) -> int | None:
    """Return the length of the queue at an IPv4 port; None where nobody tells, or nobody listens."""
    try:
        with open(TABLE, encoding="ascii", buffering=4096) as lines:  # noqa: PTH123 - with a small buffer
            next(lines)
            for line in lines:
                _, local, _, state, queues, *_ = line.split()
                if state != LISTEN:
                    return None
                if int(local.rpartition(":")[2], 16) == port:
                    return int(queues.rpartition(":")[2], 16)
    except (OSError, ValueError, StopIteration):
        pass
    return None
