"""A team across hosts, as far as one machine can show it: three network namespaces that share nothing but two wires.

::

    servers  10.203.1.1 ======== 10.203.1.2  workers  10.203.2.2 ======== 10.203.2.1  bench

The bench cannot reach the servers at all, and nobody has a loopback interface that is up. A namespace lives as long as
the process that holds it, and its wires and addresses with it; each holder ends when the test's end of its pipe does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench_world import ROOT as REPOSITORY
from gateway_bench.load.job import Job
from gateway_bench.samples.spawns import SpawnListener
from gateway_bench.servers.gateways import Places, load_gateways
from gateway_runtime.testing import wait_until

SERVERS, TO_SERVERS = "10.203.1.1", "10.203.1.2"
BENCH, TO_BENCH = "10.203.2.1", "10.203.2.2"
LIMIT = 30
ROOT = os.geteuid() == 0
TABLE = REPOSITORY / "benchmarks" / "gateways.toml"

GATEWAYS = ["fastcgi", "scgi", "uwsgi", "wsgi"]
"""Rows of the bench's own table. The first three believe whoever connects, so they are told who may."""

BENCH_SIDE = f"""
import json, sys
from gateway_bench.errors import LoadFailed
from gateway_bench.load.team_process import TeamProcess
with TeamProcess(2, {BENCH!r}, 0, {LIMIT}) as load:
    print(load.port, flush=True)
    load.gather(lambda name, present: None)
    for line in sys.stdin:
        try:
            load.prepare(json.loads(line))
            load.warm_up()
            print(json.dumps(load.go()), flush=True)
        except LoadFailed as error:
            print(json.dumps(str(error)), flush=True)
"""
CREW = "import sys, gateway_bench.load.team_crew as crew; crew.run_workers(sys.argv[1], 2)"


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=LIMIT)


def within(holder: subprocess.Popen[str]) -> list[str]:
    """What to put before a command that is to run in the namespace of that process."""
    user = [] if ROOT else ["--user", "--preserve-credentials"]
    return ["nsenter", f"--target={holder.pid}", *user, "--net", "--"]


@contextmanager
def running(*command: str, **pipes: Any) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.terminate()  # a server or a crew then ends its own processes
            try:
                process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def held(*before: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a network namespace of its own; `before` is for one within another's user namespace."""
    user = [] if ROOT or before else ["--user", "--map-root-user"]
    command = [*before, "unshare", *user, "--net", "--", "cat"]
    with running(*command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
        wait_until(lambda: holder.poll() is not None or is_apart(holder), "the namespace to be made")
        if holder.poll() is not None:
            assert holder.stderr
            raise subprocess.CalledProcessError(holder.returncode, command, stderr=holder.stderr.read())
        yield holder


def is_apart(holder: subprocess.Popen[str]) -> bool:
    proc = Path(f"/proc/{holder.pid}")
    try:
        return (proc / "comm").read_text() == "cat\n" and (proc / "ns/net").readlink() != Path(
            "/proc/self/ns/net"
        ).readlink()
    except OSError:  # not yet ours to look at
        return False


def wire(one: subprocess.Popen[str], first: str, other: subprocess.Popen[str], second: str) -> None:
    """Lay a wire between two namespaces, and give its ends these addresses."""
    name = "to" + first.rpartition(".")[0].replace(".", "-")[-5:]
    peer = ["peer", "name", name, "netns", str(other.pid)]
    run(*within(one), "ip", "link", "add", name, "type", "veth", *peer)
    for holder, address in ((one, first), (other, second)):
        run(*within(holder), "ip", "address", "add", f"{address}/30", "dev", name)
        run(*within(holder), "ip", "link", "set", name, "up")


@pytest.fixture
def places() -> Iterator[tuple[list[str], list[str], list[str]]]:
    """What to put before commands of the servers, the workers and the bench."""
    missing = [tool for tool in ("unshare", "nsenter", "ip") if not shutil.which(tool)]
    with ExitStack() as stack:
        try:
            if missing:
                raise OSError(f"there is no {' and no '.join(missing)}")
            servers = stack.enter_context(held())
            before = [] if ROOT else ["nsenter", f"--target={servers.pid}", "--user", "--preserve-credentials", "--"]
            workers, bench = stack.enter_context(held(*before)), stack.enter_context(held(*before))
            wire(servers, SERVERS, workers, TO_SERVERS)
            wire(bench, BENCH, workers, TO_BENCH)
        except (OSError, subprocess.CalledProcessError) as error:
            reason = f"no network namespaces can be made here: {getattr(error, 'stderr', '') or error}"
            if ROOT and os.environ.get("CI") == "true":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
        yield within(servers), within(workers), within(bench)


def ready(process: subprocess.Popen[str]) -> str:
    """Return the address of a server's ready line."""
    assert process.stderr
    words, _, address = process.stderr.readline().strip().partition(" ")
    assert words == "ready", f"{words} {address}"
    return address


def job(address: str, **changes: Any) -> Job:
    small = Job(
        address=address,
        keep_alive=True,
        scenario="hello",
        users=2,
        warmup=0.0,
        seconds=0.2,
        min_requests=4,
        max_seconds=5.0,
    )
    return {**small, **changes}  # type: ignore[typeddict-item]  # changes are of its keys


def places_of(folder: Path) -> Places:
    """Where a server that is to be asked from elsewhere finds what it needs."""
    folder.mkdir()
    status, events = folder / "status", folder / "events"
    return Places(host=SERVERS, neighbours=f"{TO_SERVERS}/32", socket=folder / "socket", events=events, status=status)


def test_servers_workers_and_bench_are_on_three_hosts(
    places: tuple[list[str], list[str], list[str]], tmp_path: Path
) -> None:
    servers, workers, bench = places
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with ExitStack() as stack:
        side = stack.enter_context(running(*bench, sys.executable, "-c", BENCH_SIDE, **pipes))
        started = []
        for row in load_gateways(TABLE, GATEWAYS):
            if not row.again:
                here = places_of(tmp_path / row.name)
                stack.enter_context(SpawnListener(here.events).listening())
                command = row.argv(sys.executable, here)
                started.append(stack.enter_context(running(*servers, *command, stderr=subprocess.PIPE)))
        assert len(started) == len(GATEWAYS)
        assert side.stdin
        assert side.stdout
        port = int(side.stdout.readline())
        master = f"{BENCH}:{port}"
        crew = stack.enter_context(running(*workers, sys.executable, "-c", CREW, master, stdout=subprocess.PIPE))

        def ask(wanted: Job) -> Any:
            assert side.stdin
            assert side.stdout
            print(json.dumps(wanted), file=side.stdin, flush=True)
            return json.loads(side.stdout.readline())

        for process in started:
            address = ready(process)
            assert f"://{SERVERS}:" in address
            for changes in ({}, {"rate": 100.0, "seed": 5}):
                found = ask(job(address, **changes))
                assert found["errors"] == {}
                assert [part["requests"] > 0 for part in found["team"]] == [True, True]

        assert "cannot reach http://127.0.0.1:80, which is good on this machine alone" in ask(
            job("http://127.0.0.1:80")
        )
        side.stdin.close()
        assert side.wait(LIMIT) == 0
        assert crew.wait(LIMIT) == 0
        assert crew.stdout
        assert crew.stdout.read().count("the run is over: 8 jobs") == 2
