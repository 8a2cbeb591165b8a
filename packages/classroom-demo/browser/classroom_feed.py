"""A feed that says what a test wants to see: four lanes, a lane in trouble, ten thousand waiting, without a gateway.

::

    pretend(page, snapshot(...))    the page's EventSource is replaced: it tells this, and then that time passes
    tell(page, {...})               one more frame
    window.hangUp()                 nobody answers any more

How the page looks must not depend on how busy the machine is that tests it; what it shows of gateways that really run
is tested elsewhere. The form of what is told is that of feed.py.
"""

import json
import time

KINDS = ["cgi", "fastcgi", "scgi", "uwsgi", "wsgi"]
PATHS = ["/hello", "/slow?ms=300", "/count", "/big"]
PRETENDED = """
    window.EventSource = class {
        listeners = {};
        readyState = 1;
        constructor() {
            if (window.gone) {
                setTimeout(() => this.onerror());
                return;
            }
            window.hangUp = () => (window.gone = true, this.onerror());
            window.tell = (kind, data) => this.listeners[kind]?.({data: JSON.stringify(data)});
            setTimeout(() => window.tell("snapshot", window.pretended));
            const passes = () => window.tell("frame", {t: Date.now() / 1000, lanes: {}});
            this.timer = setInterval(passes, 250);
        }
        addEventListener(kind, listener) { this.listeners[kind] = listener; }
        close() { clearInterval(this.timer); }
    };
"""


def life(pid, role, at, **told):
    """One process."""
    last = [["GET /hello", 0.0031], ["GET /hello", 0.0028]]
    whole = {
        "pid": pid, "role": role, "born": at - 75, "ready": at - 74, "ended": None, "how": "", "served": 0, "now": "",
        "since": at - 1, "last": last, "cpu": 0.31, "memory": 27_400_000,
    }  # fmt: skip
    return {**whole, **told}


def message(way, note, data):
    """One message on the wire."""
    return {"way": way, "note": note, "hex": data.hex(), "length": len(data)}


def stage(name, seconds, text, data=b""):
    """One stage of a request."""
    return {"name": name, "seconds": seconds, "text": text, "hex": data.hex(" "), "measured": "here"}


ANSWERS = {
    "life": life(48_101, "worker", time.time(), served=610, wire=[
        message("in", "one of 3 that were under way at that moment; FCGI_BEGIN_REQUEST id 1", bytes(range(16))),
        message("out", "FCGI_STDOUT id 1", b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhello, world\n" * 2),
    ]),
    "stretch": {"stages": [
        stage("accept", 0.0002, "From the visitor's last byte until the gateway takes the request; less decoding."),
        stage("decode", 0.00005, "256 bytes become 21 variables. Timed on the same bytes.", bytes(range(256))),
        stage("call", 0.081, "The application is called: app(environ, start_response), in one process."),
        stage("encode", 0.00001, "The answer becomes 18 bytes. Timed on the same.", b"Status: 200 OK\r\n\r\n"),
        stage("release", 0.0003, "From the end of the call until the visitor has all, and the connection is closed."),
    ]},
}  # fmt: skip


def dot(pid, born, ends):
    """A process of one request: it has ended, or holds it still."""
    if not ends:
        return life(pid, "cgi", born, born=born, since=born, now="GET /hello", last=[])
    told = {"ended": born + 0.08, "how": "ended", "served": 1, "last": [["GET /hello", 0.08]]}
    return life(pid, "cgi", born, born=born, **told)


def lane(kind, at, rate=20, workers=2, **told):
    """One lane, after a minute of visitors at `rate` a second."""
    requests = 61 * rate
    lives = [life(48_100, "master", at, cpu=0.0)]
    for i in range(workers):
        works = {} if kind == "cgi" else {"served": requests // workers, "now": "GET /hello" if i % 2 else ""}
        lives.append(life(48_101 + i, "worker", at, **works))
    if kind == "cgi":
        many = min(requests, 60)
        lives += [dot(48_200 + i, at - (many - i) / rate, ends=i < many - 2) for i in range(many)]
    whole = {
        "kind": kind, "workers": workers, "url": f"http://127.0.0.1/{kind}", "lives": lives, "usage": {}, "queue": 0,
        "waiting": 3 if rate else 0, "rate": rate, "path": "/hello", "broken": False, "trouble": "", "failures": {},
        "counts": {
            "born": requests if kind == "cgi" else workers, "served": requests, "failed": 0, "crashed": 0,
            "cpu": requests * (0.0842 if kind == "cgi" else 0.0023), "turned_away": 0, "unheard": 0,
        },
    }  # fmt: skip
    return {**whole, **told}


def snapshot(kinds=("cgi", "fastcgi"), rate=20, **lanes):
    """Everything; `lanes` replaces or adds to what is told of a lane: a={"waiting": 12}."""
    now = time.time()
    named = dict(zip("abcd", kinds, strict=False))
    told = {name: lane(kind, now, rate, **lanes.get(name, {})) for name, kind in named.items()}
    known = {"kinds": KINDS, "paths": PATHS, "rate_max": 500, "crowd": 500, "screen": None, "ballots": {}}
    return {"t": now, "began": now - 90, "lanes": told, **known}


def pretend(page, told):
    """Have the page hear this, and nothing else; return a list that fills with what it asks for."""
    asked = []

    def answer(route):
        asked.append(json.loads(route.request.post_data))
        route.fulfill(json={"done": ANSWERS.get(asked[-1]["do"])})

    page.route("**/do", answer)
    page.add_init_script(f"window.pretended = {json.dumps(told)};{PRETENDED}")
    page.reload(wait_until="commit")
    ask = "(many) => window.tell && document.querySelectorAll('.lane').length === many"
    page.wait_for_function(ask, arg=len(told["lanes"]))
    tell(page, later(told))
    page.wait_for_function(
        "() => document.querySelector('#ratio strong').textContent || !(window.pretended.lanes.b?.rate)"
    )
    return asked


def later(told):
    """Return a frame of ten seconds later: what became of the counters (so there is a ratio), and some latencies."""
    lanes = {}
    for name, lane in told["lanes"].items():
        counts = lane["counts"]
        more = counts["served"] // 6
        cpu = counts["cpu"] / max(1, counts["served"])
        usual = 85_000 if lane["kind"] == "cgi" else 3_000
        latency = [int(usual * (1 + (i % 17) / 9 + 9 * (i == 33))) for i in range(40)]
        lanes[name] = {"counts": {**counts, "served": counts["served"] + more, "cpu": counts["cpu"] + cpu * more}}
        lanes[name] |= {"latency": latency} if more else {}
    return {"t": told["t"] + 10, "lanes": lanes}


def tell(page, data, kind="frame"):
    """Tell the page one thing more."""
    page.evaluate("([kind, data]) => window.tell(kind, data)", [kind, data])
