"""What the tests of free play share: what the page says, and what can be known without it.

::

    the page   counters, canvas, table       <--- read by Playwright
    the server a snapshot of its feed        <--- read here, over a connection of our own
    the gateway its status (scoreboard)      <--- at the unix socket of its lane
    the system  processes, by their ids      <--- psutil
"""

import contextlib
import http.client
import json
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from classroom_window import LIMIT, act

STEP = 0.05
"""Seconds between two looks at what should come true."""


def until(condition, what="", limit=LIMIT):
    """Return what the condition gives, as soon as that is something."""
    end = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < end, what or condition
        time.sleep(STEP)
    return found


def told(classroom, lane=None):
    """Return what the server tells a new window, or of it what it tells of a lane (None if there is none)."""
    connection = http.client.HTTPConnection(urlsplit(classroom.url).netloc, timeout=LIMIT)
    with contextlib.closing(connection):
        connection.request("GET", "/feed")
        data = next(line for line in connection.getresponse() if line.startswith(b"data: "))
    snapshot = json.loads(data[6:])
    return snapshot["lanes"].get(lane) if lane else snapshot


def master(classroom, lane):
    """Return a gateway's first process."""
    lives = told(classroom, lane)["lives"]
    return psutil.Process(next(life["pid"] for life in lives if life["role"] == "master" and life["ended"] is None))


def workers(classroom, lane):
    """Return the ids of the processes that the operating system shows below a gateway's first one."""
    return {child.pid for child in master(classroom, lane).children() if child.status() != psutil.STATUS_ZOMBIE}


def folder(classroom, lane):
    """Return where a lane's application lies: where its gateway works."""
    return Path(master(classroom, lane).cwd())


def status(classroom, lane):
    """Return what a gateway says of itself, from the memory that its processes share."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(LIMIT)
        client.connect(str(folder(classroom, lane) / "status"))
        client.sendall(b"GET /status HTTP/1.0\r\nAccept: application/json\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def counted(page, lane, name):
    """Return a counter as the page shows it, as a whole number."""
    text = page.inner_text(f".lane[data-lane={lane}] [data-count={name}]")
    return int("".join(filter(str.isdigit, text)))


def drawn(page, lane):
    """Return how many births a lane's stage has drawn."""
    return int(page.get_attribute(f".lane[data-lane={lane}] canvas.stage", "data-born"))


def lanes_are(page, *names):
    """Wait until these lanes run, and no others."""
    ask = """names => {
        const lanes = [...document.querySelectorAll(".lane")];
        const there = (lane) => lane.querySelector("canvas.stage").dataset.born && !lane.classList.contains("pending");
        return lanes.map((lane) => lane.dataset.lane).sort().join() === names.join() && lanes.every(there);
    }"""
    page.wait_for_function(ask, arg=list(names))


def set_rate(page, classroom, rate, lane="a"):
    """Turn the rate up or down by the keys until the server has it."""
    while (now := told(classroom, lane)["rate"]) != rate:
        page.keyboard.press("]" if now < rate else "[")
        until(lambda before=now: told(classroom, lane)["rate"] != before, f"the rate stays at {now}")


def only(page, **gateways):
    """Have these lanes started anew and no others: `only(page, a=("cgi", 2))`."""
    for name in "abcd":
        if name in gateways:
            kind, number = gateways[name]
            answer = act(page, do="lane.start", lane=name, kind=kind, workers=number)
        else:
            answer = act(page, do="lane.stop", lane=name)
        assert answer == (200, {"done": None}), answer
    lanes_are(page, *gateways)


def rows(page, lane):
    """Return the table of a lane: {process id: (state in a word, its cells)}."""
    ask = """table => [...table.tBodies[0].rows].map((row) => [
        Number(row.querySelector("button").textContent), row.dataset.state,
        [...row.cells].slice(1).map((cell) => cell.textContent),
    ])"""
    table = page.locator(f".lane[data-lane={lane}] .twin table")
    return {pid: (state, cells) for pid, state, cells in table.evaluate(ask)}
