/* What is seen on each screen: one drawing for each step. A drawing is made once and then follows its data, so that what
 * has been seen stays where it is and what is new can be seen to come.
 *
 *     drawing = make({ words, vote, screen, ballots })
 *     drawing.update(screen, ballots) --> { title, prompt, told }        drawing.key(key) --> was it one of its keys?
 *
 * `told` is what a screen reader is told of what is drawn: not of each dot, but once it is complete.
 *
 * Shapes have places in percent and sizes in em, so text is as large as anywhere on the page, whatever the window.
 */

import { h, percent, say, svg } from "./draw.js";
import { Ballot, right, voted } from "./votes.js";
import { bytes, columns } from "./wire.js";

const KINDS = { cgi: "CGI", fastcgi: "FastCGI", scgi: "SCGI", uwsgi: "uwsgi", wsgi: "WSGI" };
const LINES = 2.5; // processes that a chart of lasting ones has room for: two, and one more at its edge
const NOTHING = 0.005; // of the whole: a part that small cannot be told from nothing in a few rounds
const HASH = 8; // digits of a hash that are shown; eyes compare no more
const NAMED = 10; // of that many dots in a staircase, one keeps its process's name

// -- the votes ------------------------------------------------------------------------------------------------------------

function ballot(question, { heads, cells, says }) {
  return ({ words, vote, ballots }) => {
    const options = ballots[question]?.options ?? [];
    const drawn = new Ballot({
      options, words, heads: heads?.(words) ?? [], cells: (option) => cells(option, words),
      vote: (option, hands) => vote(question, option, hands),
    });
    return {
      root: drawn.root,
      key: (key) => drawn.key(key),
      update(screen, now) {
        if (now[question]) drawn.show(now[question]);
        return { ...says(words, screen), told: drawn.told };
      },
    };
  };
}

const BORN = { heads: (words) => words.vote.heads, cells: (option) => option.split(" ") };
const ask = (name) => (words) => ({ title: words[name].title, prompt: words[name].prompt });

// -- processes that are born ------------------------------------------------------------------------------------------------

/** Dots that climb: request by process. `slots` is how many processes the height has room for. The newest dot has a
 * label, and of `named` dots one keeps it. */
class Dots {
  #ranks = new Map(); #last = new Map(); #drawn = 0; #newest; #slots; #requests; #label; #named;

  constructor({ requests, slots, label, named = 0 }) {
    [this.#slots, this.#requests, this.#label, this.#named] = [slots, requests, label, named];
    this.lines = svg("g", { class: "lines" });
    this.dots = svg("g", { class: "dots" });
    this.texts = svg("g", { class: "texts" });
    this.root = svg("svg", { class: "chart", role: "img" }, this.lines, this.dots, this.texts);
  }

  get processes() {
    return this.#ranks.size;
  }

  follow(rows) {
    if (rows[this.#drawn - 1]?.pid !== this.#newest) this.#clear(); // another run of the same
    for (const row of rows.slice(this.#drawn)) this.#draw(row);
    [this.#drawn, this.#newest] = [rows.length, rows.at(-1)?.pid];
  }

  #clear() {
    this.#drawn = 0;
    this.#ranks.clear();
    this.#last.clear();
    for (const group of [this.lines, this.dots, this.texts]) group.replaceChildren();
  }

  #draw(row) {
    if (!this.#ranks.has(row.pid)) this.#ranks.set(row.pid, this.#ranks.size);
    const rank = this.#ranks.get(row.pid);
    const [x, y] = [(100 * (row.n - 0.5)) / this.#requests, 100 - (100 * (rank + 0.5)) / this.#slots];
    const before = this.#slots > LINES ? this.#last.get("any") : this.#last.get(row.pid);
    if (before) {
      this.lines.append(svg("line", { x1: `${before.x}%`, y1: `${before.y}%`, x2: `${x}%`, y2: `${before.y}%` }));
      this.lines.append(svg("line", { x1: `${x}%`, y1: `${before.y}%`, x2: `${x}%`, y2: `${y}%` }));
    }
    this.dots.append(svg("circle", { cx: `${x}%`, cy: `${y}%`, class: `p${rank % 4} new` }));
    const key = this.#slots > LINES ? "any" : row.pid;
    const stays = this.#named && rank > 0 && rank % this.#named === 0; // then the one before keeps its name
    const text = (!stays && before?.text) || this.texts.appendChild(svg("text", {}));
    text.setAttribute("x", `${x}%`);
    text.setAttribute("y", `${y}%`);
    text.classList.toggle("left", x > 20);
    say(text, this.#label(row));
    this.#last.set(key, { x, y, text });
  }
}

function staircase({ words }) {
  const counters = h("ol", { class: "counters", "aria-hidden": "true" });
  const chart = new Dots({ requests: 40, slots: 40, label: (row) => `pid ${row.pid}`, named: NAMED });
  const root = h("figure", { class: "staircase" },
    h("p", { class: "axis y", "aria-hidden": "true" }, `${words.cgi.process} →`), chart.root,
    h("p", { class: "axis x", "aria-hidden": "true" }, h("span", {}, words.cgi.counter), h("span", {}, `${words.cgi.request} →`)), counters);
  return {
    root,
    update({ state, data }) {
      const rows = data.rows ?? [];
      chart.follow(rows);
      while (counters.children.length > rows.length) counters.lastChild.remove();
      for (const row of rows.slice(counters.children.length)) counters.append(h("li", { class: "new" }, String(row.counter)));
      const told = words.cgi.label(rows.length, chart.processes);
      chart.root.setAttribute("aria-label", told);
      const prompt = state === "done" ? words.cgi.prompt : rows.length ? words.cgi.running : words.starting;
      return { title: words.cgi.title, prompt, told };
    },
  };
}

// -- processes that stay ----------------------------------------------------------------------------------------------------

function lanes({ words }) {
  const panels = new Map(["cgi", "fastcgi", "uwsgi", "wsgi"].map((kind) => [kind, panel(kind, words)]));
  const same = h("p", { class: "same" });
  const root = h("figure", { class: "lasting" }, h("div", { class: "panels" }, [...panels.values()].map((one) => one.root)), same);
  return {
    root,
    update({ state, data }) {
      const rows = [...(data.before ?? []), ...(data.rows ?? [])];
      const told = [...panels].map(([kind, one]) => one.update(rows.filter((row) => row.kind === kind), data.born?.[kind])).join(". ");
      const hashes = Object.values(data.hash ?? {});
      const equal = hashes.every((hash) => hash === hashes[0]);
      say(same, hashes.length > 1 && equal ? words.stay.same(data.file.split("/").at(-1), hashes[0].slice(0, HASH), hashes.length) : "");
      const prompt = state === "done" ? words.stay.prompt : data.rows?.length ? words.stay.running : words.starting;
      return { title: words.stay.title, prompt, told };
    },
  };
}

function panel(kind, words) {
  const chart = new Dots({ requests: 40, slots: kind === "cgi" ? 40 : LINES, label: (row) => String(row.counter) });
  const number = h("b", { class: "count" });
  const unit = h("span", {});
  const root = h("section", { class: `panel ${kind}` }, h("header", {}, h("h2", {}, KINDS[kind]), h("p", {}, number, " ", unit)), chart.root);
  return {
    root,
    update(rows, born) {
      chart.follow(rows);
      const processes = born ?? chart.processes;
      say(number, rows.length ? String(processes) : "");
      say(unit, rows.length ? words.stay.born(processes) : "");
      const told = words.stay.label(KINDS[kind], rows.length, processes, Math.max(0, ...rows.map((row) => row.counter)));
      chart.root.setAttribute("aria-label", told);
      return told;
    },
  };
}

const TRUTH = {
  ...BORN,
  says: (words, { data }) => ({ title: words.truth.title(data.born?.cgi ?? "?", data.born?.fastcgi ?? "?"), prompt: words.truth.prompt }),
};

// -- the bill ---------------------------------------------------------------------------------------------------------------

function bill({ words, ballots }) {
  const rows = new Map((ballots.where?.options ?? []).map((option) => {
    const [ghost, bar, number] = [h("i", { class: "ghost" }), h("i", { class: "bar" }), h("b", { class: "number" })];
    const root = h("div", { class: "part", role: "img" }, h("p", {}, words.where[option]), h("span", { class: "bars" }, ghost, bar), number);
    return [option, { root, ghost, bar, number }];
  }));
  const legend = h("p", { class: "legend" }, h("i", { class: "bar" }), words.where.bar, h("i", { class: "ghost" }), words.where.ghost);
  return {
    root: h("figure", { class: "bill" }, [...rows.values()].map((row) => row.root), legend),
    update({ state, data }, now) {
      const parts = data.parts ?? [];
      for (const [option, row] of rows) {
        const mine = parts.filter((part) => part.option === option);
        const share = mine.reduce((sum, part) => sum + part.share, 0);
        const seconds = mine.reduce((sum, part) => sum + part.seconds, 0);
        const votes = voted(now.where, option);
        row.bar.style.setProperty("--share", share);
        row.ghost.style.setProperty("--share", votes / 100);
        row.ghost.hidden = !votes;
        row.root.classList.toggle("true", state === "done" && option === data.truth);
        say(row.number, !parts.length ? "" : share < NOTHING ? "≈ 0 ms" : `${milliseconds(seconds)} ms`);
        row.root.setAttribute("aria-label", words.where.label(words.where[option], percent(share), votes));
      }
      const whole = parts.reduce((sum, part) => sum + part.seconds, 0);
      const done = state === "done";
      return {
        title: done ? words.where.measured(milliseconds(whole)) : words.where.title,
        prompt: done ? words.where.after : words.where.measuring,
        told: [...rows.values()].map((row) => row.root.getAttribute("aria-label")).join(". "),
      };
    },
  };
}

const milliseconds = (seconds) => (seconds < 0.01 ? (1000 * seconds).toFixed(1) : (1000 * seconds).toFixed(0));

// -- the same question again ------------------------------------------------------------------------------------------------

function crew({ words }) {
  const rows = new Map();
  const bars = h("div", { class: "bars-of-crew" });
  const root = h("figure", { class: "crew" }, bars);
  let growth = null;
  return {
    root,
    update({ state, data }, now) {
      const most = Math.max(1, (1.15 * (data.requests ?? 1)) / (data.workers ?? 1), ...Object.values(data.answered_by ?? {}));
      if ([...rows.keys()].some((pid) => !(pid in (data.answered_by ?? {})))) {
        rows.clear(); // another run of the same
        bars.replaceChildren();
      }
      for (const [pid, answered] of Object.entries(data.answered_by ?? {})) {
        if (!rows.has(pid)) {
          rows.set(pid, member(pid, rows.size));
          bars.append(rows.get(pid).root);
        }
        const row = rows.get(pid);
        row.bar.style.setProperty("--share", answered / most);
        say(row.number, String(answered));
        row.root.setAttribute("aria-label", words.again.label(pid, answered));
      }
      if (now.again?.locked && !growth) root.append((growth = beforeAndAfter(now, words)));
      return {
        title: data.truth ? words.again.done(data.answered, data.truth) : words.again.title,
        prompt: state === "done" ? words.again.prompt2 : data.workers ? words.again.running(data.workers) : words.starting,
        told: growth?.innerText.replace(/\s+/g, " "),
      };
    },
  };
}

function member(pid, index) {
  const [bar, number] = [h("i", { class: `bar p${index % 4}` }), h("b", { class: "number" })];
  return { bar, number, root: h("div", { class: "part", role: "img" }, h("p", {}, `pid ${pid}`), h("span", { class: "bars" }, bar), number) };
}

/** The class, before and after: which part of it was right in the first vote, and which in the last, of the same form. */
function beforeAndAfter({ born, again }, words) {
  const row = (name, ballot) => {
    const { hands, all } = right(ballot);
    const cells = all
      ? [h("td", {}, h("span", { class: "meter" }, h("i", { "--share": hands / all }))),
        h("td", { class: "share" }, `${percent(hands / all)} %`), h("td", { class: "of" }, words.again.of(hands, all))]
      : [h("td", { colspan: 3, class: "uncounted" }, words.again.uncounted)];
    return h("tr", {}, h("th", { scope: "row" }, name), cells);
  };
  return h("table", { class: "growth" }, h("caption", {}, words.again.right),
    h("tbody", {}, row(words.again.before, born), row(words.again.after, again)));
}

/** Two questions, so four fields. In a field, a line has names, and after a bar what they are. */
function map({ words }) {
  const { rule, program, crosses, inside, cells, title, prompt } = words.map;
  const line = ([names, role]) => h("p", {}, h("b", {}, names), role ? h("span", {}, role) : null);
  const cell = (text) => h("td", {}, text.split("\n").map((part) => line(part.split("|"))));
  const rows = (name, texts) => h("tbody", {}, h("tr", {}, h("th", { scope: "rowgroup", colspan: 2 }, name)), h("tr", {}, texts.map(cell)));
  const root = h("table", { class: "map" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, rule), h("th", { scope: "col" }, program))),
    rows(crosses, cells[0]), rows(inside, cells[1]));
  return { root, update: () => ({ title, prompt }) };
}

export const DRAWINGS = {
  "vote/ask": ballot("born", { ...BORN, says: ask("vote") }),
  "cgi/run": staircase,
  "stay/run": lanes,
  "stay/truth": ballot("born", TRUTH),
  "where/ask": ballot("where", { cells: (option, words) => [words.where[option]], says: ask("where") }),
  "where/run": bill,
  "columns/run": columns,
  "columns/answer": columns,
  "break/run": bytes,
  "break/answer": bytes,
  "again/ask": ballot("again", { cells: (option) => [option], says: ask("again") }),
  "again/run": crew,
  "again/map": map,
};
