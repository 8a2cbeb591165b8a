"""What the tests in a browser share: a classroom that is started as a teacher starts it, and windows that look at it.

::

    classroom  --ready URL-->  window(...)  --keys, clicks-->  the page
                                  |  at the end of a test: nothing was asked of another host, nothing went wrong unheard
                                  `--shot(page, "name")--> results/classroom/name.png
"""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil

LIMIT = 30
"""Seconds for anything here; it is there in one."""
PICTURES = Path(__file__).parents[3] / "results" / "classroom"
SIZES = {"projector": (1024, 768), "wide": (1280, 800), "full": (1920, 1080), "4k": (3840, 2160), "phone": (390, 844)}
"""Windows, in CSS pixels."""
LANGUAGES = ("en", "de", "zh-Hans")
"""Of the page, in the order in which L goes through them."""


class Classroom:
    """`python -m classroom_demo`, and what belongs to it. `end` asserts that it ends well and leaves nothing."""

    def __init__(self, votes, *options, before=(), python=sys.executable, **environment):
        self.votes = Path(votes)
        command = [*before, str(python), "-m", "classroom_demo", "--no-browser", "--votes", str(votes), *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        ready = re.fullmatch(r"ready (http://[\d.]+:\d+)/\n", self.process.stdout.readline())
        assert ready, self.process.communicate(timeout=LIMIT)
        self.url = ready[1]

    def processes(self):
        """All processes below the program."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number=signal.SIGINT):
        """End it as Ctrl-C does."""
        below = self.processes()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=LIMIT)
        assert self.process.returncode == 0, (out, err)
        left = psutil.wait_procs(below, LIMIT)[1]
        assert not left, f"these processes are left: {left}"

    def close(self):
        """End it, if no test has."""
        if self.process.poll() is None:
            self.end()
        self.process.stdout.close()
        self.process.stderr.close()


class Windows:
    """Opens windows of one browser, and at the end of a test looks at what they have asked for and complained of."""

    def __init__(self, browser):
        self._browser = browser
        self._contexts = []
        self.strangers, self.complaints = [], []

    def open(self, classroom, view="script", size="wide", theme="light", locale="en", **options):
        """A window at a view (`script`, `play`), that shows it. `options` go to the browser's context."""
        width, height = SIZES.get(size, size)
        context = self._browser.new_context(viewport={"width": width, "height": height}, locale=locale, **options)
        self._contexts.append(context)
        context.set_default_timeout(1000 * LIMIT)
        page = context.new_page()
        home = urlsplit(classroom.url).netloc
        page.on("request", lambda one: urlsplit(one.url).netloc == home or self.strangers.append(one.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda one: one.type == "error" and self.complaints.append(one.text))
        page.goto(f"{classroom.url}/?theme={theme}#{view}", wait_until="commit")
        page.wait_for_selector("#script .screen[data-screen]" if view == "script" else "#play:not([hidden])")
        return page

    def close(self):
        for context in self._contexts:
            context.close()


def shot(page, name):
    """Keep a picture of what a window shows."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")


def act(page, **action):
    """Ask the server for something, as the page does; return (status, what it said)."""
    ask = """async (action) => {
        const token = document.querySelector('meta[name="classroom-token"]').content;
        const answer = await fetch("/do", {method: "POST", body: action, headers: {"X-Classroom-Token": token}});
        return [answer.status, await answer.text()];
    }"""
    status, text = page.evaluate(ask, json.dumps(action))
    return status, json.loads(text)


def screen_is(page, screen, step, *states):
    """Wait until the script shows this step, in one of these states."""
    states = states or ("done", "waiting")
    any_of = ", ".join(f'.screen[data-screen="{screen}"][data-step="{step}"][data-state="{one}"]' for one in states)
    page.wait_for_selector(any_of)


def speak(page, view, language):
    """Press L until a view (`#script`, or all of the page: `html`) speaks this language."""
    for _ in LANGUAGES:
        if page.get_attribute(view, "lang") == language:
            return
        page.keyboard.press("l")
    assert page.get_attribute(view, "lang") == language
