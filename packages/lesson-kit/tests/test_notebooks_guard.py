"""While a lesson is tried, nothing gets off the machine: a guard refuses it, and the system where it may."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lesson_kit.notebooks.kernel import GUARD

IN_REACH = [
    'socket.create_connection(("127.0.0.1", port)).close()',
    'socket.create_connection(("localhost", port)).close()',
    'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("127.0.0.1", port))',
    'socket.create_server(("127.0.0.1", 0)).close()',
    'socket.socket(socket.AF_UNIX).bind(folder + "/a")',
    "socket.getaddrinfo(None, 80, flags=socket.AI_PASSIVE)",
    'socket.getaddrinfo("::1", 80)',
    "psutil.net_if_addrs()",
]
OUT_OF_REACH = [
    'socket.create_connection(("192.0.2.1", 80), 1)',
    'socket.create_connection(("gatelab.invalid", 80), 1)',
    'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 53))',
    'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg([b""], [], 0, ("192.0.2.1", 53))',
    'socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80))',
    'socket.socket(socket.AF_INET6).connect(("::ffff:192.0.2.1", 80))',
    'socket.socket(socket.AF_INET).connect(("0.0.0.0", port))',
    'socket.create_server(("0.0.0.0", 0))',
    'socket.create_server(("", 0))',
    'socket.gethostbyname("gatelab.invalid")',
    'socket.getaddrinfo("127.example.invalid", 80)',
    'urllib.request.urlopen("http://192.0.2.1/", timeout=1)',
]
PROGRAM = """
import psutil, socket, sys, urllib.request
port, folder = int(sys.argv[1]), sys.argv[2]
for line in sys.stdin.read().splitlines():
    try:
        exec(line)
    except OSError as error:
        print(error)
    else:
        print("reached")
"""


def test_only_this_machine_is_in_reach(tmp_path: Path) -> None:
    lines = [*IN_REACH, *OUT_OF_REACH]
    environment = {**os.environ, "PYTHONPATH": str(GUARD), "LESSON_KIT_REFUSALS": str(tmp_path / "refusals")}
    with socket.create_server(("127.0.0.1", 0)) as server:
        told = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, str(server.getsockname()[1]), str(tmp_path)],
            env=environment, input="\n".join(lines), capture_output=True, text=True, check=True, timeout=50,
        )  # fmt: skip
    said = dict(zip(lines, told.stdout.splitlines(), strict=True))
    assert {line: said[line] for line in IN_REACH} == dict.fromkeys(IN_REACH, "reached")
    assert [line for line in OUT_OF_REACH if "A lesson stays on this machine" not in said[line]] == []
    assert len((tmp_path / "refusals").read_text().splitlines()) == len(OUT_OF_REACH)


def test_a_guard_imports_nothing_before_a_socket_is_used() -> None:
    show = "import sys; print(len(sys.modules))"
    counts = [
        subprocess.run([sys.executable, "-c", show], env=environment, capture_output=True, text=True, check=True).stdout
        for environment in (dict(os.environ), {**os.environ, "PYTHONPATH": str(GUARD)})
    ]
    assert 0 <= int(counts[1]) - int(counts[0]) <= 1, "sitecustomize itself"


def test_a_network_of_ones_own_has_nobody_in_it() -> None:
    show = (
        f"import sys; sys.path.insert(0, {str(GUARD.parent)!r});"
        "from apart import step_apart; import socket; print(step_apart());"
        "print(*(name for _, name in socket.if_nameindex()));"
        "a = socket.create_server(('127.0.0.1', 0)); socket.create_connection(a.getsockname()).close(); a.close()"
    )
    told = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout.splitlines()
    may = sys.platform == "linux" and os.geteuid() == 0
    if not may or (told[0] == "False" and os.environ.get("CI") != "true"):  # root of a container may not always
        assert told[0] == "False"
        pytest.skip("no network namespaces can be made here")
    assert told == ["True", "lo"]
