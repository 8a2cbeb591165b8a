"""A floor without processes: lanes whose application is a function of this test, so a whole lesson takes no time."""

import asyncio
import itertools
import threading
from collections import Counter
from types import SimpleNamespace

from classroom_demo import scenes
from classroom_demo.asking import Reply
from classroom_demo.script import Script
from classroom_demo.votes import Box

LOG = "these bytes spell '{:4}': this is HTTP on a uwsgi port (read as a packet header they promise {} bytes)"
FINGERPRINT = b"0123abcd" * 8
SIZES = {"GET": 21573, "POST": 21327, "HEAD": 16709}


class Lane:
    pids = itertools.count(100)

    def __init__(self, name, kind, workers, port):
        self.name, self.kind, self.workers = name, kind, workers
        self.crowd, self.broken = None, False
        self.lives = SimpleNamespace(living={}, births=Counter())
        self.server = SimpleNamespace(alive=True, url=f"{kind}://127.0.0.1:{port}", wait_for_line=self._line)
        self._counts = {next(self.pids): 0 for _ in range(workers)} if kind != "cgi" else {}
        for pid in self._counts:
            self.lives.living[pid] = SimpleNamespace(role="worker", served=0, held=[])
            self.lives.births["worker"] += 1
        self._turns = itertools.cycle(self._counts)

    def listen(self):
        pass

    def answer(self):
        if self.kind == "cgi":
            pid = next(self.pids)
            self.lives.births["cgi"] += 1
            return Reply(200, b"%d 1\n" % pid)
        pid = next(self._turns)
        self._counts[pid] += 1
        return Reply(200, b"%d %d\n" % (pid, self._counts[pid]))

    def _line(self, pattern, _limit):
        return next(LOG.format(method, size) for method, size in SIZES.items() if f"'{method:4}'" in pattern)


class Floor:
    def __init__(self, folder, questions=scenes.QUESTIONS):
        self.frames = []
        self.hub = SimpleNamespace(taps=[], publish=self._publish)
        self.votes = Box(folder, questions)
        self.lanes = {}
        self.started = []
        self.port = 0
        self.fault = None
        self.script = Script(self)

    async def put(self, name, kind, workers):
        if self.fault:
            raise self.fault
        self.started.append((name, kind, workers))
        self.lanes[name] = Lane(name, kind, workers, self.port)
        return self.lanes[name]

    async def ask(self, url, target):
        await asyncio.sleep(0)
        if target == scenes.FINGERPRINT:
            return Reply(200, FINGERPRINT)
        return next(lane for lane in self.lanes.values() if lane.server.url == url).answer()

    def _publish(self, frame):
        self.frames.append(frame)
        for tap in self.hub.taps:
            tap(frame)

    async def pump(self):
        """Tell what is new, as the real floor does twenty times a second."""
        while True:
            news = self.script.news()
            if news:
                self._publish({"t": 0.0, "screen": news})
            await asyncio.sleep(0)

    async def over(self):
        """Wait until what runs is over, and told."""
        while self.script.running:
            await asyncio.sleep(0.001)


class Threaded:
    """The floor on a loop of its own, as pages meet it: `act` from another thread."""

    def __init__(self, floor):
        self.script, self.hub, self.floor = floor.script, floor.hub, floor
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._live()])

    async def _live(self):
        self._stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(self.floor.pump())
            server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
            self.floor.port = server.sockets[0].getsockname()[1]
            await self._stop.wait()
            await self.script.close()
            server.close()
            pump.cancel()

    def act(self, action):
        return asyncio.run_coroutine_threadsafe(self.script.show(action["screen"]), self._loop).result(20)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()


async def hang_up(reader, writer):
    await reader.read(1000)
    writer.close()
