"""The file for locust by itself: what locust finds in it, and how its shapes move the number of users."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench_world import ROOT

FILE = ROOT / "benchmarks" / "scenarios.py"

LOOK = """
import json, sys
from locust import argument_parser, events
from locust.env import Environment
from locust.util.load_locustfile import load_locustfile

users, shapes = load_locustfile(sys.argv[1])
found = {"users": sorted(users), "unasked": [type(one).__name__ for one in shapes]}
for name in ["", "step", "spike", "ramp"]:
    options = ["--host", "http://127.0.0.1:1", "--users", "20", "--run-time", "10s", "--shape", name]
    asked = argument_parser.get_parser().parse_args(options)
    environment = Environment(user_classes=list(users.values()), parsed_options=asked, events=events)
    environment.create_local_runner()
    events.init.fire(environment=environment, runner=environment.runner, web_ui=None)
    shape, ticks = environment.shape_class, []
    for second in range(11 if shape else 0):
        shape.get_run_time = lambda: second + 0.5
        ticks.append(shape.tick())
    found[name] = [tick and tick[0] for tick in ticks]
found["offered"] = sorted(environment.available_shape_classes)
print(json.dumps(found))
"""
"""Do what locust does before it starts, and ask each shape once in each second."""


@pytest.fixture(scope="module")
def found() -> dict[str, list[object]]:
    """What locust finds: users, the shapes that it would run unasked, those to pick, and users second by second."""
    done = subprocess.run([sys.executable, "-c", LOOK, str(FILE)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told: dict[str, list[object]] = json.loads(done.stdout)
    return told


def test_locust_finds_the_users_and_no_shape_that_nobody_asked_for(found: dict[str, list[object]]) -> None:
    assert found["users"] == ["Guestbook", "Hello", "Journey", "Page"]
    assert found["unasked"] == []
    assert found["offered"] == ["RampShape", "SpikeShape", "StepShape"]


@pytest.mark.parametrize(
    ("shape", "users"),
    [
        ("", []),
        ("step", [4, 4, 8, 8, 12, 12, 16, 16, 20, 20, None]),
        ("spike", [2, 2, 2, 20, 20, 20, 20, 2, 2, 2, None]),
        ("ramp", [2, 4, 6, 8, 10, 11, 13, 15, 17, 19, None]),
    ],
)
def test_locust_follows_the_shape_that_is_asked_for(
    found: dict[str, list[object]], shape: str, users: list[int | None]
) -> None:
    assert found[shape] == users
