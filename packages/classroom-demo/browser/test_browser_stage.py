"""The stage without a server: where processes stand, in any space; that it draws whatever comes, and finds it again.

Places are pure geometry, so they are held to rules; what a stage has drawn is asked as a pointer does, by `at`.
"""

from importlib import resources

import pytest

STATIC = resources.files("classroom_demo") / "static"
HOME = "http://127.0.0.1:9"
"""Nobody is asked there: the browser is answered from STATIC."""
KINDS = {".js": "text/javascript", ".css": "text/css"}
PAGE = '<!doctype html><link rel="stylesheet" href="/static/classroom.css"><body></body>'
STAGE = """async ([kind, workers, births, [width, height], still]) => {
    const canvas = document.body.appendChild(document.createElement("canvas"));
    canvas.style.cssText = `display: block; width: ${width}px; height: ${height}px`;
    const look = Object.assign(new shapes.Look(), { still });
    const life = (pid, role, more = {}) => ({
        pid, role, born: 1, ready: 1, ended: null, how: "", served: 5, now: "", since: 1, last: [["GET /a?b=1", 0.1]],
        cpu: 1.5, memory: 2e7, ...more,
    });
    const all = [life(1, "master"), ...Array.from({ length: workers }, (_, i) => life(10 + i, "worker"))];
    const lane = {
        kind, url: "u", waiting: 60, queue: 20, counts: { born: workers },
        lives: new Map(all.map((one) => [one.pid, one])),
    };
    let now = 100;
    const stage = new window.stage.Stage(canvas, look, { now: () => now });
    const frame = () => new Promise((done) => requestAnimationFrame(done)).then(() => stage.draw());
    const hear = (news) => {
        const before = { ...feed.EMPTY, lanes: { a: lane } };
        Object.assign(lane, feed.reduce(before, { kind: "frame", data: { t: now, lanes: { a: news } } }).lanes.a);
        stage.hear(lane, news);
    };
    stage.hear(lane, null);
    await frame();
    const begun = workers ? [[10, "GET /hello", now]] : [];
    const born = Array.from({ length: births }, (_, i) => [1000 + i, "cgi", now - 1 + i / births, "GET /hello"]);
    const hows = ["ended", "exit code 1", "killed by signal 9"];
    hear({ born, begun, ended: born.slice(0, 3).map(([pid], i) => [pid, hows[i], now]) });
    await frame();
    hear({ ended: workers ? [[10, "killed by signal 9", now]] : [] });
    await frame();
    const found = new Set();
    for (let x = 0; x < width; x += 9) for (let y = 0; y < height; y += 9) found.add(stage.at(x, y));
    found.delete(null);
    const colours = new Set(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
    canvas.remove();
    return { found: [...found].sort((a, b) => a - b), colours: colours.size, born: Number(canvas.dataset.born) };
}"""


@pytest.fixture(scope="module")
def page(chromium):
    """A blank page that has the modules of the stage."""
    context = chromium.new_context(viewport={"width": 1300, "height": 900})
    page = context.new_page()
    page.route("**/*", answer)
    page.goto(f"{HOME}/")
    page.evaluate("""async () => {
        for (const name of ["feed", "places", "shapes", "stage"]) window[name] = await import(`/static/${name}.js`);
    }""")
    yield page
    context.close()


def answer(route):
    name = route.request.url.rpartition("/")[2]
    if name:
        kind = KINDS[name[name.rindex(".") :]]
        route.fulfill(content_type=kind, body=(STATIC / name).read_text("utf-8"))
    else:
        route.fulfill(content_type="text/html", body=PAGE)


GRIDS = {  # across, down, and whether an id fits, in an area of so many widths and heights of type
    "one": (1, 20, 6, [1, 1], True),
    "two in a wide area": (2, 20, 4, [2, 1], True),
    "two in a high area": (2, 8, 6, [1, 2], True),
    "sixteen": (16, 20, 8, [4, 4], True),
    "sixteen where an id fits one way alone": (16, 13, 8, [3, 6], True),
    "sixteen where none fits": (16, 6, 3, [6, 3], False),
    "none": (0, 10, 5, [1, 1], True),
}


@pytest.mark.parametrize(("many", "w", "h", "wanted", "named"), GRIDS.values(), ids=GRIDS)
def test_a_grid(page, many, w, h, wanted, named):
    found = page.evaluate("([many, w, h]) => places.grid(many, { w: 40 * w, h: 40 * h }, 40)", [many, w, h])
    assert found == {"places": wanted, "named": named}


def test_a_grid_holds_everybody_and_its_gaps_leave_room(page):
    wrong = page.evaluate("""() => {
        const wrong = [];
        const areas = [1, 90, 250, 900, 3000].flatMap((w) => [1, 40, 200, 1500].map((h) => [w, h]));
        for (let many = 1; many <= 16; many++) for (const [w, h] of areas) {
            const { places: [across, down] } = places.grid(many, { w, h }, 37);
            const gap = places.gapOf({ w, h }, [across, down], 37);
            const rooms = [(w - gap * (across - 1)) / across, (h - gap * (down - 1)) / down];
            if (across * down < many || across * (down - 1) >= many) wrong.push([many, w, h, across, down]);
            if (rooms.some((room) => room <= 0)) wrong.push([many, w, h, gap]);
        }
        return wrong;
    }""")
    assert wrong == []


def test_the_newest_are_in_sight_whether_places_move_or_not(page):
    wrong = page.evaluate("""() => {
        const wrong = [];
        for (const still of [false, true]) for (const w of [300, 1600]) for (const h of [90, 700]) {
            const area = { x: 50, y: 4, w, h };
            const stairs = { stair: places.stair(area, { type: 37, still }), field: places.field(area, still) };
            for (const [name, { home, place }] of Object.entries(stairs)) for (const births of [1, 2, 50, 500, 5001]) {
                const at = place(births - 1, home(births), births);
                const inside = at && at.x >= area.x && at.x <= area.x + w && at.y >= area.y && at.y <= area.y + h;
                if (!inside) wrong.push([name, still, w, h, births, at]);
                if (place(births - 1000, home(births), births)) wrong.push([name, still, w, h, births, "the oldest"]);
            }
        }
        return wrong;
    }""")
    assert wrong == []


SIZES = ((1240, 700), (420, 240), (300, 90), (60, 20))


@pytest.mark.parametrize("still", [False, True], ids=["moving", "still"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_stage_draws_whatever_comes_in_any_space(page, size, still):
    for workers in (1, 2, 8, 16):
        told = page.evaluate(STAGE, ["fastcgi", workers, 0, size, still])
        assert told["born"] == workers
        if size != SIZES[-1]:
            assert [pid for pid in told["found"] if pid > 1] == list(range(11, 10 + workers))  # and the grave is nobody
    for births in (1, 3, 200):
        told = page.evaluate(STAGE, ["cgi", 0, births, size, still])
        assert told["born"] == births
        if size != SIZES[-1]:
            assert births + 999 in told["found"]
            assert told["colours"] > 3
