"""A network of one's own, with nobody in it: the loopback, and no way to anywhere else.

The guard in Python (`guard/sitecustomize.py`) sees what Python does. A program in another language, or a Python that
was told to ignore its environment, is held back by the system alone: on Linux, where this process may ask for it.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys

__all__ = ["step_apart"]

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
"""From Linux' sched.h, sockios.h and if.h."""


def step_apart() -> bool:
    """Move this thread, and what it starts, into a new network namespace; False where that is not allowed."""
    if sys.platform != "linux" or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        return False
    import fcntl  # on every Linux

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    return True
