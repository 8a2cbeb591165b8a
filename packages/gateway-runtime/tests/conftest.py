"""Fixtures of the tests of the engine and of whole servers."""

from __future__ import annotations

import os
import select
from contextlib import contextmanager

import pytest

import master_world
from engine_world import Clock, World
from gateway_runtime import engine, shared_loop
from gateway_runtime.addresses import Address
from gateway_runtime.engine import Limits


@pytest.fixture(params=["epoll", "poll", "threads"])
def poller(request, monkeypatch):
    """Run a test with each kind of loop."""
    if request.param == "threads":
        monkeypatch.setattr(World, "threads", 3)
    elif request.param == "poll":
        monkeypatch.delattr(select, "epoll", raising=False)
    elif not hasattr(select, "epoll"):
        pytest.skip("this system has no epoll")


def open_files():
    return sorted(os.listdir("/dev/fd"))  # noqa: PTH208 - their numbers are what matters


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Return a context manager that runs a loop, and finds what it leaves behind."""
    monkeypatch.chdir(tmp_path)
    clock = Clock()
    monkeypatch.setattr(engine, "monotonic", clock.monotonic)
    monkeypatch.setattr(shared_loop, "monotonic", clock.monotonic)
    monkeypatch.setattr(engine, "_TICK", 0.01)

    @contextmanager
    def run(kind="unix", limits=None, **options):
        before = open_files()
        address = Address(path="x.sock") if kind == "unix" else Address(host="127.0.0.1", port=0)
        world = World(clock, address, limits or Limits(), **options)
        try:
            yield world
        finally:
            world.finish()
        assert world.failure is None
        assert open_files() == before
        assert all(session.abandoned for session in world.sessions)

    return run


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A working directory with the application of `master_world`."""
    monkeypatch.chdir(tmp_path)
    master_world.change(master_world.APP)
    return tmp_path
